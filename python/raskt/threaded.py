"""The scheduler that runs tasks on threads of this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raskt._engine import get_values, run_values

__all__ = ["get"]


def get(dsk: Mapping, keys: Any, **kwargs: Any) -> Any:
    """Compute the results of ``keys`` in the graph ``dsk``, on threads.

    Parameters
    ----------
    dsk : mapping
        A graph: of tuples ``(callable, *args)``, or of the objects of
        :mod:`raskt.task_spec`, or of Dask's.
    keys : key or nested list of keys
        What to compute.
    num_workers : int, optional
        How many threads. Default: the option ``num_workers``, or one for each core.
    pool : optional
        A ``ThreadPoolExecutor`` or ``ThreadPool`` whose threads to use.
    **kwargs
        Other options of schedulers are accepted and ignored.

    Returns
    -------
    The result of the key; for a list of keys, a tuple.

    Raises
    ------
    KeyError
        If a key is missing.
    RuntimeError
        If there is a cycle; the message shows it.

    Examples
    --------
    >>> from operator import add
    >>> get({"x": 1, "y": (add, "x", 10)}, ["x", "y"])
    (1, 11)
    """
    return get_values(run, dsk, keys, **kwargs)


def run(values: list, **kwargs: Any) -> list:
    """Compute lazy values on threads."""
    return run_values(values, "threads", **kwargs)


get.run = run  # type: ignore[attr-defined]
