"""The progress bar, where Dask has it: see :mod:`raskt.distributed.progress`."""

from __future__ import annotations

from raskt.distributed.progress import ProgressBar, TextProgressBar, progress

__all__ = ["ProgressBar", "TextProgressBar", "progress"]
