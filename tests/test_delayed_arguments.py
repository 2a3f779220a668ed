"""Lazy values anywhere in the arguments of lazy calls."""

from __future__ import annotations

import collections
import dataclasses
import typing

import dask
import pytest
import raskt
from _schedulers import Numbers
from raskt import compute, delayed


def inc(x):
    return x + 1


@delayed
def same(*args, **kwargs):
    return (*args, kwargs) if kwargs else args


class Point(typing.NamedTuple):
    x: object
    y: object = 0


@dataclasses.dataclass
class Plain:
    x: object
    y: object = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Strict:
    x: object
    y: object = 0


@dataclasses.dataclass
class WithUnset:
    x: object
    y: object = dataclasses.field(init=False)

    def __eq__(self, other):
        return self.x == other.x


# --- containers -------------------------------------------------------------------

CONTAINERS = {
    "list": lambda x: [x, 2],
    "empty list beside": lambda x: [[], x],
    "tuple": lambda x: (x, 2),
    "set": lambda x: {x, 2},
    "frozenset": lambda x: frozenset([x, 2]),
    "dict value": lambda x: {"a": x, "b": 2},
    "dict key": lambda x: {x: "a"},
    "ordered dict": lambda x: collections.OrderedDict([("b", x), ("a", 2)]),
    "named tuple": lambda x: Point(x),
    "slice": lambda x: slice(x, None, 2),
    "dataclass": lambda x: Plain(x),
    "strict dataclass": lambda x: Strict(x=x),
    "dataclass with an unset field": lambda x: WithUnset(x),
    "nested": lambda x: [({"a": [Plain({x}, [x])]}, slice(x)), Point(x, (x, [x]))],
}


@pytest.fixture(params=CONTAINERS)
def container(request):
    return CONTAINERS[request.param]


def assert_same(result, expected):
    assert type(result) is type(expected)
    assert result == expected
    if isinstance(expected, dict):
        assert list(result) == list(expected)


def test_in_arguments(container, any_scheduler):
    x, expected = delayed(inc)(0), container(1)
    assert_same(same(container(x)).compute()[0], expected)
    assert_same(same(1, key=container(x)).compute()[1]["key"], expected)


def test_in_lazy_containers(container, scheduler):
    assert_same(delayed(container(delayed(inc)(0))).compute(), container(1))


def test_in_arguments_of_compute(container, scheduler):
    result, plain = compute(container(delayed(inc)(0)), container(5))
    assert_same(result, container(1))
    assert_same(plain, container(5))


def test_in_operands_and_items(scheduler):
    x = delayed(inc)(0)
    assert (delayed([0]) + [x, [x]]).compute() == [0, 1, [1]]
    assert delayed({(1, 2): "found"})[x, 2].compute() == "found"


def test_containers_are_built_anew_for_each_task(scheduler):
    shared = [delayed(inc)(0)]
    first, second = compute(same(shared), same(shared))
    assert first[0] == second[0] == [1]
    assert first[0] is not second[0] is not shared


@pytest.mark.parametrize(
    "value",
    [
        [1, [2]],
        {"a": {1}},
        Point(1),
        Plain(1),
        slice(1),
        (1, 2),
        frozenset([1]),
        object(),
    ],
)
def test_what_holds_nothing_lazy_is_passed_as_it_is(value, scheduler):
    assert same(value, key=value).compute()[0] is value
    assert delayed(value).compute() is value
    assert same(value, delayed(1)).compute()[0] is value


class MyList(list):
    pass


@pytest.mark.parametrize(
    "opaque",
    [
        lambda x: collections.deque([x]),
        lambda x: collections.defaultdict(list, a=x),
        lambda x: MyList([x]),
        lambda x: {"a": x}.values(),
        lambda x: map(inc, [x]),
        lambda x: (y for y in [x]),
    ],
)
def test_other_containers_are_not_looked_into(opaque, scheduler):
    value = opaque(delayed(1))
    assert same(value).compute()[0] is value


@pytest.mark.parametrize("kind", [list, tuple, set])
def test_iterators_of_containers_are_used_up(kind, scheduler):
    x = delayed(inc)(0)
    (result,) = same(iter(kind([x, 2]))).compute()
    assert type(result) is list and sorted(result) == [1, 2]
    iterator = iter(kind([3]))
    assert same(iterator).compute() == ([3],)
    assert not list(iterator)


def test_compute_uses_up_every_iterator(scheduler):
    x = delayed(inc)(0)
    assert compute(y for y in [x, x + 1]) == ([1, 2],)


# --- dataclasses that cannot be built again ---------------------------------------


@dataclasses.dataclass
class OwnInit:
    x: object

    def __init__(self, start):
        self.x = start


def test_dataclass_with_its_own_init():
    with pytest.raises(TypeError, match="OwnInit.*custom __init__ is not supported"):
        same(OwnInit(delayed(1)))
    assert same(OwnInit(1)).compute()[0].x == 1


def test_dataclass_with_a_field_that_init_does_not_take():
    filled = WithUnset(delayed(1))
    filled.y = 2
    with pytest.raises(ValueError, match=r"'y'.*`init=False` are not supported"):
        same(filled)
    filled.x = 1
    assert same(filled).compute()[0] is filled


# --- traverse ---------------------------------------------------------------------


def test_without_traversing(scheduler):
    x = delayed(1)
    hidden = delayed([x], traverse=False).compute()
    assert hidden[0] is x
    assert compute([x], traverse=False)[0][0] is x
    assert compute(x, [x], traverse=False)[0] == 1


# --- how arguments are passed -----------------------------------------------------


def test_keyword_arguments(scheduler):
    x = delayed(inc)(0)
    assert same(a=x, b=[x], c=3).compute() == ({"a": 1, "b": [1], "c": 3},)
    assert same(x, x, z=x).compute() == (1, 1, {"z": 1})
    order = list("zyxabc")
    assert list(same(**dict.fromkeys(order, x)).compute()[0]) == order


@pytest.mark.parametrize("name", ["self", "slf", "key", "func", "obj", "args", "name"])
def test_any_keyword_can_be_used(name, any_scheduler):
    x = delayed(inc)(0)
    assert same(**{name: x}).compute() == ({name: 1},)
    assert delayed({}).get("a", 2).compute() == 2
    assert delayed(dict)().__class__ is not dict


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 10, 100, 5_000])
def test_many_arguments(count, scheduler):
    lazy = [delayed(inc)(i) for i in range(count)]
    expected = tuple(range(1, count + 1))
    assert same(*lazy, *lazy).compute() == expected * 2
    assert same(lazy[::-1], *lazy).compute() == (list(expected[::-1]), *expected)


def test_what_is_used_twice_is_computed_once(scheduler):
    calls = []
    x = delayed(lambda: calls.append(1) or 1)()
    assert same(x, [x, {x: x}], k=(x,)).compute() == (1, [1, {1: 1}], {"k": (1,)})
    assert calls == [1]


def test_a_function_can_be_lazy_itself(scheduler):
    choose = delayed(lambda up: inc if up else abs)(True)
    assert choose(1).compute() == 2
    assert delayed(map)(delayed(inc), [1, 2]).compute().__next__() == 2


def test_lazy_values_as_results_stay_lazy(scheduler):
    inner = delayed(inc)(1)
    assert delayed(lambda: inner)().compute() is inner
    assert delayed(lambda: [inner])().compute()[0] is inner


def test_none_is_a_result_like_others(scheduler):
    nothing = delayed(lambda: None)()
    assert same(nothing, [nothing]).compute() == (None, [None])


# --- other collections ------------------------------------------------------------


def test_other_collections(scheduler):
    numbers = Numbers.of("n", 1, 2).added_to("m", 10)
    assert same(numbers, k=[numbers]).compute() == ((11, 12), {"k": [(11, 12)]})
    assert delayed(sum)(numbers).compute() == 23
    assert delayed(numbers).compute() == (11, 12)
    assert delayed([numbers, delayed(1)]).compute() == [(11, 12), 1]


def test_lazy_values_of_dask(scheduler):
    foreign = dask.delayed(inc)(1)
    assert same(foreign, [foreign, delayed(inc)(3)]).compute() == (2, [2, 4])
    assert delayed(foreign).compute() == 2
    assert (delayed(1) + foreign).compute() == 3


def test_classes_of_collections_are_no_collections(scheduler):
    assert same(Numbers, raskt.delayed.__class__).compute()[0] is Numbers
