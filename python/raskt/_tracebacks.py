"""Tracebacks that show the user's own lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from raskt import config

if TYPE_CHECKING:
    from types import TracebackType


class shorten_traceback:
    """Leave the lines of libraries out of the tracebacks of errors that pass here.

    Which lines is said by the option ``admin.traceback.shorten``, a list of patterns
    for the names of files. The lines where the context stands and where the error was
    raised always stay.

    Examples
    --------
    >>> import raskt.config
    >>> try:
    ...     with raskt.config.set({"admin.traceback.shorten": ["json"]}):
    ...         with shorten_traceback():
    ...             __import__("json").loads("{")
    ... except ValueError as error:
    ...     trace = error.__traceback__
    >>> trace.tb_next.tb_frame.f_code.co_name, trace.tb_next.tb_next
    ('raw_decode', None)
    """

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        patterns = config.get("admin.traceback.shorten", None)
        if trace is not None and patterns:
            _drop_frames(trace, re.compile("|".join(f"(?:{p})" for p in patterns)))


def _drop_frames(trace: TracebackType, unwanted: re.Pattern[str]) -> None:
    """Unlink all but the first and last entries whose file's name matches."""
    kept = trace
    entry = trace.tb_next
    while entry is not None:
        if entry.tb_next is None or not unwanted.search(
            entry.tb_frame.f_code.co_filename
        ):
            kept.tb_next = entry
            kept = entry
        entry = entry.tb_next
