"""A progress bar in the terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
from timeit import default_timer
from types import TracebackType
from typing import Any, TextIO

from raskt.callbacks import Callback

__all__ = ["ProgressBar"]


class ProgressBar(Callback):
    """Show the progress of local computations.

    Parameters
    ----------
    minimum : float, optional
        Computations that take fewer seconds than this show nothing.
    width : int, optional
        Width of the bar in characters.
    dt : float, optional
        Seconds between two updates.
    out : file object, optional
        Where to write; ``sys.stdout`` by default.

    Attributes
    ----------
    last_duration : float
        Seconds that the last computation took; 0 before the first.

    Examples
    --------
    >>> import io
    >>> from operator import add
    >>> from raskt.diagnostics import ProgressBar
    >>> from raskt.threaded import get
    >>> with ProgressBar(width=8, out=io.StringIO()) as bar:
    ...     get({"x": (add, 1, 2)}, "x")
    3
    >>> bar.out.getvalue().split("|")[-2]
    ' 100% Completed '

    To see it for all computations, register it.

    >>> bar.register()
    >>> bar.unregister()
    """

    def __init__(
        self,
        minimum: float = 0,
        width: int = 40,
        dt: float = 0.1,
        out: TextIO | None = None,
    ) -> None:
        self.minimum = minimum
        self.width = width
        self.dt = dt
        self.out = out
        self.last_duration = 0.0
        self._state: dict[str, Any] | None = None
        self._stopped = threading.Event()
        self._timer: threading.Thread | None = None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(exc_type, exc, traceback)
        # A scheduler that fails before it has begun calls no `finish`.
        self._stop()

    def _start(self, dsk: Any) -> None:
        self._stop()
        self._state = None
        self._start_time = default_timer()
        self._stopped = threading.Event()
        self._timer = threading.Thread(
            target=self._run, args=(self._stopped,), name="raskt-progress", daemon=True
        )
        self._timer.start()

    def _start_state(self, dsk: Any, state: dict[str, Any]) -> None:
        # The scheduler keeps this dict up to date, so that no hook is needed per task.
        self._state = state

    def _finish(self, dsk: Any, state: dict[str, Any], failed: bool) -> None:
        self._stop()
        self.last_duration = elapsed = default_timer() - self._start_time
        if elapsed < self.minimum:
            return
        self._draw(self._fraction() if failed else 1.0, elapsed)
        self._write("\n")
        self._state = None

    @property
    def _running(self) -> bool:
        return self._timer is not None and self._timer.is_alive()

    def _run(self, stopped: threading.Event) -> None:
        while not stopped.is_set():
            elapsed = default_timer() - self._start_time
            fraction = self._fraction()
            # The last picture, of all that is done, is left to `finish`.
            if elapsed >= self.minimum and fraction < 1:
                self._draw(fraction, elapsed)
            stopped.wait(self.dt)

    def _stop(self) -> None:
        self._stopped.set()
        if self._timer is not None:
            self._timer.join()

    def _fraction(self) -> float:
        state = self._state
        if not state:
            return 0.0
        done = len(state["finished"])
        total = done + sum(len(state[kind]) for kind in ("ready", "waiting", "running"))
        return done / total if total else 0.0

    def _draw(self, fraction: float, elapsed: float) -> None:
        from raskt.utils import format_time

        bar = "#" * int(self.width * fraction)
        percent = int(100 * fraction)
        self._write(
            f"\r[{bar:<{self.width}}] | {percent}% Completed | {format_time(elapsed)}"
        )

    def _write(self, text: str) -> None:
        # Looked up now, not when the bar was made: output may have been redirected.
        # It is None where there is no console.
        out = sys.stdout if self.out is None else self.out
        if out is None:
            return
        # A closed file must not fail a computation.
        with contextlib.suppress(ValueError):
            out.write(text)
            out.flush()
