"""For tests of programs with bags."""

from __future__ import annotations

from typing import Any

from raskt.base import compute


def assert_eq(a: Any, b: Any, scheduler: Any = "sync") -> None:
    """Check that two objects are equal; lazy ones are computed first.

    Raises
    ------
    AssertionError
        If they are not.

    Examples
    --------
    >>> import raskt.bag as rb
    >>> assert_eq(rb.range(3, npartitions=2), [0, 1, 2])
    """
    a, b = compute(a, b, scheduler=scheduler)
    if a != b:
        raise AssertionError(f"{a!r} != {b!r}")
