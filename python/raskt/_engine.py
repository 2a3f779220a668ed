"""From a graph or lazy values and the caller's options to the native run, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from raskt import _native, config, system
from raskt.callbacks import Callback, local_callbacks
from raskt.exceptions import TaskExited


def get_values(run: Callable, dsk: Any, keys: Any, **kwargs: Any) -> Any:
    """Compute keys of a graph with ``run``, in the nesting of ``keys``."""
    if not isinstance(keys, list):
        return run(_native.from_graph(dsk, [keys]), **kwargs)[0]
    is_flat = list not in set(map(type, keys))
    flat = keys if is_flat else list(flat_keys(keys))
    results = run(_native.from_graph(dsk, flat), **kwargs)
    return tuple(results) if is_flat else nested_get(keys, iter(results))


def flat_keys(keys: Any) -> Iterator[Any]:
    """Give the keys of nested lists, in order."""
    for key in keys:
        if isinstance(key, list):
            yield from flat_keys(key)
        else:
            yield key


def nested_get(keys: Any, results: Any) -> Any:
    """Give results in the nesting of ``keys``, as tuples.

    ``results`` are an iterator in the order of the keys, or a mapping of them.
    """
    if isinstance(keys, list):
        return tuple(nested_get(key, results) for key in keys)
    return next(results) if hasattr(results, "__next__") else results[keys]


def run_values(
    values: list,
    mode: str,
    *,
    num_workers: int | None = None,
    pool: Any = None,
    callbacks: Any = None,
    cache: Any = None,
    runner: Any = None,
    optimize: bool = False,
    **ignored: Any,
) -> list:
    """Compute lazy values, with what the options and active callbacks ask for."""
    cache = config.get("cache", None) if cache is None else cache
    if pool is None and runner is None and mode == "threads":
        pool = config.get("pool", None)
    if pool is not None and runner is None and _is_of_processes(pool):
        from raskt import multiprocessing

        return multiprocessing.run(
            values, pool=pool, num_workers=num_workers, callbacks=callbacks, cache=cache
        )
    submit, workers = _submitter(pool) if pool is not None else (None, None)
    options = {
        "mode": mode,
        "workers": _workers(num_workers, workers),
        "memory": _memory(),
        "submit": submit,
        "runner": runner,
        "optimize": optimize,
    }
    try:
        if callbacks is None and cache is None and not Callback.active:
            return _native.compute(values, **options)
        with local_callbacks(callbacks) as active:
            if not active and cache is None:
                return _native.compute(values, **options)
            from raskt._watch import watched

            return watched(values, active, cache, **options)
    except SystemExit as error:
        note = " ".join(getattr(error, "__notes__", [])) or "a task"
        raise TaskExited(
            f"sys.exit({error.code!r}) was called {note}; a task gives its result "
            "with return and reports failure by raising an exception"
        ) from error


def _workers(given: int | None, of_pool: int | None) -> int:
    workers = given or of_pool or config.get("num_workers", None) or system.CPU_COUNT
    if not isinstance(workers, int) or workers < 1:
        raise ValueError(f"num_workers must be a positive integer, not {workers!r}")
    return workers


def _is_of_processes(pool: Any) -> bool:
    # By name, since there are forks of the standard library's pools.
    names = {base.__name__ for base in type(pool).__mro__}
    paths = [f"{base.__module__}.{base.__name__}" for base in type(pool).__mro__]
    return "ProcessPoolExecutor" in names or (
        any(path.endswith("pool.Pool") for path in paths) and "ThreadPool" not in names
    )


def _submitter(pool: Any) -> tuple[Callable | None, int | None]:
    """Give what runs a callable on a thread of the pool, and its number of threads."""
    if isinstance(pool, int):
        return None, pool
    if hasattr(pool, "submit"):
        return pool.submit, getattr(pool, "_max_workers", None)
    if hasattr(pool, "apply_async"):
        return pool.apply_async, getattr(pool, "_processes", None)
    raise TypeError(
        f"pool must have submit() (an Executor) or apply_async() (a ThreadPool), "
        f"not {type(pool).__name__}"
    )


_known_memory: tuple[tuple, tuple[int | None, str]] | None = None


def _memory() -> tuple[int | None, str]:
    """Give the limit in bytes and the folder for what does not fit."""
    global _known_memory
    limit = config.get("memory.limit", None)
    folder = config.get("memory.spill-directory", None)
    folder = folder or config.get("temporary-directory", None)
    if _known_memory is None or _known_memory[0] != (limit, folder):
        from tempfile import gettempdir

        budget = system.memory_budget(limit)
        _known_memory = (limit, folder), (budget, str(folder or gettempdir()))
    return _known_memory[1]
