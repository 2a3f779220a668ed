"""Options for native code: plain values, times in seconds, sizes in bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from raskt import config
from raskt.distributed._waiting import seconds
from raskt.utils import parse_bytes

__all__ = ["flat_options"]

_TIMES = (
    "interval",
    "timeout",
    "-ttl",
    "-delay",
    "-duration",
    "-time",
    "lifetime.duration",
    "lifetime.stagger",
)
_SIZES = ("-size", "-limit", "max-spill", "bandwidth")


def flat_options(section: str) -> dict[str, Any]:
    """Give all options below a section, by their name there.

    Examples
    --------
    >>> options = flat_options("distributed.worker")
    >>> options["memory.target"], options["memory.monitor-interval"]
    (0.6, 0.1)
    """
    return dict(_flat("", config.get(section, {})))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    for part, below in value.items():
        name = prefix + str(part).replace("_", "-")
        if isinstance(below, Mapping):
            yield from _flat(f"{name}.", below)
        elif isinstance(below, str) and name.endswith(_TIMES):
            yield name, seconds(below)
        elif isinstance(below, str) and name.endswith(_SIZES):
            yield name, parse_bytes(below)
        else:
            yield name, below
