"""Clocks, where Dask has them."""

from __future__ import annotations

from time import monotonic, time

__all__ = ["monotonic", "time"]
