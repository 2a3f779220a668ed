"""``Queue``: items that clients and tasks hand to each other."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from raskt.distributed import _payload
from raskt.distributed._shared import Shared
from raskt.distributed._waiting import seconds

__all__ = ["Queue"]


class Queue(Shared):
    """A queue of the whole cluster.

    Items are small objects, or futures. Large data should travel as futures: only its
    name goes through the scheduler.

    Parameters
    ----------
    name : str, optional
        Its name; unlike any other by default.
    client : Client, optional
        Through whom it is used; the default client by default.
    maxsize : int
        How many items fit; 0 for no limit.

    Examples
    --------
    >>> from raskt.distributed import Client, Queue
    >>> with Client(processes=False, n_workers=1) as client:
    ...     queue = Queue("words")
    ...     queue.put("to be")
    ...     client.submit(lambda: Queue("words").get()).result()
    'to be'
    """

    def __init__(self, name: str | None = None, client: Any = None, maxsize: int = 0):
        super().__init__(name, client)
        self.maxsize = maxsize
        self._is_open = False

    async def _open(self) -> Queue:
        if not self._is_open:
            await self._request("queue_open", name=self._key, capacity=self.maxsize)
            self._is_open = True
        return self

    def __await__(self) -> Generator[Any, Any, Queue]:
        return self._open().__await__()

    async def _put(self, value: Any, timeout: float | None) -> None:
        await self._open()
        item = _payload.dumps_with_keys(value)
        await self._request("queue_put", name=self._key, item=item, timeout=timeout)

    def put(self, value: Any, timeout: Any = None, **kwargs: Any) -> Any:
        """Add an item, and wait for room if need be.

        Parameters
        ----------
        value : object
            The item.
        timeout : number or str, optional
            How long to wait, in seconds.

        Raises
        ------
        TimeoutError
            If there is no room in time.
        """
        return self._do(self._put(value, seconds(timeout)))

    async def _get(self, timeout: float | None, batch: Any) -> Any:
        await self._open()
        count = None if batch is False else 0 if batch is True else int(batch)
        found = await self._request(
            "queue_get", name=self._key, batch=count, timeout=timeout
        )
        if count is None:
            return await self._read(found)
        return [await self._read(item) for item in found]

    def get(self, timeout: Any = None, batch: Any = False, **kwargs: Any) -> Any:
        """Take the oldest item, and wait for one if need be.

        Parameters
        ----------
        timeout : number or str, optional
            How long to wait, in seconds.
        batch : bool or int
            Take all that are there (True), or so many, as a list.

        Raises
        ------
        TimeoutError
            If there is none in time.
        """
        return self._do(self._get(seconds(timeout), batch))

    async def _qsize(self) -> int:
        await self._open()
        return await self._request("queue_size", name=self._key)

    def qsize(self, **kwargs: Any) -> Any:
        """Give the number of items."""
        return self._do(self._qsize())

    def close(self) -> Any:
        """Remove it, with its items."""
        return self._do(self._request("queue_close", name=self._key))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name, None, self.maxsize)
