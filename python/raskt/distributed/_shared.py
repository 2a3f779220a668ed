"""What locks, queues, variables and events have in common."""

from __future__ import annotations

import uuid
from collections.abc import Coroutine
from typing import Any

from raskt.distributed import _current, _payload

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
        self.name = name or f"{type(self).__name__.lower()}-{uuid.uuid4().hex}"
        self._client = client

    @property
    def client(self) -> Any:
        """The client through which it is used."""
        return self._client or _client_here()

    def _do(self, operation: Coroutine[Any, Any, Any]) -> Any:
        try:
            client = self.client
        except ValueError:
            operation.close()
            raise
        return client._do(operation)

    async def _request(self, question: str, **fields: Any) -> Any:
        return await self.client._request(question, **fields)

    def _read(self, data: bytes) -> Any:
        """Read what came through the scheduler; futures in it belong to the client."""
        token = _current._current.set(self.client)
        try:
            return _payload.loads(data)
        finally:
            _current._current.reset(token)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.name,)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}>"


def _client_here() -> Any:
    client = _current.default()
    return client if client is not None else _current.default_client()
