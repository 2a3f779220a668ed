"""Processors and memory that this process may use, its control group included."""

from __future__ import annotations

import math
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CPU_COUNT", "cpu_count", "memory_budget", "memory_limit"]

CGROUPS = "/sys/fs/cgroup"


def cpu_count() -> int:
    """Return the number of processors that this process may use.

    The least of the machine's processors, those that the process is bound to, and the
    share of its control group (a container's limit), rounded up.

    Examples
    --------
    >>> cpu_count() >= 1
    True
    """
    limits = [os.cpu_count() or 1, _bound_processors()]
    quota = _processor_quota()
    if quota is not None:
        limits.append(math.ceil(quota))
    return max(1, min(count for count in limits if count))


def memory_limit() -> int:
    """Return the bytes of memory that this process may use.

    The least of the machine's memory and the limits of its control groups.

    Examples
    --------
    >>> memory_limit() > 0
    True
    """
    return min([_machine_memory(), *_memory_quotas()])


def memory_budget(limit: str | float | None, total: int | None = None) -> int | None:
    """Return the bytes that a setting such as the option ``memory.limit`` means.

    Parameters
    ----------
    limit
        A size (``"4 GB"`` or a number of bytes), a percentage (``"60%"``) or a
        fraction (up to 1) of all memory, or None for no limit.
    total
        What percentages and fractions are of; :func:`memory_limit` if not given.

    Raises
    ------
    ConfigError
        If the setting is none of these, or not above zero.

    Examples
    --------
    >>> memory_budget("4 GB")
    4000000000
    >>> memory_budget("60%", total=1000), memory_budget(0.5, total=1000)
    (600, 500)
    >>> memory_budget(None) is None
    True
    """
    from raskt.config import ConfigError

    if limit is None:
        return None
    try:
        amount, is_share = _read_limit(limit)
    except (ValueError, TypeError):
        amount, is_share = math.nan, False
    if not 0 < amount < math.inf:
        raise ConfigError(
            f"memory.limit cannot be {limit!r}: give a size like '4 GB', a share like "
            "'60%' or 0.6, or null for no limit"
        )
    if is_share:
        amount *= memory_limit() if total is None else total
    return max(1, int(amount))


def _read_limit(limit: str | float) -> tuple[float, bool]:
    """Return a limit as a number, and whether that is a share of all memory."""
    if isinstance(limit, bool):
        raise TypeError
    if isinstance(limit, str):
        text = limit.strip()
        if text.endswith("%"):
            return float(text[:-1]) / 100, True
        if not text:
            raise ValueError
        try:
            limit = float(text)
        except ValueError:
            from raskt._text import parse_bytes

            return parse_bytes(text), False
    return float(limit), limit <= 1


def _bound_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    try:
        import psutil

        return len(psutil.Process().cpu_affinity())
    except (ImportError, AttributeError):
        return 0


def _machine_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Only Windows has no sysconf.
        from raskt._inspect import import_required

        psutil = import_required(
            "psutil", "Install psutil to let raskt see how much memory there is"
        )
        return psutil.virtual_memory().total


def _processor_quota() -> float | None:
    quotas = []
    for folder in _control_groups(""):
        limit, _, period = _content(f"{folder}/cpu.max").partition(" ")
        quotas.append((limit, period))
    for controller in ("cpuacct,cpu", "cpu,cpuacct", "cpu"):
        for folder in _control_groups(controller):
            limit = _content(f"{folder}/cpu.cfs_quota_us")
            if limit:
                quotas.append((limit, _content(f"{folder}/cpu.cfs_period_us")))
    # No limit is written as "max" or -1.
    numbers = [(int(q), int(p)) for q, p in quotas if q.isdecimal() and p.isdecimal()]
    return min((q / p for q, p in numbers if q and p), default=None)


def _memory_quotas() -> Iterator[int]:
    files = [
        f"{folder}/{name}"
        for folder in _control_groups("")
        for name in ("memory.max", "memory.high")
    ]
    files += [f"{g}/memory.limit_in_bytes" for g in _control_groups("memory")]
    for file in files:
        content = _content(file)
        if content.isdecimal() and int(content) > 0:
            yield int(content)


def _control_groups(controller: str) -> Iterator[str]:
    """Yield the folders of our control group and of all groups that it is in.

    Parameters
    ----------
    controller
        Name of a version 1 hierarchy; empty for that of version 2.
    """
    if not sys.platform.startswith("linux"):
        return
    group = "/"
    for line in _content("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if set(controllers.split(",")) == set(controller.split(",")):
            group = path
    # Inside a container, the group's path may be the one that the host sees.
    parts = [part for part in group.split("/") if part not in ("", "..")]
    base = f"{CGROUPS}/{controller}" if controller else CGROUPS
    for depth in range(len(parts), -1, -1):
        yield "/".join([base, *parts[:depth]])


def _content(file: str) -> str:
    try:
        # Not pathlib: these are tiny files, read when raskt is imported.
        with open(file) as stream:  # noqa: PTH123
            return stream.read().strip()
    except (OSError, ValueError):
        return ""


CPU_COUNT = cpu_count()
"""The number of processors when raskt was imported."""
