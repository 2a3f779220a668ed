"""Pages about what ran on a cluster: ``performance_report``, ``get_task_stream``."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any

from raskt.distributed._current import default_client

__all__ = ["get_task_stream", "page_of", "performance_report"]


class performance_report:
    """Write a page about what runs on the cluster meanwhile.

    The page is one file that needs nothing else.

    Parameters
    ----------
    filename : str
        The page.
    stacklevel : int
        Accepted and ignored.
    mode : str, optional
        Accepted and ignored.
    storage_options : dict, optional
        Accepted and ignored: the page is a file of this machine.

    Examples
    --------
    >>> from raskt.distributed import performance_report
    >>> with performance_report("report.html"):  # doctest: +SKIP
    ...     collection.compute()
    """

    def __init__(
        self,
        filename: str | os.PathLike[str] = "dask-report.html",
        stacklevel: int = 1,
        mode: str | None = None,
        storage_options: dict | None = None,
    ):
        self.filename = filename
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.time()
        default_client()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        from raskt.distributed._waiting import run_blocking

        run_blocking(self._write())

    async def __aenter__(self) -> None:
        self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._write()

    async def _write(self) -> None:
        records = await default_client()._spans(self._start)
        page_of(records, "Performance report", self._start).save(self.filename)


class get_task_stream:
    """Collect when and where tasks ran meanwhile.

    Parameters
    ----------
    client : Client, optional
        Whose cluster; that of the default client by default.
    plot : bool or str
        Draw a page, too; ``"save"`` writes it to ``filename``.
    filename : str
        Where to.

    Attributes
    ----------
    data : list of dict
        The records, as :meth:`Client.get_task_stream` gives them.
    figure : ProfilePage
        The page, if ``plot`` asks for it.

    Examples
    --------
    >>> from raskt.distributed import Client, get_task_stream
    >>> with Client(processes=False, n_workers=1) as client:
    ...     with get_task_stream() as stream:
    ...         client.submit(abs, -1, pure=False).result()
    ...     len(stream.data)
    1
    1
    """

    def __init__(
        self,
        client: Any = None,
        plot: bool | str = False,
        filename: str = "task-stream.html",
    ):
        self.data: list[dict[str, Any]] = []
        self.figure: Any = None
        self._plot = plot
        self._filename = filename
        self._client = client or default_client()
        self._start = 0.0

    def __enter__(self) -> get_task_stream:
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

    async def __aenter__(self) -> get_task_stream:
        return self.__enter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._collect()

    async def _collect(self) -> None:
        found = await self._client._get_task_stream(
            self._start, None, None, self._plot, self._filename
        )
        if self._plot:
            found, self.figure = found
        self.data.extend(found)


def page_of(records: list[dict[str, Any]], title: str, start: float = 0.0) -> Any:
    """Draw records of tasks, one line for each thread of each worker."""
    from raskt.diagnostics.profile import Profiler, TaskData

    profiler = Profiler()
    for record in records:
        step = record["startstops"][-1]
        place = f"{record['worker']} {record['thread']}"
        times = step["start"], step["stop"]
        profiler.results.append(TaskData(record["key"], None, *times, place))
    if start:
        profiler.start_time = start
    return profiler.visualize(show=False, save=False, title=title)
