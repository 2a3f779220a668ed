"""What runs in a worker process: it does the tasks of its parent, one at a time."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import sys
import threading
from typing import Any

from raskt import _pickle, _process_errors
from raskt._process_channel import BEGIN, RAISED, RESULT, Channel
from raskt.exceptions import SerializationError
from raskt.task_spec import Task
from raskt.utils import funcname

_OWN_FILES = frozenset({__file__, _pickle.__file__})


def main(descriptor: int) -> None:
    """Serve the parent at the other end of a socket until it is gone."""
    # A process that a task starts must not keep the connection open.
    os.set_inheritable(descriptor, False)
    serve(socket.socket(fileno=descriptor))


def serve(end: socket.socket) -> None:
    """Serve the parent until it is gone."""
    # The parent deals with Ctrl-C. Not SIG_IGN: that, children of tasks would keep.
    signal.signal(signal.SIGINT, lambda number, frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    os.register_at_fork(after_in_child=end.close)
    watch = _Watch(end)
    channel = Channel(end)
    tasks = Tasks()
    with contextlib.suppress(EOFError, OSError):
        while True:
            kind, parts = channel.receive()
            with watch:
                answer = tasks.begin(parts) if kind == BEGIN else tasks.run(parts)
            # What a task printed is to be seen before its result is.
            for stream in sys.stdout, sys.stderr:
                with contextlib.suppress(Exception):
                    stream.flush()
            channel.send(*answer)
            del parts, answer


class _Watch:
    """Ends the process if the parent is gone while a task runs: nobody waits for it."""

    def __init__(self, end: socket.socket):
        self.is_busy = False
        self.is_alone = False
        poll = select.poll()
        poll.register(end, 0)
        threading.Thread(target=self._wait, args=(poll,), daemon=True).start()

    def _wait(self, poll: Any) -> None:
        poll.poll()
        self.is_alone = True
        if self.is_busy:
            os._exit(1)

    def __enter__(self) -> None:
        self.is_busy = True
        if self.is_alone:
            raise EOFError

    def __exit__(self, *exc: object) -> None:
        self.is_busy = False


class Tasks:
    """The tasks of one parent; what it sent once for many of them is kept here."""

    def __init__(self, codec: tuple[Any, Any] | None = None):
        self.functions: dict[int, Any] = {}
        self.codec = codec

    def begin(self, parts: list) -> tuple[int, list]:
        """Get ready for a run: be where the parent is, with its environment."""
        try:
            self._settle(pickle.loads(parts[0]), parts[1])
        except BaseException as error:
            return RAISED, [_process_errors.pack(error, _OWN_FILES)]
        return RESULT, [pickle.dumps(None)]

    def _settle(self, settings: dict[str, Any], initializer: bytes) -> None:
        self.functions.clear()
        if settings["folder"] is not None:
            with contextlib.suppress(OSError):
                os.chdir(settings["folder"])
        sys.path[:] = settings["path"]
        if dict(os.environ) != settings["environment"]:
            os.environ.clear()
            os.environ.update(settings["environment"])
        self.codec = pickle.loads(settings["codec"])
        if initializer:
            # A forked process has its parent's random numbers.
            if "numpy" in sys.modules:
                sys.modules["numpy"].random.seed()
            initialize = pickle.loads(initializer)
            if initialize is not None:
                initialize()

    def run(self, parts: list) -> tuple[int, list]:
        """Run a task. Gives the kind and the parts of the answer."""
        try:
            task, values = self._read(parts)
        except BaseException as error:
            error.add_note("while a worker process read the task")
            return RAISED, [_process_errors.pack(error, _OWN_FILES)]
        try:
            result = task(values)
        except BaseException as error:
            return RAISED, [_process_errors.pack(error, _OWN_FILES)]
        try:
            return RESULT, self._write(result)
        except Exception as reason:
            error = _unsendable(task, result, reason)
            return RAISED, [_process_errors.pack(error, _OWN_FILES)]

    def _read(self, parts: list) -> tuple[Any, dict]:
        if self.codec is not None:
            return self.codec[1](bytes(parts[0]))
        task, values, number = _pickle.loads(parts[0], parts[2:])
        if parts[1]:
            self.functions[number] = pickle.loads(parts[1])
        if isinstance(task, tuple):
            key, function, args, kwargs = task
            task = Task(key, self.functions.get(number, function), *args, **kwargs)
        return task, values

    def _write(self, result: Any) -> list:
        if self.codec is not None:
            return [self.codec[0](result)]
        data, buffers = _pickle.dumps(result)
        return [data, *buffers]


def run_alone(parts: list, codec: bytes) -> tuple[int, list]:
    """Run a task in a process of somebody else's pool."""
    kind, answer = Tasks(pickle.loads(codec)).run(parts)
    # A pool cannot send views of memory.
    return kind, [bytearray(part) for part in answer]


def _unsendable(task: Any, result: Any, reason: Exception) -> SerializationError:
    text = f"the result of {described(task)} cannot be sent from the worker process: "
    error = SerializationError(f"{text}{type(result).__name__}: {reason}")
    error.__cause__ = reason
    return error


def described(task: Any) -> str:
    """Name a task and what it calls."""
    key, func = getattr(task, "key", None), getattr(task, "func", None)
    calls = f"which calls {funcname(func)}" if func else "which builds a container"
    return f"a task, {calls}" if key is None else f"task {_shown(key)!r}, {calls}"


def _shown(key: Any) -> Any:
    return key if isinstance(key, str | tuple) else str(key)
