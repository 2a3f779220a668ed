from __future__ import annotations

import statistics
from collections import Counter
from functools import reduce
from itertools import chain
from operator import add

import pytest
import raskt
import raskt.bag as rb
from bag_helpers import double, is_odd, parts, three
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures("scheduler")


@pytest.fixture
def numbers():
    return rb.from_sequence(range(10), npartitions=3)


# --- making bags --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kwargs", "sizes"),
    [
        ({"npartitions": 4}, [3, 3, 3, 1]),
        ({"npartitions": 100}, [1] * 10),
        ({"partition_size": 4}, [4, 4, 2]),
        ({"partition_size": 3, "npartitions": 2}, [3, 3, 3, 1]),
        ({}, [1] * 10),
    ],
)
def test_from_sequence_makes_partitions(kwargs, sizes):
    bag = rb.from_sequence(iter(range(10)), **kwargs)
    assert [len(part) for part in parts(bag)] == sizes
    assert bag.compute() == list(range(10))
    assert bag.npartitions == len(sizes)


def test_partitions_of_long_sequences_grow_slowly():
    counts = [rb.from_sequence(range(n)).npartitions for n in (0, 100, 101, 1000)]
    assert counts == [1, 100, 51, 250]


@pytest.mark.parametrize("kwargs", [{"npartitions": 0}, {"partition_size": 0}])
def test_partitions_must_be_possible(kwargs):
    with pytest.raises(ValueError, match="at least 1"):
        rb.from_sequence([1], **kwargs)
    with pytest.raises(ValueError, match="at least 1"):
        rb.range(3, npartitions=0)


def test_items_may_look_like_tasks_or_keys():
    items = [(sum, [1, 2]), "x", ("x", 0), [("x", 0)], {"x": (sum, [1])}, sum]
    bag = rb.from_sequence(items, npartitions=2)
    assert bag.compute() == bag.map(lambda x: x).compute() == items
    paired = bag.map(lambda x, other: (x, other), (bag.name, 0))
    assert paired.compute() == [(item, (bag.name, 0)) for item in items]


@pytest.mark.parametrize(("n", "npartitions"), [(10, 4), (3, 3), (2, 5), (0, 2)])
def test_range(n, npartitions):
    bag = rb.range(n, npartitions=npartitions)
    assert bag.compute() == list(range(n))
    sizes = [len(part) for part in parts(bag)]
    assert len(sizes) == npartitions
    assert max(sizes) - min(sizes) <= 1


def test_from_delayed():
    values = [raskt.delayed(list)(text) for text in ("ab", "c")]
    bag = rb.from_delayed(values)
    assert parts(bag) == [["a", "b"], ["c"]]
    assert bag.name == rb.from_delayed(values).name
    assert rb.from_delayed(values[1]).compute() == ["c"]
    with pytest.raises(TypeError, match="list"):
        rb.from_delayed([[1, 2]])


def test_lazy_values_may_give_iterators():
    made = raskt.delayed(lambda n: (i for i in range(n)))
    bag = rb.from_delayed([made(n) for n in (3, 4)])
    assert raskt.compute(bag.count(), bag.sum(), bag.map(double).max()) == (7, 9, 6)


def test_a_bag_of_a_graph():
    graph = {("x", 0): (range, 3), ("x", 1): [5], ("y", 0): (sum, ("x", 0))}
    bag = rb.Bag(graph, "x", npartitions=2)
    assert list(bag) == [0, 1, 2, 5]
    assert bag.name == "x"
    assert bag.__dask_keys__() == [("x", 0), ("x", 1)]
    assert rb.Item(graph, ("y", 0), "x").compute() == 3


# --- item by item -------------------------------------------------------------------


def test_items_are_mapped(numbers):
    assert numbers.map(double).compute() == [2 * x for x in range(10)]
    assert numbers.filter(is_odd).compute() == [1, 3, 5, 7, 9]
    assert numbers.filter(None).compute() == list(range(1, 10))
    assert numbers.remove(is_odd).compute() == [0, 2, 4, 6, 8]
    nested = numbers.map(lambda x: [x] * x)
    assert nested.flatten().compute() == [x for x in range(10) for _ in range(x)]


def test_map_takes_many_kinds_of_arguments(numbers):
    xs = list(range(10))
    other = rb.from_sequence(range(10, 20), npartitions=3)
    total = sum(xs)
    lazy = raskt.delayed(7)
    calls = [
        (numbers.map(three), [three(x) for x in xs]),
        (numbers.map(three, 1), [three(x, 1) for x in xs]),
        (numbers.map(three, c=1), [three(x, c=1) for x in xs]),
        (numbers.map(three, 1, c=2), [three(x, 1, 2) for x in xs]),
        (rb.map(three, 1, numbers), [three(1, x) for x in xs]),
        (rb.map(three, 1, b=numbers), [three(1, x) for x in xs]),
        (rb.map(three, numbers, other), [three(x, x + 10) for x in xs]),
        (rb.map(three, numbers, c=other), [three(x, c=x + 10) for x in xs]),
        (rb.map(three, numbers, numbers), [three(x, x) for x in xs]),
        (numbers.map(three, numbers.sum()), [three(x, total) for x in xs]),
        (numbers.map(three, c=numbers.sum()), [three(x, c=total) for x in xs]),
        (rb.map(three, lazy, numbers, lazy), [three(7, x, 7) for x in xs]),
        (
            rb.map(three, numbers.max(), b=other, c=numbers),
            [three(9, x + 10, x) for x in xs],
        ),
    ]
    for bag, expected in calls:
        assert bag.compute() == expected
        assert bag.compute(optimize_graph=False) == expected


def test_lazy_values_may_be_inside_of_arguments(numbers):
    table = {"total": numbers.sum(), "more": [raskt.delayed(1)]}
    bag = numbers.map(lambda x, table: x + table["total"] + table["more"][0], table)
    assert bag.compute() == [x + 45 + 1 for x in range(10)]


def test_starmap():
    bag = rb.from_sequence([(1, 2), (3, 4), (5, 6)], npartitions=2)
    assert bag.starmap(three).compute() == [103, 107, 111]
    assert bag.starmap(three, c=bag.count()).compute() == [6, 10, 14]
    assert bag.starmap(three, c=raskt.delayed(0)).compute() == [3, 7, 11]
    with pytest.raises(TypeError, match="no bags"):
        bag.starmap(three, c=bag)


def test_pluck():
    bag = rb.from_sequence([{"a": 1, "b": 2}, {"a": 3}], npartitions=2)
    assert bag.pluck("a").compute() == [1, 3]
    assert bag.pluck("b", None).compute() == [2, None]
    assert bag.pluck(["b", "a"], 0).compute() == [(2, 1), (0, 3)]
    with pytest.raises(KeyError):
        bag.pluck("b").compute()
    texts = rb.from_sequence(["ab", ""], npartitions=1)
    assert texts.pluck(1, "-").compute() == ["b", "-"]


def test_items_that_are_iterators_become_lists(numbers):
    bag = numbers.map(lambda x: (i for i in range(x)))
    assert bag.compute() == [list(range(x)) for x in range(10)]
    assert bag.flatten().count().compute() == 45


def test_bags_of_different_shape_are_errors(numbers):
    with pytest.raises(ValueError, match="3 and 5"):
        rb.map(three, numbers, rb.range(10, npartitions=5))
    with pytest.raises(ValueError, match="must be a bag"):
        rb.map(three, numbers.sum())
    with pytest.raises(ValueError, match="shorter"):
        rb.map(three, numbers, rb.range(9, npartitions=3)).compute()


def test_zip_and_concat(numbers):
    pairs = rb.zip(numbers, numbers.map(double))
    assert pairs.compute() == [(x, 2 * x) for x in range(10)]
    assert pairs.npartitions == 3
    both = rb.concat([numbers, numbers.filter(is_odd)])
    assert both.compute() == [*range(10), 1, 3, 5, 7, 9]
    assert both.npartitions == 6


# --- partitions ---------------------------------------------------------------------


def test_functions_get_whole_partitions_as_lists(numbers):
    assert numbers.map_partitions(len).compute() == [4, 4, 2]
    assert numbers.map(double).map_partitions(len).compute() == [4, 4, 2]
    assert numbers.map_partitions(reversed).compute() == [3, 2, 1, 0, 7, 6, 5, 4, 9, 8]
    shares = numbers.map_partitions(
        lambda part, total, least: [(x - least) / total for x in part],
        numbers.sum(),
        least=1,
    )
    assert shares.compute() == [(x - 1) / 45 for x in range(10)]
    summed = rb.map_partitions(
        lambda a, b: list(map(add, a, b)), numbers, b=numbers.map(double)
    )
    assert summed.compute() == [3 * x for x in range(10)]


@pytest.mark.parametrize(
    ("func", "expected"),
    [
        (lambda part: "ab", ["ab", "ab"]),
        (lambda part: None, [None, None]),
        (lambda part: {"a": 1}, ["a", "a"]),
        (set, [1, 2]),
        (lambda part: (x for x in part), [1, 2]),
    ],
)
def test_partitions_may_be_anything(func, expected):
    bag = rb.from_sequence([1, 2], npartitions=2)
    assert bag.map_partitions(func).compute() == expected


def test_take(numbers):
    assert numbers.take(2) == (0, 1)
    assert numbers.take(6, npartitions=2) == (0, 1, 2, 3, 4, 5)
    assert numbers.take(9, npartitions=-1) == tuple(range(9))
    assert numbers.take(0) == ()
    first = numbers.take(2, compute=False)
    assert isinstance(first, rb.Bag)
    assert first.compute() == [0, 1]
    with pytest.raises(ValueError, match="3 partitions"):
        numbers.take(1, npartitions=4)


def test_taking_too_many_items_warns(numbers):
    with pytest.warns(UserWarning, match="only 4"):
        assert numbers.take(5) == (0, 1, 2, 3)
    assert numbers.take(5, warn=False) == (0, 1, 2, 3)


def test_take_looks_only_at_what_it_needs():
    bag = rb.range(10, npartitions=10).map(lambda x: 1 // (3 - x))
    assert bag.take(2, npartitions=3) == (0, 0)
    with pytest.raises(ZeroDivisionError):
        bag.compute()


# --- reductions ---------------------------------------------------------------------


@pytest.mark.parametrize("split_every", [None, False, 2, 3])
@pytest.mark.parametrize("npartitions", [1, 2, 9, 20])
def test_reductions(npartitions, split_every):
    items = [(7 * x) % 20 for x in range(20)]
    bag = rb.from_sequence(items, npartitions=npartitions)
    split = {"split_every": split_every}
    lazy = [
        bag.sum(**split),
        bag.count(**split),
        bag.min(**split),
        bag.max(**split),
        bag.any(**split),
        bag.all(**split),
        bag.fold(add, **split),
        bag.fold(max, add, 5, **split),
        bag.reduction(sum, max, **split),
        bag.topk(3, **split),
        bag.map(lambda x: x % 3).frequencies(**split),
    ]
    results = raskt.compute(*lazy)
    chunks = parts(bag)
    assert results[:7] == (190, 20, 0, 19, True, False, 190)
    assert results[7] == sum(max(5, *chunk) for chunk in chunks)
    assert results[8] == max(map(sum, chunks))
    assert results[9] == [19, 18, 17]
    assert dict(results[10]) == Counter(x % 3 for x in items)


@pytest.mark.parametrize("split_every", [1, 0, -2, True, 2.5])
def test_split_every_must_make_sense(numbers, split_every):
    with pytest.raises(ValueError, match="split_every"):
        numbers.sum(split_every=split_every)


def test_reductions_are_trees():
    bag = rb.range(64, npartitions=64)
    assert len(bag.sum().dask) == 64 + 64 + 8 + 1
    assert len(bag.sum(split_every=4).dask) == 64 + 64 + 16 + 4 + 1
    assert len(bag.sum(split_every=False).dask) == 64 + 64 + 1


def test_statistics():
    items = [2.5, -1.0, 7.25, 1e9, 1e9 + 1, 4.0]
    for npartitions in (1, 2, 6):
        bag = rb.from_sequence(items, npartitions=npartitions)
        assert float(bag.mean()) == pytest.approx(statistics.fmean(items), rel=1e-12)
        assert float(bag.var()) == pytest.approx(statistics.pvariance(items), rel=1e-12)
        assert float(bag.std(ddof=1)) == pytest.approx(
            statistics.stdev(items), rel=1e-12
        )


def test_variance_does_not_cancel():
    bag = rb.from_sequence([1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3], npartitions=2)
    assert bag.var().compute() == 1.25


def test_partitions_without_items_are_left_out(numbers):
    few = numbers.filter(lambda x: x > 8)
    assert raskt.compute(few.min(), few.max(), few.mean(), few.sum(), few.count()) == (
        9,
        9,
        9,
        9,
        1,
    )
    assert few.fold(add, initial=5).compute() == 14
    assert few.reduction(lambda part: [part], list).compute() == [[[9]]]
    assert few.map(double).min(split_every=2).compute() == 18


def test_bags_without_items(numbers):
    for bag in (numbers.filter(lambda x: x > 99), rb.from_sequence([])):
        assert bag.compute() == []
        assert raskt.compute(bag.sum(), bag.count(), bag.any(), bag.all()) == (
            0,
            0,
            False,
            True,
        )
        assert bag.frequencies().compute() == bag.topk(3).compute() == []
        for item in (bag.min(), bag.max(), bag.mean(), bag.var()):
            with pytest.raises(ValueError):
                item.compute()


def test_what_folding_begins_with_is_not_shared():
    def collect(found, x):
        found.append(x)
        return found

    bag = rb.range(40, npartitions=8)
    first = bag.fold(collect, add, [])
    assert first.compute() == first.compute() == list(range(40))


def test_a_reduction_may_give_a_bag(numbers):
    bag = numbers.fold(lambda s, x: s | {x % 3}, set.union, set(), out_type=rb.Bag)
    assert isinstance(bag, rb.Bag)
    assert sorted(bag.map(double)) == [0, 2, 4]


def test_topk_with_keys():
    pairs = rb.from_sequence([(1, 10), (2, 9), (3, 8)], npartitions=2)
    assert pairs.topk(2, key=1).compute() == [(1, 10), (2, 9)]
    assert pairs.topk(2, key=lambda pair: -pair[0]).compute() == [(1, 10), (2, 9)]
    assert pairs.topk(1, key=lambda a, b: b - 10 * a).compute() == [(1, 10)]


def test_frequencies_sorted():
    bag = rb.from_sequence("mississippi", npartitions=3)
    counts = bag.frequencies(sort=True).compute()
    assert dict(counts) == Counter("mississippi")
    assert [count for _, count in counts] == [4, 4, 2, 1]


def test_items_are_numbers(numbers):
    total = numbers.sum()
    assert (int(total), float(total), complex(total), bool(total)) == (45, 45, 45, True)
    assert total.apply(double).compute() == 90
    assert total.to_delayed().compute() == 45
    assert rb.Item.from_delayed(raskt.delayed(add)(1, 2)).apply(double).compute() == 6
    with pytest.raises(TypeError, match="int"):
        rb.Item.from_delayed(5)


# --- against plain Python -----------------------------------------------------------

STEPS = {
    "map": (lambda b: b.map(lambda x: x * 3 - 1), lambda xs: [x * 3 - 1 for x in xs]),
    "filter": (lambda b: b.filter(is_odd), lambda xs: [x for x in xs if is_odd(x)]),
    "repeat": (
        lambda b: b.map(lambda x: [x] * (x % 3)).flatten(),
        lambda xs: [x for x in xs for _ in range(x % 3)],
    ),
    "pairs": (
        lambda b: rb.zip(b, b).starmap(add),
        lambda xs: [x + x for x in xs],
    ),
    "with max": (
        lambda b: b.map(lambda x, n: x + n, b.count()),
        lambda xs: [x + len(xs) for x in xs],
    ),
    "twice": (lambda b: rb.concat([b, b]), lambda xs: xs + xs),
}


@given(
    items=st.lists(st.integers(-100, 100), max_size=30),
    npartitions=st.integers(1, 12),
    steps=st.lists(st.sampled_from(sorted(STEPS)), max_size=5),
    split_every=st.sampled_from([None, False, 2, 5]),
)
@settings(max_examples=60, deadline=None)
def test_programs_give_what_plain_python_gives(items, npartitions, steps, split_every):
    bag = rb.from_sequence(items, npartitions=npartitions)
    for step in steps:
        on_bag, on_list = STEPS[step]
        bag, items = on_bag(bag), on_list(items)
    split = {"split_every": split_every}
    results = raskt.compute(
        bag, bag.sum(**split), bag.count(**split), bag.frequencies(**split), bag.topk(3)
    )
    largest = sorted(items, reverse=True)[:3]
    assert results[:3] == (items, sum(items), len(items))
    assert dict(results[3]) == Counter(items)
    assert results[4] == largest
    if items:
        assert bag.fold(max, **split).compute() == reduce(max, items)


def test_in_processes(scheduler):
    if scheduler != "sync":
        pytest.skip("once is enough")
    words = ["to be or", "not", "to be"]
    with raskt.config.set(scheduler=None):
        bag = rb.from_sequence(words, npartitions=2).map(str.split).flatten()
        other = bag.map(lambda word: word.upper()).pluck(5, "-")
        counts, longest, plucked = raskt.compute(
            bag.frequencies(), bag.topk(1, key=len), other, num_workers=2
        )
    assert dict(counts) == Counter(chain.from_iterable(map(str.split, words)))
    assert longest == ["not"]
    assert plucked == ["-"] * 6
