"""Draw the panels of a profile as SVG that can be stretched along the time axis.

A panel's picture is `UNITS` wide however long the profile; the page zooms by changing
the ``viewBox``. So text is not part of the picture: labels are returned beside it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from raskt.diagnostics import _marks

# Fine enough to zoom in a thousand times, coarse enough for the 24 bits of precision
# that browsers draw with.
UNITS = 1_000_000

LABEL_HEIGHT = 15
ROW_HEIGHT = 26
BARS_HEIGHT_MAX = 560
LINES_HEIGHT = 130


@dataclass
class Panel:
    """One picture, what stands beside it, and what the page says when pointed at."""

    title: str
    height: int
    svg: str
    labels: list[tuple[float, str]]
    tips: dict[str, Any]
    notes: list[str] = field(default_factory=list)
    # Names and style classes of areas, from the top down.
    legend: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Scene:
    """What all panels have in common."""

    start: float
    end: float
    classes: dict[str, str]  # the style class of each function
    height: int | None

    def x(self, time: float) -> str:
        """Return the horizontal position of a time."""
        part = (time - self.start) / (self.end - self.start)
        return _number(min(max(part, 0.0), 1.0) * UNITS)

    def seconds(self, time: float) -> float:
        """Return the time since the start, to a tenth of a microsecond."""
        return round(time - self.start, 7)


def draw_tasks(tasks: _marks.TaskRows, scene: Scene) -> Panel:
    """Draw a row of bars for each worker."""
    workers = tasks.workers
    bars, columns = _marks.merge_bars(tasks.bars, scene.start, scene.end)
    rows = max(len(workers), 1)
    height = scene.height or min(max(rows * ROW_HEIGHT, 60), BARS_HEIGHT_MAX)
    row_height = height / rows
    gap = min(row_height * 0.12, 3)
    groups: dict[str, list[_marks.Bar]] = {}
    for bar in bars:
        groups.setdefault(bar.function, []).append(bar)
    functions = list(groups)
    parts = []
    for number, (function, group) in enumerate(groups.items()):
        parts.append(f'<g class="{scene.classes[function]}" data-f="{number}">')
        for bar in group:
            lane_height = (row_height - 2 * gap) / tasks.lanes[bar.worker]
            y = bar.worker * row_height + gap + bar.lane * lane_height
            left, right = scene.x(bar.start), scene.x(bar.end)
            parts.append(
                f'<rect x="{left}" y="{_number(y)}" '
                f'width="{_number(float(right) - float(left))}" '
                f'height="{_number(lane_height)}"/>'
            )
        parts.append("</g>")
    notes = _note_if_empty(bars)
    if columns:
        notes.append(
            f"{len(tasks.bars):,} tasks: short tasks of a worker are drawn as one bar "
            f"where they begin in the same 1/{columns:,} of the time, in the colour of "
            "the function that took most of it."
        )
    every = math.ceil(rows * LABEL_HEIGHT / height)
    return Panel(
        title="Tasks",
        height=height,
        svg=_lines((i / rows for i in range(1, rows)), height, "row") + "".join(parts),
        labels=[
            ((i + 0.5) / rows, f"worker {i}") for i in range(0, len(workers), every)
        ],
        tips={
            "functions": functions,
            "workers": [str(worker) for worker in workers],
            # In the order in which the bars are drawn.
            "bars": [
                [
                    bar.label,
                    bar.worker,
                    scene.seconds(bar.start),
                    scene.seconds(bar.end),
                    bar.count,
                    round(bar.busy, 7),
                ]
                for group in groups.values()
                for bar in group
            ],
        },
        notes=notes,
    )


def draw_resources(samples: _marks.Samples, scene: Scene) -> list[Panel]:
    """Draw CPU and memory, each as a curve with the area below it."""
    return [
        _draw_curve("CPU", samples.times, samples.cpu, "%", scene),
        _draw_curve("Memory", samples.times, samples.memory, "MB", scene),
    ]


def draw_held(held: _marks.Held, scene: Scene) -> Panel:
    """Draw how much of each function's results was held, one area upon the other."""
    height = scene.height or LINES_HEIGHT + 50
    ticks = nice_ticks(max(held.totals, default=0.0))
    y = _scale(ticks[-1], height)
    below = [0.0] * len(held.times)
    parts = []
    for number, (name, values) in enumerate(held.values.items()):
        above = [a + b for a, b in zip(below, values, strict=True)]
        parts.append(
            f'<path class="area {scene.classes[name]}" data-f="{number}" '
            f'd="{_step_area(held.times, below, above, scene, y)}"/>'
        )
        below = above
    return Panel(
        title=f"Results held ({held.metric_name})",
        height=height,
        svg=_lines((1 - t / ticks[-1] for t in ticks), height, "row") + "".join(parts),
        labels=[(1 - tick / ticks[-1], quantity(tick)) for tick in ticks],
        tips={
            "functions": list(held.values),
            "times": [scene.seconds(time) for time in held.times],
            "series": list(held.values.values()),
            "unit": "",
        },
        notes=_note_if_empty(held.times),
        legend=[(name, scene.classes[name]) for name in reversed(held.values)],
    )


def _draw_curve(
    title: str,
    times: Sequence[float],
    values: Sequence[float],
    unit: str,
    scene: Scene,
) -> Panel:
    style = title.lower()
    height = scene.height or LINES_HEIGHT
    ticks = nice_ticks(max(values, default=0.0))
    y = _scale(ticks[-1], height)
    points = [(scene.x(t), y(value)) for t, value in zip(times, values, strict=True)]
    parts = []
    for run in _unbroken(times):
        line = " ".join(f"{px} {py}" for px, py in points[run])
        first, last = points[run][0][0], points[run][-1][0]
        parts.append(
            f'<path class="under {style}" d="M{first} {height}L{line}V{height}Z"/>'
            f'<path class="curve {style}" d="M{line}H{last}"/>'
        )
    return Panel(
        title=title,
        height=height,
        svg=_lines((1 - t / ticks[-1] for t in ticks), height, "row") + "".join(parts),
        labels=[(1 - tick / ticks[-1], quantity(tick, unit)) for tick in ticks],
        tips={
            "functions": [title],
            "times": [scene.seconds(time) for time in times],
            "series": [list(values)],
            "unit": unit,
        },
        notes=_note_if_empty(times),
    )


def nice_ticks(highest: float, count: int = 4) -> list[float]:
    """Return round numbers from 0 to the first that is not below the highest value."""
    if not highest > 0:
        return [0.0, 1.0]
    rough = highest / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.9999)
    return [step * i for i in range(math.ceil(highest / step * 0.9999) + 1)]


def quantity(value: float, unit: str = "") -> str:
    """Write a number as a label: in percent, in MB or GB, or in thousands and so on."""
    if not value:
        return "0"
    if unit == "MB" and value >= 1000:
        return f"{value / 1000:,.4g} GB"
    if unit:
        return f"{value:,.4g} {unit}"
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.4g} {letter}"
    return f"{value:.4g}"


def _note_if_empty(records: Sequence[Any]) -> list[str]:
    return [] if records else ["Nothing was recorded."]


def _unbroken(times: Sequence[float]) -> Iterable[slice]:
    """Split where samples are missing: nothing was recorded between computations."""
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    longest = 5 * gaps[len(gaps) // 2] if gaps else 0.0
    first = 0
    for i in range(1, len(times) + 1):
        if i == len(times) or times[i] - times[i - 1] > longest:
            yield slice(first, i)
            first = i


def _step_area(
    times: Sequence[float],
    below: Sequence[float],
    above: Sequence[float],
    scene: Scene,
    y: Callable[[float], str],
) -> str:
    xs = [scene.x(time) for time in times]
    forth = "".join(f"H{x}V{y(value)}" for x, value in zip(xs, above, strict=True))
    back = "".join(
        f"V{y(value)}H{x}"
        for x, value in zip(reversed(xs), reversed(below), strict=True)
    )
    return f"M{xs[0]} {y(0)}{forth}{back}Z"


def _scale(highest: float, height: int) -> Callable[[float], str]:
    return lambda value: _number(height * (1 - value / highest))


def _lines(parts: Iterable[float], height: int, style: str) -> str:
    path = "".join(f"M0 {_number(part * height)}H{UNITS}" for part in parts)
    return f'<path class="{escape(style)}" d="{path}"/>'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
