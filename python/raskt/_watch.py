"""Runs that somebody watches: callbacks, and caches that see every result."""

from __future__ import annotations

import threading
from collections.abc import Mapping, MutableMapping
from typing import Any

from raskt import _native


def watched(values: list, callbacks: Any, cache: Any, **options: Any) -> list:
    """Compute lazy values and tell ``callbacks`` what happens."""
    _, start_states, pretasks, posttasks, _ = (
        [hook for hook in hooks if hook]
        for hooks in (zip(*callbacks, strict=True) if callbacks else [()] * 5)
    )
    graph = _native.to_graph(values)
    keys = [value.key for value in values]
    state: dict[str, Any] = {}
    failed = True
    began: list[Any] = []
    try:
        for callback in callbacks:
            began.append(callback)
            if callback[0]:
                callback[0](graph)
        # A callback may have put results in the place of tasks.
        values = _native.from_graph(graph, keys)
        state = initial_state(values, {} if cache is None else cache)
        for hook in start_states:
            hook(graph, state)
        watcher = Watcher(graph, state, pretasks, posttasks)
        results = _native.compute(values, subscriber=watcher, **options)
        failed = False
        return results
    finally:
        for callback in began:
            if callback[4]:
                callback[4](graph, state, failed)


def initial_state(values: list, cache: MutableMapping) -> dict[str, Any]:
    """Describe a run that has not begun, as callbacks know it."""
    tasks = _native.tasks(values)
    keys = [key for key, *_ in tasks]
    data = {key for key, _, is_data, _ in tasks if is_data}
    dependencies = {key: {keys[i] for i in inputs} for key, _, _, inputs in tasks}
    dependents: dict[Any, set] = {key: set() for key in keys}
    for key, needs in dependencies.items():
        for need in needs:
            dependents[need].add(key)
    graph = _native.to_graph(values) if data else {}
    for key in data:
        cache[key] = graph[key].value
    waiting = {k: needs - data for k, needs in dependencies.items() if needs - data}
    return {
        "dependencies": dependencies,
        "dependents": dependents,
        "waiting": waiting,
        "waiting_data": {k: set(users) for k, users in dependents.items() if users},
        "cache": cache,
        # A dict for its order: tasks leave from the middle.
        "ready": {k: None for k in keys if k not in data and k not in waiting},
        "running": set(),
        "finished": set(),
        "released": set(),
    }


class Watcher:
    """Hears of the events of a run and passes them on, one at a time."""

    def __init__(self, graph: Mapping, state: dict, pretasks: list, posttasks: list):
        self.graph = graph
        self.state = state
        self.pretasks = pretasks
        self.posttasks = posttasks
        self.lock = threading.Lock()

    def started(self, key: Any, worker: int) -> None:
        """Begin a task."""
        with self.lock:
            self.state["ready"].pop(key, None)
            self.state["running"].add(key)
            for hook in self.pretasks:
                hook(key, self.graph, self.state)

    def finished(self, key: Any, result: Any, worker: int, seconds: float) -> None:
        """Keep a result."""
        state = self.state
        with self.lock:
            state["cache"][key] = result
            state["running"].discard(key)
            state["finished"].add(key)
            for need in state["dependencies"].get(key, ()):
                users = state["waiting_data"].get(need)
                if users is not None:
                    users.discard(key)
            for user in state["dependents"].get(key, ()):
                needs = state["waiting"].get(user)
                if needs is not None:
                    needs.discard(key)
                    if not needs:
                        del state["waiting"][user]
                        state["ready"][user] = None
            for hook in self.posttasks:
                hook(key, result, self.graph, state, threading.get_ident())

    def released(self, key: Any) -> None:
        """Forget a result."""
        with self.lock:
            self.state["cache"].pop(key, None)
            self.state["waiting_data"].pop(key, None)
            self.state["released"].add(key)

    def spilled(self, key: Any, nbytes: int) -> None:
        """Move a result to disk."""

    def loaded(self, key: Any, nbytes: int) -> None:
        """Read a result from disk."""
