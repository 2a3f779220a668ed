"""Sample the memory and CPU of this process and its children."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from timeit import default_timer
from typing import NamedTuple

PROC = Path("/proc")

# Systems count the time of a process in steps of about this many seconds: what was used
# in less cannot be told.
TICK = 0.01


class Sampler:
    """A thread that takes a sample each ``dt`` seconds between `start` and `stop`.

    The first and the last sample are taken by the caller: the thread might not get to
    run in time where Python code keeps the interpreter busy.
    """

    def __init__(self, dt: float) -> None:
        if not dt > 0:
            raise ValueError(f"dt must be a positive number of seconds, not {dt}")
        self.dt = dt
        self._read = _reader()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        self._samples: list[tuple[float, float, float]] = []

    @property
    def running(self) -> bool:
        """Whether samples are being taken."""
        return self._thread is not None

    def start(self) -> None:
        """Begin to sample, unless it does already."""
        if self._thread is not None:
            return
        self._samples = []
        self._last: Usage | None = None
        self._sample()
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="raskt-resources", daemon=True
        )
        self._thread.start()

    def stop(self) -> list[tuple[float, float, float]]:
        """End sampling; return all samples: time, MB, percent of a core."""
        if self._thread is None:
            return []
        self._stopped.set()
        self._thread.join()
        self._thread = None
        if self._last is None or default_timer() - self._last.time >= TICK:
            self._sample()
        return self._samples

    def _run(self) -> None:
        while not self._stopped.wait(self.dt):
            self._sample()

    def _sample(self) -> None:
        usage, last = self._read(), self._last
        part = usage.cpu_since(last) / (usage.time - last.time) if last else 0.0
        memory = sum(usage.memory.values())
        self._samples.append((usage.time, memory / 1e6, 100 * part))
        self._last = usage


class Usage(NamedTuple):
    """Seconds of CPU and bytes of memory, by process, at one time."""

    time: float
    cpu: dict[int, float]
    memory: dict[int, int]

    def cpu_since(self, before: Usage) -> float:
        """Seconds of CPU used since then; processes that ended are left out."""
        # A process that was not there before has used all of its time since then. A
        # smaller number than before is another process with the same id.
        return sum(
            seconds - (old if (old := before.cpu.get(pid, 0.0)) <= seconds else 0.0)
            for pid, seconds in self.cpu.items()
        )


def _reader() -> Callable[[], Usage]:
    try:
        import psutil  # noqa: F401
    except ImportError:
        if (PROC / "self" / "stat").exists():
            return read_proc
        raise RuntimeError(
            "reading memory and CPU on this system takes psutil: pip install psutil"
        ) from None
    return read_psutil


def read_psutil() -> Usage:
    """Read the usage of this process and all below it by means of psutil."""
    import psutil

    cpu, memory = {}, {}
    own = psutil.Process()
    children = own.children(recursive=True) if _has_children() else ()
    for process in (*children, own):
        try:
            with process.oneshot():
                times = process.cpu_times()
                memory[process.pid] = process.memory_info().rss
                cpu[process.pid] = times.user + times.system
        except psutil.Error:
            # It has ended since the list was made, or is a zombie.
            continue
    return _usage(cpu, memory)


def read_proc() -> Usage:
    """Read the usage of this process and all below it from Linux' ``/proc``."""
    cpu, memory, own = {}, {}, os.getpid()
    children: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*" if _has_children() else str(own)):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue
        # The name of the program, in parentheses, may hold spaces and parentheses. The
        # fields after it count from 3 in proc(5).
        fields = stat[stat.rindex(")") + 2 :].split()
        pid, parent = int(folder.name), int(fields[1])
        cpu[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        memory[pid] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        children.setdefault(parent, []).append(pid)
    ours = [own]
    for pid in ours:  # grows on the way
        ours += children.get(pid, ())
    return _usage(
        {pid: cpu[pid] for pid in ours if pid in cpu},
        {pid: memory[pid] for pid in ours if pid in memory},
    )


def _usage(cpu: dict[int, float], memory: dict[int, int]) -> Usage:
    # Of this process Python knows the time without the coarse steps of the system, and
    # at the very moment that the sample is said to be of.
    cpu[os.getpid()] = time.process_time()
    return Usage(default_timer(), cpu, memory)


def _has_children() -> bool:
    """Return False if there is certainly no child: finding them reads many files.

    Each read lets go of the interpreter, which takes long to come back if it is busy.
    """
    if not hasattr(os, "waitid"):
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
