"""Measure raskt and its peer in one run: medians of rounds in turn, and ratios."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds(job: Callable[[], Any]) -> tuple[float, Any]:
    """Give the wall time of one call, and its result."""
    gc.collect()
    start = time.perf_counter()
    result = job()
    return time.perf_counter() - start, result


def compare(
    name: str,
    ours: Callable[[], Any],
    theirs: Callable[[], Any],
    *,
    tasks: int,
    rounds: int = 5,
    target: float | None = None,
    unit: str = "us/task",
) -> float:
    """Run both, in turn; print medians and the ratio of peer to raskt.

    Raises
    ------
    AssertionError
        If the results differ.
    """
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    for _ in range(rounds):
        ours_s, ours_result = seconds(ours)
        theirs_s, theirs_result = seconds(theirs)
        assert ours_result == theirs_result, f"{name}: results differ"
        times["ours"].append(ours_s)
        times["theirs"].append(theirs_s)
    a, b = (statistics.median(times[who]) / tasks * 1e6 for who in ("ours", "theirs"))
    goal = "" if target is None else f"  (target {target:g}x)"
    print(f"{name:44} raskt {a:9.3f}  dask {b:9.3f} {unit}  ratio {b / a:7.1f}x{goal}")
    return b / a
