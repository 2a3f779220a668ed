"""The marks of a profile: what ran where and when, thinned out to what can be seen.

Plain data, no picture: `_svg` draws it.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# More rectangles than this make a page slow to open and to zoom.
BARS_MAX = 20_000

# Points of a line; more than a wide screen has columns.
POINTS_MAX = 2000

# The name of the area of all functions that have none of their own.
OTHER = "other"

# Up to this part of a worker's tasks may overlap without lanes being made for them.
OVERLAPS_IGNORED = 0.05

# More areas than this cannot be told apart; the rest is drawn as one.
AREAS_MAX = 12

# A label or key longer than this is cut.
KEY_LENGTH_MAX = 200


@dataclass(slots=True)
class Bar:
    """One task, or several short ones of a worker drawn as one (``count`` > 1)."""

    label: str
    function: str
    worker: int
    lane: int
    start: float
    end: float
    count: int
    busy: float


@dataclass(slots=True)
class TaskRows:
    """The bars of all tasks, the ids of the workers, the lanes that each needs."""

    bars: list[Bar]
    workers: list[Any]
    lanes: list[int]
    functions: set[str]


@dataclass(slots=True)
class Held:
    """How much of the results of each function was held from each of the times on."""

    metric_name: str
    times: list[float]
    values: dict[str, list[float]]
    functions: set[str]

    @property
    def totals(self) -> list[float]:
        """Return what was held of all functions together, at each of the times."""
        return [sum(column) for column in zip(*self.values.values(), strict=True)]


@dataclass(slots=True)
class Samples:
    """Memory in MB and CPU in percent at each of the times."""

    times: list[float]
    memory: list[float]
    cpu: list[float]


def function_name(key: Hashable, task: Any, length: int) -> str:
    """Return what a task does, in one word: its function, or the group of its key."""
    from raskt.utils import funcname, key_split

    function = getattr(task, "func", None)
    if isinstance(task, tuple) and task and callable(task[0]):
        function = task[0]
    name = funcname(function) if callable(function) else ""
    # Names of lambdas and of inner functions, such as those that run fused tasks, tell
    # the user nothing; the key was made from what the user called.
    if not name or name.startswith(("_", "lambda", "<lambda")):
        name = key_split(key)
    return shorten(name, length)


def shorten(text: str, length: int) -> str:
    """Cut a text that is longer than this, and show that it was."""
    return text if len(text) <= length else text[: max(length - 1, 1)] + "…"


def task_rows(results: Sequence[Any], label_size: int) -> TaskRows:
    """Return the bars of tasks in rows, a row for each worker."""
    rows: dict[Any, list[Any]] = defaultdict(list)
    for task in sorted(results, key=lambda task: task.start_time):
        rows[task.worker_id].append(task)
    workers = list(rows)
    bars: list[Bar] = []
    lanes = []
    for number, worker in enumerate(workers):
        lane_of = assign_lanes([(t.start_time, t.end_time) for t in rows[worker]])
        lanes.append(max(lane_of) + 1)
        bars += (
            Bar(
                shorten(str(task.key), KEY_LENGTH_MAX),
                function_name(task.key, task.task, label_size),
                number,
                lane,
                task.start_time,
                task.end_time,
                1,
                task.end_time - task.start_time,
            )
            for task, lane in zip(rows[worker], lane_of, strict=True)
        )
    return TaskRows(bars, workers, lanes, {bar.function for bar in bars})


def assign_lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Put spans, sorted by start, into as few lanes as keep them readable.

    Where a worker is given several tasks at once, as processes are, they overlap.
    Spans that overlap by less than half of the shorter one may share a lane: that is
    the time it takes to hand over, not work at the same time. So are a few that overlap
    among many that do not.
    """
    lanes: list[int] = []
    last: list[tuple[float, float]] = []  # the span that each lane ends with
    for start, end in spans:
        for lane, (before, until) in enumerate(last):
            if until - start <= min(end - start, until - before) / 2:
                last[lane] = start, end
                lanes.append(lane)
                break
        else:
            lanes.append(len(last))
            last.append((start, end))
    apart = sum(lane > 0 for lane in lanes)
    return lanes if apart > len(lanes) * OVERLAPS_IGNORED else [0] * len(lanes)


def merge_bars(
    bars: list[Bar], start: float, end: float, limit: int = BARS_MAX
) -> tuple[list[Bar], int]:
    """Return at most ``limit`` bars, and the columns of time that were merged into.

    The longest stay as they are. The others are merged where they begin in the same
    column of the same row. 0 columns: nothing had to be merged.
    """
    if len(bars) <= limit:
        return bars, 0
    rows = len({(bar.worker, bar.lane) for bar in bars})
    columns = max(limit // 2 // rows, 1)
    width = (end - start) / columns
    kept = heapq.nlargest(limit // 2, bars, key=lambda bar: bar.busy)
    kept = [bar for bar in kept if bar.busy >= width]
    alone = set(map(id, kept))
    columns_of: dict[tuple[int, int, int], list[Bar]] = defaultdict(list)
    for bar in bars:
        if id(bar) not in alone:
            column = min(int((bar.start - start) / width), columns - 1)
            columns_of[bar.worker, bar.lane, column].append(bar)
    return kept + [_merged(group) for group in columns_of.values()], columns


def _merged(group: list[Bar]) -> Bar:
    if len(group) == 1:
        return group[0]
    busy: dict[str, float] = defaultdict(float)
    for bar in group:
        busy[bar.function] += bar.busy
    functions = sorted(busy, key=lambda name: -busy[name])
    shown = ", ".join(functions[:3]) + (", …" if len(functions) > 3 else "")
    return Bar(
        f"{len(group)} tasks: {shown}",
        functions[0],
        group[0].worker,
        group[0].lane,
        min(bar.start for bar in group),
        max(bar.end for bar in group),
        len(group),
        sum(bar.busy for bar in group),
    )


def held(results: Iterable[Any], metric_name: str, label_size: int) -> Held:
    """Return how much was held at the times when that changed."""
    changes: list[tuple[float, str, float]] = []
    weights: dict[str, float] = defaultdict(float)
    for result in results:
        name = function_name(result.key, result.task, label_size)
        changes.append((result.cache_time, name, result.metric))
        changes.append((result.free_time, name, -result.metric))
        weights[name] += result.metric * (result.free_time - result.cache_time)
    changes.sort(key=lambda change: change[0])
    names = sorted(weights, key=lambda name: -weights[name])
    if len(names) > AREAS_MAX:
        names = [*names[: AREAS_MAX - 1], OTHER]
    totals: dict[float, float] = {}
    total = 0.0
    for time, _, change in changes:
        total += change
        totals[time] = total
    times = list(totals)
    picked = [times[i] for i in pick_points(times, list(totals.values()))]
    return Held(metric_name, picked, _held_at(picked, changes, names), set(weights))


def _held_at(
    times: Sequence[float],
    changes: Iterable[tuple[float, str, float]],
    names: Sequence[str],
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {name: [] for name in names}
    now = dict.fromkeys(names, 0.0)
    coming = iter(changes)
    pending = next(coming, None)
    for time in times:
        while pending is not None and pending[0] <= time:
            _, name, change = pending
            now[name if name in now else OTHER] += change
            pending = next(coming, None)
        for name, column in values.items():
            column.append(now[name])
    return values


def samples(results: Sequence[Any]) -> Samples:
    """Return the samples of resources, thinned out to the highest."""
    times, memory, cpu = ([sample[i] for sample in results] for i in range(3))
    picked = sorted({*pick_points(times, memory), *pick_points(times, cpu)})
    return Samples(
        [times[i] for i in picked],
        [memory[i] for i in picked],
        [cpu[i] for i in picked],
    )


def pick_points(
    times: Sequence[float], values: Sequence[float], limit: int = POINTS_MAX
) -> list[int]:
    """Choose at most ``limit`` points: the highest of each column of time, the last."""
    if len(times) <= limit:
        return list(range(len(times)))
    width = (times[-1] - times[0]) / (limit - 1)
    highest: dict[int, int] = {}
    for i, time in enumerate(times):
        column = min(int((time - times[0]) / width), limit - 2) if width else 0
        best = highest.setdefault(column, i)
        if values[i] > values[best]:
            highest[column] = i
    return sorted({*highest.values(), len(times) - 1})
