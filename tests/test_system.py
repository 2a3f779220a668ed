"""Processors and memory that a process may use."""

from __future__ import annotations

import builtins
import io
import os
import sys

import pytest
import raskt.config
from raskt import system
from raskt.config import ConfigError


@pytest.fixture
def kernel_files(monkeypatch):
    """Files that the system module finds instead of the kernel's."""
    files = {}

    def find(path, *args, **kwargs):
        if str(path).startswith(("/proc/", "/sys/")):
            if path not in files:
                raise FileNotFoundError(path)
            return io.StringIO(files[path])
        return builtin_open(path, *args, **kwargs)

    builtin_open = builtins.open
    monkeypatch.setattr(builtins, "open", find)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(
        os, "sched_getaffinity", lambda pid: {*range(32)}, raising=False
    )
    monkeypatch.setattr(system, "_machine_memory", lambda: 1000)
    return files


def test_limits_without_control_groups(kernel_files):
    assert system.cpu_count() == 32
    assert system.memory_limit() == 1000


def test_limits_of_the_groups_around_ours(kernel_files):
    kernel_files |= {
        "/proc/self/cgroup": "0::/a/b\n",
        "/sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
        "/sys/fs/cgroup/a/cpu.max": "250000 100000\n",
        "/sys/fs/cgroup/a/b/memory.max": "max\n",
        "/sys/fs/cgroup/a/b/memory.high": "700\n",
        "/sys/fs/cgroup/a/memory.max": "800\n",
    }
    assert system.cpu_count() == 3
    assert system.memory_limit() == 700


def test_limits_of_version_1_groups(kernel_files):
    kernel_files |= {
        "/proc/self/cgroup": "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",
        "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us": "-1\n",
        "/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us": "100000\n",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        "/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes": "600\n",
    }
    assert system.cpu_count() == 4
    assert system.memory_limit() == 600


def test_a_tiny_share_is_one_processor(kernel_files):
    kernel_files |= {"/sys/fs/cgroup/cpu.max": "1000 100000", "/proc/self/cgroup": ""}
    assert system.cpu_count() == 1


@pytest.mark.parametrize(
    "limit, budget",
    [
        (None, None),
        ("60%", 600),
        (" 12.5 % ", 125),
        (0.5, 500),
        ("0.5", 500),
        (1.0, 1000),
        ("150%", 1500),
        (2000, 2000),
        ("4 kB", 4000),
        ("1e6", 1_000_000),
        ("1 GiB", 2**30),
        (1e-9, 1),
    ],
)
def test_memory_budget(limit, budget):
    assert system.memory_budget(limit, total=1000) == budget


@pytest.mark.parametrize(
    "limit", [0, -1, "0%", "-5 GB", "lots", "", "%", True, [], float("nan"), "inf"]
)
def test_memory_budget_refuses_nonsense(limit):
    with pytest.raises(ConfigError, match=r"memory\.limit cannot be .* like '4 GB'"):
        system.memory_budget(limit, total=1000)


def test_the_default_budget_is_a_share_of_the_limit():
    budget = system.memory_budget(raskt.config.get("memory.limit"))
    assert budget == pytest.approx(0.6 * system.memory_limit(), rel=1e-6)
