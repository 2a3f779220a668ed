"""The figures above and the table below the plots of a profile."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from raskt.diagnostics._marks import Held, Samples, TaskRows
from raskt.diagnostics._svg import quantity


@dataclass(frozen=True)
class FunctionRow:
    """What all tasks of one function took together."""

    name: str
    calls: int
    seconds: float
    longest: float


def function_rows(tasks: TaskRows) -> list[FunctionRow]:
    """Return a row for each function, the one that took most first."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for bar in tasks.bars:
        seconds[bar.function].append(bar.busy)
    rows = [
        FunctionRow(name, len(each), sum(each), max(each))
        for name, each in seconds.items()
    ]
    return sorted(rows, key=lambda row: (-row.seconds, row.name))


def task_tiles(tasks: TaskRows, span: float) -> list[tuple[str, str]]:
    """Return the figures of tasks as pairs of a name and a text."""
    busy = [bar.busy for bar in tasks.bars]
    return [
        ("tasks", f"{len(busy):,}"),
        ("workers", f"{len(tasks.workers):,}"),
        ("tasks at a time, on average", f"{sum(busy) / span:.3g}"),
        ("longest task", time_text(max(busy, default=0.0))),
    ]


def resource_tiles(samples: Samples) -> list[tuple[str, str]]:
    """Return the figures of resources as pairs of a name and a text."""
    # The CPU of the first sample is unknown.
    cpu = samples.cpu[1:]
    mean = sum(cpu) / len(cpu) if cpu else 0.0
    return [
        ("CPU, on average", quantity(mean, "%")),
        ("most memory", quantity(max(samples.memory, default=0.0), "MB")),
    ]


def held_tiles(held: Held) -> list[tuple[str, str]]:
    """Return the figures of held results as pairs of a name and a text."""
    highest = quantity(max(held.totals, default=0.0))
    return [(f"most held at once ({held.metric_name})", highest)]


def time_text(seconds: float) -> str:
    """Write a duration."""
    from raskt.utils import format_time

    return format_time(seconds)
