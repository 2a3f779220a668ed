"""A cluster on this machine: raskt and Dask, two worker processes of one thread each.

python benches/cluster.py [--tasks N] [--tree N] [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import dask
import dask.distributed
import raskt
import raskt.distributed
from _measure import compare

WORKERS = {"n_workers": 2, "threads_per_worker": 1, "processes": True}


def noop(x: int) -> int:
    return x


def inc(x: int) -> int:
    return x + 1


def add(x: int, y: int) -> int:
    return x + y


def mapped(client: Any, n: int, first: int) -> int:
    """Map and gather; new arguments every time, so that nothing is known."""
    return sum(client.gather(client.map(noop, range(first, first + n)))) - n * first


def fresh(step: int) -> Callable[[], int]:
    """Give numbers that were not given before."""
    numbers = iter(range(0, 10**15, step))
    return lambda: next(numbers)


def round_trips(client: Any, n: int, first: int) -> list[float]:
    """Time single calls, in microseconds."""
    times = []
    for i in range(first, first + n):
        start = time.perf_counter()
        assert client.submit(inc, i).result() == i + 1
        times.append((time.perf_counter() - start) * 1e6)
    return times


def tree(library: Any, n: int) -> int:
    """Add numbers pairwise, n tasks in all, on the current client."""
    lazy = library.delayed(add)
    level: list[Any] = list(range((n + 1) // 2 + 1))
    while len(level) > 1:
        odd = level[len(level) & ~1 :]
        level = [lazy(*level[i : i + 2]) for i in range(0, len(level) & ~1, 2)] + odd
    return level[0].compute()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--tree", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    number = fresh(10**6)
    # Dask is given less of the largest: its time grows with the number, ours does not.
    few = max(args.tree // 10, 100)
    with (
        raskt.distributed.Client(**WORKERS, dashboard_address=None) as ours,
        dask.distributed.Client(**WORKERS, dashboard_address=None) as theirs,
    ):
        for client in (ours, theirs):
            client.gather(client.map(noop, range(-1000, 0)))
        compare(
            f"map {args.tasks:,} and gather",
            lambda: mapped(ours, args.tasks, number()),
            lambda: mapped(theirs, args.tasks, number()),
            tasks=args.tasks,
            rounds=args.rounds,
            target=60,
        )
        mine = statistics.median(round_trips(ours, 1000, number()))
        other = statistics.median(round_trips(theirs, 100, number()))
        print(
            f"{'submit and result, median':44} raskt {mine:9.1f}  dask {other:9.1f} us"
            f"       ratio {other / mine:7.1f}x  (target 300 us)"
        )
        for n in (few, args.tree):
            with dask.config.set(scheduler=theirs):
                compare(
                    f"tree of {n:,} delayed additions",
                    lambda n=n: _on(ours, raskt, n),
                    lambda n=n: _on(theirs, dask, n),
                    tasks=n,
                    rounds=1 if n == args.tree else args.rounds,
                    target=20,
                )


def _on(client: Any, library: Any, n: int) -> int:
    with client.as_current():
        return tree(library, n)


if __name__ == "__main__":
    # Workers of both inherit this: numerical libraries take one thread each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
