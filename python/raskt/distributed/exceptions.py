"""The errors of clusters. A task's own exception stays what it is."""

from __future__ import annotations

import asyncio
from concurrent.futures import CancelledError
from typing import Any

from raskt.exceptions import RasktError, SerializationError

__all__ = [
    "CancelledError",
    "ClosedClientError",
    "CommClosedError",
    "FutureCancelledError",
    "FuturesCancelledError",
    "KilledWorker",
    "LostDataError",
    "NoValidWorkerError",
    "Reschedule",
    "ScatterError",
    "SerializationError",
    "TaskMemoryError",
    "TimeoutError",
    "WorkerStartTimeoutError",
]

TimeoutError = asyncio.TimeoutError


class Reschedule(Exception):
    """Raised by a task that wants to be run again, elsewhere if need be.

    Examples
    --------
    >>> def load(path):
    ...     if disk_is_full():
    ...         raise Reschedule
    """


class FutureCancelledError(CancelledError):
    """The result of a task was asked for that was cancelled."""

    def __init__(self, key: Any, reason: str | None, msg: str | None = None):
        super().__init__(key, reason, msg)
        self.key = key
        self.reason = reason or "unknown"
        self.msg = msg

    def __str__(self) -> str:
        text = f"{self.key} cancelled for reason: {self.reason}."
        return f"{text}\n{self.msg}" if self.msg else text


class FuturesCancelledError(CancelledError):
    """Several tasks were cancelled while somebody waited for them."""

    def __init__(self, errors: list[FutureCancelledError]):
        super().__init__(errors)
        self.errors = errors

    def __str__(self) -> str:
        return "\n".join(map(str, self.errors))


class KilledWorker(RasktError):
    """Workers that ran a task were lost, more often than is allowed.

    Attributes
    ----------
    task : str or tuple
        The key of the task.
    last_worker : str
        The address of the worker that was lost last.
    allowed_failures : int
        How many workers a task may take with it, by the option
        ``distributed.scheduler.allowed-failures``.
    ending : str
        How the last worker ended, as far as is known.
    """

    def __init__(
        self, task: Any, last_worker: Any, allowed_failures: int, ending: str = ""
    ):
        super().__init__(task, last_worker, allowed_failures, ending)
        self.task = task
        self.last_worker = last_worker
        self.allowed_failures = allowed_failures
        self.ending = ending

    def __str__(self) -> str:
        how = f" ({self.ending})" if self.ending else ""
        return (
            f"{self.allowed_failures + 1} workers were lost while they ran the task "
            f"{self.task!r}; the last one was {self.last_worker}{how}. What it says "
            "itself is in its log. Tasks that need more memory than a worker has are "
            "the usual cause; more workers may be lost on one task if the option "
            "distributed.scheduler.allowed-failures is greater."
        )


class NoValidWorkerError(RasktError):
    """No worker could ever run a task: none has what the task asks for."""

    def __init__(self, task: Any, text: str):
        super().__init__(task, text)
        self.task = task

    def __str__(self) -> str:
        return f"no worker can run the task {self.task!r}: {self.args[1]}"


class TaskMemoryError(RasktError, MemoryError):
    """The inputs of a task are larger than the memory of any worker for it."""

    def __init__(self, task: Any, needed: int, limit: int):
        super().__init__(task, needed, limit)
        self.task = task
        self.needed = needed
        self.limit = limit

    def __str__(self) -> str:
        from raskt.utils import format_bytes

        return (
            f"the inputs of the task {self.task!r} take {format_bytes(self.needed)}, "
            f"and no worker that may run it has more than {format_bytes(self.limit)} "
            "of memory; use smaller pieces, or workers with more memory"
        )


class LostDataError(RasktError):
    """Data that cannot be computed again was lost with the workers that held it."""


class ScatterError(RasktError):
    """Data could not be brought to workers."""


class CommClosedError(OSError):
    """The other side of a connection is gone."""


class ClosedClientError(RuntimeError):
    """A client was used after it was closed."""


class WorkerStartTimeoutError(RasktError, TimeoutError):
    """Fewer workers came in time than were waited for."""

    def __init__(self, available_workers: int, expected_workers: int, timeout: float):
        super().__init__(available_workers, expected_workers, timeout)

    def __str__(self) -> str:
        there, wanted, timeout = self.args
        return f"Only {there}/{wanted} workers arrived after {timeout}"
