"""``SpecCluster``: a cluster that is described by what to start."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import copy
import math
import weakref
from typing import Any

from raskt.distributed.core import Status
from raskt.distributed.deploy.cluster import Cluster
from raskt.distributed.security import Security
from raskt.utils import parse_bytes

__all__ = ["ProcessInterface", "SpecCluster"]

_open: weakref.WeakSet[SpecCluster] = weakref.WeakSet()


class ProcessInterface:
    """What a cluster starts: for others to override.

    Parameters
    ----------
    scheduler : str, optional
        The address of the scheduler, for workers.
    name : str, optional
        What it is called.
    """

    address: str | None = None
    external_address: str | None = None

    def __init__(self, scheduler: str | None = None, name: Any = None):
        self.name = name
        self.status = Status.created
        self.lock = asyncio.Lock()
        self._finished = asyncio.Event()

    @property
    def status(self) -> Status:
        """What it is doing."""
        return self._status

    @status.setter
    def status(self, status: Status | str) -> None:
        self._status = Status[status] if isinstance(status, str) else status

    async def start(self) -> None:
        """Start it. Subclasses call this at the end."""
        self.status = Status.running

    async def close(self) -> None:
        """Close it. Subclasses call this at the end."""
        self.status = Status.closed
        self._finished.set()

    async def finished(self) -> None:
        """Wait until it has ended."""
        await self._finished.wait()

    async def _started(self) -> ProcessInterface:
        async with self.lock:
            if self.status == Status.created:
                await self.start()
        return self

    def __await__(self) -> Any:
        return self._started().__await__()

    async def __aenter__(self) -> ProcessInterface:
        return await self

    async def __aexit__(self, *exc: Any) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: status={self.status.name}>"


class SpecCluster(Cluster):
    """A cluster that is described by what to start.

    Parameters
    ----------
    workers : dict, optional
        For each name of a worker a dict: ``cls`` and ``options`` for it.
    scheduler : dict, optional
        The same for the scheduler.
    worker : dict, optional
        The same for workers that are added by :meth:`scale`.
    asynchronous, loop, name, scheduler_sync_interval
        As for :class:`Cluster`.
    security : Security, optional
        Certificates and keys.
    silence_logs : int or bool
        Log only what is at least as severe.
    shutdown_on_close, shutdown_scheduler : bool
        End the scheduler, too, when this is closed?

    Examples
    --------
    >>> from raskt.distributed import Scheduler, SpecCluster, Worker
    >>> spec = {"cls": Worker, "options": {"nthreads": 1}}
    >>> with SpecCluster({"one": spec}, {"cls": Scheduler}, spec) as cluster:
    ...     cluster.wait_for_workers(1)
    ...     cluster.observed
    {'one'}
    """

    def __init__(
        self,
        workers: dict | None = None,
        scheduler: dict | None = None,
        worker: dict | None = None,
        asynchronous: bool = False,
        loop: Any = None,
        security: Any = None,
        silence_logs: Any = False,
        name: str | None = None,
        shutdown_on_close: bool = True,
        scheduler_sync_interval: Any = 1,
        shutdown_scheduler: bool = True,
    ):
        super().__init__(asynchronous=asynchronous, loop=loop, name=name)
        self.scheduler_spec = copy.copy(scheduler)
        self.worker_spec = copy.copy(workers) or {}
        self.new_spec = copy.copy(worker)
        self.scheduler: Any = None
        self.workers: dict[Any, Any] = {}
        self.security = security or Security()
        self.shutdown_on_close = shutdown_on_close
        self.shutdown_scheduler = shutdown_scheduler
        self._number = 0
        self._correcting: asyncio.Lock | None = None
        self._futures: set[Any] = set()
        self._silence(silence_logs)
        if not asynchronous:
            try:
                self.sync(self._start)
            except BaseException:
                self.sync(self._close)
                raise

    @staticmethod
    def _silence(level: Any) -> None:
        if level:
            import logging

            logging.getLogger("raskt.distributed").setLevel(level)

    async def _start(self) -> None:
        if self.status != Status.created:
            return
        self.status = Status.starting
        if self.scheduler_spec is None:
            from raskt.distributed.scheduler import Scheduler

            self.scheduler_spec = {"cls": Scheduler, "options": {"port": 0}}
        _open.add(self)
        kind, options = _parts(self.scheduler_spec)
        self.scheduler = await kind(**options)
        external = getattr(self.scheduler, "external_address", None)
        self.scheduler_address = external or self.scheduler.address
        self._secret = getattr(getattr(self.scheduler, "_handle", None), "secret", None)
        await super()._start()
        await self._correct_state()

    async def _correct_state(self) -> None:
        """Start workers that should be there, close those that should not."""
        if self._correcting is None:
            self._correcting = asyncio.Lock()
        async with self._correcting:
            if self.status in (Status.closing, Status.closed):
                return
            await self._close_workers(set(self.workers) - set(self.worker_spec))
            new = {
                name: self._made(name, spec)
                for name, spec in self.worker_spec.items()
                if name not in self.workers
            }
            self.workers.update(new)
            done = await asyncio.gather(
                *(self._begun(worker) for worker in new.values()),
                return_exceptions=True,
            )
            for name, error in zip(new, done, strict=True):
                if isinstance(error, BaseException):
                    self.workers.pop(name, None)
                    self.worker_spec.pop(name, None)
            for error in done:
                if isinstance(error, BaseException):
                    raise error

    @staticmethod
    async def _begun(worker: Any) -> None:
        await worker

    def _made(self, name: Any, spec: dict) -> Any:
        kind, options = _parts(spec)
        options.setdefault("name", name)
        if self._secret and hasattr(kind, "_begin"):
            worker = kind(self._scheduler_for_workers(), **options)
            worker._secret = self._secret
            return worker
        return kind(self._scheduler_for_workers(), **options)

    def _scheduler_for_workers(self) -> str:
        return getattr(self.scheduler, "address", None) or self.scheduler_address

    async def _close_workers(self, names: set) -> None:
        leaving = [self.workers.pop(name) for name in names]
        if not leaving:
            return
        addresses = [str(getattr(w, "name", "")) for w in leaving]
        with contextlib.suppress(Exception):
            # What they hold goes to the others first.
            await self._ask(
                "retire", workers=addresses, count=0, close=True, remove=True
            )
        await asyncio.gather(
            *(worker.close() for worker in leaving), return_exceptions=True
        )

    async def _close(self) -> None:
        if self.status in (Status.closing, Status.closed):
            return
        self.status = Status.closing
        if self._adaptive is not None:
            self._adaptive.stop()
        workers, self.workers = self.workers, {}
        await asyncio.gather(
            *(worker.close() for worker in workers.values()), return_exceptions=True
        )
        await super()._close()
        if self.scheduler is not None and self.shutdown_scheduler:
            await self.scheduler.close()
        _open.discard(self)
        self.status = Status.closed

    # --- how many workers -------------------------------------------------------------

    @property
    def plan(self) -> set:
        """The names of the workers that there should be."""
        return _names(self.worker_spec)

    @property
    def requested(self) -> set:
        """The names of the workers that were started."""
        return _names({n: self.worker_spec.get(n, {}) for n in self.workers})

    def new_worker_spec(self) -> dict[Any, dict]:
        """Give the name and description of one more worker."""
        name = self._new_worker_name(self._number)
        while name in self.worker_spec:
            self._number += 1
            name = self._new_worker_name(self._number)
        self._number += 1
        return {name: self.new_spec}

    def _new_worker_name(self, worker_number: int) -> Any:
        """Give the name of a worker with this number; subclasses may override."""
        return worker_number

    def scale(self, n: Any = 0, memory: Any = None, cores: int | None = None) -> Any:
        """Have so many workers, or so much memory or so many threads in all.

        Parameters
        ----------
        n : int
            How many workers.
        memory : str, optional
            How much memory, like ``"64 GB"``.
        cores : int, optional
            How many threads.
        """
        n = max(n, *self._counts(memory, cores))
        surplus = len(self.worker_spec) - math.ceil(n / self._group_size())
        if surplus > 0:
            started = [name for name in self.worker_spec if name not in self.workers]
            last = [name for name in self.worker_spec if name in self.workers][::-1]
            for name in [*started, *last][:surplus]:
                del self.worker_spec[name]
        while len(self.worker_spec) * self._group_size() < n:
            if self.new_spec is None:
                raise ValueError("this cluster has no description of new workers")
            self.worker_spec.update(self.new_worker_spec())
        return self._corrected_soon()

    def _counts(self, memory: Any, cores: int | None) -> list[int]:
        counts = [0]
        options = (self.new_spec or {}).get("options", {})
        if memory is not None:
            from raskt.distributed.memory import parse_memory_limit

            threads = options.get("nthreads") or 1
            own = parse_memory_limit(options.get("memory_limit", "auto"), threads)
            counts.append(math.ceil(parse_bytes(memory) / own) if own else 0)
        if cores is not None:
            counts.append(math.ceil(cores / (options.get("nthreads") or 1)))
        return counts

    def _group_size(self) -> int:
        return len((self.new_spec or {}).get("group", [None]))

    def _corrected_soon(self) -> Any:
        if self.status != Status.running:
            return _NotYet() if self.asynchronous else None
        operation = self._correct_state()
        if not self.asynchronous:
            future: Any = asyncio.run_coroutine_threadsafe(operation, self.loop)
            future.add_done_callback(self._note_failure)
            return None
        task = asyncio.ensure_future(operation)
        self._futures.add(task)
        task.add_done_callback(self._futures.discard)
        return task

    def _note_failure(self, future: Any) -> None:
        if not future.cancelled() and future.exception() is not None:
            self._log(f"workers could not be started: {future.exception()!r}")

    async def scale_up(self, n: Any = 0, memory: Any = None, cores: Any = None) -> None:
        """Have at least so many workers."""
        if n > len(self.plan):
            self.scale(n, memory, cores)
            await self._correct_state()

    async def scale_down(self, workers: Any) -> None:
        """Close workers, by name."""
        for name in workers:
            if name not in self.worker_spec:
                name = _group_of(name, self.worker_spec)
            self.worker_spec.pop(name, None)
        await self._correct_state()

    scale_up_async = scale_up

    def adapt(
        self,
        Adaptive: Any = None,
        minimum: float = 0,
        maximum: float = math.inf,
        minimum_cores: int | None = None,
        maximum_cores: int | None = None,
        minimum_memory: str | None = None,
        maximum_memory: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Have as many workers as the work needs, from now on.

        Parameters
        ----------
        Adaptive : type, optional
            What decides; :class:`Adaptive` by default.
        minimum, maximum : int
            How many workers.
        minimum_cores, maximum_cores : int, optional
            How many threads in all.
        minimum_memory, maximum_memory : str, optional
            How much memory in all.
        **kwargs
            For :class:`Adaptive`: ``interval``, ``target_duration``, ``wait_count``.
        """
        low = max(minimum, *self._counts(minimum_memory, minimum_cores))
        high = maximum
        for limit in ((maximum_memory, None), (None, maximum_cores)):
            count = max(self._counts(*limit))
            if limit != (None, None) and count:
                high = min(high, count)
        return super().adapt(Adaptive, minimum=low, maximum=high, **kwargs)

    @classmethod
    def from_name(cls, name: str) -> Any:
        """Find a cluster by its name: for kinds of clusters that can."""
        raise NotImplementedError(f"{cls.__name__} cannot be found by name")


class _NotYet:
    """What an awaited :meth:`scale` gives before the cluster has started."""

    def __await__(self) -> Any:
        return iter(())


def _parts(spec: dict) -> tuple[Any, dict]:
    """Give the class and the options of a description."""
    kind = spec["cls"]
    if isinstance(kind, str):
        from raskt.distributed._imports import import_term

        kind = import_term(kind)
    return kind, dict(spec.get("options", {}))


def _names(specs: dict) -> set:
    """Give the names of workers; one description may stand for a group of them."""
    names = set()
    for name, spec in specs.items():
        if "group" in spec:
            names.update(f"{name}{suffix}" for suffix in spec["group"])
        else:
            names.add(name)
    return names


def _group_of(name: Any, specs: dict) -> Any:
    for own, spec in specs.items():
        if any(f"{own}{suffix}" == name for suffix in spec.get("group", ())):
            return own
        if str(own) == str(name):
            return own
    return name


@atexit.register
def _close_all() -> None:
    """Close the clusters that the program left open."""
    for cluster in list(_open):
        if cluster.shutdown_on_close and not cluster._asynchronous:
            with contextlib.suppress(Exception):
                cluster.close(timeout=10)
