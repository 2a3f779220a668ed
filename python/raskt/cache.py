"""Keep the intermediate results that are worth most for their size.

`Cache` watches computations and remembers results that took long and are small. When
a later graph has the same key, the result is put in its place.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Hashable
from timeit import default_timer
from typing import Any, SupportsFloat

from raskt.callbacks import Callback

__all__ = ["Cache", "ScoredStore"]


class Cache(Callback):
    """Remember intermediate results between computations.

    Parameters
    ----------
    cache : number or ScoredStore
        How many bytes may be used, or the store to use.
    limit : float, optional
        Results that took less than this many seconds a byte are not kept.
    halflife : float, optional
        After how many stored or found results a score has lost half of its weight.
    nbytes : callable, optional
        ``nbytes(value)`` is the size of a value; `raskt.sizeof.sizeof` by default.

    Notes
    -----
    A result is found again by its key, so it helps where keys are deterministic. The
    value handed out is the one that was stored: do not change results in place.

    Examples
    --------
    >>> from operator import add
    >>> from raskt.cache import Cache
    >>> from raskt.local import get_sync
    >>> cache = Cache(1e6)
    >>> with cache:
    ...     get_sync({"x": (add, 1, 2), "y": (add, "x", 10)}, "y")
    13
    >>> sorted(cache.cache.data)
    ['x', 'y']

    To use it for all computations, register it.

    >>> cache.register()
    >>> cache.unregister()
    """

    def __init__(
        self,
        cache: float | ScoredStore,
        limit: float = 0,
        halflife: float = 1000,
        nbytes: Callable[[Any], int] | None = None,
    ) -> None:
        if isinstance(cache, SupportsFloat):
            self.cache = ScoredStore(float(cache), limit=limit, halflife=halflife)
        elif (limit, halflife) == (0, 1000):
            self.cache = cache
        else:
            raise TypeError("a store has its own limit and halflife: set them there")
        self.starttimes: dict[Hashable, float] = {}
        self.durations: dict[Hashable, float] = {}
        self._nbytes = nbytes or _sizeof

    def _start(self, dsk: dict[Hashable, Any]) -> None:
        from raskt.task_spec import DataNode

        known = self.cache.data
        small, large = (dsk, known) if len(dsk) < len(known) else (known, dsk)
        for key in [key for key in small if key in large]:
            dsk[key] = DataNode(key, self.cache.get(key))

    def _pretask(self, key: Hashable, dsk: Any, state: dict[str, Any]) -> None:
        self.starttimes[key] = default_timer()

    def _posttask(
        self, key: Hashable, value: Any, dsk: Any, state: dict[str, Any], worker: Any
    ) -> None:
        duration = default_timer() - self.starttimes.pop(key)
        # What it would take to have the value again: also what it was made from.
        dependencies = state["dependencies"].get(key, ())
        duration += max((self.durations.get(d, 0.0) for d in dependencies), default=0.0)
        self.durations[key] = duration
        nbytes = self._nbytes(value)
        self.cache.put(key, value, cost=duration / max(nbytes, 1), nbytes=nbytes)

    def _finish(self, dsk: Any, state: dict[str, Any], failed: bool) -> None:
        self.starttimes.clear()
        self.durations.clear()


class ScoredStore:
    """A mapping of bounded size that gives up what is worth least.

    The worth of a value is its cost, summed over its uses, where later uses weigh more.

    Parameters
    ----------
    available_bytes : number
        The most that all values together may have.
    limit : float, optional
        Values of a lower cost are not kept.
    halflife : float, optional
        After how many uses of any value the weight of a use has halved.

    Examples
    --------
    >>> from raskt.cache import ScoredStore
    >>> store = ScoredStore(100)
    >>> store.put("cheap", 1, cost=0.1, nbytes=60)
    >>> store.put("dear", 2, cost=0.5, nbytes=60)
    >>> store.data
    {'dear': 2}
    """

    def __init__(
        self, available_bytes: float, limit: float = 0, halflife: float = 1000
    ) -> None:
        if not available_bytes >= 0:
            raise ValueError(f"a cache cannot have {available_bytes} bytes")
        if not halflife > 0:
            raise ValueError(f"halflife must be positive, not {halflife}")
        self.available_bytes = available_bytes
        self.limit = limit
        self.halflife = halflife
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.data: dict[Hashable, Any] = {}
        self.total_bytes = 0
        self._nbytes: dict[Hashable, int] = {}
        self._cost: dict[Hashable, float] = {}
        # Base-2 logarithms: the weight of a use doubles with each halflife, which as a
        # plain number would soon be infinite.
        self._score: dict[Hashable, float] = {}
        self._uses = 0
        # Lowest score first. Entries whose score is no longer current are skipped.
        self._heap: list[tuple[float, int, Hashable]] = []
        self._serial = itertools.count()

    def put(self, key: Hashable, value: Any, cost: float, nbytes: int) -> None:
        """Keep a value, and drop those worth less that it takes the room of.

        Parameters
        ----------
        key : hashable
            Its name; an older value of that name is replaced.
        value : object
            What to keep.
        cost : float
            What each of its bytes is worth, such as the seconds that it took to make.
        nbytes : int
            Its size. A value that is larger than the whole store is not kept.
        """
        if cost < self.limit or nbytes > self.available_bytes:
            self._drop(key)
            return
        self.total_bytes += nbytes - self._nbytes.get(key, 0)
        self.data[key] = value
        self._nbytes[key] = nbytes
        self._cost[key] = cost
        self._touch(key)
        while self.total_bytes > self.available_bytes:
            score, _, lowest = heapq.heappop(self._heap)
            if self._score.get(lowest) == score:
                self._drop(lowest)

    def get(self, key: Hashable, default: Any = None) -> Any:
        """Return a value, which counts as a use of it.

        Parameters
        ----------
        key : hashable
            Its name.
        default : object, optional
            What to return if there is no such value.
        """
        if key not in self.data:
            return default
        self._touch(key)
        return self.data[key]

    def _touch(self, key: Hashable) -> None:
        self._uses += 1
        cost = self._cost[key]
        weight = math.log2(cost) + self._uses / self.halflife if cost else -math.inf
        low, high = sorted((weight, self._score.get(key, -math.inf)))
        score = high + math.log2(1 + 2 ** (low - high)) if low > -math.inf else high
        self._score[key] = score
        heapq.heappush(self._heap, (score, next(self._serial), key))
        if len(self._heap) > 2 * len(self.data) + 64:
            self._heap = [
                (score, next(self._serial), key) for key, score in self._score.items()
            ]
            heapq.heapify(self._heap)

    def _drop(self, key: Hashable) -> None:
        if key in self.data:
            self.total_bytes -= self._nbytes.pop(key)
            del self.data[key], self._cost[key], self._score[key]


def _sizeof(value: Any) -> int:
    from raskt.sizeof import sizeof

    return sizeof(value)
