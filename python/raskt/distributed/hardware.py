"""How fast memory, disk and network of workers are."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

__all__ = ["measured"]

_SECONDS = 0.2
_MEMORY = {"2 kiB": 2**11, "10 kiB": 10 * 2**10, "1 MiB": 2**20, "100 MiB": 100 * 2**20}
_DISK = {"1 kiB": 2**10, "100 kiB": 100 * 2**10, "1 MiB": 2**20, "10 MiB": 10 * 2**20}
_NETWORK = {
    "1 kiB": 2**10,
    "100 kiB": 100 * 2**10,
    "1 MiB": 2**20,
    "10 MiB": 10 * 2**20,
}


def _rate(step: Callable[[], Any], size: int) -> float:
    """Repeat something for a while, and give bytes a second."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < _SECONDS:
        step()
        count += 1
    return count * size / (time.perf_counter() - start)


def _memory() -> dict[str, float]:
    rates = {}
    for name, size in _MEMORY.items():
        source, target = bytes(size), bytearray(size)

        def copy(source: bytes = source, target: bytearray = target) -> None:
            target[:] = source

        rates[name] = _rate(copy, size)
    return rates


def _disk() -> dict[str, float]:
    rates = {}
    for name, size in _DISK.items():
        with tempfile.TemporaryFile() as file:

            def write(data: bytes = bytes(size), file: Any = file) -> None:
                file.seek(0)
                file.write(data)
                file.flush()

            rates[name] = _rate(write, size)
    return rates


def _send_back(data: bytes) -> bytes:
    return data


async def measured(client: Any) -> dict[str, dict[str, float]]:
    """Measure one worker, and the way to it and back."""
    worker = next(iter((await client._scheduler_info())["workers"]))
    found: dict[str, dict[str, float]] = {"network": {}}
    for name, function in (("memory", _memory), ("disk", _disk)):
        content = (function, (), {})
        found[name] = await client._run(content, worker, True, "raise")
    for name, size in _NETWORK.items():
        content = (_send_back, (bytes(size),), {})
        start = time.perf_counter()
        await client._run(content, worker, True, "raise")
        found["network"][name] = 2 * size / (time.perf_counter() - start)
    return found
