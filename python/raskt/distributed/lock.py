"""``Lock``: one at a time, in the whole cluster."""

from __future__ import annotations

from typing import Any

from raskt.distributed._waiting import seconds
from raskt.distributed.semaphore import Semaphore

__all__ = ["Lock"]


class Lock(Semaphore):
    """A lock that clients and tasks share.

    Parameters
    ----------
    name : str, optional
        Its name; unlike any other by default.
    scheduler_rpc, loop : object, optional
        Accepted and ignored.

    Examples
    --------
    >>> from raskt.distributed import Client, Lock
    >>> with Client(processes=False, n_workers=1):
    ...     with Lock("the file") as lock:
    ...         lock.locked()
    True
    """

    def __init__(
        self, name: str | None = None, scheduler_rpc: Any = None, loop: Any = None
    ):
        super().__init__(1, name, scheduler_rpc, loop)

    def acquire(self, blocking: bool = True, timeout: Any = None) -> Any:
        """Lock it, and wait if need be.

        Parameters
        ----------
        blocking : bool
            Wait?
        timeout : number or str, optional
            How long, in seconds.

        Returns
        -------
        bool
            False if it was not free in time.
        """
        if not blocking:
            if timeout is not None:
                raise ValueError("can't specify a timeout for a non-blocking call")
            timeout = 0
        return self._do(self._acquire(seconds(timeout)))

    async def _locked(self) -> bool:
        return await self._get_value() == 1

    def locked(self) -> Any:
        """Tell whether anybody holds it."""
        return self._do(self._locked())

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name,)
