# Importing pathlib costs more than all of raskt.config:
# ruff: noqa: PTH100, PTH110, PTH111, PTH112, PTH118, PTH119, PTH120, PTH123, PTH208
"""Where configuration comes from: folders of YAML files and the environment.

Both have a Dask twin, so that Dask's users keep theirs: `DASK_...` variables count
less than `RASKT_...` ones, and what is only Dask's is never checked for names that
raskt does not know.
"""

from __future__ import annotations

import os
import site
import sys

from raskt._config_schema import ConfigError
from raskt._config_tree import deserialize, interpret_value, merge, put

TYPE_CHECKING = False  # importing typing would cost more than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, TypeAlias

    # Its name for messages, its values, and whether unknown options are errors.
    Source: TypeAlias = tuple[str, dict[str, Any], bool]


SUFFIXES = (".yaml", ".yml", ".json")
"""Endings of the files that a configuration folder is searched for."""

DASK_FILES = frozenset({"dask.yaml", "dask.yml", "distributed.yaml", "distributed.yml"})

CONTROL_NAMES = frozenset({"CONFIG", "ROOT_CONFIG", "INTERNAL_INHERIT_CONFIG"})
"""Variables that say where configuration is, and are none themselves."""


def search_paths() -> list[str]:
    """Return the folders and files that are read, least important first."""
    root, user = user_setting("ROOT_CONFIG"), user_setting("CONFIG")
    folders = [
        root or "/etc/raskt",
        os.path.join(sys.prefix, "etc", "raskt"),
        *(os.path.join(prefix, "etc", "raskt") for prefix in site.PREFIXES),
        home_folder(),
    ]
    if user:
        folders.append(user)
    # A folder that is named twice counts where it counts most.
    return list(dict.fromkeys(reversed(folders)))[::-1]


def home_folder() -> str:
    """Return the user's own configuration folder."""
    return os.path.join(os.path.expanduser("~"), ".config", "raskt")


def user_setting(name: str) -> str | None:
    """Return `RASKT_<name>`, or else `DASK_<name>`, if it is set and not empty."""
    return os.environ.get(f"RASKT_{name}") or os.environ.get(f"DASK_{name}") or None


def is_dasks(file: str) -> bool:
    """Whether a configuration file was written for Dask."""
    if os.path.basename(file) in DASK_FILES:
        return True
    places = [
        os.path.abspath(os.environ[f"DASK_{name}"])
        for name in ("CONFIG", "ROOT_CONFIG")
        if os.environ.get(f"DASK_{name}") and not os.environ.get(f"RASKT_{name}")
    ]
    file = os.path.abspath(file)
    return file in places or os.path.dirname(file) in places


def collect_yaml(
    paths: Iterable[str | os.PathLike[str]], *, return_paths: bool = False
) -> Iterator[Any]:
    """Read configuration files.

    Parameters
    ----------
    paths
        Files, and folders that hold some; a folder's files come in the order of
        their names. What does not exist or cannot be read is left out.
    return_paths
        Whether to yield pairs of path and content, instead of the content.

    Raises
    ------
    ConfigError
        If a file is not YAML, or not a mapping.
    """
    for file in _files(paths):
        content = _read(file)
        if content is None:
            continue
        if return_paths:
            from pathlib import Path

            yield Path(file), content
        else:
            yield content


def collect_env(env: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read configuration from environment variables.

    `RASKT_ARRAY__CHUNK_SIZE` stands for ``array.chunk-size``: two underscores part
    the levels, and values are Python literals or text. The same with `DASK_` counts
    less.

    Parameters
    ----------
    env
        The variables; those of this process if not given.

    Examples
    --------
    >>> collect_env({"RASKT_ARRAY__SVG__SIZE": "150", "DASK_SCHEDULER": "threads"})
    {'scheduler': 'threads', 'array': {'svg': {'size': 150}}}
    """
    return merge(*(source[1] for source in env_sources(env)))


def yaml_sources(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Source]:
    """Yield the content of each file as a source."""
    for file in _files(paths):
        content = _read(file)
        if content is not None:
            yield file, content, not is_dasks(file)


def env_sources(env: Mapping[str, str] | None = None) -> Iterator[Source]:
    """Yield what each environment variable says as a source, least important first."""
    if env is None:
        env = os.environ
    for prefix in ("DASK_", "RASKT_"):
        inherited = env.get(f"{prefix}INTERNAL_INHERIT_CONFIG")
        if inherited:
            # The parent process checked it.
            yield f"{prefix}INTERNAL_INHERIT_CONFIG", deserialize(inherited), False
    for prefix in ("DASK_", "RASKT_"):
        # Sorted, so that RASKT_A__B adds to RASKT_A in whatever order they were set.
        for variable in sorted(env):
            name = variable.removeprefix(prefix)
            if name in (variable, "") or name in CONTROL_NAMES:
                continue
            values: dict[str, Any] = {}
            put(values, name.lower().replace("__", "."), interpret_value(env[variable]))
            yield f"the variable {variable}", values, prefix == "RASKT_"


def _files(paths: Iterable[str | os.PathLike[str]]) -> Iterator[str]:
    for place in paths:
        path = os.fspath(place)
        if not os.path.isdir(path):
            if os.path.exists(path):
                yield path
            continue
        try:
            names = sorted(os.listdir(path))
        except OSError:
            continue
        yield from (os.path.join(path, n) for n in names if n.endswith(SUFFIXES))


def _read(file: str) -> dict[str, Any] | None:
    try:
        with open(file, "rb") as stream:
            text = stream.read()
    except OSError:
        return None
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"the configuration file {file} is malformed; "
            f"original error message:\n\n{error}"
        ) from None
    if content is not None and not isinstance(content, dict):
        raise ConfigError(
            f"the configuration file {file} is malformed: a configuration file must "
            f"have a dict at its top, and this one has {type(content).__name__!r}"
        )
    return content
