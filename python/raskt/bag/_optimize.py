"""Smaller graphs for bags: chains of steps become one task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raskt.bag._steps import stream
from raskt.optimization import cull, fuse
from raskt.utils import ensure_dict


def optimize(dsk: Mapping, keys: Any, fuse_keys: Any = None, **kwargs: Any) -> dict:
    """Give a graph that computes the same with fewer tasks.

    Parameters
    ----------
    dsk : mapping
        The graph.
    keys : key or nested list of keys
        What is wanted.
    fuse_keys : list of keys, optional
        Other tasks that must stay.
    **kwargs
        Accepted and ignored.
    """
    graph, _ = cull(ensure_dict(dsk), keys)
    kept = [keys, list(fuse_keys or [])]
    graph, _ = fuse(graph, kept)
    return {key: stream(task) for key, task in graph.items()}
