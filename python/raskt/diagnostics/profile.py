"""Profilers: when tasks ran, what the machine did, how long results were held."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from timeit import default_timer
from types import TracebackType
from typing import Any, NamedTuple, Self

from raskt.callbacks import Callback
from raskt.diagnostics._resources import Sampler

__all__ = [
    "CacheData",
    "CacheProfiler",
    "Profiler",
    "ResourceData",
    "ResourceProfiler",
    "TaskData",
]


class TaskData(NamedTuple):
    """When and where one task ran; times are those of `timeit.default_timer`."""

    key: Hashable
    task: Any
    start_time: float
    end_time: float
    worker_id: Any


class ResourceData(NamedTuple):
    """What was in use at one time: memory in MB, CPU in percent of one core."""

    time: float
    mem: float
    cpu: float


class CacheData(NamedTuple):
    """How large one result was, and from when to when the scheduler held it."""

    key: Hashable
    task: Any
    metric: float
    cache_time: float
    free_time: float


class _Recorder(Callback):
    """What the profilers share: results, the time they span, and the picture."""

    results: list[Any]
    start_time: float | None
    end_time: float | None

    def __init__(self) -> None:
        self.clear()

    def __enter__(self) -> Self:
        self.clear()
        self.start_time = default_timer()
        return super().__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        self.end_time = default_timer()

    def _start(self, dsk: Any) -> None:
        if self.start_time is None:
            self.start_time = default_timer()

    def _finish(self, dsk: Any, state: dict[str, Any], failed: bool) -> None:
        self.end_time = default_timer()

    def clear(self) -> None:
        """Forget all results."""
        self.results = []
        self.start_time = self.end_time = None

    def visualize(self, **kwargs: Any) -> Any:
        """Draw the results: see `raskt.diagnostics.visualize` for the arguments."""
        from raskt.diagnostics.profile_visualize import visualize

        return visualize(self, **kwargs)


class Profiler(_Recorder):
    """Record when and where each task ran.

    Attributes
    ----------
    results : list of TaskData
        ``(key, task, start_time, end_time, worker_id)`` of each task that succeeded.

    Examples
    --------
    >>> from operator import add, mul
    >>> from raskt.diagnostics import Profiler
    >>> from raskt.threaded import get
    >>> with Profiler() as prof:
    ...     get({"x": 1, "y": (add, "x", 10), "z": (mul, "y", 2)}, "z")
    22
    >>> [task.key for task in prof.results]
    ['y', 'z']

    ``prof.visualize()`` draws them. A profiler that is registered records all
    computations, until its results are cleared.

    >>> prof.register()
    >>> prof.clear()
    >>> prof.unregister()
    """

    def __init__(self) -> None:
        super().__init__()
        self._running: dict[Hashable, float] = {}

    def _pretask(self, key: Hashable, dsk: Any, state: dict[str, Any]) -> None:
        self._running[key] = default_timer()

    def _posttask(
        self, key: Hashable, value: Any, dsk: Any, state: dict[str, Any], worker_id: Any
    ) -> None:
        end = default_timer()
        start = self._running.pop(key)
        self.results.append(TaskData(key, dsk[key], start, end, worker_id))

    def _finish(self, dsk: Any, state: dict[str, Any], failed: bool) -> None:
        super()._finish(dsk, state, failed)
        self._running.clear()


class ResourceProfiler(_Recorder):
    """Record the memory and CPU that this process and its children use.

    Parameters
    ----------
    dt : float, optional
        Seconds between two samples.

    Attributes
    ----------
    results : list of ResourceData
        ``(time, mem, cpu)``: memory in MB, CPU in percent, where 100 is one core. The
        first sample of a recording has nothing to compare with, its CPU is 0.

    Raises
    ------
    RuntimeError
        If resources cannot be read: this takes ``psutil``, except on Linux.

    Notes
    -----
    As a context manager it samples throughout the block; registered, only while a
    computation runs.

    Examples
    --------
    >>> from operator import add, mul
    >>> from raskt.diagnostics import ResourceProfiler
    >>> from raskt.threaded import get
    >>> with ResourceProfiler(dt=0.25) as prof:
    ...     get({"x": 1, "y": (add, "x", 10), "z": (mul, "y", 2)}, "z")
    22
    >>> all(sample.mem > 0 for sample in prof.results)
    True
    """

    def __init__(self, dt: float = 1) -> None:
        self._sampler = Sampler(dt)
        self._entered = False
        super().__init__()

    def __enter__(self) -> Self:
        # From here on `finish` of a computation no longer ends the recording.
        self._entered = True
        super().__enter__()
        self._sampler.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered = False
        self.close()
        super().__exit__(exc_type, exc, traceback)

    def _start(self, dsk: Any) -> None:
        super()._start(dsk)
        self._sampler.start()

    def _finish(self, dsk: Any, state: dict[str, Any], failed: bool) -> None:
        if not self._entered:
            self.close()
        super()._finish(dsk, state, failed)

    def close(self) -> None:
        """Stop sampling; what was sampled goes to the results."""
        self.results.extend(ResourceData(*sample) for sample in self._sampler.stop())

    def _is_running(self) -> bool:
        return self._sampler.running


class CacheProfiler(_Recorder):
    """Record how long the scheduler held each result, and how large it was.

    Parameters
    ----------
    metric : callable, optional
        ``metric(value)`` is the size of a result. By default each counts 1.
    metric_name : str, optional
        What the metric is called in pictures: the name of the function by default.

    Attributes
    ----------
    results : list of CacheData
        ``(key, task, metric, cache_time, free_time)`` of each result.

    Examples
    --------
    >>> from operator import add, mul
    >>> from raskt.diagnostics import CacheProfiler
    >>> from raskt.threaded import get
    >>> with CacheProfiler() as prof:
    ...     get({"x": 1, "y": (add, "x", 10), "z": (mul, "y", 2)}, "z")
    22
    >>> [(result.key, result.metric) for result in prof.results]
    [('y', 1), ('z', 1)]

    Bytes instead of results:

    >>> import sys
    >>> CacheProfiler(metric=sys.getsizeof).metric_name
    'getsizeof'
    """

    def __init__(
        self,
        metric: Callable[[Any], float] | None = None,
        metric_name: str | None = None,
    ) -> None:
        super().__init__()
        # Of the computation that runs: metric and time of each result, how many tasks
        # have yet to use it, and when there were none left.
        self._held: dict[Hashable, tuple[float, float]] = {}
        self._users: dict[Hashable, int] = {}
        self._free: dict[Hashable, float] = {}
        self._metric = metric or _count
        self._metric_name = metric_name or _name(self._metric)

    @property
    def metric_name(self) -> str:
        """What the metric is called in pictures."""
        return self._metric_name

    def _posttask(
        self, key: Hashable, value: Any, dsk: Any, state: dict[str, Any], worker_id: Any
    ) -> None:
        now = default_timer()
        self._held[key] = self._metric(value), now
        # The last task that needs a result frees it. Whether it was not asked for, and
        # so really is released, is known in the end: schedulers may say so later.
        for needed in state["dependencies"].get(key, ()):
            users = self._users.get(needed)
            if users is None:
                users = len(state["dependents"][needed])
            self._users[needed] = users - 1
            if users == 1:
                self._free[needed] = now

    def _finish(self, dsk: Any, state: dict[str, Any], failed: bool) -> None:
        super()._finish(dsk, state, failed)
        now = default_timer()
        released = state.get("released", ())
        results = [
            CacheData(
                key,
                dsk[key],
                metric,
                since,
                self._free.get(key, now) if key in released else now,
            )
            for key, (metric, since) in self._held.items()
        ]
        self.results += sorted(results, key=lambda result: result.free_time)
        for recorded in (self._held, self._users, self._free):
            recorded.clear()


def _count(value: Any) -> int:
    return 1


def _name(metric: Callable[[Any], float]) -> str:
    from raskt.utils import funcname

    return "count" if metric is _count else funcname(metric)
