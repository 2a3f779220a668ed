"""Parallel and distributed computing with a Rust core.

raskt runs graphs of small tasks on all cores. Make functions lazy with
:func:`raskt.delayed`, combine their results, and compute them:

>>> import raskt
>>> @raskt.delayed
... def inc(x):
...     return x + 1
>>> @raskt.delayed
... def add(x, y):
...     return x + y
>>> add(inc(1), inc(2)).compute()
5
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from raskt import _native, config
from raskt import tokenize as tokenize
from raskt._annotations import annotate, get_annotations
from raskt._native import __version__
from raskt.base import (
    compute,
    is_dask_collection,
    is_raskt_collection,
    optimize,
    persist,
    visualize,
)
from raskt.delayed import delayed
from raskt.threaded import get

__all__ = [
    "__version__",
    "annotate",
    "compute",
    "config",
    "delayed",
    "get",
    "get_annotations",
    "is_dask_collection",
    "is_raskt_collection",
    "optimize",
    "persist",
    "tokenize",
    "visualize",
]

# What is not needed to begin with is imported when it is first used.
_LAZY = {
    "bag",
    "base",
    "cache",
    "callbacks",
    "context",
    "core",
    "datasets",
    "diagnostics",
    "distributed",
    "exceptions",
    "graph_manipulation",
    "highlevelgraph",
    "local",
    "multiprocessing",
    "optimization",
    "order",
    "sizeof",
    "system",
    "task_spec",
    "threaded",
    "typing",
    "utils",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"raskt.{name}")
    raise AttributeError(f"module 'raskt' has no attribute {name!r}")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_native.after_fork)
