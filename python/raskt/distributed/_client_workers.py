"""The part of a client that waits for workers, restarts them, lets them go."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from raskt.distributed._client_base import ClientPart, names_of_workers
from raskt.distributed._waiting import seconds
from raskt.distributed.exceptions import WorkerStartTimeoutError

__all__ = ["MemoryManager", "WorkerMethods"]

no_default: Any = "__no_default__"


class WorkerMethods(ClientPart):
    """``wait_for_workers``, ``restart``, ``restart_workers``, ``retire_workers``."""

    _scheduler_info: Callable[..., Coroutine[Any, Any, dict[str, Any]]]

    async def _wait_for_workers(self, n_workers: int, timeout: float | None) -> None:
        try:
            await self._request(
                "wait_for_workers", count=n_workers, timeout=timeout or 0.0
            )
        except TimeoutError:
            there = len((await self._scheduler_info())["workers"])
            raise WorkerStartTimeoutError(there, n_workers, timeout or 0.0) from None

    def wait_for_workers(self, n_workers: int, timeout: Any = None) -> Any:
        """Wait until there are at least so many workers.

        Parameters
        ----------
        n_workers : int
            How many.
        timeout : number or str, optional
            How long to wait, in seconds.

        Raises
        ------
        TimeoutError
            If there are fewer after that time.
        """
        if not isinstance(n_workers, int) or n_workers < 1:
            raise ValueError(
                f"`n_workers` must be a positive integer. Instead got {n_workers!r}."
            )
        return self._do(self._wait_for_workers(n_workers, seconds(timeout)))

    async def _restart(
        self, workers: list[str], timeout: float | None, wait: bool
    ) -> None:
        if timeout is None:
            timeout = 2 * (self._timeout or 30.0)
        await self._request("restart", workers=workers, timeout=timeout, wait=wait)

    def restart(self, timeout: Any = no_default, wait_for_workers: bool = True) -> Any:
        """Drop all results and start all workers anew.

        Workers without a nanny are closed and do not come back.

        Parameters
        ----------
        timeout : number or str, optional
            How long workers may take to come back.
        wait_for_workers : bool
            Wait until they are back?

        Raises
        ------
        TimeoutError
            If they are not back in time.
        """
        limit = None if timeout is no_default else seconds(timeout)
        return self._do(self._restart([], limit, wait_for_workers))

    async def _restart_workers(
        self, workers: list[str], timeout: float | None, raise_for_error: bool
    ) -> dict[str, str]:
        known = (await self._scheduler_info())["workers"]
        addresses = {
            name: address
            for name in workers
            for address, worker in known.items()
            if name in (address, worker["name"], worker["nanny"])
        }
        for name in workers:
            if name not in addresses:
                raise ValueError(f"there is no worker {name!r}")
            if not known[addresses[name]]["nanny"]:
                raise ValueError(
                    "Restarting workers requires a nanny to be used. "
                    f"Worker {name!r} has none."
                )
        try:
            await self._restart(list(addresses.values()), timeout, True)
        except TimeoutError:
            if raise_for_error:
                raise
            return dict.fromkeys(workers, "timed out")
        return dict.fromkeys(workers, "OK")

    def restart_workers(
        self, workers: Any, timeout: Any = no_default, raise_for_error: bool = True
    ) -> Any:
        """Start some workers anew; what they hold is computed again if needed.

        Parameters
        ----------
        workers : list of str
            Which, by address or name.
        timeout : number or str, optional
            How long they may take.
        raise_for_error : bool
            Raise an error if one does not come back? Otherwise the answer says so.

        Returns
        -------
        dict
            ``"OK"`` or ``"timed out"`` for each.
        """
        limit = None if timeout is no_default else seconds(timeout)
        return self._do(
            self._restart_workers(names_of_workers(workers), limit, raise_for_error)
        )

    async def _retire_workers(
        self, workers: list[str], count: int, close: bool, remove: bool
    ) -> dict[str, Any]:
        known = (await self._scheduler_info())["workers"]
        gone = await self._request(
            "retire", workers=workers, count=count, close=close, remove=remove
        )
        return {address: known.get(address, {}) for address in gone or ()}

    def retire_workers(
        self, workers: Any = None, close_workers: bool = True, **kwargs: Any
    ) -> Any:
        """Move what workers hold to others, and close them.

        Parameters
        ----------
        workers : str or list of str, optional
            Which, by address or name; all by default.
        close_workers : bool
            End their processes?
        **kwargs
            ``n``: so many of those that are least busy, in place of names; ``remove``:
            forget them at once?

        Returns
        -------
        dict
            The workers that are gone, by address.
        """
        count = kwargs.pop("n", 0) or 0
        remove = kwargs.pop("remove", True)
        return self._do(
            self._retire_workers(
                names_of_workers(workers), count, close_workers, remove
            ),
            kwargs.get("asynchronous"),
        )

    @property
    def amm(self) -> MemoryManager:
        """The active memory manager, which drops copies that nobody needs."""
        return MemoryManager(self)


class MemoryManager:
    """The active memory manager of the scheduler.

    Examples
    --------
    >>> from raskt.distributed import Client
    >>> with Client(processes=False, n_workers=1) as client:
    ...     client.amm.stop()
    ...     client.amm.running()
    False
    """

    def __init__(self, client: WorkerMethods):
        self._client = client

    def _ask(self, op: str) -> Any:
        client = self._client
        return client._do(client._request("memory_manager", op=op))

    def start(self) -> Any:
        """Run it regularly."""
        return self._ask("start")

    def stop(self) -> Any:
        """Run it no more."""
        return self._ask("stop")

    def run_once(self) -> Any:
        """Run it once, now."""
        return self._ask("once")

    def running(self) -> Any:
        """Tell whether it runs regularly."""
        return self._ask("is_running")
