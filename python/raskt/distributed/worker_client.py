"""``worker_client``: a client for the time in which a task has others run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from raskt.distributed.worker import get_client, get_worker, rejoin, secede

__all__ = ["get_worker", "local_client", "worker_client"]


@contextmanager
def worker_client(timeout: Any = None, separate_thread: bool = True) -> Iterator[Any]:
    """Give a client to a task; meanwhile another task runs in its place.

    Parameters
    ----------
    timeout : number or str, optional
        How long connecting may take.
    separate_thread : bool
        Let another task run meanwhile? Without it, a task that waits for others may
        wait for ever.

    Examples
    --------
    >>> from raskt.distributed import Client, worker_client
    >>> def total(n):
    ...     with worker_client() as client:
    ...         return sum(client.gather(client.map(abs, range(-n, 0))))
    >>> with Client(processes=False, n_workers=1, threads_per_worker=1) as client:
    ...     client.submit(total, 3).result()
    6
    """
    get_worker()
    client = get_client(timeout=timeout)
    if separate_thread:
        secede()
    try:
        with client.as_current():
            yield client
    finally:
        if separate_thread:
            rejoin()


def local_client(*args: Any, **kwargs: Any) -> Any:
    """Give :func:`worker_client`, by its old name."""
    import warnings

    warnings.warn("local_client has moved to worker_client", stacklevel=2)
    return worker_client(*args, **kwargs)
