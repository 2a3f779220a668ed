"""``Event``: a flag that clients and tasks share."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from raskt.distributed._shared import Shared
from raskt.distributed._waiting import seconds

__all__ = ["Event"]


class Event(Shared):
    """A flag that is set or not, for all who know its name.

    Parameters
    ----------
    name : str, optional
        Its name; unlike any other by default.
    client : Client, optional
        Through whom it is used; the default client by default.

    Examples
    --------
    >>> from raskt.distributed import Client, Event
    >>> with Client(processes=False, n_workers=1) as client:
    ...     go = Event("go")
    ...     waiting = client.submit(lambda: Event("go").wait())
    ...     go.set()
    ...     waiting.result()
    True
    """

    def __init__(self, name: str | None = None, client: Any = None):
        super().__init__(name, client)

    def wait(self, timeout: Any = None) -> Any:
        """Wait until it is set.

        Parameters
        ----------
        timeout : number or str, optional
            How long, in seconds.

        Returns
        -------
        bool
            False if it was not set in time.
        """
        limit = seconds(timeout)
        return self._do(self._request("flag_wait", name=self._key, timeout=limit))

    def set(self) -> Any:
        """Set it; all who wait go on."""
        return self._do(self._request("flag_set", name=self._key, value=True))

    def clear(self) -> Any:
        """Set it back."""
        return self._do(self._request("flag_set", name=self._key, value=False))

    def is_set(self) -> Any:
        """Tell whether it is set."""
        return self._do(self._request("flag_get", name=self._key))

    def __await__(self) -> Generator[Any, Any, Event]:
        async def itself() -> Event:
            return self

        return itself().__await__()
