"""What tasks use: the worker that runs them, a client, printing, making room."""

from __future__ import annotations

import builtins
import sys
import warnings
from typing import Any, TextIO

from raskt import _native
from raskt.distributed import _current
from raskt.distributed._client_cluster import key_of
from raskt.distributed._worker import Worker
from raskt.distributed.addressing import with_scheme
from raskt.distributed.exceptions import Reschedule
from raskt.distributed.memory import parse_memory_limit

__all__ = [
    "Reschedule",
    "Worker",
    "get_client",
    "get_worker",
    "parse_memory_limit",
    "print",
    "rejoin",
    "secede",
    "thread_state",
    "warn",
]


class _ThreadState:
    """What is known of the task that runs on this thread."""

    @property
    def key(self) -> Any:
        """Its key; None outside of tasks."""
        task = _native.current_task()
        return None if task is None else key_of(None, task["key"])


thread_state = _ThreadState()


def get_worker() -> Worker:
    """Give the worker whose task, plugin or actor calls this.

    Raises
    ------
    ValueError
        Outside of workers.

    Examples
    --------
    >>> from raskt.distributed import Client, get_worker
    >>> with Client(processes=False, n_workers=1, threads_per_worker=2) as client:
    ...     client.submit(lambda: get_worker().nthreads).result()
    2
    """
    worker = _current.worker_here()
    if worker is None:
        raise ValueError("No worker found: get_worker() is for tasks on a cluster")
    return worker


def get_client(
    address: str | None = None, timeout: Any = None, resolve_address: bool = True
) -> Any:
    """Give a client: inside of a task, one of its cluster.

    Parameters
    ----------
    address : str, optional
        The scheduler it must be of.
    timeout : number or str, optional
        How long connecting may take.
    resolve_address : bool
        Accepted and ignored.

    Raises
    ------
    ValueError
        If there is none, and no address.

    Examples
    --------
    >>> from raskt.distributed import Client, get_client
    >>> def total(n):
    ...     client = get_client()
    ...     futures = client.map(lambda x: x + 1, range(n))
    ...     return sum(client.gather(futures))
    >>> with Client(processes=False, n_workers=1, threads_per_worker=2) as client:
    ...     client.submit(total, 4).result()
    10
    """
    wanted = None if address is None else with_scheme(address)
    worker = _current.worker_here()
    if worker is not None and wanted in (None, worker.scheduler_address):
        return worker.get_client(timeout)
    client = _current.last_default()
    if client is not None and wanted in (None, client.scheduler.address):
        return client
    if wanted is None:
        raise ValueError("No global client found and no address provided")
    from raskt.distributed.client import Client

    return Client(wanted, timeout=timeout or 30)


def secede() -> None:
    """Let another task run in place of this one, which goes on beside it.

    For tasks that wait for others. :func:`rejoin` takes it back.

    Raises
    ------
    ValueError
        Outside of tasks.
    """
    if _native.current_task() is None:
        raise ValueError("secede() is for tasks on a cluster")
    _native.secede()


def rejoin() -> None:
    """Take back what :func:`secede` did: wait until there is room for this task.

    Raises
    ------
    ValueError
        Outside of tasks.
    """
    if _native.current_task() is None:
        raise ValueError("rejoin() is for tasks on a cluster")
    _native.rejoin()


def print(
    *args: Any,
    sep: str | None = " ",
    end: str | None = "\n",
    file: TextIO | None = None,
    flush: bool = False,
) -> None:
    """Print, here and at the clients.

    Parameters
    ----------
    *args : object
        What to print.
    sep, end, file, flush
        As for the usual ``print``; ``file`` is ``sys.stdout`` or ``sys.stderr``.

    Raises
    ------
    TypeError
        If ``file`` is something else.
    """
    numbers = {None: 1, sys.stdout: 1, sys.stderr: 2}
    if file not in numbers:
        raise TypeError(
            f"Remote printing to arbitrary files is not supported. file kwarg must be "
            f"one of None, sys.stdout or sys.stderr; got: {file!r}"
        )
    worker = _current.worker_here()
    if worker is not None:
        message = {
            "args": tuple(arg if isinstance(arg, str) else str(arg) for arg in args),
            "sep": sep,
            "end": end,
            "file": numbers[file],
            "flush": flush,
        }
        worker.log_event("print", message)
    builtins.print(*args, sep=sep, end=end, file=file, flush=flush)


def warn(
    message: str | Warning,
    category: type[Warning] | None = UserWarning,
    stacklevel: int = 1,
    source: Any = None,
) -> None:
    """Warn, here and at the clients.

    Parameters
    ----------
    message, category, stacklevel, source
        As for :func:`warnings.warn`.
    """
    worker = _current.worker_here()
    if worker is not None:
        worker.log_event("warn", {"message": message, "category": category})
    level = stacklevel + 1
    warnings.warn(message, category, stacklevel=level, source=source)
