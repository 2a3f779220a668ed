"""The scheduler that runs tasks in processes of this machine."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import cache
from types import TracebackType
from typing import Any, NoReturn

from raskt import config
from raskt._engine import get_values, run_values

__all__ = ["RemoteException", "get", "get_context", "remote_exception", "reraise"]


def get(dsk: Mapping, keys: Any, **kwargs: Any) -> Any:
    """Compute the results of ``keys`` in the graph ``dsk``, in processes.

    Functions, arguments and results travel between processes: this is for Python code
    that computes much and is given little. Lambdas, closures, and what the program's
    main file defines may be used, with no ``if __name__ == "__main__"`` in it.

    The processes are kept for the next call, for a minute. What a task changes in
    global variables stays in the process that ran it.

    Parameters
    ----------
    dsk, keys
        As for :func:`raskt.threaded.get`.
    num_workers : int, optional
        How many processes. Default: the option ``num_workers``, or one for each core.
    pool : Executor or multiprocessing.Pool, optional
        A pool to use instead of our own processes. Default: the option ``pool``.
    initializer : callable, optional
        What each process calls first. Default: the option
        ``multiprocessing.initializer``.
    func_dumps, func_loads : callable, optional
        What writes tasks and results as bytes, and reads them. Default: the options of
        the same names, or pickle, and cloudpickle for what pickle cannot write.
    **kwargs
        Other options of schedulers are accepted and ignored.

    Returns
    -------
    The result of the key; for a list of keys, a tuple.

    Raises
    ------
    raskt.exceptions.SerializationError
        If a function, an argument or a result cannot be sent to another process.
    raskt.exceptions.WorkerProcessDied
        If a task ends its process. The next call has a new one.
    Exception
        What a task raises, as it is, with the frames of the task in its traceback.

    Examples
    --------
    >>> from operator import add
    >>> get({"x": 1, "y": (add, "x", 10)}, ["x", "y"], num_workers=1)
    (1, 11)
    """
    return get_values(run, dsk, keys, **kwargs)


def run(
    values: list,
    *,
    num_workers: int | None = None,
    pool: Any = None,
    initializer: Callable[[], Any] | None = None,
    func_dumps: Callable[[Any], bytes] | None = None,
    func_loads: Callable[[bytes], Any] | None = None,
    **kwargs: Any,
) -> list:
    """Compute lazy values in processes."""
    from raskt._processes import InPool, Processes

    pool = config.get("pool", None) if pool is None else pool
    initializer = initializer or config.get("multiprocessing.initializer", None)
    dumps = func_dumps or config.get("func_dumps", None)
    loads = func_loads or config.get("func_loads", None)
    codec = None
    if dumps or loads:
        import cloudpickle

        codec = dumps or cloudpickle.dumps, loads or cloudpickle.loads
    runner: InPool | Processes
    if pool is None or isinstance(pool, int):
        num_workers = num_workers or pool
        context = get_context().get_start_method()
        runner = Processes(context, initializer, codec)
    else:
        if initializer is not None:
            warnings.warn(
                "the initializer is ignored: a pool is used, and that calls its own",
                stacklevel=2,
            )
        sizes = (getattr(pool, name, None) for name in ("_max_workers", "_processes"))
        num_workers = num_workers or next(filter(None, sizes), None)
        runner = InPool(pool, codec)
    with runner:
        return run_values(
            values, "threads", runner=runner, num_workers=num_workers, **kwargs
        )


get.run = run  # type: ignore[attr-defined]


def get_context() -> Any:
    """Give the context of Python's ``multiprocessing`` that the options ask for.

    The option ``multiprocessing.context`` is "spawn" if it is not set, which works in
    programs with threads.

    Examples
    --------
    >>> get_context().get_start_method()
    'spawn'
    """
    import multiprocessing

    return multiprocessing.get_context(config.get("multiprocessing.context", "spawn"))


class RemoteException(Exception):
    """An exception together with the text of its traceback in another process.

    It has the attributes of the exception.
    """

    def __init__(self, exception: BaseException, traceback: str):
        self.exception = exception
        self.traceback = traceback

    def __str__(self) -> str:
        return f"{self.exception}\n\nTraceback in the other process:\n{self.traceback}"

    def __getattr__(self, name: str) -> Any:
        if name == "exception":  # not there yet while it is copied
            raise AttributeError(name)
        return getattr(self.exception, name)


def remote_exception(exc: BaseException, tb: str) -> BaseException:
    """Give an exception of the type of ``exc`` whose text has the traceback ``tb``.

    The scheduler does without: what it raises has a real traceback.

    Examples
    --------
    >>> error = remote_exception(TypeError("hello"), "in line 1")
    >>> isinstance(error, TypeError), isinstance(error, RemoteException)
    (True, True)
    """
    try:
        return _remote_type(type(exc))(exc, tb)
    except TypeError:
        # There are types that nothing can be derived from together with others.
        return exc


@cache
def _remote_type(kind: type) -> type:
    return type(kind.__name__, (RemoteException, kind), {"exception_type": kind})


def reraise(exc: BaseException, tb: TracebackType | None = None) -> NoReturn:
    """Raise ``exc`` with the traceback ``tb``."""
    raise exc.with_traceback(tb) if tb is not None else exc
