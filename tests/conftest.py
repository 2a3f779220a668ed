"""Fixtures of all tests."""

from __future__ import annotations

from _schedulers import any_scheduler, cluster, scheduler

__all__ = ["any_scheduler", "cluster", "scheduler"]
