"""How much memory a worker may take."""

from __future__ import annotations

from typing import Any

from raskt import system
from raskt.utils import parse_bytes

__all__ = ["parse_memory_limit"]


def parse_memory_limit(
    memory_limit: Any, nthreads: int, total_cores: int | None = None
) -> int:
    """Give a memory limit in bytes; 0 for none.

    Parameters
    ----------
    memory_limit : int, float, str or None
        ``"auto"``: the part of the machine's memory that the threads are of its
        processors; a fraction up to 1 of the machine's memory; a size; 0 or None for no
        limit.
    nthreads : int
        How many threads the worker has.
    total_cores : int, optional
        How many processors there are.

    Examples
    --------
    >>> parse_memory_limit("1 GB", 1), parse_memory_limit(0, 1)
    (1000000000, 0)
    """
    if memory_limit is None:
        return 0
    whole = system.memory_limit()
    if memory_limit == "auto":
        share = min(1.0, nthreads / (total_cores or system.CPU_COUNT))
        return int(whole * share)
    if isinstance(memory_limit, str):
        try:
            memory_limit = float(memory_limit)
        except ValueError:
            return min(parse_bytes(memory_limit), whole)
    if 0 < memory_limit <= 1:
        return int(memory_limit * whole)
    return min(int(memory_limit), whole)
