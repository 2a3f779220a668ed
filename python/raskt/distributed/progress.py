"""``progress``: a bar that grows as tasks end."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from timeit import default_timer
from typing import Any

from raskt.distributed._waiting import Gathered
from raskt.distributed.future import Done
from raskt.distributed.wait import futures_of
from raskt.utils import format_time, key_split

__all__ = ["ProgressBar", "TextProgressBar", "progress"]


class ProgressBar:
    """How far tasks are.

    Parameters
    ----------
    futures : list of Future
        Which tasks.
    interval_s : float
        How often it is looked at.
    """

    def __init__(self, futures: list, interval_s: float = 0.1):
        self.futures = futures
        self.interval_s = interval_s
        self._start = default_timer()
        self._end = Gathered(map(Done, futures))

    def counts(self) -> tuple[int, int]:
        """Give how many tasks have ended, and how many there are."""
        return sum(future.done() for future in self.futures), len(self.futures)

    def by_name(self) -> dict[str, tuple[int, int]]:
        """Give the same for each name of tasks."""
        names = {future: key_split(future.key) for future in self.futures}
        total = Counter(names.values())
        ended = Counter(name for future, name in names.items() if future.done())
        return {name: (ended[name], count) for name, count in total.items()}

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<div>{name}: <progress value='{done}' max='{count}'></progress> "
            f"{done} / {count}</div>"
            for name, (done, count) in self.by_name().items()
        )
        return f"<div>{rows}</div>"


class TextProgressBar(ProgressBar):
    """A bar of text that grows as tasks end.

    Parameters
    ----------
    futures : list of Future
        Which tasks.
    width : int
        How wide it is.
    interval_s : float
        How often it is drawn.
    """

    def __init__(self, futures: list, width: int = 40, interval_s: float = 0.1):
        super().__init__(futures, interval_s)
        self.width = width

    def run(self) -> None:
        """Draw until all tasks have ended."""
        while not self._end.wait(self.interval_s):
            self._draw()
        self._draw()
        sys.stdout.write("\n")
        sys.stdout.flush()

    def _draw(self) -> None:
        done, count = self.counts()
        share = done / count if count else 1.0
        bar = "#" * int(self.width * share)
        elapsed = format_time(default_timer() - self._start)
        sys.stdout.write(
            f"\r[{bar:<{self.width}}] | {100 * share:.0f}% Completed | {elapsed}"
        )
        sys.stdout.flush()


def progress(
    *futures: Any,
    notebook: bool | None = None,
    multi: bool = True,
    complete: bool = True,
    group_by: Any = "prefix",
    **kwargs: Any,
) -> Any:
    """Show how far tasks are.

    In a terminal, a bar is drawn until all have ended. In a notebook, the bar grows in
    the background.

    Parameters
    ----------
    *futures : futures, or collections of them
        Which tasks.
    notebook : bool, optional
        Are we in a notebook? Found out by default.
    multi, complete, group_by
        Accepted and ignored.

    Examples
    --------
    >>> from raskt.distributed import Client, progress
    >>> with Client(processes=False, n_workers=1) as client:
    ...     progress(client.map(abs, range(3)))  # doctest: +SKIP
    [########################################] | 100% Completed | 1.2 ms
    """
    found = futures_of(futures)
    if notebook is None:
        from raskt.diagnostics._page import in_notebook

        notebook = in_notebook()
    bar = TextProgressBar(found, **kwargs)
    if not notebook:
        bar.run()
        return None
    threading.Thread(target=bar.run, name="raskt-progress", daemon=True).start()
    return bar
