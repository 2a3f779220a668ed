"""Sizes, durations and tables as people write and read them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta
    from typing import TextIO

system_encoding = sys.getdefaultencoding()

byte_sizes: dict[str, int] = {"": 1, "b": 1}
for _power, _letter in enumerate("kmgtp", start=1):
    for _unit in (_letter, f"{_letter}b"):
        byte_sizes[_unit] = 1000**_power
    for _unit in (f"{_letter}i", f"{_letter}ib"):
        byte_sizes[_unit] = 1024**_power

timedelta_sizes: dict[str, float] = {
    "s": 1,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "m": 60,
    "h": 3600,
    "hr": 3600,
    "d": 86400,
    "w": 7 * 86400,
}
tds2: dict[str, float] = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "millisecond": 1e-3,
    "microsecond": 1e-6,
    "nanosecond": 1e-9,
}
tds2.update({f"{name}s": size for name, size in tuple(tds2.items())})
timedelta_sizes.update(tds2)


def format_bytes(n: float) -> str:
    """Write a number of bytes for people.

    Parameters
    ----------
    n
        Number of bytes.

    Examples
    --------
    >>> format_bytes(1)
    '1 B'
    >>> format_bytes(1234)
    '1.21 kiB'
    >>> format_bytes(1234567890)
    '1.15 GiB'
    """
    for power, unit in reversed(list(enumerate("kMGTP", start=1))):
        # From nine tenths on, the larger unit takes fewer digits.
        if n >= 0.9 * 1024**power:
            return f"{n / 1024**power:.2f} {unit}iB"
    return f"{n} B"


def parse_bytes(s: float | str) -> int:
    """Read a number of bytes as people write it.

    Parameters
    ----------
    s
        A number, with a unit or without. Case does not matter: kB are 1000 bytes,
        kiB are 1024.

    Raises
    ------
    ValueError
        If the number or the unit makes no sense.

    Examples
    --------
    >>> parse_bytes("100 MB"), parse_bytes("5.4 kB"), parse_bytes("1kiB")
    (100000000, 5400, 1024)
    >>> parse_bytes("MB"), parse_bytes(123), parse_bytes("1e6")
    (1000000, 123, 1000000)
    >>> parse_bytes("5 foos")
    Traceback (most recent call last):
    ...
    ValueError: 'foos' in '5 foos' is no unit of bytes: use B, kB, MB, GB, kiB, MiB, ...
    """
    if not isinstance(s, str):
        return int(s)
    number, unit = _number_and_unit(s)
    if unit.lower() not in byte_sizes:
        raise ValueError(
            f"{unit!r} in {s!r} is no unit of bytes: use B, kB, MB, GB, kiB, MiB, ..."
        )
    return int(number * byte_sizes[unit.lower()])


def memory_repr(num: float) -> str:
    """Write a number of bytes with one decimal and units of 1024.

    Parameters
    ----------
    num
        Number of bytes.

    Examples
    --------
    >>> memory_repr(1536)
    '1.5 KB'
    """
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if num < 1024:
            return f"{num:3.1f} {unit}"
        num /= 1024
    return f"{num:3.1f} PB"


def format_time(n: float) -> str:
    """Write a duration for people.

    Parameters
    ----------
    n
        Seconds.

    Examples
    --------
    >>> format_time(0.00123), format_time(1.4), format_time(1000.4)
    ('1.23 ms', '1.40 s', '16m 40s')
    >>> format_time(12345.67), format_time(1234567.8)
    ('3hr 25m', '14d 6hr')
    """
    if n > 2 * 86400:
        return f"{int(n // 86400)}d {int(n % 86400 // 3600)}hr"
    if n > 2 * 3600:
        return f"{int(n // 3600)}hr {int(n % 3600 // 60)}m"
    if n > 600:
        return f"{int(n // 60)}m {int(n % 60)}s"
    if n >= 1:
        return f"{n:.2f} s"
    if n >= 1e-3:
        return f"{n * 1e3:.2f} ms"
    return f"{n * 1e6:.2f} us"


def format_time_ago(n: datetime) -> str:
    """Write how long ago something was.

    Parameters
    ----------
    n
        When it was, in local time.

    Examples
    --------
    >>> from datetime import datetime, timedelta
    >>> format_time_ago(datetime.now() - timedelta(hours=3))
    '3 hours ago'
    """
    age = type(n).now(n.tzinfo) - n
    units = {
        "year": age.days // 365,
        "month": int(age.days / 30.5),
        "day": age.days,
        "hour": age.seconds // 3600,
        "minute": age.seconds // 60,
    }
    for unit, count in units.items():
        if count > 0:
            return f"{maybe_pluralize(count, unit)} ago"
    return "Just now"


def parse_timedelta(
    s: str | float | timedelta | None, default: str | bool | None = "seconds"
) -> float | None:
    """Read a duration as people write it, in seconds.

    Parameters
    ----------
    s
        A number, with a unit or without, a timedelta, or None.
    default
        The unit of numbers without one; False refuses these.

    Returns
    -------
    float or None
        Seconds, an int if they are whole.

    Raises
    ------
    KeyError
        If there is no such unit.
    ValueError
        If the number makes no sense or needs a unit.

    Examples
    --------
    >>> parse_timedelta("3s"), parse_timedelta("3.5 seconds"), parse_timedelta("2m")
    (3, 3.5, 120)
    >>> parse_timedelta(300, default="ms")
    0.3
    """
    if s is None:
        return None
    if not isinstance(s, str):
        from datetime import timedelta

        if isinstance(s, timedelta):
            return _whole(s.total_seconds())
        s = str(s)
    number, unit = _number_and_unit(s)
    if not unit:
        if default is None:
            raise TypeError("default must be the name of a unit, or False; not None")
        if not isinstance(default, str):
            raise ValueError(f"{s!r} has no unit of time: write '{s}s' for seconds")
        unit = default
    size = timedelta_sizes.get(unit.lower())
    if size is None:
        raise KeyError(
            f"Invalid time unit: {unit}. Valid units are: {', '.join(timedelta_sizes)}"
        )
    return _whole(number * size)


def _number_and_unit(text: str) -> tuple[float, str]:
    compact = text.replace(" ", "")
    end = len(compact.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    number, unit = compact[:end], compact[end:]
    try:
        # A unit alone is one of it.
        return float(number) if number else 1.0, unit
    except ValueError:
        raise ValueError(f"{number!r} in {text!r} is not a number") from None


def _whole(number: float) -> float:
    return int(number) if int(number) == number else number


def maybe_pluralize(count: float, noun: str, plural_form: str | None = None) -> str:
    """Write a count and its noun.

    Parameters
    ----------
    count
        How many.
    noun
        The noun for one.
    plural_form
        The noun for others, if it does not end in s.

    Examples
    --------
    >>> maybe_pluralize(1, "worker"), maybe_pluralize(2, "mouse", "mice")
    ('1 worker', '2 mice')
    """
    if count == 1:
        return f"{count} {noun}"
    return f"{count} {plural_form or noun + 's'}"


def ensure_bytes(s: Any) -> bytes:
    """Return text or anything that holds bytes as bytes.

    Parameters
    ----------
    s
        Text, bytes, or an object with the buffer protocol.

    Examples
    --------
    >>> ensure_bytes("123"), ensure_bytes(bytearray(b"123"))
    (b'123', b'123')
    """
    if isinstance(s, bytes):
        return s
    if isinstance(s, str):
        return s.encode()
    try:
        return memoryview(s).tobytes()
    except TypeError:
        raise TypeError(
            f"{s!r} is neither text nor bytes nor an object with a buffer"
        ) from None


def ensure_unicode(s: Any) -> str:
    """Return text or anything that holds its UTF-8 bytes as text.

    Parameters
    ----------
    s
        Text, bytes, or an object with the buffer protocol.

    Examples
    --------
    >>> ensure_unicode(b"123")
    '123'
    """
    return s if isinstance(s, str) else ensure_bytes(s).decode()


def asciitable(columns: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """Draw a table of text.

    Parameters
    ----------
    columns
        The headings.
    rows
        The values, row by row.

    Examples
    --------
    >>> print(asciitable(["fruit", "color"], [("apple", "red"), ("pear", "green")]))
    +-------+-------+
    | fruit | color |
    +-------+-------+
    | apple | red   |
    | pear  | green |
    +-------+-------+
    """
    heading = [str(name) for name in columns]
    cells = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heading, *cells, strict=True)]
    rule = "+" + "".join("-" * (width + 2) + "+" for width in widths)

    def line(row: list[str]) -> str:
        padded = (x.ljust(width) for x, width in zip(row, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return "\n".join([rule, line(heading), rule, *map(line, cells), rule])


def put_lines(buf: TextIO, lines: Iterable[object]) -> None:
    """Write lines to a text buffer, with newlines between them.

    Parameters
    ----------
    buf
        Where to write.
    lines
        What to write; anything but text is written as its ``str``.

    Examples
    --------
    >>> import sys
    >>> put_lines(sys.stdout, ["one", 2])
    one
    2
    """
    buf.write("\n".join(map(str, lines)))
