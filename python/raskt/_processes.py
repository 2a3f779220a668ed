"""Running the tasks of one computation in other processes."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FunctionType, TracebackType
from typing import Any

from raskt import _pickle, _process_errors, _process_worker
from raskt._containers import identity
from raskt._process_channel import BEGIN, RAISED, TASK
from raskt._process_pool import WorkerProcess, end_all, environment, idle
from raskt._process_worker import described
from raskt.exceptions import CancelledError, SerializationError, WorkerProcessDied
from raskt.task_spec import Alias, Container, Task

Codec = tuple[Callable[[Any], bytes], Callable[[bytes], Any]]


class Processes:
    """Does the tasks of a run in worker processes of our own, one for each thread.

    Parameters
    ----------
    context : str
        How processes start: "spawn", "fork" or "forkserver".
    initializer : callable, optional
        What each process calls before all else.
    codec : pair of callables, optional
        What writes and reads tasks and results.
    """

    def __init__(self, context: str, initializer: Callable | None, codec: Codec | None):
        self._context = context
        self._initializer = _dumped("the initializer", initializer)
        self._codec = codec
        self._settings = _settings(codec)
        self._functions: dict[int, tuple[Any, bytes]] = {}
        self._lock = threading.Lock()
        # What follows changes under the lock. A process is in one of the two.
        self._free: dict[int, WorkerProcess] = {}
        self._used: set[WorkerProcess] = set()
        self._is_over = False

    def run(self, worker: int, task: Any, values: dict) -> Any:
        """Do a task in the process of the thread with this number."""
        if _only_gathers(task):
            return task(values)
        number, definition = self._defined(task)
        data = _encoded(task, values, self._codec, number)
        process = self._take(worker)
        if number in process.functions:
            definition = b""
        process.functions.add(number)
        try:
            kind, answer = self._ask(process, TASK, [data[0], definition, *data[1:]])
        except _Ended as ended:
            how, advice = _ending(ended.code)
            raise WorkerProcessDied(
                f"worker process (pid {process.pid}) {how} while it ran "
                f"{described(task)}; {advice}"
            ) from None
        self._put_back(worker, process)
        return _result(kind, answer, self._codec)

    def _defined(self, task: Any) -> tuple[int, bytes]:
        """Give a number for the task's function and its pickle.

        0 for what is sent with each task: it may change from one to the next.
        """
        if self._codec or type(task) is not Task:
            return 0, b""
        function = task.func
        if not isinstance(function, FunctionType | type):
            return 0, b""
        number = id(function)
        if number not in self._functions:
            try:
                self._functions[number] = function, _cloudpickled(function)
            except Exception as error:
                raise _unsendable(task, {}) from error
        return number, self._functions[number][1]

    def _take(self, worker: int) -> WorkerProcess:
        """Give the thread's process, ready for tasks."""
        with self._lock:
            process = self._free.pop(worker, None)
            if process is not None:
                self._used.add(process)
                return process
        while True:
            process = idle.take((self._context, self._initializer))
            is_new = process is None
            process = process or WorkerProcess(self._context)
            with self._lock:
                self._used.add(process)
            try:
                self._begin(process, is_new)
                return process
            except _Ended as ended:
                # One that was idle may have died long ago; that is nobody's concern.
                if is_new:
                    raise WorkerProcessDied(
                        f"worker process (pid {process.pid}) {_ending(ended.code)[0]} "
                        "before it could run a task; it may have said why on stderr"
                    ) from None

    def _put_back(self, worker: int, process: WorkerProcess) -> None:
        with self._lock:
            self._used.discard(process)
            if not self._is_over:
                self._free[worker] = process
                return
        # It was killed in the moment between its answer and now.
        process.end()
        raise _cancelled()

    def _begin(self, process: WorkerProcess, is_new: bool) -> None:
        initializer = self._initializer if is_new else b""
        kind, answer = self._ask(process, BEGIN, [self._settings, initializer])
        process.functions.clear()
        if kind == RAISED:
            self._lose(process)
            error = _process_errors.unpack(answer[0])
            error.add_note("in the initializer of a worker process")
            raise error

    def _ask(
        self, process: WorkerProcess, kind: int, parts: list
    ) -> tuple[int, list[Any]]:
        try:
            if self._is_over:
                raise EOFError
            return process.ask(kind, parts)
        except BaseException as error:
            # Whatever it was, half a message may be under way.
            code = self._lose(process)
            if self._is_over:
                raise _cancelled() from None
            if isinstance(error, EOFError):
                raise _Ended(code) from None
            raise

    def _lose(self, process: WorkerProcess) -> int | None:
        with self._lock:
            self._used.discard(process)
        return process.end()

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Keep the processes for the next run, but not those that still do a task."""
        with self._lock:
            self._is_over = True
            free = list(self._free.values())
            for process in self._used:
                process.kill()
        if self._context == "fork":
            # What the program defines until the next run, they would not know.
            end_all(free)
            return
        for process in free:
            idle.give((self._context, self._initializer), process)


class _Ended(Exception):
    """A process is gone."""

    def __init__(self, code: int | None):
        self.code = code


def _cancelled() -> CancelledError:
    return CancelledError("the computation was stopped")


def _ending(code: int | None) -> tuple[str, str]:
    """Say how a process ended, and what that means."""
    if code is None or code >= 0:
        how = "ended" if code is None else f"exited with code {code}"
        return how, "a task gives its result with return, it does not end its process"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    advice = "native code that it calls has failed"
    if -code == signal.SIGKILL:
        advice = "the system sends SIGKILL when memory runs out"
    elif -code in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        advice = "somebody sent it that signal"
    return f"died of signal {name} ({-code})", advice


# --- in somebody else's processes ---------------------------------------------------


class InPool:
    """Does the tasks of a run in a pool of the user's.

    Parameters
    ----------
    pool : concurrent.futures.Executor or multiprocessing.pool.Pool
        The pool.
    codec : pair of callables, optional
        What writes and reads tasks and results.
    """

    def __init__(self, pool: Any, codec: Codec | None):
        self._pool = pool
        self._codec = codec
        self._dumped_codec = _dumped("func_dumps or func_loads", codec)

    def run(self, worker: int, task: Any, values: dict) -> Any:
        """Do a task in the pool."""
        if _only_gathers(task):
            return task(values)
        data = _encoded(task, values, self._codec, 0)
        parts = [data[0], b"", *map(bytearray, data[1:])]
        kind, answer = self._call(task, parts)
        return _result(kind, answer, self._codec)

    def _call(self, task: Any, parts: list) -> tuple[int, list[Any]]:
        from concurrent.futures.process import BrokenProcessPool

        call = _process_worker.run_alone, parts, self._dumped_codec
        if not hasattr(self._pool, "submit"):
            return self._pool.apply(call[0], call[1:])
        try:
            return self._pool.submit(*call).result()
        except BrokenProcessPool as error:
            raise WorkerProcessDied(
                f"a process of the pool died while {described(task)} was in it; a pool "
                "that lost a process is of no further use"
            ) from error

    def __enter__(self) -> InPool:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the pool to the user."""


# --- tasks and results as bytes -----------------------------------------------------


def _encoded(task: Any, values: dict, codec: Codec | None, number: int) -> list:
    """Write a task with its inputs; without its function, if that has a number."""
    try:
        if codec is not None:
            return [codec[0]((task, values))]
        what = task
        if type(task) is Task:
            what = task.key, None if number else task.func, task.args, task.kwargs
        data, buffers = _pickle.dumps((what, values, number))
    except Exception as error:
        raise _unsendable(task, values) from error
    return [data, *buffers]


def _result(kind: int, answer: list[Any], codec: Codec | None) -> Any:
    if kind == RAISED:
        raise _process_errors.unpack(answer[0])
    if codec is not None:
        return codec[1](bytes(answer[0]))
    return _pickle.loads(answer[0], answer[1:])


def _unsendable(task: Any, values: dict) -> SerializationError:
    text = f"cannot send {described(task)}, to a worker process"
    for name, part in _parts(task, values):
        try:
            _cloudpickled(part)
        except Exception as error:
            return SerializationError(f"{text}: {name}: {error}")
    return SerializationError(text)


def _parts(task: Any, values: dict) -> Iterator[tuple[str, Any]]:
    """Name the parts of a task, to say which of them cannot be sent."""
    yield "its function", getattr(task, "func", None)
    for place, arg in enumerate(getattr(task, "args", ())):
        yield f"argument {place} ({type(arg).__name__})", arg
    for name, arg in dict(getattr(task, "kwargs", None) or {}).items():
        yield f"argument {name!r} ({type(arg).__name__})", arg
    for key, value in values.items():
        yield f"the result of {key!r} ({type(value).__name__})", value
    yield "the task", task


def _cloudpickled(obj: Any) -> bytes:
    import cloudpickle

    return cloudpickle.dumps(obj, protocol=5)


def _dumped(name: str, obj: Any) -> bytes:
    try:
        return _cloudpickled(obj)
    except Exception as error:
        text = f"{name} cannot be sent to a worker process: {error}"
        raise SerializationError(text) from error


def _settings(codec: Codec | None) -> bytes:
    """Give what a process needs to know of this one to run its tasks."""
    try:
        folder = os.getcwd()  # noqa: PTH109 - may be gone
    except OSError:
        folder = None
    settings = {
        "folder": folder,
        "path": list(sys.path),
        "environment": environment(),
        "codec": _dumped("func_dumps or func_loads", codec),
    }
    return pickle.dumps(settings)


_PLAIN = {"list", "tuple", "set", "frozenset", "dict", "slice"}


def _only_gathers(task: Any) -> bool:
    """Tell whether a task only puts results together, which is not worth a journey."""
    return type(task) in (Alias, Container, Task) and _is_plain(task)


def _is_plain(part: Any) -> bool:
    if type(part) is Container:
        return part.kind in _PLAIN and all(map(_is_plain, part.items))
    if type(part) is Task:
        return part.func is identity and all(map(_is_plain, part.args))
    return True
