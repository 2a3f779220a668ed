"""Where tasks spend their time: samples of stacks, merged into trees.

A tree is a dict: how often a place was seen (``count``), which place it is
(``description``), and the places that it called (``children``, by ``identifier``).
"""

from __future__ import annotations

import html
import linecache
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

from raskt.utils import key_split

__all__ = ["Sampler", "add_stack", "call_stack", "create", "merge", "written"]

_OWN = ("raskt/distributed", "concurrent/futures", "threading.py")


def create() -> dict[str, Any]:
    """Give a tree in which nothing was seen.

    Examples
    --------
    >>> create()["count"]
    0
    """
    place = {"filename": "", "name": "", "line_number": 0, "line": ""}
    return {"count": 0, "children": {}, "identifier": "root", "description": place}


def merge(*trees: dict[str, Any]) -> dict[str, Any]:
    """Give one tree for several.

    Examples
    --------
    >>> merge(dict(create(), count=2), dict(create(), count=3))["count"]
    5
    """
    if not trees:
        return create()
    children: dict[str, list] = {}
    for tree in trees:
        for name, child in tree["children"].items():
            children.setdefault(name, []).append(child)
    merged = dict(trees[0], count=sum(tree["count"] for tree in trees))
    merged["children"] = {name: merge(*same) for name, same in children.items()}
    return merged


def add_stack(frame: FrameType | None, tree: dict[str, Any]) -> None:
    """Count a stack in a tree."""
    tree["count"] += 1
    for place in _user_frames(frame):
        code = place.f_code
        name = f"{code.co_name};{code.co_filename};{code.co_firstlineno}"
        child = tree["children"].get(name)
        if child is None:
            child = dict(create(), identifier=name, description=_described(place))
            tree["children"][name] = child
        child["count"] += 1
        tree = child


def call_stack(frame: FrameType | None) -> list[str]:
    """Give the lines of a stack as text, outermost first."""
    lines = []
    for place in _user_frames(frame):
        spot = _described(place)
        lines.append(
            f'  File "{spot["filename"]}", line {spot["line_number"]}, '
            f"in {spot['name']}\n\t{spot['line']}\n"
        )
    return lines


def _user_frames(frame: FrameType | None) -> list[FrameType]:
    frames = []
    while frame is not None:
        if not any(own in frame.f_code.co_filename for own in _OWN):
            frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _described(frame: FrameType) -> dict[str, Any]:
    code = frame.f_code
    line = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return {
        "filename": code.co_filename,
        "name": code.co_name,
        "line_number": frame.f_lineno,
        "line": line,
    }


class Sampler:
    """Looks regularly where running tasks are.

    Parameters
    ----------
    running : callable
        Gives the stack of each task that runs, by key.
    interval_s, cycle_s : float
        How often to look, and how long the samples of one tree are collected.
    """

    def __init__(
        self,
        running: Callable[[], dict[Any, FrameType]],
        interval_s: float,
        cycle_s: float,
    ):
        self._running = running
        self._interval_s = interval_s
        self._cycle_s = cycle_s
        # Trees by name of task, and when they began; the last is being filled.
        self._cycles: deque[tuple[float, dict[str, Any]]] = deque(maxlen=3600)
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(
            target=self._look_regularly, name="raskt-profile", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._end.set()

    def _look_regularly(self) -> None:
        pause_s = self._interval_s
        while not self._end.wait(pause_s):
            stacks = self._running()
            if stacks:
                self._count(stacks)
            # A worker without work is not to take time of the processor.
            pause_s = self._interval_s * (1 if stacks else 10)

    def _count(self, stacks: dict[Any, FrameType]) -> None:
        now = time.time()
        with self._lock:
            if not self._cycles or now - self._cycles[-1][0] > self._cycle_s:
                self._cycles.append((now, {}))
            trees = self._cycles[-1][1]
            for key, frame in stacks.items():
                add_stack(frame, trees.setdefault(key_split(key), create()))

    def tree(self, key: str | None, start: Any, stop: Any) -> dict[str, Any]:
        """Give what was seen of tasks of a name, between two times."""
        with self._lock:
            chosen = [
                tree
                for began, trees in self._cycles
                if (start is None or began + self._cycle_s >= start)
                and (stop is None or began <= stop)
                for name, tree in trees.items()
                if key is None or name == key
            ]
            return merge(*chosen)


async def written(operation: Coroutine[Any, Any, Any], filename: str) -> Any:
    """Write a profile to a page, and give it."""
    tree = await operation
    Path(filename).write_text(_page(tree), encoding="utf-8")
    return tree


def _page(tree: dict[str, Any]) -> str:
    style = "body{font:14px sans-serif}summary{cursor:pointer}code{color:#666}"
    body = _as_details(tree, max(tree["count"], 1))
    return (
        "<!doctype html><meta charset='utf-8'><title>Profile</title>"
        f"<style>{style}</style><h1>Profile</h1>{body}"
    )


def _as_details(tree: dict[str, Any], total: int) -> str:
    place = tree["description"]
    text = html.escape(
        f"{place['name'] or 'all'} {place['filename']}:{place['line_number']}"
    )
    share = 100 * tree["count"] / total
    below = sorted(tree["children"].values(), key=lambda child: -child["count"])
    inner = "".join(_as_details(child, total) for child in below)
    line = html.escape(place["line"])
    return (
        f"<details open><summary>{share:.1f}&nbsp;% {text} <code>{line}</code>"
        f"</summary><div style='margin-left:1em'>{inner}</div></details>"
    )
