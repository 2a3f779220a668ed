"""Objects as bytes: equal ones, and no others, give equal bytes.

The bytes are unambiguous, as everything says where it ends. What has no order is sorted
by its bytes. This knows scalars and builtin containers; whatever else there is must be
taken apart into these.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import lru_cache
from marshal import dumps as marshal_dumps
from struct import Struct
from types import CodeType
from typing import Any

from raskt._normalize import (
    HANDLERS,
    ModuleGlobal,
    Parts,
    Reduced,
    TokenizationError,
    digest,
    strictness,
    unstable,
)

SCALARS = frozenset({int, float, complex, bool, str, type(None), type(...)})


class Writer:
    """Write one object, with all that is in it.

    Whether something is there twice or there are two that are equal makes no
    difference, except within a ring: objects of which each leads to all the others.
    These are found as strongly connected components are in general. The members of a
    ring are numbered as a second walk meets them, and stand for themselves by number.

    Parameters
    ----------
    take_apart : callable
        Returns for an object the parts to write in its place.
    """

    __slots__ = (
        "count",
        "lowest",
        "numbers",
        "parts",
        "pending",
        "reduced",
        "ring",
        "rings",
        "take_apart",
        "written",
    )

    def __init__(self, take_apart: Callable[[Any], Parts]) -> None:
        self.take_apart = take_apart
        # By id, with the object, so that it stays alive. Instead of bytes, there is
        # for what the walk is inside of its number, for what leads back to such the
        # lowest of their numbers, and None for most members of rings.
        self.written: dict[int, tuple[Any, bytes | int | None]] = {}
        self.count = 0
        self.lowest = 0
        self.pending: list[Any] = []  # what leads back
        self.rings: dict[int, _Ring] = {}
        self.parts: dict[int, Parts] = {}  # of members of rings
        self.reduced: list[Any] = []  # what `raskt._normalize.reduced` took apart
        # During the second walk through a ring:
        self.ring: _Ring | None = None
        self.numbers: dict[int, int] = {}

    def write(self, x: Any) -> bytes:
        """Return the bytes."""
        code = self._first(x)
        assert code is not None, "nothing is around it to which it could lead back"
        return code

    def _first(self, x: Any) -> bytes | None:
        """Write an object; None if it leads back to what the walk is inside of."""
        code = _write_small(x)
        if code is not None:
            return code
        key = id(x)
        known = self.written.get(key)
        if known is not None:
            if type(known[1]) is int:
                self.lowest = min(self.lowest, known[1])
                return None
            return self._member(x) if known[1] is None else known[1]  # type: ignore[return-value]
        self.count += 1
        number = self.count
        self.written[key] = x, number
        outer, self.lowest = self.lowest, number
        n_pending = len(self.pending)
        code = self._compound(x, self._first)
        lowest, self.lowest = self.lowest, outer
        if lowest < number:
            self.written[key] = x, lowest
            self.pending.append(x)
            self.lowest = min(outer, lowest)
            return None
        if code is None:
            code = self._close_ring(x, n_pending)
        self.written[key] = x, code
        return code

    def _close_ring(self, x: Any, n_pending: int) -> bytes:
        ring = _Ring()
        for member in [x, *self.pending[n_pending:]]:
            self.rings[id(member)] = ring
            self.written[id(member)] = member, None
        del self.pending[n_pending:]
        ring.code, ring.numbers = self._walk_ring(x, ring)
        return ring.code

    def _member(self, x: Any) -> bytes | None:
        """Write a member of a ring that was entered elsewhere."""
        ring = self.rings[id(x)]
        if ring is self.ring:
            return None  # asked for as a key, see below
        number = ring.numbers.get(id(x))
        if number is None or len(ring.numbers) <= 64:
            code, _ = self._walk_ring(x, ring)
        else:  # to walk from each of many members would take too long
            code = _shorten(b"&" + ring.code + _pack_count(number))
        self.written[id(x)] = x, code
        return code

    def _walk_ring(self, x: Any, ring: _Ring) -> tuple[bytes, dict[int, int]]:
        outer = self.ring, self.numbers
        self.ring, self.numbers = ring, {}
        try:
            return self._second(x), self.numbers
        finally:
            self.ring, self.numbers = outer

    def _second(self, x: Any) -> bytes:
        key = id(x)
        code: bytes | None
        if self.rings.get(key) is not self.ring:
            code = self._first(x)
        elif key in self.numbers:
            code = b"@" + _pack_count(self.numbers[key])
        else:
            self.numbers[key] = len(self.numbers)
            code = self._compound(x, self._second)
        assert code is not None, "what is around the ring is not led to"
        return code

    def _compound(self, x: Any, visit: Callable[[Any], bytes | None]) -> bytes | None:
        """Write what is not small, visiting what is in it."""
        kind = type(x)
        if kind is tuple or kind is list:
            code = write_flat(x) if len(x) > _SMALL else None
            if code is not None:
                return _shorten(code)
            tag = b"(" if kind is tuple else b"["
            codes: list[Any] = list(map(visit, x))
        elif kind is dict or kind is set or kind is frozenset:
            tag = b"{" if kind is dict else b"<" if kind is set else b">"
            codes = list(map(self._first, x))
            if None in codes:
                # Members of the ring would have to be sorted before they are numbered.
                return None if self.ring is None else visit(unstable(x))
            if kind is dict:
                pairs = sorted(zip(codes, x.values(), strict=True), key=_first_item)
                codes = [code for k, v in pairs for code in (k, visit(v))]
            else:
                codes.sort()
        elif kind is CodeType:
            return _write_code(x)
        elif kind is ModuleGlobal:
            tag = b"G"
            codes = [self._global(x, visit)]
        else:
            tag = b"O"
            codes = self._object(x, visit)
        if None in codes:
            return None
        return _shorten(b"".join((tag, _pack_count(len(codes)), *codes)))

    def _object(
        self, x: Any, visit: Callable[[Any], bytes | None]
    ) -> list[bytes | None]:
        parts = self.parts.get(id(x))
        if parts is None:
            parts = self.take_apart(x)
            if type(parts) is Reduced:
                self.reduced.append(x)
        code = write_flat(parts)
        if code is not None:
            return [code]
        codes = list(map(visit, parts))
        if None in codes:
            self.parts[id(x)] = parts
        return codes

    def _global(
        self, x: ModuleGlobal, visit: Callable[[Any], bytes | None]
    ) -> bytes | None:
        if x.by_name:
            return visit(("global", x.name))
        n_written, n_pending, lowest = len(self.written), len(self.pending), self.lowest
        try:
            with strictness(True):
                return visit(x.value)
        except TokenizationError:
            x.by_name = True
        # The walk is no longer inside of what it has entered since.
        for key in list(self.written)[n_written:]:
            if type(self.written[key][1]) is int:
                del self.written[key]
                self.parts.pop(key, None)
        del self.pending[n_pending:]
        self.lowest = lowest
        return visit(("global", x.name))


class _Ring:
    """Objects of which each leads to all the others."""

    __slots__ = ("code", "numbers")

    def __init__(self) -> None:
        # As seen from the member by which it was entered first.
        self.code = b""
        self.numbers: dict[int, int] = {}


_first_item = operator.itemgetter(0)
_pack_count = Struct("<I").pack


def write_flat(items: tuple[Any, ...] | list[Any]) -> bytes | None:
    """Write a tuple or list at the speed of C if it holds but scalars.

    For these types, version 2 of the marshal format is just what is needed: it says
    each type and length and knows no references. The tags above extend it.
    """
    if not SCALARS.issuperset(map(type, items)):
        return None
    if any(map(operator.ne, items, items)):  # there is a nan
        return None
    try:
        return marshal_dumps(items, 2)
    except ValueError:  # something has 2 GiB or more
        return None


_SMALL = 16  # shorter sequences of scalars are too cheap to be remembered


def _write_small(x: Any) -> bytes | None:
    kind = type(x)
    if kind in SCALARS:
        return _write_scalar(x)
    if (kind is tuple or kind is list) and len(x) <= _SMALL:
        code = write_flat(x)
        return None if code is None else _shorten(code)
    if kind is bytes:
        return b"s" + _pack_count(len(x)) + x if len(x) < 64 else b"S" + digest(x)
    return None


def _write_scalar(x: Any) -> bytes:
    if x != x:
        x = _one_nan(x)
    try:
        code = marshal_dumps(x, 2)
    except ValueError:  # 2 GiB or more
        return b"U" + digest(x.encode("utf-8", "surrogatepass"))
    return _shorten(code)


def _one_nan(x: float | complex) -> float | complex:
    """Replace any of the many bit patterns of nan by one."""
    if isinstance(x, float):
        return float("nan")
    return complex(
        *(part if part == part else float("nan") for part in (x.real, x.imag))
    )


def _shorten(code: bytes) -> bytes:
    # So that what is shared many times, level by level, does not take forever.
    return code if len(code) < 64 else b"#" + digest(code)


@lru_cache(4096)
def _write_code(x: CodeType) -> bytes:
    take_apart = HANDLERS[CodeType]
    return Writer(take_apart).write(take_apart(x))
