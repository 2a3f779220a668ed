"""The part of a client that tells what happened: task stream, stories, dumps."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from raskt.distributed._client_base import ClientPart
from raskt.distributed._waiting import seconds
from raskt.distributed.wait import futures_of

__all__ = ["DiagnosticMethods"]


class DiagnosticMethods(ClientPart):
    """``get_task_stream``, ``story``, ``dump_cluster_state`` ..."""

    _key: Callable[[Any], Any]
    _scheduler_info: Callable[..., Any]
    scheduler_info: Callable[..., Any]
    _get_versions: Callable[..., Any]
    scheduler_file: Any

    async def _spans(
        self, start: Any = None, stop: Any = None, count: int | None = None
    ) -> list[dict[str, Any]]:
        spans = await self._request(
            "spans", start=_moment(start), stop=_moment(stop), count=count or 0
        )
        return [self._record(span) for span in spans]

    def _record(self, span: dict[str, Any]) -> dict[str, Any]:
        """Give the record of one task in the form that users know."""
        start, end = span["start"], span["start"] + span["compute"]
        steps = [{"action": "compute", "start": start, "stop": end}]
        if span["transfer"]:
            before = start - span["transfer"]
            steps.insert(0, {"action": "transfer", "start": before, "stop": start})
        return {
            "key": self._key(span["key"]),
            "name": span["group"],
            "worker": span["worker"],
            "thread": span["thread"],
            "status": "OK" if span["succeeded"] else "error",
            "nbytes": span["nbytes"],
            "type": span["type"],
            "startstops": steps,
        }

    async def _get_task_stream(
        self, start: Any, stop: Any, count: int | None, plot: Any, filename: str
    ) -> Any:
        records = await self._spans(start, stop, count)
        if not plot:
            return records
        from raskt.distributed.performance_report import page_of

        page = page_of(records, "Task stream")
        if plot == "save":
            page.save(filename)
        return records, page

    def get_task_stream(
        self,
        start: Any = None,
        stop: Any = None,
        count: int | None = None,
        plot: bool | str = False,
        filename: str = "task-stream.html",
        bokeh_resources: Any = None,
    ) -> Any:
        """Tell when and where the last tasks ran.

        Parameters
        ----------
        start, stop : number or str, optional
            From when to when: seconds since 1970, or how long ago, like ``"60s"``.
        count : int, optional
            At most so many.
        plot : bool or str
            Draw a page, too; ``"save"`` writes it to ``filename``.
        filename : str
            Where to.
        bokeh_resources : object, optional
            Accepted and ignored: the page holds all that it needs.

        Returns
        -------
        list of dict, and a page if ``plot`` asks for it
        """
        return self._do(self._get_task_stream(start, stop, count, plot, filename))

    async def _story(self, names: list) -> list[tuple]:
        lines = await self._request("story", names=names)
        return [
            (
                self._key(line["subject"]),
                line["from"],
                line["to"],
                line["reason"],
                line["time"],
            )
            for line in lines
        ]

    def story(self, *keys_or_stimuli: Any, on_error: str = "raise") -> Any:
        """Tell what happened to tasks and workers.

        Parameters
        ----------
        *keys_or_stimuli : str, Future or collection
            Keys of tasks, or addresses of workers.
        on_error : str
            Accepted and ignored: the scheduler knows the whole story.

        Returns
        -------
        list of tuple
            Task or worker, the states before and after, why, and when.
        """
        names: list = []
        for one in keys_or_stimuli:
            found = futures_of(one)
            names += [future.key for future in found] if found else [one]
        return self._do(self._story(names))

    async def _dump_cluster_state(
        self, filename: Any, exclude: Collection[str], format: str
    ) -> None:
        if format not in ("msgpack", "yaml"):
            raise ValueError(
                f"Unsupported format {format!r}. "
                "Possible values are 'msgpack' or 'yaml'."
            )
        state = {
            "scheduler": _without(json.loads(await self._request("dump")), exclude),
            "workers": (await self._scheduler_info())["workers"],
            "versions": await self._get_versions(False, []),
        }
        if format == "yaml":
            import yaml

            text = yaml.safe_dump(json.loads(json.dumps(state, default=str)))
            _with_suffix(filename, ".yaml").write_text(text, encoding="utf-8")
            return
        import msgpack

        data = msgpack.packb(state, default=str)
        _with_suffix(filename, ".msgpack.gz").write_bytes(gzip.compress(data))

    def dump_cluster_state(
        self,
        filename: str = "dask-cluster-dump",
        write_from_scheduler: bool | None = None,
        exclude: Collection[str] = (),
        format: str = "msgpack",
        **storage_options: Any,
    ) -> Any:
        """Write all that the scheduler knows to a file, for debugging.

        Parameters
        ----------
        filename : str
            The file, without its suffix.
        write_from_scheduler : bool, optional
            Not possible: the client writes.
        exclude : list of str
            Names of entries to leave out.
        format : str
            ``"msgpack"`` (compressed; needs the package msgpack) or ``"yaml"``.
        """
        if write_from_scheduler:
            raise NotImplementedError("the scheduler writes no files; the client does")
        return self._do(self._dump_cluster_state(filename, exclude, format))

    def write_scheduler_file(self, scheduler_file: str) -> None:
        """Write a file that tells others where the scheduler is.

        Parameters
        ----------
        scheduler_file : str
            The file; ``Client(scheduler_file=...)`` and workers read it.
        """
        if self.scheduler_file:
            raise ValueError("Scheduler file already set")
        from raskt.distributed._waiting import run_blocking

        info = run_blocking(self._scheduler_info())
        self.scheduler_file = scheduler_file
        text = json.dumps(info, indent=2, default=str)
        Path(scheduler_file).write_text(text, encoding="utf-8")


def _moment(when: Any) -> float:
    """Give a time in seconds since 1970; 0 for no limit."""
    if when is None:
        return 0.0
    if isinstance(when, str):
        return time.time() - (seconds(when) or 0.0)
    return float(when)


def _with_suffix(filename: Any, suffix: str) -> Path:
    text = str(filename)
    return Path(text if text.endswith(suffix) else text + suffix)


def _without(state: Any, names: Collection[str]) -> Any:
    if isinstance(state, dict):
        return {k: _without(v, names) for k, v in state.items() if k not in names}
    if isinstance(state, list):
        return [_without(part, names) for part in state]
    return state
