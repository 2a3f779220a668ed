from __future__ import annotations

import gc
import pickle
import weakref
from functools import partial
from operator import add, mul

import pytest
import raskt
import raskt.bag as rb
from _schedulers import Program
from bag_helpers import double, is_odd, three
from raskt.bag._steps import Step, stream
from raskt.callbacks import Callback
from raskt.delayed import Delayed
from raskt.highlevelgraph import HighLevelGraph

pytestmark = pytest.mark.usefixtures("scheduler")


@pytest.fixture
def numbers():
    return rb.from_sequence(range(10), npartitions=3)


# --- names and graphs ---------------------------------------------------------------


def test_equal_calls_have_equal_names(numbers):
    def made(b):
        return [
            b.map(double),
            b.map(three),
            b.map(three, 1),
            b.map(three, b.sum()),
            b.filter(is_odd),
            b.remove(is_odd),
            b.pluck(0),
            b.pluck(0, None),
            b.flatten(),
            b.map_partitions(len),
            b.starmap(three),
            b.starmap(three, c=1),
            b.sum(),
            b.sum(split_every=2),
            b.count(),
            b.mean(),
            b.var(),
            b.var(ddof=1),
            b.fold(add),
            b.fold(add, initial=1),
            b.fold(add, mul),
            b.reduction(sum, max),
            b.reduction(max, sum),
            b.topk(2),
            b.topk(2, key=0),
            b.topk(2, key=1),
            b.topk(3),
            b.frequencies(),
            b.take(2, compute=False),
            b.take(2, npartitions=2, compute=False),
            b.sum().apply(double),
            rb.zip(b, b),
            rb.concat([b, b]),
        ]

    names = [lazy.name for lazy in made(numbers)]
    again = rb.from_sequence(range(10), npartitions=3)
    assert names == [lazy.name for lazy in made(again)]
    assert len(set(names)) == len(names)


def test_names_say_what_is_done(numbers):
    assert numbers.name.startswith("from_sequence-")
    assert numbers.map(double).name.startswith("double-")
    assert numbers.sum().name.startswith("sum-")
    assert numbers.reduction(sum, sum, name="own").name.startswith("own-")
    assert repr(numbers) == "raskt.bag<from_sequence, npartitions=3>"
    assert "sum" in repr(numbers.sum())


def run_keys(lazy, **kwargs):
    keys = []
    with Callback(pretask=lambda key, *_: keys.append(key)):
        lazy.compute(scheduler="sync", **kwargs)
    return [key[0] for key in keys if isinstance(key, tuple)]


def test_chains_run_as_one_task():
    bag = rb.from_sequence(range(100), npartitions=4)
    chain = bag.map(partial(add, 1)).map(partial(mul, 2))
    apart = run_keys(chain, optimize_graph=False)
    assert sum("add" in key for key in apart) == 4
    together = run_keys(chain)
    assert sum("add-from_sequence-mul" in key for key in together) == 4
    assert not any(key.startswith("add-") and "mul" not in key for key in together)


def test_a_result_used_twice_is_made_once():
    calls = []
    bag = rb.range(4, npartitions=1).map(lambda x: calls.append(x) or x)
    assert raskt.compute(bag.sum(), bag.max(), bag.map(double)) == (6, 3, [0, 2, 4, 6])
    assert sorted(calls) == [0, 1, 2, 3]


def test_items_pass_a_chain_one_by_one():
    class Heavy:
        pass

    alive = weakref.WeakSet()

    def create(_):
        assert not alive
        heavy = Heavy()
        alive.add(heavy)
        return heavy

    def drop(heavy):
        return 1

    bag = rb.range(5, npartitions=1).map(create).map(drop).map(create).map(drop)
    gc.disable()
    try:
        assert bag.sum().compute() == 5
    finally:
        gc.enable()


def test_users_functions_get_lists_in_optimized_graphs():
    items = Step(map, str, gives_items=True, reads_once=True)
    task = (len, (items, (items, "x")))
    func, (outer, (inner, key)) = stream(task)
    assert (func, outer, key) == (len, items, "x")
    assert isinstance(inner, partial)


def test_fusing_can_be_switched_off(numbers):
    chain = numbers.map(double).map(double)
    with raskt.config.set({"optimization.fuse.active": False}):
        keys = run_keys(chain)
        assert chain.compute() == [4 * x for x in range(10)]
    assert len(set(keys)) == 3


# --- as a collection ----------------------------------------------------------------


def test_graphs_are_layered(numbers):
    bag = numbers.map(double)
    assert isinstance(bag.dask, HighLevelGraph)
    assert bag.__dask_layers__() == (bag.name,)
    assert bag.dask.dependencies == {numbers.name: set(), bag.name: {numbers.name}}
    total = bag.sum()
    assert total.__dask_layers__() == (total.key,)
    total.dask.validate()


def test_persist(numbers):
    bag = numbers.map(double)
    kept, total = raskt.persist(bag, bag.sum())
    assert isinstance(kept, rb.Bag)
    assert isinstance(total, rb.Item)
    assert (len(kept.dask), len(total.dask)) == (3, 1)
    assert kept.name == bag.name
    assert kept.map(double).compute() == [4 * x for x in range(10)]
    assert total.compute() == 90


def test_optimize_keeps_the_kind(numbers):
    bag = numbers.map(double).map(double)
    (small,) = raskt.optimize(bag)
    assert isinstance(small, rb.Bag)
    assert len(small.dask) < len(bag.dask)
    assert small.compute() == bag.compute()


def test_rebuilding_with_another_name(numbers):
    rebuild, args = numbers.__dask_postpersist__()
    graph = {("b", i): [i] for i in range(3)}
    bag = rebuild(graph, *args, rename={numbers.name: "b"})
    assert bag.name == "b"
    assert bag.compute() == [0, 1, 2]
    total = numbers.sum()
    rebuild, args = total.__dask_postpersist__()
    assert rebuild({"x": 4}, *args, rename={total.name: "x"}).compute() == 4


def test_bags_are_arguments_of_lazy_calls(numbers):
    lazy = raskt.delayed(sum)(numbers.map(double))
    assert raskt.compute({"both": [lazy, numbers.sum()]}) == ({"both": [90, 45]},)


@pytest.mark.parametrize("optimize_graph", [True, False])
def test_to_delayed(numbers, optimize_graph):
    values = numbers.map(double).to_delayed(optimize_graph=optimize_graph)
    assert all(isinstance(value, Delayed) for value in values)
    assert [value.compute() for value in values] == [
        [0, 2, 4, 6],
        [8, 10, 12, 14],
        [16, 18],
    ]


def test_bags_can_be_pickled(numbers):
    for lazy in (numbers.map(double), numbers.sum(), numbers.pluck(0, None)):
        copy = pickle.loads(pickle.dumps(lazy))
        assert copy.name == lazy.name
        if lazy.name.split("-")[0] != "pluck":
            assert copy.compute() == lazy.compute()


def test_assert_eq(numbers):
    rb.assert_eq(numbers.sum(), 45)
    with pytest.raises(AssertionError):
        rb.assert_eq(numbers, [1])


def test_importing_raskt_imports_no_bag():
    code = """
        import sys, raskt
        assert "raskt.bag" not in sys.modules
        print(raskt.bag.range(3, 1).sum().compute(scheduler="sync"))
        """
    with Program(code) as program:
        assert program.finish() == ["3"]
