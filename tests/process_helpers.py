"""What the tests of worker processes share."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import traceback
from functools import partial
from pathlib import Path

import raskt

DEADLINE_S = 60.0

compute = partial(raskt.compute, scheduler="processes")


def compute_one(lazy, **kwargs):
    (result,) = compute(lazy, **kwargs)
    return result


def pid_after(*values):
    return os.getpid()


def one_pid() -> int:
    """Give the number of the process that a call with one process uses."""
    return compute_one(raskt.delayed(pid_after)(), num_workers=1)


def frames(error):
    """Name the functions in the traceback."""
    return [frame.f_code.co_name for frame, _ in traceback.walk_tb(error.__traceback__)]


class Picky(Exception):
    def __init__(self, name, *, number):
        super().__init__(f"{name}: {number}")
        self.number = number


def raise_picky():
    raise Picky("a", number=1)


def first(value, *args, **kwargs):
    return value


class Gate:
    """Where tasks wait until the test lets them go on."""

    def __init__(self, folder: Path):
        self.path = str(folder / "gate")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen()
        self.server.settimeout(DEADLINE_S)
        self.waiting: list[socket.socket] = []

    def wait_for(self, count: int) -> list[int]:
        """Wait until so many have come; give the numbers of their processes."""
        pids = []
        for _ in range(count):
            end, _ = self.server.accept()
            end.settimeout(DEADLINE_S)
            pids.append(int(end.recv(100)))
            self.waiting.append(end)
        return pids

    def open(self) -> None:
        while self.waiting:
            with self.waiting.pop() as end:
                end.sendall(b"go")

    def open_for(self, count: int) -> threading.Thread:
        """Open, in a while, when so many have come."""
        thread = threading.Thread(target=lambda: (self.wait_for(count), self.open()))
        thread.start()
        return thread

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *exc: object) -> None:
        for end in (self.server, *self.waiting):
            end.close()


def come_to(path):
    """Wait at a gate; gives the number of this process."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(DEADLINE_S)
        end.connect(path)
        end.sendall(str(os.getpid()).encode())
        end.recv(2)
    return os.getpid()


def has_ended(pid: int, within_s: float = DEADLINE_S) -> bool:
    """Wait for the end of a process."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended, _, _ = select.select([handle], [], [], within_s)
        return bool(ended)
    finally:
        os.close(handle)


class Program:
    """A Python program of its own, in a process group of its own."""

    def __init__(self, folder: Path, text: str, *flags: str):
        file = folder / "program.py"
        file.write_text(textwrap.dedent(text))
        path = os.pathsep.join(folder for folder in sys.path if folder)
        environment = {**os.environ, "PYTHONPATH": path}
        environment.pop("PYTHONUNBUFFERED", None)
        self.process = subprocess.Popen(
            [sys.executable, *flags, str(file)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self) -> list[str]:
        """Wait for a line that it prints; give its words."""
        return self.process.stdout.readline().split()

    def signal_all(self, number: int) -> None:
        """Send a signal to it and all its children, as a terminal does."""
        os.killpg(self.process.pid, number)

    def end(self) -> tuple[int, str, str]:
        """Wait for its end. Give its exit code, output and errors."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.signal_all(signal.SIGKILL)
        if self.process.returncode is None:
            self.process.communicate()
