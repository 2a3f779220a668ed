"""What locks, queues, variables and events have in common."""

from __future__ import annotations

import uuid
from collections.abc import Coroutine
from typing import Any

from raskt.distributed import _current, _payload
from raskt.distributed.wait import futures_of

__all__ = ["Shared"]


class Shared:
    """Something that clients and tasks share through the scheduler, by name.

    Parameters
    ----------
    name : str, optional
        Its name; unlike any other by default.
    client : Client, optional
        Through whom; whoever is meant where it is used by default.
    """

    def __init__(self, name: Any = None, client: Any = None):
        if client is not None and not hasattr(client, "_request"):
            raise TypeError(f"client must be a Client, not {client!r}")
        self.id = uuid.uuid4().hex
        self.name = name or f"{type(self).__name__.lower()}-{self.id}"
        # Names that are no text are told from text that reads the same.
        is_text = isinstance(self.name, str)
        self._key = self.name if is_text else f"\0{self.name!r}"
        self._client = client

    @property
    def client(self) -> Any:
        """The client through which it is used; None if there is none here."""
        return self._client or _current.default()

    def _do(self, operation: Coroutine[Any, Any, Any]) -> Any:
        client = self.client
        if client is None:
            operation.close()
            raise RuntimeError(
                f"{self!r} is not properly initialized: there is no client here, make "
                "one first"
            )
        return client._do(operation)

    async def _request(self, question: str, **fields: Any) -> Any:
        return await self.client._request(question, **fields)

    async def _read(self, data: bytes) -> Any:
        """Read what came through the scheduler; futures in it belong to the client."""
        token = _current._current.set(self.client)
        try:
            value = _payload.loads(data)
        finally:
            _current._current.reset(token)
        if futures_of(value):
            # The answer comes after the news of the futures.
            await self._request("states", keys=[])
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"
