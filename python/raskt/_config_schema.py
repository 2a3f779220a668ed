"""The table of every option that raskt knows, with its default and meaning.

It is Python, not YAML, so that importing :mod:`raskt.config` parses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from raskt._config_distributed import CLUSTER_OPTIONS

TYPE_CHECKING = False  # importing typing would cost more than this module
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

UNSET: Final = object()
"""An option without a value of its own: absent until somebody sets it."""

OPTIONS: Final[dict[str, tuple[Any, str]]] = {
    # What runs a graph.
    "scheduler": (
        UNSET,
        "What runs graphs: 'threads', 'processes', 'synchronous', 'distributed', an"
        " executor, a client, or a function like raskt.get.",
    ),
    "pool": (UNSET, "A pool or executor to run tasks in, instead of our own."),
    "num_workers": (UNSET, "Number of threads or processes; one a processor if unset."),
    "chunksize": (UNSET, "Tasks sent to a process at a time; -1 shares them evenly."),
    "cache": (UNSET, "A mapping that receives every result of the local schedulers."),
    "rerun_exceptions_locally": (
        UNSET,
        "Run a failed task again in the calling thread, where a debugger works.",
    ),
    "func_loads": (UNSET, "Function that decodes tasks sent to other processes."),
    "func_dumps": (UNSET, "Function that encodes tasks sent to other processes."),
    "multiprocessing.context": (
        UNSET,
        "How worker processes start: 'spawn', 'fork' or 'forkserver'.",
    ),
    "multiprocessing.initializer": (
        UNSET,
        "Function without arguments that each worker process calls first.",
    ),
    # Where data is kept.
    "temporary-directory": (
        None,
        "Folder for temporary files; null is the system's own.",
    ),
    "memory.limit": (
        "60%",
        "Memory that intermediate results may take before they go to disk: a size"
        " such as '4 GB', a fraction or percentage of the machine's (or its"
        " cgroup's) memory, or null for no limit.",
    ),
    "memory.spill-directory": (
        None,
        "Folder for results that do not fit; null is temporary-directory.",
    ),
    # How graphs are built.
    "delayed_pure": (UNSET, "Whether delayed calls are pure unless they say so."),
    "split_every": (UNSET, "Partial results that one step of a reduction combines."),
    "tokenize.ensure-deterministic": (
        False,
        "Refuse objects whose token would differ in the next process.",
    ),
    "optimization.annotations.fuse": (
        True,
        "Fuse tasks whose annotations differ but can be combined.",
    ),
    "optimization.tune.active": (True, "Let the optimizer change partition sizes."),
    "optimization.fuse.active": (
        None,
        "Fuse linear chains of tasks; null lets each collection decide.",
    ),
    "optimization.fuse.ave-width": (1, "Upper limit for a fused graph's mean width."),
    "optimization.fuse.max-width": (
        None,
        "Upper limit for a fused graph's width; null follows ave-width.",
    ),
    "optimization.fuse.max-height": (
        float("inf"),
        "Upper limit for the levels of a fused graph.",
    ),
    "optimization.fuse.max-depth-new-edges": (
        None,
        "Levels that fusion may duplicate edges across; null follows ave-width.",
    ),
    "optimization.fuse.subgraphs": (UNSET, "Accepted and ignored."),
    "optimization.fuse.rename-keys": (True, "Name fused tasks after their parts."),
    "optimization.fuse.delayed": (False, "Fuse chains of delayed calls, too."),
    # Arrays.
    "array.backend": ("numpy", "Library of newly created chunks."),
    "array.chunk-size": ("128MiB", "Size that chunks='auto' aims at."),
    "array.chunk-size-tolerance": (
        1.25,
        "How many times chunk-size an output chunk may take.",
    ),
    "array.rechunk.method": (
        None,
        "How chunks are exchanged: 'tasks' or 'p2p'; null chooses.",
    ),
    "array.rechunk.threshold": (4, "Growth of the graph that rechunking accepts."),
    "array.svg.size": (120, "Pixels of the longest side of a drawing."),
    "array.slicing.split-large-chunks": (
        None,
        "Whether an index splits large output chunks; null warns.",
    ),
    "array.query-planning": (None, "Accepted and ignored: plans are always made."),
    # Frames.
    "dataframe.backend": ("pandas", "Library of the partitions that Python sees."),
    "dataframe.shuffle.method": (
        None,
        "How rows are exchanged: 'disk', 'tasks' or 'p2p'; null chooses.",
    ),
    "dataframe.shuffle.compression": (
        None,
        "Compression of exchanges on disk; null for none.",
    ),
    "dataframe.parquet.metadata-task-size-local": (
        512,
        "Local Parquet files whose metadata one task reads.",
    ),
    "dataframe.parquet.metadata-task-size-remote": (
        1,
        "Remote Parquet files whose metadata one task reads.",
    ),
    "dataframe.parquet.minimum-partition-size": (
        75_000_000,
        "Bytes that small Parquet files are gathered to.",
    ),
    "dataframe.convert-string": (
        None,
        "Turn columns of strings into Arrow strings; null does as pandas.",
    ),
    "dataframe.query-planning": (None, "Accepted and ignored: plans are always made."),
    "dataframe.query-planning-warning": (UNSET, "Accepted and ignored."),
    "dataframe.dtype_backend": (UNSET, "Accepted and ignored."),
    # What people see.
    "visualization.engine": (
        None,
        "What draws graphs: 'graphviz' or 'cytoscape'; null chooses.",
    ),
    "admin.async-client-fallback": (
        None,
        "Scheduler to use where an asynchronous client cannot be waited for.",
    ),
    "admin.traceback.shorten": (
        [
            r"concurrent[\\/]futures[\\/]",
            r"raskt[\\/]_?(base|core|delayed|engine|expr|local|multiprocessing"
            r"|optimization|process\w*|scheduler|task_spec|threaded|utils|watch)\.py",
            r"raskt[\\/](array|bag|dataframe)[\\/]_?core\.py",
            r"raskt[\\/]distributed[\\/]",
            r"pandas[\\/]core[\\/]",
        ],
        "Patterns of files whose lines are left out of tracebacks.",
    ),
    **CLUSTER_OPTIONS,
}

SECTIONS: Final = frozenset(
    {
        "admin",
        "array",
        "bag",
        "dataframe",
        "distributed",
        "memory",
        "multiprocessing",
        "optimization",
        "threads",
        "tokenize",
        "visualization",
    }
)
"""First parts of keys that are ours: below them only known options are accepted.

Every other first part is free for libraries and for Dask's own sections.
"""

DEPRECATIONS: Final[dict[str, str | None]] = {
    "fuse-ave-width": "optimization.fuse.ave-width",
    "fuse-max-height": "optimization.fuse.max-height",
    "fuse-max-width": "optimization.fuse.max-width",
    "fuse-rename-keys": "optimization.fuse.rename-keys",
    "fuse-max-depth-new-edges": "optimization.fuse.max-depth-new-edges",
    "shuffle": "dataframe.shuffle.method",
    "array.rechunk-threshold": "array.rechunk.threshold",
    "array.shuffle.chunksize-tolerance": "array.chunk-size-tolerance",
    "dataframe.shuffle.algorithm": "dataframe.shuffle.method",
    "dataframe.shuffle-compression": "dataframe.shuffle.compression",
    "admin.traceback.shorten.what": "admin.traceback.shorten",
}
"""Old names and their new ones; None stands for an option without successor."""


class ConfigError(ValueError):
    """A configuration file, variable or call that raskt cannot follow.

    Raised for options of ours that do not exist, malformed configuration files,
    and attempts to set an option below another one's value.
    """

    __module__ = "raskt.config"


def default_values() -> dict[str, Any]:
    """Return a fresh nested dict of the options that have a default."""
    values: dict[str, Any] = {}
    for key, (default, _) in OPTIONS.items():
        if default is UNSET:
            continue
        *parents, name = key.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
        # A fresh one, since users may change it.
        section[name] = default.copy() if type(default) in (list, dict) else default
    return values


def options_in(key: str, value: object) -> Iterator[tuple[str, object]]:
    """Yield the options that a key stands for: all that are in it, if it is a section.

    Only our own sections are taken apart; None is an empty one.

    Parameters
    ----------
    key
        An option or a section, parts joined by dots.
    value
        What it is set to.

    Examples
    --------
    >>> list(options_in("array", {"svg": {"size": 150}, "chunk-size": "1 MiB"}))
    [('array.svg.size', 150), ('array.chunk-size', '1 MiB')]
    """
    if not is_ours(key) or _normal(key) in _NORMAL_OPTIONS:
        yield key, value
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from options_in(f"{key}.{name}", below)
    elif value is not None or _normal(key) not in _NORMAL_SECTIONS:
        yield key, value


def is_ours(key: str) -> bool:
    """Whether a key lies in a section where only known options are accepted."""
    return _normal(key.split(".", 1)[0]) in SECTIONS


def check_known(
    key: str, value: object, old_names: Iterable[str], origin: str = ""
) -> None:
    """Refuse an option below one of our sections that is not in the table.

    Parameters
    ----------
    key
        The option, parts joined by dots.
    value
        What it is set to, for the message.
    old_names
        Deprecated names, which are known, too.
    origin
        Where the option was found, for the message.

    Raises
    ------
    ConfigError
        With the option's name, and the nearest known one if there is any.
    """
    if not is_ours(key):
        return
    spelt = _normal(key)
    if spelt in _NORMAL_SECTIONS:
        raise ConfigError(_not_an_option(key, value, origin))
    parts = spelt.split(".")
    # An option's own value may be a mapping, with names of its user's choice.
    starts = {".".join(parts[: n + 1]) for n in range(len(parts))}
    if starts.isdisjoint(_NORMAL_OPTIONS) and spelt not in map(_normal, old_names):
        raise ConfigError(_unknown(key, origin))


def nearest(key: str) -> str | None:
    """Return the known option that a mistyped one was probably meant to be."""
    from difflib import get_close_matches

    wanted = _normal(key)
    known = {_normal(option): option for option in OPTIONS}
    close = get_close_matches(wanted, known, n=1, cutoff=0.75)
    if close:
        return known[close[0]]
    # The right name in the wrong section: threads.num_workers.
    name = wanted.rpartition(".")[2]
    same = [option for spelt, option in known.items() if spelt.split(".")[-1] == name]
    return same[0] if len(same) == 1 else None


def _normal(key: str) -> str:
    return key.replace("_", "-")


def _unknown(key: str, origin: str) -> str:
    message = f"unknown option {key!r}" + (f" in {origin}" if origin else "")
    likely = nearest(key)
    if likely is not None:
        return f"{message}: did you mean {likely!r}?"
    section = _normal(key.rpartition(".")[0])
    if section not in _NORMAL_SECTIONS:
        section = key.split(".", 1)[0]
    return f"{message}: the section {section!r} has {_options_of(section)}"


def _not_an_option(key: str, value: object, origin: str) -> str:
    message = f"{key!r} cannot be {value!r}" + (f" in {origin}" if origin else "")
    return f"{message}: it is a section with {_options_of(key)}"


def _options_of(section: str) -> str:
    start = f"{_normal(section)}."
    names = [option for option in OPTIONS if _normal(option).startswith(start)]
    return f"the options {', '.join(names)}" if names else "no options"


_NORMAL_OPTIONS = frozenset(map(_normal, OPTIONS))
_NORMAL_SECTIONS = SECTIONS | {
    option[:position]
    for option in _NORMAL_OPTIONS
    for position, letter in enumerate(option)
    if letter == "."
}
