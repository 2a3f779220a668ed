"""``Adaptive``: as many workers as the work needs."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from typing import Any

from raskt import config
from raskt.distributed._waiting import seconds
from raskt.distributed.core import Status

__all__ = ["Adaptive"]

logger = logging.getLogger(__name__)


class Adaptive:
    """Scales a cluster with its work.

    Made by ``cluster.adapt(minimum=..., maximum=...)``.

    Parameters
    ----------
    cluster : Cluster
        What to scale.
    interval : number or str, optional
        How often to look.
    minimum, maximum : int, optional
        The bounds for the number of workers.
    wait_count : int, optional
        How many times in a row a worker must not be needed before it is closed.
    target_duration : number or str, optional
        How long the whole work may take.
    worker_key : callable, optional
        Accepted and ignored: the scheduler chooses which workers may go.
    **kwargs
        Accepted and ignored.

    Examples
    --------
    >>> from raskt.distributed import Client, LocalCluster
    >>> with LocalCluster(n_workers=0, processes=False) as cluster:
    ...     adaptive = cluster.adapt(minimum=0, maximum=2, interval="10 ms")
    ...     with Client(cluster) as client:
    ...         client.submit(abs, -1).result()
    1
    """

    def __init__(
        self,
        cluster: Any,
        interval: Any = None,
        minimum: int | None = None,
        maximum: float | None = None,
        wait_count: int | None = None,
        target_duration: Any = None,
        worker_key: Any = None,
        **kwargs: Any,
    ):
        self.cluster = cluster
        self.interval = seconds(_default(interval, "interval")) or 0.0
        self.minimum = int(_default(minimum, "minimum"))
        self.maximum = _bound(_default(maximum, "maximum"))
        self.wait_count = int(_default(wait_count, "wait-count"))
        self.target_duration = seconds(_default(target_duration, "target-duration"))
        if self.maximum < self.minimum:
            raise ValueError(
                f"maximum ({self.maximum}) is less than minimum ({self.minimum})"
            )
        self.log: list[tuple[float, dict]] = []
        self._unneeded: dict[Any, int] = defaultdict(int)
        self._task: Any = None
        self.state = "starting"
        if self.interval:
            self.cluster.loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self.state == "starting":
            self.state = "running"
            self._task = asyncio.ensure_future(self._adapt_regularly())

    async def _adapt_regularly(self) -> None:
        while self.state == "running":
            try:
                await self.adapt()
            except Exception:
                if self.cluster.status != Status.running:
                    return
                logger.exception("the cluster could not be scaled")
            await asyncio.sleep(self.interval)

    def stop(self, reason: str = "unknown") -> None:
        """Scale the cluster no more."""
        if self.state == "stopped":
            return
        self.state = "stopped"
        task, self._task = self._task, None
        if task is not None:
            self.cluster.loop.call_soon_threadsafe(task.cancel)

    @property
    def loop(self) -> Any:
        """The event loop of the cluster."""
        return self.cluster.loop

    @property
    def plan(self) -> set:
        """The names of the workers that there should be."""
        return self.cluster.plan

    @property
    def requested(self) -> set:
        """The names of the workers that were started."""
        return self.cluster.requested

    @property
    def observed(self) -> set:
        """The names of the workers that have joined."""
        return self.cluster.observed

    async def target(self) -> int:
        """Give the number of workers that would be right."""
        wanted = self.target_duration or 0.0
        return await self.cluster._ask("adaptive_target", target=wanted)

    async def safe_target(self) -> int:
        """Give the number of workers that would be right, within the bounds."""
        return int(max(self.minimum, min(self.maximum, await self.target())))

    async def workers_to_close(self, target: int) -> list:
        """Give the names of the workers that are needed least, down to a target."""
        count = max(len(self.cluster.plan) - target, 0)
        addresses = await self.cluster._ask(
            "workers_to_close", count=count, minimum=target
        )
        info = await asyncio.to_thread(lambda: self.cluster.scheduler_info)
        workers = info["workers"]
        return [workers[a]["name"] for a in addresses if a in workers]

    async def recommendations(self, target: int) -> dict[str, Any]:
        """Say what to do for a target: ``up``, ``down`` or ``same``."""
        plan = set(self.cluster.plan)
        if target == len(plan):
            self._unneeded.clear()
            return {"status": "same"}
        if target > len(plan):
            self._unneeded.clear()
            return {"status": "up", "n": target}
        observed = await asyncio.to_thread(lambda: self.cluster.observed)
        seen = {str(name) for name in observed}
        late = [name for name in plan if str(name) not in seen]
        closing = late[: len(plan) - target]
        if len(plan) - len(closing) > target:
            closing += await self.workers_to_close(target)
        unneeded = {name: self._unneeded[name] + 1 for name in closing}
        self._unneeded = defaultdict(int, unneeded)
        firm = [name for name, times in unneeded.items() if times >= self.wait_count]
        return {"status": "down", "workers": firm} if firm else {"status": "same"}

    async def adapt(self) -> None:
        """Look once, and scale if need be."""
        found = await self.recommendations(await self.safe_target())
        status = found.pop("status")
        if status == "up":
            await self.scale_up(**found)
        elif status == "down":
            await self.scale_down(**found)

    async def scale_up(self, n: int) -> None:
        """Have so many workers."""
        self._note("up", n=n)
        await self.cluster.scale_up(n)

    async def scale_down(self, workers: list) -> None:
        """Close workers, by name."""
        self._note("down", workers=workers)
        await self.cluster.scale_down(workers)

    def _note(self, status: str, **what: Any) -> None:
        import time

        self.log.append((time.time(), {"status": status, **what}))

    @property
    def scheduler(self) -> Any:
        """The scheduler of the cluster."""
        return getattr(self.cluster, "scheduler", None)


def _default(value: Any, option: str) -> Any:
    return config.get(f"distributed.adaptive.{option}") if value is None else value


def _bound(value: Any) -> float:
    """Read a bound, which YAML may have written as text."""
    return math.inf if value in ("inf", ".inf", None) else value
