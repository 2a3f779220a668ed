"""The overhead of a task: raskt and Dask, 100,000 tasks that do nothing, on threads.

python benches/tasks.py [--tasks N] [--rounds N]
"""

from __future__ import annotations

import argparse

import dask
import dask.threaded
import raskt
from _measure import compare
from dask._task_spec import Task as DaskTask
from dask._task_spec import TaskRef as DaskTaskRef
from raskt.task_spec import Task, TaskRef


def noop(*args: object) -> None:
    pass


def wide(task: type, n: int) -> tuple[dict, list]:
    """Build independent tasks."""
    graph = {f"x-{i}": task(f"x-{i}", noop, i) for i in range(n)}
    return graph, list(graph)


def tree(task: type, ref: type, n: int) -> tuple[dict, list]:
    """Build a binary tree of n tasks in all."""
    leaves = [f"x-0-{i}" for i in range((n + 1) // 2)]
    graph = {key: task(key, noop, i) for i, key in enumerate(leaves)}
    level, depth = leaves, 0
    while len(level) > 1:
        depth += 1
        above = []
        for i in range(0, len(level), 2):
            key = f"x-{depth}-{i}"
            graph[key] = task(key, noop, *map(ref, level[i : i + 2]))
            above.append(key)
        level = above
    return graph, level


def wide_delayed(library: object, n: int) -> tuple:
    lazy = library.delayed(noop)
    values = [lazy(i) for i in range(n)]
    return library.compute(*values, scheduler="threads")


def tree_delayed(library: object, n: int) -> tuple:
    lazy = library.delayed(noop)
    level = [lazy(i) for i in range((n + 1) // 2)]
    while len(level) > 1:
        level = [lazy(*level[i : i + 2]) for i in range(0, len(level), 2)]
    return library.compute(*level, scheduler="threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    n, options = args.tasks, {"tasks": args.tasks, "rounds": args.rounds}
    shapes = {
        "independent": (wide(Task, n), wide(DaskTask, n)),
        "tree": (tree(Task, TaskRef, n), tree(DaskTask, DaskTaskRef, n)),
    }
    for name, (ours, theirs) in shapes.items():
        compare(
            f"task objects, {name}",
            lambda ours=ours: raskt.get(*ours),
            lambda theirs=theirs: dask.threaded.get(*theirs),
            target=40,
            **options,
        )
        compare(
            f"Dask's task objects, {name}",
            lambda theirs=theirs: raskt.get(*theirs),
            lambda theirs=theirs: dask.threaded.get(*theirs),
            **options,
        )
    for name, job in {"independent": wide_delayed, "tree": tree_delayed}.items():
        compare(
            f"delayed calls to result, {name}",
            lambda job=job: job(raskt, n),
            lambda job=job: job(dask, n),
            target=40,
            **options,
        )


if __name__ == "__main__":
    main()
