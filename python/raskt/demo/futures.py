"""A cluster on this machine, and the classic session of futures on it."""

from __future__ import annotations

import time
from dataclasses import dataclass


def square(x: int) -> int:
    """Multiply ``x`` with itself."""
    return x * x


def neg(x: int) -> int:
    """Turn the sign of ``x``."""
    return -x


@dataclass
class Session:
    """What the session gave, and how long it took."""

    scheduler: str
    workers: int
    total: int
    round_trip_s: float
    tasks_per_s: float


TASKS = 20_000


def session(n_workers: int) -> Session:
    """Start a cluster, compute with futures, and end it."""
    from raskt.distributed import Client

    with Client(
        n_workers=n_workers, threads_per_worker=1, dashboard_address=None
    ) as client:
        a = client.map(square, range(10))
        b = client.map(neg, a)
        total = client.submit(sum, b).result()
        trips = [_round_trip(client, i) for i in range(1000, 1200)]
        start = time.perf_counter()
        numbers = client.gather(client.map(neg, range(TASKS)))
        took = time.perf_counter() - start
        if numbers != [-x for x in range(TASKS)]:
            raise AssertionError("the cluster gave other numbers than plain Python")
        return Session(
            client.scheduler_info()["address"],
            len(client.nthreads()),
            total,
            sorted(trips)[len(trips) // 2],
            TASKS / took,
        )


def _round_trip(client: object, x: int) -> float:
    start = time.perf_counter()
    client.submit(square, x).result()  # type: ignore[attr-defined]
    return time.perf_counter() - start
