"""Random graphs give what a naive evaluation gives, however they are run."""

from __future__ import annotations

import dataclasses
import tempfile
from typing import Any

import numpy as np
import pytest
import raskt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raskt import config, delayed, multiprocessing
from raskt.local import get_sync
from raskt.task_spec import Alias, List, Task, TaskRef

RUNS = {
    "sync": {"scheduler": "sync"},
    "1 thread": {"scheduler": "threads", "num_workers": 1},
    "2 threads": {"scheduler": "threads", "num_workers": 2},
    "8 threads": {"scheduler": "threads", "num_workers": 8},
}
GETS = {"sync": get_sync, "threads": raskt.get, "processes": multiprocessing.get}

common = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
many = settings(common, max_examples=60)
some = settings(common, max_examples=25)
few = settings(common, max_examples=4)

runs = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)

# --- functions of tasks -----------------------------------------------------------
# They take numbers and nested lists of them, and tell different arguments apart.

PRIME = 1_000_003


def flat(part):
    if isinstance(part, list | tuple):
        return [x for item in part for x in flat(item)]
    return [part]


def total(*args):
    return sum(flat(args)) % PRIME


def alternating(*args):
    return sum((-1) ** i * (i + 1) * x for i, x in enumerate(flat(args))) % PRIME


def largest(*args):
    return max(flat(args), default=-1)


def form(*args):
    """Tell how the arguments are nested, besides their values."""
    digest = 17
    for part in args:
        inner = 7 * form(*part) + 3 if isinstance(part, list) else int(part)
        digest = (digest * 31 + inner) % PRIME
    return digest


FUNCTIONS = [total, alternating, largest, form]

# --- graphs -----------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Ref:
    """Stands for the result of an earlier task."""

    index: int


@dataclasses.dataclass(frozen=True)
class Step:
    """One task; without a function, a second name for its one argument."""

    function: Any
    args: list
    style: str


KEYS = {
    "text": "step {}".format,
    "indexed": lambda i: ("step", i),
    "mixed": lambda i: ("step", ("x", i), 0.5),
    "integer": lambda i: 10_000 + i,
    "float": lambda i: 10_000.5 + i,
    "bytes": lambda i: b"step %d" % i,
    "like ours": lambda i: f"total-{i:032x}",
}


def arguments(index):
    literal = st.integers(-9, 9)
    if index:
        literal |= st.integers(0, index - 1).map(Ref)
    below = st.recursive(literal, lambda x: st.lists(x, max_size=3), max_leaves=4)
    return st.lists(below, max_size=4)


@st.composite
def graphs(draw, functions=tuple(FUNCTIONS), most=15):
    """Steps, and some of them that are wanted."""
    steps, styles = [], st.sampled_from(["tuple", "object"])
    for i in range(draw(st.integers(1, most))):
        if i and draw(st.integers(0, 7)) == 0:
            target = Ref(draw(st.integers(0, i - 1)))
            steps.append(Step(None, [target], draw(styles)))
            continue
        function = draw(st.sampled_from(functions))
        style = draw(styles)
        steps.append(Step(function, draw(arguments(i)), style))
    wanted = draw(st.lists(st.integers(0, len(steps) - 1), min_size=1, max_size=5))
    return steps, wanted


def replaced(part, found):
    """Put what ``found`` gives in the place of references."""
    if isinstance(part, Ref):
        return found(part.index)
    if isinstance(part, list):
        return [replaced(item, found) for item in part]
    return part


def naive(steps):
    """Evaluate one step after the other."""
    values = []
    for step in steps:
        args = replaced(step.args, values.__getitem__)
        values.append(step.function(*args) if step.function else args[0])
    return values


def as_graph(steps, key):
    graph = {}
    for i, step in enumerate(steps):
        if step.style == "tuple":
            args = replaced(step.args, key)
            graph[key(i)] = (step.function, *args) if step.function else args[0]
        elif step.function is None:
            graph[key(i)] = Alias(key(i), key(step.args[0].index))
        else:
            args = [as_spec(part, key) for part in step.args]
            graph[key(i)] = Task(key(i), step.function, *args)
    return graph


def as_spec(part, key):
    if isinstance(part, list):
        return List(*[as_spec(item, key) for item in part])
    return TaskRef(key(part.index)) if isinstance(part, Ref) else part


def as_delayed(steps):
    made = []
    for step in steps:
        args = replaced(step.args, made.__getitem__)
        made.append(delayed(step.function)(*args) if step.function else args[0])
    return made


# --- properties -------------------------------------------------------------------


@runs
@many
@given(graphs(), st.sampled_from(sorted(KEYS)))
def test_dict_graphs(run, drawn, kind):
    (steps, wanted), key, values = drawn, KEYS[kind], naive(drawn[0])
    workers = run.get("num_workers")
    get = GETS[run["scheduler"]]
    expected = tuple(values[i] for i in wanted)
    graph, keys = as_graph(steps, key), [key(i) for i in wanted]
    assert get(graph, keys, num_workers=workers) == expected
    nested = get(graph, [keys, [keys[0]]], num_workers=workers)
    assert nested == (expected, expected[:1])
    assert get(graph, keys[0], num_workers=workers) == expected[0]


@runs
@many
@given(graphs())
def test_lazy_values(run, drawn):
    steps, wanted = drawn
    values, made = naive(steps), as_delayed(steps)
    results = raskt.compute(made, {i: made[i] for i in wanted}, 5, **run)
    assert results == (values, {i: values[i] for i in wanted}, 5)


@runs
@some
@given(graphs())
def test_fused_lazy_values(run, drawn):
    steps, wanted = drawn
    values, made = naive(steps), as_delayed(steps)
    with config.set({"optimization.fuse.delayed": True}):
        fused = raskt.optimize(*[made[i] for i in wanted])
        assert raskt.compute(*fused, **run) == tuple(values[i] for i in wanted)
        assert made[wanted[0]].compute(**run) == values[wanted[0]]


@runs
@some
@given(graphs())
def test_persisted_lazy_values(run, drawn):
    steps, wanted = drawn
    values, made = naive(steps), as_delayed(steps)
    kept = raskt.persist(*[made[i] for i in wanted], **run)
    more = [delayed(total)(part, part) for part in kept]
    expected = [total(values[i], values[i]) for i in wanted]
    assert raskt.compute(more, **run) == (expected,)


@few
@given(graphs(), st.sampled_from(sorted(KEYS)))
def test_processes(drawn, kind):
    (steps, wanted), key, values = drawn, KEYS[kind], naive(drawn[0])
    expected = tuple(values[i] for i in wanted)
    keys = [key(i) for i in wanted]
    assert multiprocessing.get(as_graph(steps, key), keys, num_workers=2) == expected
    made = as_delayed(steps)
    lazy = [made[i] for i in wanted]
    assert raskt.compute(*lazy, scheduler="processes", num_workers=2) == expected


# --- with less memory than results take -------------------------------------------

CHUNK = 5_000
LIMIT = 8 * CHUNK * 3  # three chunks


def array_of(*args):
    """Combine numbers and arrays to an array."""
    result = np.arange(CHUNK, dtype="i8")
    for i, part in enumerate(flat(args)):
        result = (result + (i + 1) * np.asarray(part, dtype="i8")) % PRIME
    return result


def number_of(*args):
    """Combine numbers and arrays to a number."""
    return int(sum((i + 1) * int(np.sum(x)) for i, x in enumerate(flat(args))) % PRIME)


def same(left, right):
    return type(left) is type(right) and np.array_equal(left, right)


@runs
@some
@given(graphs(functions=(array_of, array_of, number_of), most=25))
def test_while_memory_is_short(run, drawn):
    steps, wanted = drawn
    values, made = naive(steps), as_delayed(steps)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options = {"memory.limit": LIMIT, "memory.spill-directory": folder}
        with config.set(options):
            results = raskt.compute(*[made[i] for i in wanted], **run)
            everything = raskt.compute(*made, **run)
    assert all(map(same, results, [values[i] for i in wanted]))
    assert all(map(same, everything, values))
