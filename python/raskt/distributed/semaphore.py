"""``Semaphore``: so many at once, in the whole cluster."""

from __future__ import annotations

import threading
import uuid
import weakref
from collections import deque
from collections.abc import Generator
from typing import Any

from raskt import config
from raskt.distributed._shared import Shared
from raskt.distributed._waiting import seconds

__all__ = ["Semaphore"]


class Semaphore(Shared):
    """Leases of which there are only so many.

    Whoever holds a lease says so from time to time; leases of processes that died are
    taken back after the time of the option
    ``distributed.scheduler.locks.lease-timeout``.

    Parameters
    ----------
    max_leases : int
        How many there are.
    name : str, optional
        Its name; unlike any other by default.
    scheduler_rpc, loop : object, optional
        Accepted and ignored.

    Examples
    --------
    >>> from raskt.distributed import Client, Semaphore
    >>> with Client(processes=False, n_workers=1):
    ...     database = Semaphore(max_leases=2, name="database")
    ...     with database:
    ...         database.get_value()
    1
    """

    def __init__(
        self,
        max_leases: int = 1,
        name: str | None = None,
        scheduler_rpc: Any = None,
        loop: Any = None,
    ):
        super().__init__(name)
        self.max_leases = max_leases
        self._leases: deque[str] = deque()
        self._is_open = False

    async def _open(self) -> Semaphore:
        if not self._is_open:
            await self._request(
                "semaphore_open", name=self._key, leases=self.max_leases
            )
            self._is_open = True
        return self

    def register(self, **kwargs: Any) -> Any:
        """Make it, if there is none of its name.

        Raises
        ------
        ValueError
            If there is one with another number of leases.
        """
        return self._do(self._open())

    async def _acquire(self, timeout: float | None) -> bool:
        await self._open()
        lease = uuid.uuid4().hex
        taken = await self._request(
            "semaphore_acquire", name=self._key, lease=lease, timeout=timeout
        )
        if taken:
            self._leases.append(lease)
            _refresher.keep(self)
        return bool(taken)

    def acquire(self, timeout: Any = None) -> Any:
        """Take a lease, and wait for one if need be.

        Parameters
        ----------
        timeout : number or str, optional
            How long to wait, in seconds.

        Returns
        -------
        bool
            False if there was none in time.
        """
        return self._do(self._acquire(seconds(timeout)))

    async def _release(self) -> bool:
        if not self._leases:
            raise RuntimeError("Released too often")
        lease = self._leases.popleft()
        return await self._request("semaphore_release", name=self._key, lease=lease)

    def release(self) -> Any:
        """Give a lease back.

        Raises
        ------
        RuntimeError
            If this object holds none.
        """
        return self._do(self._release())

    async def _get_value(self) -> int:
        await self._open()
        return await self._request("semaphore_value", name=self._key)

    def get_value(self) -> Any:
        """Give the number of leases that are taken, by anybody."""
        return self._do(self._get_value())

    def close(self) -> Any:
        """Remove it; whoever waits for it gets an error."""
        return self._do(self._request("semaphore_close", name=self._key))

    def _refresh(self) -> bool:
        """Say that the leases are in use; false if there are none."""
        leases = list(self._leases)
        client = self.client
        if not leases or client is None or client.status != "running":
            return False
        client._native.request("semaphore_refresh", name=self._key, leases=leases)
        return True

    def __enter__(self) -> Semaphore:
        self.acquire()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.release()

    async def __aenter__(self) -> Semaphore:
        await self._acquire(None)
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._release()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._open().__await__()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.max_leases, self.name)


class _Refresher:
    """One thread that says which leases of this process are in use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: weakref.WeakSet[Semaphore] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def keep(self, semaphore: Semaphore) -> None:
        """Refresh the leases of a semaphore for as long as it has some."""
        # Whose client it is must not depend on the thread that asks.
        semaphore._client = semaphore.client
        with self._lock:
            self._kept.add(semaphore)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._refresh_regularly, name="raskt-leases", daemon=True
                )
                self._thread.start()

    def _refresh_regularly(self) -> None:
        end = threading.Event()
        while True:
            timeout = config.get("distributed.scheduler.locks.lease-timeout", "30s")
            end.wait((seconds(timeout) or 30.0) / 5)
            with self._lock:
                kept = list(self._kept)
                if not kept:
                    self._thread = None
                    return
            for semaphore in kept:
                if not semaphore._refresh():
                    with self._lock:
                        self._kept.discard(semaphore)


_refresher = _Refresher()
