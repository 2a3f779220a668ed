"""Data sets as a mapping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

__all__ = ["Datasets"]


class Datasets(MutableMapping):
    """The data sets of a cluster, by name.

    Parameters
    ----------
    client : Client
        Whose cluster.
    """

    __slots__ = ("_client",)

    def __init__(self, client: Any):
        self._client = client

    def __getitem__(self, key: Any) -> Any:
        return self._client.get_dataset(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._refuse("client.datasets[name] = value", "publish_dataset(name=value)")
        self._client.publish_dataset(value, name=key)

    def __delitem__(self, key: Any) -> None:
        self._refuse("del client.datasets[name]", "unpublish_dataset(name)")
        if key not in self._client.list_datasets():
            raise KeyError(key)
        self._client.unpublish_dataset(key)

    def __iter__(self) -> Iterator[Any]:
        self._refuse("iter(client.datasets)", "list_datasets()")
        return iter(self._client.list_datasets())

    def __aiter__(self) -> AsyncIterator[Any]:
        if not self._client.asynchronous:
            raise TypeError(
                "Can't invoke 'async for' on client.datasets when client is "
                "synchronous; use iter() or 'for' instead"
            )
        return self._names()

    async def _names(self) -> AsyncIterator[Any]:
        for name in await self._client.list_datasets():
            yield name

    def __len__(self) -> int:
        self._refuse("len(client.datasets)", "list_datasets()")
        return len(self._client.list_datasets())

    def _refuse(self, what: str, instead: str) -> None:
        if self._client.asynchronous:
            raise TypeError(
                f"Can't use '{what}' when client is asynchronous; "
                f"please use 'await client.{instead}' instead"
            )
