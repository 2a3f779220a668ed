"""``Variable``: a value that clients and tasks share."""

from __future__ import annotations

from typing import Any

from raskt.distributed import _payload
from raskt.distributed._shared import Shared
from raskt.distributed._waiting import seconds

__all__ = ["Variable"]


class Variable(Shared):
    """A variable of the whole cluster.

    Its value is a small object, or a future.

    Parameters
    ----------
    name : str, optional
        Its name; unlike any other by default.
    client : Client, optional
        Through whom it is used; the default client by default.

    Examples
    --------
    >>> from raskt.distributed import Client, Variable
    >>> with Client(processes=False, n_workers=1) as client:
    ...     Variable("x").set(123)
    ...     client.submit(lambda: Variable("x").get()).result()
    123
    """

    def __init__(self, name: str | None = None, client: Any = None):
        super().__init__(name, client)

    async def _set(self, value: Any) -> None:
        item = _payload.dumps_with_keys(value)
        await self._request("variable_set", name=self._key, item=item)

    def set(self, value: Any, timeout: Any = "30 s", **kwargs: Any) -> Any:
        """Give it a value.

        Parameters
        ----------
        value : object or Future
            The value.
        timeout : number or str
            Accepted and ignored.
        """
        return self._do(self._set(value))

    async def _get(self, timeout: float | None = None) -> Any:
        found = await self._request("variable_get", name=self._key, timeout=timeout)
        return await self._read(found)

    def get(self, timeout: Any = None, **kwargs: Any) -> Any:
        """Give its value, and wait until it has one if need be.

        Parameters
        ----------
        timeout : number or str, optional
            How long to wait, in seconds.

        Raises
        ------
        TimeoutError
            If it has none in time.
        """
        return self._do(self._get(seconds(timeout)))

    def delete(self) -> Any:
        """Remove it."""
        return self._do(self._request("variable_delete", name=self._key))
