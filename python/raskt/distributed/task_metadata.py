"""``get_task_metadata``: what is known of the tasks that ran meanwhile."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from raskt.distributed._current import default_client

__all__ = ["get_task_metadata"]


class get_task_metadata:
    """Collect what is known of the tasks that run meanwhile.

    Attributes
    ----------
    metadata : dict
        For each key: worker, type, size, start and stop.
    state : dict
        For each key ``"memory"`` or ``"erred"``.

    Examples
    --------
    >>> from raskt.distributed import Client, get_task_metadata
    >>> with Client(processes=False, n_workers=1) as client:
    ...     with get_task_metadata() as tasks:
    ...         client.submit(abs, -1, key="one").result()
    ...     tasks.state
    1
    {'one': 'memory'}
    """

    def __init__(self) -> None:
        self.metadata: dict[Any, Any] | None = None
        self.state: dict[Any, str] | None = None
        self._start = 0.0

    def __enter__(self) -> get_task_metadata:
        default_client()
        self._start = time.time()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from raskt.distributed._waiting import run_blocking

        run_blocking(self._collect())

    async def __aenter__(self) -> get_task_metadata:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._collect()

    async def _collect(self) -> None:
        records = await default_client()._spans(self._start)
        states = {"OK": "memory", "error": "erred"}
        self.state = {r["key"]: states[r["status"]] for r in records}
        self.metadata = {
            record["key"]: {
                "worker": record["worker"],
                "type": record["type"],
                "nbytes": record["nbytes"],
                "start": record["startstops"][-1]["start"],
                "stop": record["startstops"][-1]["stop"],
            }
            for record in records
        }
