"""What is drawn of a graph: circles, boxes, arrows, and the colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from raskt import _native
from raskt._native import Delayed
from raskt.order import OrderInfo

# For each meaning of colours: the number of a function, and that of its data.
MEASURES: dict[str, tuple[Callable[[OrderInfo], int], Callable[[OrderInfo], int]]] = {
    name: (number, number)
    for name, number in {
        "order": lambda info: info.order,
        "ages": lambda info: info.age,
        "freed": lambda info: info.num_dependencies_freed,
        "memoryincreases": lambda info: max(0, _growth(info)),
        "memorydecreases": lambda info: max(0, -_growth(info)),
    }.items()
}
MEASURES["memorypressure"] = (
    lambda info: info.num_data_when_run,
    lambda info: info.num_data_when_released,
)

# The token at the end of generated keys.
TOKEN = re.compile(r"-([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")

PLAIN = (type(None), bool, int, float, complex, str, bytes)

LABEL_LENGTH = 24


def _growth(info: OrderInfo) -> int:
    return info.num_data_when_released - info.num_data_when_run


@dataclass(slots=True)
class _Node:
    label: str
    shape: str
    tooltip: str
    number: int | None = None


@dataclass(slots=True)
class Sketch:
    """A graph as nodes and edges of a picture."""

    nodes: list[_Node] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(
        cls, values: list[Delayed], color: str | None, collapse: bool, verbose: bool
    ) -> Self:
        """Sketch the graph of lazy values."""
        if color is not None and color not in MEASURES:
            raise ValueError(
                f"no colours are called {color!r}: use one of "
                + ", ".join(map(repr, MEASURES))
            )
        tasks = _native.drawn(values)
        numbers = _numbers([inputs for _, _, _, inputs, _ in tasks], color)
        keys = _Keys() if verbose else None
        sketch = cls()
        # For each task, the node where the arrows of its result begin.
        ends: list[int] = []
        for (key, name, kind, inputs, data), (number, of_data) in zip(
            tasks, numbers, strict=True
        ):
            sources = [ends[i] for i in dict.fromkeys(inputs)]
            label = keys.label(key) if keys is not None else _index(key)
            if kind == "call":
                circle = _Node(_name(key, name), "circle", f"{name}: {key}", number)
                sources = [sketch._add(circle, sources)]
                if collapse:
                    ends += sources
                    continue
            elif data:
                label = label or value_text(*data)
            ends.append(sketch._add(_Node(label, "box", str(key), of_data), sources))
        return sketch

    def _add(self, node: _Node, sources: list[int]) -> int:
        place = len(self.nodes)
        self.nodes.append(node)
        self.edges += [(source, place) for source in sources]
        return place

    def drawn(
        self, cmap: Any, maxval: float | None
    ) -> tuple[list[tuple[str, str, str | None, str]], list[tuple[int, int]]]:
        """Give the nodes with their colours, and the edges."""
        numbers = [node.number for node in self.nodes if node.number is not None]
        paint = _paint(cmap) if numbers else None
        top = max(1, maxval or max(numbers, default=1))
        nodes = []
        for node in self.nodes:
            fill = None
            label = node.label
            if paint is not None and node.number is not None:
                fill = paint(min(1.0, node.number / top))
                if node.shape == "circle":
                    label = f"{label}\n{node.number}"
            nodes.append((label, node.shape, fill, node.tooltip))
        return nodes, self.edges


# --- labels ---------------------------------------------------------------------------


def _name(key: Any, function: str) -> str:
    """Give the name of a task: what its collection calls it, or its function."""
    name = key[0] if isinstance(key, tuple) and key else key
    if isinstance(name, str) and TOKEN.search(name):
        return TOKEN.sub("", name)
    return function


def _index(key: Any) -> str:
    """Give the place of a part in its collection."""
    if not isinstance(key, tuple) or len(key) < 2:
        return ""
    return ", ".join(map(str, key[1:]))


class _Keys:
    """Keys as text, in which tokens are numbered."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def label(self, key: Any) -> str:
        parts = key if isinstance(key, tuple) else (key,)
        text = ", ".join(self._short(str(part)) for part in parts)
        return f"({text})" if isinstance(key, tuple) else text

    def _short(self, part: str) -> str:
        found = TOKEN.search(part)
        if found is None:
            return part
        number = self._numbers.setdefault(found[1], len(self._numbers))
        return f"{part[: found.start()]}-#{number}"


def value_text(value: Any) -> str:
    """Give a short text for a value: itself if it is small, else what it is.

    Examples
    --------
    >>> value_text([1, "a"]), value_text(list(range(100))), value_text(iter([]))
    ("[1, 'a']", 'list of 100', 'list_iterator')
    """
    kind = type(value)
    if kind in PLAIN:
        # No more is looked at than could be shown.
        text = repr(value[:LABEL_LENGTH] if kind in (str, bytes) else value)
        return text if len(text) <= LABEL_LENGTH else f"{text[: LABEL_LENGTH - 1]}…"
    if kind not in (list, tuple, set, frozenset, dict):
        return kind.__name__
    if len(value) <= LABEL_LENGTH // 3:
        items = [*value, *(value.values() if kind is dict else ())]
        if all(type(item) in PLAIN for item in items):
            text = repr(value)
            if len(text) <= LABEL_LENGTH:
                return text
    return f"{kind.__name__} of {len(value)}"


# --- colours --------------------------------------------------------------------------


def _numbers(
    needs: list[list[int]], color: str | None
) -> list[tuple[int | None, int | None]]:
    """Give the numbers of each task: of its function, and of its data."""
    if color is None:
        return [(None, None)] * len(needs)
    from raskt.order import diagnostics

    # The tasks come in order, so that a task's place is its number.
    places = {place: place for place in range(len(needs))}
    info, _ = diagnostics(dict.fromkeys(places), places, dict(enumerate(needs)))
    of_function, of_data = MEASURES[color]
    return [(of_function(info[place]), of_data(info[place])) for place in places]


def _paint(cmap: Any) -> Callable[[float], str]:
    """Give what makes a colour of a number from 0 to 1."""
    from raskt.diagnostics._colors import RAMPS, resolve_palette

    cmap = "Viridis" if cmap is None else cmap
    if isinstance(cmap, str):
        own = {name.lower(): name for name in RAMPS}.get(cmap.lower())
        if own is not None:
            colors = resolve_palette(own)
            return lambda part: colors[round(part * (len(colors) - 1))]
        cmap = _of_matplotlib(cmap, sorted(RAMPS))
    return lambda part: _hex(cmap(part))


def _of_matplotlib(name: str, own: list[str]) -> Any:
    advice = f"use one of {', '.join(own)}"
    try:
        from matplotlib import colormaps
    except ImportError:
        raise ValueError(
            f"no colour map is called {name!r}: {advice}, or install matplotlib for "
            "more"
        ) from None
    try:
        return colormaps[name]
    except KeyError:
        raise ValueError(
            f"no colour map is called {name!r}: {advice}, or one of matplotlib's"
        ) from None


def _hex(color: Any) -> str:
    red, green, blue, *_ = (round(255 * part) for part in color)
    return f"#{red:02x}{green:02x}{blue:02x}"
