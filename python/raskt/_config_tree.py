"""Nested dicts as configuration: find, merge, move and interpret values.

Knows nothing of files, of the environment or of raskt's own options.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

TYPE_CHECKING = False  # importing typing would cost more than this module
if TYPE_CHECKING:
    from typing import Any, Literal


class _NoDefault:
    """Stands for a default that was not given, where None is a value."""

    def __repr__(self) -> str:
        return "<no_default>"


no_default: Any = _NoDefault()


def canonical_name(k: str, config: Mapping[str, Any] | None) -> str:
    """Return the spelling of a name, with ``-`` or ``_``, that a dict already uses.

    Parameters
    ----------
    k
        One part of a key.
    config
        The dict that may hold it.

    Examples
    --------
    >>> canonical_name("chunk_size", {"chunk-size": "128 MiB"})
    'chunk-size'
    >>> canonical_name("chunk_size", {})
    'chunk_size'
    """
    if config is None or k in config or not isinstance(k, str):
        return k
    for other in (k.replace("_", "-"), k.replace("-", "_")):
        if other in config:
            return other
    return k


def find(config: Any, key: str, default: Any = no_default) -> Any:
    """Return the value at a dotted key; raise KeyError if there is none."""
    value = config
    for part in key.split("."):
        name = canonical_name(part, value) if isinstance(value, Mapping) else None
        if name is None or name not in value:
            if default is no_default:
                raise KeyError(key)
            return default
        value = value[name]
    return value


def put(config: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key, replacing what stands in the way."""
    *parents, last = key.split(".")
    section = config
    for parent in parents:
        name = canonical_name(parent, section)
        if not isinstance(section.get(name), dict):
            section[name] = {}
        section = section[name]
    section[canonical_name(last, section)] = value


def take(config: dict[str, Any], key: str) -> Any:
    """Remove and return the value at a dotted key; raise KeyError if there is none."""
    parent, _, last = key.rpartition(".")
    section = find(config, parent) if parent else config
    if not isinstance(section, dict):
        raise KeyError(key)
    name = canonical_name(last, section)
    if name not in section:
        raise KeyError(key)
    return section.pop(name)


def update(
    old: dict[str, Any],
    new: Mapping[str, Any],
    priority: Literal["new", "old", "new-defaults"] = "new",
    defaults: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Merge one nested dict into another, in place.

    None counts as an empty section: it neither hides nor is hidden by a mapping.

    Parameters
    ----------
    old
        The dict to change.
    new
        What to merge into it.
    priority
        Who wins where both have a value: ``"new"``, ``"old"``, or with
        ``"new-defaults"`` the new one where the old one is still the default.
    defaults
        The defaults that ``"new-defaults"`` speaks of.

    Returns
    -------
    dict
        The old dict.

    Examples
    --------
    >>> update({"x": 1, "y": {"a": 2}}, {"x": 2, "y": {"b": 3}})
    {'x': 2, 'y': {'a': 2, 'b': 3}}
    >>> update({"x": 1}, {"x": 2, "y": 3}, priority="old")
    {'x': 1, 'y': 3}
    >>> update({"x": 1, "y": 5}, {"x": 2, "y": 2}, "new-defaults", {"x": 1, "y": 1})
    {'x': 2, 'y': 5}
    """
    for key, value in new.items():
        name = canonical_name(key, old)
        current = old.get(name)
        default = no_default
        if defaults is not None:
            default = defaults.get(canonical_name(key, defaults), no_default)
        wins = (
            name not in old
            or priority == "new"
            or (priority == "new-defaults" and current == default)
        )
        if isinstance(value, Mapping):
            if not isinstance(current, dict):
                if not (wins or current is None):
                    continue
                old[name] = current = {}
            below = default if isinstance(default, Mapping) else None
            update(current, value, priority, below)
        elif wins and not (value is None and isinstance(current, Mapping)):
            old[name] = value
    return old


def merge(*dicts: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested dicts into a new one; later ones win.

    Examples
    --------
    >>> merge({"x": 1, "y": {"a": 2}}, {"y": {"b": 3}})
    {'x': 1, 'y': {'a': 2, 'b': 3}}
    """
    merged: dict[str, Any] = {}
    for each in dicts:
        update(merged, each)
    return merged


def move(config: dict[str, Any], names: Mapping[str, str | None]) -> dict[str, Any]:
    """Give values their new names, or drop those without one; return what was found."""
    found = {}
    for old, new in names.items():
        try:
            value = take(config, old)
        except KeyError:
            continue
        found[old] = new
        if new is not None:
            put(config, new, value)
    return found


def interpret_value(value: str) -> Any:
    """Read text from the environment as a Python value, if it is one.

    Parameters
    ----------
    value
        A literal, or one of none, null, true and false in any case, or any text.

    Examples
    --------
    >>> interpret_value("[1, 2]"), interpret_value("True"), interpret_value("null")
    ([1, 2], True, None)
    >>> interpret_value("tcp://127.0.0.1:8786")
    'tcp://127.0.0.1:8786'
    """
    words = {"none": None, "null": None, "true": True, "false": False}
    if value.lower() in words:
        return words[value.lower()]
    from ast import literal_eval

    try:
        return literal_eval(value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return value


def expand_environment_variables(config: Any) -> Any:
    """Replace ``$NAME`` by environment variables in all text of a nested value.

    Parameters
    ----------
    config
        Text, or mappings, lists, tuples and sets that hold some.

    Examples
    --------
    >>> import os
    >>> os.environ["WHO"] = "ada"
    >>> expand_environment_variables({"home": "/home/$WHO", "n": [1, "$WHO"]})
    {'home': '/home/ada', 'n': [1, 'ada']}
    """
    if isinstance(config, Mapping):
        return {k: expand_environment_variables(v) for k, v in config.items()}
    if isinstance(config, str):
        return os.path.expandvars(config)
    if isinstance(config, list | tuple | set):
        return type(config)(map(expand_environment_variables, config))
    return config


def serialize(data: Any) -> str:
    """Encode a configuration as text that an environment variable can carry.

    Parameters
    ----------
    data
        Anything that JSON can hold.

    Examples
    --------
    >>> deserialize(serialize({"array": {"svg": {"size": 150}}}))
    {'array': {'svg': {'size': 150}}}
    """
    import json
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(json.dumps(data).encode()).decode()


def deserialize(data: str) -> Any:
    """Decode what :func:`serialize` made.

    Parameters
    ----------
    data
        The encoded text.
    """
    import json
    from base64 import urlsafe_b64decode

    return json.loads(urlsafe_b64decode(data.encode()).decode())
