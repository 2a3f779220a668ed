"""Options: from defaults, files and the environment, or set by a program.

Least important first: defaults, YAML files in ``/etc/raskt``,
``{sys.prefix}/etc/raskt``, ``~/.config/raskt`` and ``$RASKT_CONFIG``, then environment
variables (``RASKT_ARRAY__CHUNK_SIZE=64MiB``), then :class:`set`. Names are those of
Dask; ``-`` and ``_`` mean the same; the table of all options is in
``_config_schema.py``. Dask's environment variables count, too, but less than ours.

Below our own sections (``array``, ``optimization``, ``memory``, ...) an option that
does not exist is an error, and the message names the nearest one that does.
"""

from __future__ import annotations

import os
import warnings
from _thread import RLock  # the one of threading, without importing all of that
from collections.abc import Mapping

from raskt._config_changes import Changes
from raskt._config_schema import (
    DEPRECATIONS,
    ConfigError,
    check_known,
    default_values,
    options_in,
)
from raskt._config_sources import (
    collect_env,
    collect_yaml,
    env_sources,
    home_folder,
    user_setting,
    yaml_sources,
)
from raskt._config_sources import search_paths as _get_paths
from raskt._config_tree import (
    canonical_name,
    deserialize,
    expand_environment_variables,
    find,
    interpret_value,
    merge,
    move,
    no_default,
    serialize,
    take,
    update,
)

TYPE_CHECKING = False  # importing typing would cost more than this module
if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Any

__all__ = [
    "FILE_NAME",
    "PATH",
    "ConfigError",
    "canonical_name",
    "check_deprecations",
    "collect",
    "collect_env",
    "collect_yaml",
    "config",
    "config_lock",
    "defaults",
    "deprecations",
    "deserialize",
    "ensure_file",
    "expand_environment_variables",
    "get",
    "global_config",
    "interpret_value",
    "merge",
    "no_default",
    "paths",
    "paths_containing_key",
    "pop",
    "refresh",
    "rename",
    "serialize",
    "set",
    "update",
    "update_defaults",
]

config: dict[str, Any] = {}
"""The options now in force, a nested dict."""

global_config = config
config_lock = RLock()

defaults: list[Mapping[str, Any]] = []
"""What libraries declared with :func:`update_defaults`; ours come first."""

deprecations: dict[str, str | None] = DEPRECATIONS
"""Old names of options; None stands for an option that was removed."""

paths: list[str] = _get_paths()
"""Folders and files that are read, least important first."""

PATH: str = user_setting("CONFIG") or home_folder()
"""Where the user's own configuration is kept."""

FILE_NAME = "raskt.yaml"
"""The file in :data:`PATH` that ``raskt config set`` writes."""
if not os.environ.get("RASKT_CONFIG") and os.environ.get("DASK_CONFIG"):
    FILE_NAME = "dask.yaml"


def get(
    key: str,
    default: Any = no_default,
    config: Mapping[str, Any] | None = None,
    override_with: Any = None,
) -> Any:
    """Return an option's value.

    Parameters
    ----------
    key
        The option's name; dots lead into sections.
    default
        What to return if the option is not set.
    config
        Where to look; the global configuration if not given.
    override_with
        If not None, this is returned, whatever the configuration says.

    Raises
    ------
    KeyError
        If the option is not set and no default was given.

    Examples
    --------
    >>> get("array.svg.size")
    120
    >>> get("array.svg.colour", default="orange")
    'orange'
    >>> get("array.svg.size", override_with=60)
    60
    """
    if override_with is not None:
        return override_with
    return find(global_config if config is None else config, key, default)


class set:
    """Set options, for good or as a context manager for a while.

    Leaving the context takes back what was set in it and nothing else, in whatever
    order contexts of several threads end.

    Parameters
    ----------
    arg
        Options by name: ``{"array.svg.size": 150}``.
    config
        Where to set them; the global configuration if not given.
    lock
        Held while the configuration changes.
    **kwargs
        More options, with two underscores for a dot: ``array__svg__size=150``.

    Raises
    ------
    ConfigError
        If an option does not exist in a section of ours, was removed, or lies below
        another option's value. Nothing is set then.

    Examples
    --------
    >>> import raskt.config
    >>> with raskt.config.set({"array.svg.size": 150}):
    ...     raskt.config.get("array.svg.size")
    150
    >>> raskt.config.get("array.svg.size")
    120
    """

    config: dict[str, Any]

    def __init__(
        self,
        arg: Mapping[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        lock: Any = config_lock,
        **kwargs: Any,
    ) -> None:
        self.config = global_config if config is None else config
        self._lock = lock
        self._changes = Changes(self.config)
        options = dict(arg or {})
        options.update({key.replace("__", "."): kwargs[key] for key in kwargs})
        wanted = {}
        for name, value in options.items():
            if not isinstance(name, str):
                raise TypeError(f"the name of an option is a str, not {name!r}")
            for option, setting in options_in(name, value):
                key = check_deprecations(option)
                check_known(key, setting, deprecations)
                wanted[key] = setting
        with self._lock:
            self._changes.make(wanted)

    def __enter__(self) -> dict[str, Any]:
        return self.config

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._changes.undo()


def pop(
    key: str, default: Any = no_default, config: dict[str, Any] | None = None
) -> Any:
    """Remove an option and return its value.

    Parameters
    ----------
    key
        The option's name.
    default
        What to return if it is not set.
    config
        Where to look; the global configuration if not given.

    Raises
    ------
    KeyError
        If the option is not set and no default was given.
    """
    with config_lock:
        try:
            return take(global_config if config is None else config, key)
        except KeyError:
            if default is no_default:
                raise
            return default


def collect(
    paths: Iterable[str | os.PathLike[str]] | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Read all files and environment variables into one dict.

    Parameters
    ----------
    paths
        Files and folders; :data:`paths` if not given.
    env
        Environment variables; those of this process if not given.

    Raises
    ------
    ConfigError
        If a file is malformed, or a file or variable of ours names an option that
        does not exist.

    Warns
    -----
    FutureWarning
        For each option with an old name that nothing more important replaces.
    """
    found: dict[str, Any] = {}
    outdated: dict[str, str | None] = {}
    places = _module_value("paths", paths)
    for origin, values, checked in (*yaml_sources(places), *env_sources(env)):
        for old, new in list(outdated.items()):
            if new is not None and _is_set(new, values):
                del outdated[old]
        outdated.update(move(values, deprecations))
        if checked:
            for name, value in values.items():
                for key, setting in options_in(str(name), value):
                    check_known(key, setting, deprecations, origin)
        update(found, values)
    for old in outdated:
        if not _is_set(f"ignore-deprecated.{old}", found):
            _warn_deprecated(old, outdated[old])
    return found


def refresh(
    config: dict[str, Any] | None = None,
    defaults: list[Mapping[str, Any]] | None = None,
    paths: Iterable[str | os.PathLike[str]] | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Read files and environment again, and forget what was set by hand.

    Parameters
    ----------
    config
        The dict to fill; the global configuration if not given.
    defaults
        Defaults to start from; :data:`defaults` if not given.
    paths, env
        As for :func:`collect`.

    Raises
    ------
    ConfigError
        As for :func:`collect`. The configuration is as before then.
    """
    target = global_config if config is None else config
    fresh = merge(*_module_value("defaults", defaults), collect(paths, env))
    with config_lock:
        # Never empty in between: other threads go on reading.
        target.update(fresh)
        for name in [name for name in target if name not in fresh]:
            del target[name]


def update_defaults(
    new: Mapping[str, Any],
    config: dict[str, Any] | None = None,
    defaults: list[Mapping[str, Any]] | None = None,
) -> None:
    """Declare the defaults of a library's own options.

    What users have changed stays; options that still have an older default follow.

    Parameters
    ----------
    new
        The library's options, nested below a name of its own.
    config
        The dict to add them to; the global configuration if not given.
    defaults
        The list to note them in; :data:`defaults` if not given.
    """
    known = _module_value("defaults", defaults)
    with config_lock:
        before = merge(*known)
        known.append(new)
        target = global_config if config is None else config
        update(target, new, priority="new-defaults", defaults=before)


def rename(
    deprecations: Mapping[str, str | None] | None = None,
    config: dict[str, Any] | None = None,
) -> dict[str, str | None]:
    """Move options from old names to new ones.

    Parameters
    ----------
    deprecations
        New names by old ones, None for options to drop; :data:`deprecations` if not
        given.
    config
        The dict to change; the global configuration if not given.

    Returns
    -------
    dict
        The old and new names of the options that were found.
    """
    names = _module_value("deprecations", deprecations)
    with config_lock:
        return move(global_config if config is None else config, names)


def check_deprecations(
    key: str, deprecations: Mapping[str, str | None] | None = None
) -> str:
    """Return the name that an option has now.

    Parameters
    ----------
    key
        The option's name, new or old.
    deprecations
        New names by old ones; :data:`deprecations` if not given.

    Raises
    ------
    ConfigError
        If the option was removed.

    Warns
    -----
    FutureWarning
        If the name is an old one.
    """
    names = _module_value("deprecations", deprecations)
    spelt = key.replace("_", "-")
    for old, new in names.items():
        if old.replace("_", "-") == spelt:
            if new is None:
                raise ConfigError(f"the option {key!r} was removed: leave it out")
            _warn_deprecated(key, new)
            return new
    return key


def _warn_deprecated(old: str, new: str | None) -> None:
    message = f"the option {old!r} is deprecated, use {new!r} instead"
    if new is None:
        message = (
            f"the option {old!r} was removed and has no effect: leave it out, or set "
            f"'ignore-deprecated.{old}' to silence this warning"
        )
    warnings.warn(message, FutureWarning, stacklevel=4)


def paths_containing_key(
    key: str, paths: Iterable[str | os.PathLike[str]] | None = None
) -> Iterator[pathlib.Path]:
    """Yield the configuration files that set an option, least important first.

    Parameters
    ----------
    key
        The option's name.
    paths
        Files and folders; :data:`paths` if not given.
    """
    places = _module_value("paths", paths)
    for path, content in collect_yaml(places, return_paths=True):
        if _is_set(key, content):
            yield path


def ensure_file(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str] | None = None,
    comment: bool = True,
) -> None:
    """Copy a file of defaults to the user's folder, unless it is there already.

    Parameters
    ----------
    source
        The file that a library ships.
    destination
        The folder to copy it to; :data:`PATH` if not given. If it cannot be
        written, nothing is done.
    comment
        Whether to comment all of it out, so that it only serves as an example.
    """
    from pathlib import Path

    source = Path(source)
    folder = Path(PATH if destination is None else destination)
    target = folder / source.name
    try:
        if target.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
        if comment:
            lines = [f"# {x}" if x.strip() and x[0] != "#" else x for x in lines]
        # Complete before it has its name: other processes may do the same.
        unfinished = target.with_suffix(f".{os.getpid()}")
        unfinished.write_text("".join(lines), encoding="utf-8")
        unfinished.replace(target)
    except OSError:
        # A read-only home is no reason to fail: the file is only an example.
        return


def _module_value(name: str, given: Any) -> Any:
    # A parameter hides the variable of the module that it stands for.
    return globals()[name] if given is None else given


def _is_set(key: str, values: Mapping[str, Any]) -> bool:
    return find(values, key, _module_value) is not _module_value


update_defaults(default_values())
refresh()
