"""``MultiLock``: several locks at once, without deadlock."""

from __future__ import annotations

import uuid
from typing import Any

from raskt.distributed._shared import Shared
from raskt.distributed._waiting import seconds

__all__ = ["MultiLock"]


class MultiLock(Shared):
    """Locks of several names that are taken together.

    Parameters
    ----------
    names : list of str, optional
        What to lock.
    client : Client, optional
        Through whom it is used; the default client by default.

    Examples
    --------
    >>> from raskt.distributed import Client, MultiLock
    >>> with Client(processes=False, n_workers=1):
    ...     with MultiLock(names=["x", "y"]) as locks:
    ...         locks.locked()
    True
    """

    def __init__(self, names: list[str] | None = None, client: Any = None):
        super().__init__(None, client)
        self.names = list(names or [])
        self._owner = uuid.uuid4().hex
        self._locked = False

    async def _acquire(self, timeout: float | None, count: int) -> bool:
        self._locked = bool(
            await self._request(
                "multi_lock_acquire",
                names=self.names,
                owner=self._owner,
                count=count,
                timeout=timeout,
            )
        )
        return self._locked

    def acquire(
        self, blocking: bool = True, timeout: Any = None, num_locks: int | None = None
    ) -> Any:
        """Lock all names, and wait if need be.

        Parameters
        ----------
        blocking : bool
            Wait?
        timeout : number or str, optional
            How long, in seconds.
        num_locks : int, optional
            How many of them are enough; all by default.

        Returns
        -------
        bool
            False if they were not free in time.
        """
        if not blocking:
            if timeout is not None:
                raise ValueError("can't specify a timeout for a non-blocking call")
            timeout = 0
        count = len(self.names) if num_locks is None else num_locks
        if not 1 <= count <= len(self.names):
            raise ValueError(f"num_locks must be from 1 to {len(self.names)}")
        if self._locked:
            raise RuntimeError("it is locked already by this object")
        return self._do(self._acquire(seconds(timeout), count))

    async def _release(self) -> None:
        self._locked = False
        await self._request("multi_lock_release", names=self.names, owner=self._owner)

    def release(self) -> Any:
        """Unlock all names.

        Raises
        ------
        ValueError
            If they are not locked by this object.
        """
        if not self._locked:
            raise ValueError(f"Lock is not yet acquired: {self.names}")
        return self._do(self._release())

    def locked(self) -> bool:
        """Tell whether this object holds the locks."""
        return self._locked

    def __enter__(self) -> MultiLock:
        self.acquire()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.release()

    async def __aenter__(self) -> MultiLock:
        await self.acquire()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.names,)
