"""The last messages that a process logged."""

from __future__ import annotations

import logging
from collections import deque

from raskt import config

__all__ = ["keep_logs", "kept_logs"]


class _Kept(logging.Handler):
    """Keeps the last messages as text."""

    def __init__(self, count: int):
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(message)s"))
        self.lines: deque[tuple[str, str]] = deque(maxlen=count)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.lines.append((record.levelname, self.format(record)))


_kept: _Kept | None = None


def keep_logs() -> None:
    """Begin to keep what the loggers of raskt get."""
    global _kept
    if _kept is None:
        _kept = _Kept(config.get("distributed.admin.log-length", 10000))
        for name in ("raskt", "distributed"):
            logging.getLogger(name).addHandler(_kept)


def kept_logs(n: int | None = None) -> tuple[tuple[str, str], ...]:
    """Give the last messages, newest first: pairs of level and text."""
    lines = list(_kept.lines)[::-1] if _kept is not None else []
    return tuple(lines if n is None else lines[:n])
