"""The errors that raskt itself raises. A task's own exception stays what it is."""

from __future__ import annotations


class RasktError(Exception):
    """Something went wrong in raskt, not in a task's own code."""


class TaskExited(RasktError):
    """A task ended the interpreter (``sys.exit``) instead of giving a result."""


class TaskPanicked(RasktError):
    """Native code of a task failed in a way that it should not."""


class CancelledError(RasktError):
    """The computation was stopped before it was done."""


class SpillError(RasktError, OSError):
    """A result could not be moved to or from disk when memory was short."""


class WorkerProcessDied(RasktError):
    """A worker process died while it ran a task.

    The message names the task and says how the process ended. Results that were
    computed before are not affected, and the next computation has new processes.
    """


class SerializationError(RasktError, TypeError):
    """A function, an argument or a result cannot be sent to another process."""


class RequestError(RasktError):
    """The scheduler did not answer a request as asked."""


class RequestNotFound(RequestError, KeyError):
    """What a request named is not there."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class RequestExists(RequestError, ValueError):
    """What a request would make is there already."""


class RequestTimeout(RequestError, TimeoutError):
    """What a request waits for did not happen in time."""


class RequestRefused(RequestError, PermissionError):
    """What a request asks for is not allowed here."""


class RequestInvalid(RequestError, ValueError):
    """A request contradicts itself."""


class RequestFailed(RequestError):
    """Whoever should answer a request failed; ``payload`` is its own account."""

    payload: bytes = b""


class RequestGone(RequestError, ConnectionError):
    """Whoever should answer a request is gone."""
