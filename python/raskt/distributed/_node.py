"""What schedulers, workers and nannies share: they are started and closed."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

from raskt.distributed.core import Status

__all__ = ["Node"]


class Node:
    """Something that can be awaited to start it, and closed.

    Subclasses override :meth:`_begin` and :meth:`_end`, which may block.
    """

    address: str | None = None

    def __init__(self, name: Any = None):
        self.name = name
        self.status = Status.created
        self._starting: asyncio.Lock | None = None

    def _begin(self) -> None:
        """Start it."""

    def _end(self) -> None:
        """Close it."""

    async def start(self) -> Any:
        """Start it, unless it has started."""
        if self._starting is None:
            self._starting = asyncio.Lock()
        async with self._starting:
            if self.status in (Status.created, Status.undefined):
                self.status = Status.starting
                try:
                    await asyncio.to_thread(self._begin)
                except BaseException:
                    self.status = Status.failed
                    raise
                self.status = Status.running
        return self

    async def close(self, **kwargs: Any) -> None:
        """Close it."""
        if self.status in (Status.closed, Status.failed, Status.created):
            self.status = Status.closed
            return
        self.status = Status.closing
        await asyncio.to_thread(self._end)
        self.status = Status.closed

    async def finished(self) -> None:
        """Wait until it has ended."""
        while self.status not in (Status.closed, Status.failed):
            await asyncio.to_thread(self._wait, 1.0)

    def _wait(self, timeout: float) -> bool:
        """Wait until it has ended; False if time is up."""
        raise NotImplementedError

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.start().__await__()

    async def __aenter__(self) -> Any:
        return await self.start()

    async def __aexit__(self, *exc: Any) -> None:
        await self.close()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.address or 'not started'}, "
            f"name: {self.name}, status: {self.status.name}>"
        )
