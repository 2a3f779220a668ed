"""Worker processes seen from their parent: starting, keeping and ending them."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing.spawn

# At the end of the interpreter this waits for processes that we are to end. What is
# imported first is called last.
import multiprocessing.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from raskt import _process_worker
from raskt._process_channel import Channel

KEEP_S = 60.0
"""How long a process waits for the next run before it is ended."""

_HASH_SEED = "1234567"
_PATIENCE_S = 5.0

_alive: set[WorkerProcess] = set()

# No fork while a process starts: the child would keep both ends of its connection.
_starting = threading.RLock()


class WorkerProcess:
    """A worker process and the connection to it."""

    __slots__ = ("_process", "channel", "functions", "idle_since", "pid")

    def __init__(self, context: str):
        # Which functions of the current run it has.
        self.functions: set[int] = set()
        self.idle_since = 0.0
        with _starting:
            ours, theirs = socket.socketpair()
            self.channel = Channel(ours)
            _alive.add(self)
            try:
                self._process: Any = _start(context, theirs)
            except BaseException:
                _alive.discard(self)
                ours.close()
                raise
            finally:
                theirs.close()
        self.pid: int = self._process.pid

    def ask(self, kind: int, parts: Sequence[Any]) -> tuple[int, list[Any]]:
        """Send a request and wait for the answer. EOFError if the process is gone."""
        try:
            self.channel.send(kind, parts)
            return self.channel.receive()
        except OSError as error:
            raise EOFError from error

    @property
    def is_of_multiprocessing(self) -> bool:
        """Tell whether Python's multiprocessing has started it."""
        return not isinstance(self._process, subprocess.Popen)

    def hang_up(self) -> None:
        """Let the process end; whoever waits for an answer gets none."""
        with contextlib.suppress(OSError):
            self.channel.socket.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End the process whatever it does."""
        self._process.kill()

    def end(self, patience_s: float = _PATIENCE_S) -> int | None:
        """Let the process end and wait until it has. Gives its exit code."""
        self.hang_up()
        code = self._wait(patience_s)
        if code is None:
            self.kill()
            code = self._wait(_PATIENCE_S)
        self.channel.socket.close()
        _alive.discard(self)
        return code

    def _wait(self, timeout: float) -> int | None:
        if self.is_of_multiprocessing:
            self._process.join(timeout)
            return self._process.exitcode
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(timeout)
        return None

    def forget(self) -> None:
        """Be no concern of this process, a fork of the one that started it."""
        self.channel.socket.close()
        process = getattr(self, "_process", None)
        if isinstance(process, subprocess.Popen):
            # Or it would complain that nobody has waited for it.
            process.returncode = 0


def _start(context: str, end: socket.socket) -> Any:
    """Start a process that serves ``end``."""
    # Ctrl-C is not for the child, not even while it starts.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        if context == "spawn":
            return _spawn(end)
        kind: Any = multiprocessing.get_context(context)
        process = kind.Process(target=_process_worker.serve, args=(end,))
        process.start()
        return process
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _spawn(end: socket.socket) -> subprocess.Popen:
    """Start an interpreter, without running the program's main file once more.

    That is what multiprocessing does, and each program must be written for it.
    """
    text = (
        f"import sys; sys.path[:] = {[str(folder) for folder in sys.path]!r}; "
        f"from raskt._process_worker import main; main({end.fileno()})"
    )
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    python = os.fsdecode(multiprocessing.spawn.get_executable())
    return subprocess.Popen(
        [python, *flags, "-P", "-c", text],
        stdin=subprocess.DEVNULL,
        pass_fds=[end.fileno()],
        env=environment(),
    )


def environment() -> dict[str, str]:
    """Give the environment variables of workers."""
    # Strings must have equal hashes in all workers.
    return {"PYTHONHASHSEED": _HASH_SEED, **os.environ}


class Idle:
    """Processes between runs, by what they are good for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Any, list[WorkerProcess]] = defaultdict(list)
        self._timer: threading.Timer | None = None

    def take(self, kind: Any) -> WorkerProcess | None:
        """Give a process of this kind, if there is one: the one that was used last."""
        with self._lock:
            kept = self._kept.get(kind)
            return kept.pop() if kept else None

    def give(self, kind: Any, process: WorkerProcess) -> None:
        """Keep a process for the next run."""
        process.idle_since = time.monotonic()
        with self._lock:
            self._kept[kind].append(process)
            self._set_timer(KEEP_S)

    def take_all(self) -> list[WorkerProcess]:
        """Give all processes."""
        with self._lock:
            kept, self._kept = self._kept, defaultdict(list)
            return [process for processes in kept.values() for process in processes]

    def _set_timer(self, delay_s: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(delay_s, self._end_old)
            self._timer.daemon = True
            self._timer.start()

    def _end_old(self) -> None:
        """End processes that were idle for long enough."""
        limit = time.monotonic() - KEEP_S
        old = []
        with self._lock:
            for kind, kept in list(self._kept.items()):
                old += [p for p in kept if p.idle_since <= limit]
                kept[:] = [p for p in kept if p.idle_since > limit]
                if not kept:
                    del self._kept[kind]
            self._timer = None
            if self._kept:
                oldest = min(p.idle_since for kept in self._kept.values() for p in kept)
                self._set_timer(max(oldest - limit, 0.0))
        end_all(old)

    def forget_all(self) -> None:
        """Be no concern of this process, which is a fork."""
        self.__init__()  # type: ignore[misc]


idle = Idle()


@atexit.register
def _end_all() -> None:
    with _starting:
        alive = list(_alive)
    # Those that are not idle end when this process does, without a word to the threads
    # that wait for them. But multiprocessing would wait for its own.
    for process in alive:
        if process.is_of_multiprocessing:
            process.kill()
    end_all(idle.take_all())


def end_all(processes: Sequence[WorkerProcess]) -> None:
    """Let processes end and wait until they have."""
    for process in processes:
        process.hang_up()
    deadline = time.monotonic() + _PATIENCE_S
    for process in processes:
        process.end(max(deadline - time.monotonic(), 0.0))


def _after_fork() -> None:
    global _starting
    _starting = threading.RLock()
    idle.forget_all()
    for process in list(_alive):
        process.forget()
    _alive.clear()


os.register_at_fork(
    before=lambda: _starting.acquire(),
    after_in_parent=lambda: _starting.release(),
    after_in_child=_after_fork,
)
