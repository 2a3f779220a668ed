"""What lazy values are and do; tests/test_delayed_arguments.py has what they take."""

from __future__ import annotations

import copy
import functools
import inspect
import operator
import pickle
import types
from typing import NamedTuple

import cloudpickle
import numpy as np
import pytest
import raskt
from raskt import annotate, compute, config, delayed, is_dask_collection
from raskt.delayed import Delayed, DelayedAttr, DelayedLeaf
from raskt.typing import DaskCollection

LONG = 100_000


def inc(x):
    """Give one more."""
    return x + 1


def prefix(lazy):
    return lazy.key.rpartition("-")[0]


# --- functions and values ---------------------------------------------------------


def test_a_call_runs_only_when_it_is_computed(scheduler):
    calls = []
    lazy = delayed(calls.append)(1)
    assert not calls
    assert lazy.compute() is None
    assert calls == [1]


def test_decorator_plain_and_with_options(scheduler):
    @delayed
    def double(x):
        return 2 * x

    @delayed(pure=True, nout=2)
    def halves(x):
        return x // 2, x - x // 2

    low, high = halves(double(7))
    assert compute(low, high) == (7, 7)
    assert halves(3).key == halves(3).key


@pytest.mark.parametrize("value", [1, "text", None, [1, 2], {"a": 1}, 2.5, b"x", int])
def test_plain_values_can_be_lazy(value, scheduler):
    assert delayed(value).compute() == value


def test_lazy_values_stay_what_they_are():
    x = delayed(1)
    assert delayed(x) is x
    assert type(x) is DelayedLeaf and isinstance(x, Delayed)
    assert type(x.real) is DelayedAttr and isinstance(x.real, Delayed)
    assert type(x + 1) is Delayed


def test_lazy_values_are_collections():
    for lazy in (delayed(1), delayed(inc)(1), delayed("a").upper):
        assert is_dask_collection(lazy)
        assert isinstance(lazy, DaskCollection)
    assert not is_dask_collection(Delayed)


@pytest.mark.parametrize(
    "callable_",
    [
        abs,
        lambda x: -x,
        functools.partial(operator.mul, -1),
        operator.methodcaller("__abs__"),
        np.abs,
        type("Negate", (), {"__call__": lambda self, x: -x})(),
        delayed(abs),
    ],
)
def test_all_kinds_of_callables(callable_, scheduler):
    assert delayed(callable_)(-3).compute() == 3


def test_the_result_of_a_call_can_be_called(scheduler):
    def adder(x):
        return lambda y, z=0: x + y + z

    assert delayed(adder)(1)(delayed(2), z=3).compute() == 6


def test_calling_what_is_no_function_fails_when_computed(scheduler):
    lazy = delayed(3)(4)
    with pytest.raises(TypeError, match="'int' object is not callable"):
        lazy.compute()


def test_the_function_shows_through():
    def f(a, b=2, *, c):
        """Do something."""

    lazy = delayed(f)
    assert lazy.__name__ == "f"
    assert lazy.__doc__ == "Do something."
    assert lazy.__wrapped__ is f
    assert inspect.signature(lazy) == inspect.signature(f)
    assert delayed(abs).__doc__ == abs.__doc__


# --- in classes -------------------------------------------------------------------


class Account:
    def __init__(self, balance):
        self.balance = balance

    @delayed
    def after(self, amount, times=1):
        return self.balance + amount * times

    @staticmethod
    def empty():
        return Account(0)


def test_lazy_methods_of_classes(scheduler):
    account = Account(10)
    assert account.after(1, times=delayed(2)).compute() == 12
    assert Account.after(account, 5).compute() == 15
    assert isinstance(Account.after, Delayed)
    assert isinstance(account.after, types.MethodType)


def test_lazy_classes(scheduler):
    assert delayed(Account)(7).balance.compute() == 7
    assert delayed(Account).empty().balance.compute() == 0
    assert delayed(Account)(7).after(1).compute().compute() == 8


# --- attributes and methods -------------------------------------------------------


def test_attributes(scheduler):
    lazy = delayed(3 + 4j)
    assert lazy.imag.compute() == 4
    assert lazy.imag.real.compute() == 4
    assert lazy.real.key == lazy.real.key != lazy.imag.key


def test_methods(scheduler):
    text = delayed("to be or not to be")
    assert text.split(" ", maxsplit=delayed(1)).compute() == ["to", "be or not to be"]
    assert text.replace("to", "TO").count("TO").compute() == 2
    assert prefix(text.upper()) == "upper"


def test_methods_are_impure_unless_they_say_so():
    text = delayed("text")
    assert text.upper().key != text.upper().key
    assert text.upper(pure=True).key == text.upper(pure=True).key
    assert text.upper(pure=True).key != text.lower(pure=True).key
    assert text.upper(dask_key_name="name").key == "name"


def test_what_is_missing_is_missed_when_computed(scheduler):
    lazy = delayed(3).nowhere
    with pytest.raises(AttributeError, match="nowhere"):
        lazy.compute()


@pytest.mark.parametrize("name", ["_private", "__array__", "_repr_html_"])
def test_private_attributes_are_not_lazy(name):
    with pytest.raises(AttributeError, match=name):
        getattr(delayed(3), name)


def test_visualise_is_spelt_with_z():
    with pytest.warns(UserWarning, match="visualize"):
        lazy = delayed(3).visualise
    assert isinstance(lazy, DelayedAttr)


def test_explain():
    assert "2 x call inc" in delayed(inc)(delayed(inc)(1)).explain()


# --- operators --------------------------------------------------------------------

BINARY = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.lshift,
    operator.rshift,
    operator.and_,
    operator.or_,
    operator.xor,
    operator.lt,
    operator.le,
    operator.eq,
    operator.ne,
    operator.gt,
    operator.ge,
]
UNARY = [operator.neg, operator.pos, operator.invert, operator.abs]


@pytest.mark.parametrize("op", BINARY)
@pytest.mark.parametrize("left, right", [(7, 2), (2, 7), (3, 3)])
def test_binary_operators(op, left, right, scheduler):
    expected = op(left, right)
    results = compute(
        op(delayed(left), right),
        op(left, delayed(right)),
        op(delayed(left), delayed(right)),
    )
    assert results == (expected,) * 3
    assert {type(result) for result in results} == {type(expected)}


@pytest.mark.parametrize("op", UNARY)
def test_unary_operators(op, scheduler):
    assert op(delayed(-5)).compute() == op(-5)


def test_matrix_product(scheduler):
    class Matrix:
        def __init__(self, value):
            self.value = value

        def __matmul__(self, other):
            return self.value, other.value

    left, right = Matrix(1), Matrix(2)
    assert (delayed(left) @ delayed(right)).compute() == (1, 2)
    assert (delayed(left) @ right).compute() == (1, 2)


def test_power_with_modulus(scheduler):
    assert pow(delayed(3), 4, 5).compute() == 1
    assert pow(delayed(3), delayed(4), delayed(5)).compute() == 1


def test_augmented_assignment_makes_a_new_value(scheduler):
    x = before = delayed([1])
    x += [2]
    assert compute(before, x) == ([1], [1, 2])


def test_operators_are_pure():
    x = delayed(3)
    assert (x + 1).key == (x + 1).key
    keys = [(x + 1).key, (x + 1.0).key, (x + True).key, (1 + x).key, (x - 1).key]
    assert len(set(keys)) == len(keys)
    assert [prefix(x + 1), prefix(1 + x), prefix(x & 1)] == ["add", "add", "and"]


def test_an_operator_that_does_not_fit_fails_when_computed(scheduler):
    lazy = delayed(3) + "text"
    with pytest.raises(TypeError, match="unsupported operand"):
        lazy.compute()


def test_numpy_on_either_side(scheduler):
    array = np.arange(3.0)
    assert (delayed(array) + array).compute().tolist() == [0, 2, 4]
    assert (np.float64(2) * delayed(3)).compute() == 6


def test_items_and_slices(scheduler):
    letters, two = delayed(list("abcdef")), delayed(2)
    assert letters[1].compute() == "b"
    assert letters[two].compute() == "c"
    assert letters[1:4].compute() == ["b", "c", "d"]
    assert letters[two : 2 * two : two].compute() == ["c"]
    assert letters[two:].compute() == ["c", "d", "e", "f"]
    assert letters[::-1][0].compute() == "f"
    assert delayed({"a": {1: 2}})["a"][1].compute() == 2
    assert delayed(np.arange(6).reshape(2, 3))[1, two].compute() == 5
    assert delayed(np.arange(3))[..., None].shape.compute() == (3, 1)


# --- what lazy values cannot do ---------------------------------------------------


def test_they_cannot_be_changed():
    lazy = delayed([1])
    with pytest.raises(TypeError, match="immutable"):
        lazy.attribute = 1
    with pytest.raises(TypeError, match="immutable"):
        lazy[0] = 1
    with pytest.raises((AttributeError, TypeError)):
        del lazy.attribute
    with pytest.raises((NotImplementedError, AttributeError, TypeError)):
        del lazy[0]
    assert lazy.compute() == [1]


@pytest.mark.parametrize(
    "use", [bool, int, float, range, lambda x: 1 in x, "{:d}".format]
)
def test_they_have_no_value_yet(use):
    with pytest.raises(TypeError):
        use(delayed(1))


def test_truth_says_what_to_do():
    with pytest.raises(TypeError, match="compute it first"):
        if delayed(1) == 1:
            pass


def test_without_nout_there_is_no_length():
    lazy = delayed(divmod)(7, 2)
    with pytest.raises(TypeError, match="nout="):
        len(lazy)
    with pytest.raises(TypeError, match="nout="):
        _, _ = lazy


# --- nout -------------------------------------------------------------------------


def test_unpacking(scheduler):
    lazy = delayed(divmod, nout=2)(7, 2)
    quotient, rest = lazy
    assert len(lazy) == 2
    assert compute(quotient, rest, lazy) == (3, 1, (3, 1))
    assert [x.compute() for x in delayed((1, 2, 3), nout=3)] == [1, 2, 3]


@pytest.mark.parametrize("nout", [0, 1])
def test_unpacking_few(nout):
    lazy = delayed(tuple, nout=nout)(range(nout))
    assert len(lazy) == nout
    assert compute(*lazy) == tuple(range(nout))


@pytest.mark.parametrize("nout", [-1, 2.0, True, "2", [2]])
def test_wrong_nout(nout):
    with pytest.raises(ValueError, match="nout must be None or a non-negative"):
        delayed(divmod, nout=nout)


# --- keys -------------------------------------------------------------------------


def test_keys_begin_with_the_name():
    names = {
        delayed(inc)(1): "inc",
        delayed(lambda: 1)(): "lambda",
        delayed(functools.partial(inc))(1): "inc",
        delayed(int)("1"): "int",
        delayed([1]): "list",
        delayed([delayed(1)]): "list",
        delayed("a")[0]: "getitem",
        delayed("a").real: "getattr",
    }
    assert [prefix(lazy) for lazy in names] == list(names.values())


KEYS = ["name", "a-b", "", 7, -1, 2.5, b"bytes", ("x", 0), ("x", 1, (2, "y")), ("x",)]


@pytest.mark.parametrize("key", KEYS)
def test_given_keys(key, scheduler):
    lazy = delayed(inc)(1, dask_key_name=key)
    assert lazy.key == key and type(lazy.key) is type(key)
    assert list(lazy.dask) == [key]
    assert delayed(inc)(lazy).compute() == 3


def test_names():
    assert delayed(inc, name="step").key == "step"
    assert delayed([delayed(1)], name="both").key == "both"
    assert repr(delayed(inc)(1, dask_key_name="step")) == "Delayed('step')"
    assert delayed(inc)(1, dask_key_name=None).key.startswith("inc-")


def test_a_key_must_be_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        delayed(inc)(1, dask_key_name=["name"])


def test_a_key_names_one_task(scheduler):
    calls = []
    lazy = [delayed(calls.append)(1, dask_key_name="once") for _ in range(3)]
    compute(*lazy)
    assert calls == [1]


def test_impure_calls_differ():
    assert delayed(inc)(1).key != delayed(inc)(1).key
    assert delayed([1]).key != delayed([1]).key


def test_pure_calls_are_equal_if_their_arguments_are():
    f = delayed(dict, pure=True)
    assert f(a=1, b=[2]).key == f(b=[2], a=1).key
    different = [f(a=1), f(a=2), f(b=1), f({"a": 1}), f(a=True), f(a=1.0), f(a=[1])]
    assert len({lazy.key for lazy in different}) == len(different)
    g = delayed(list, pure=True)
    assert len({g(x).key for x in ([1, 2], (1, 2), {1, 2}, [2, 1], [[1, 2]])}) == 5
    assert f(a=1).key != delayed(list, pure=True)(a=1).key


def test_purity_of_one_call_wins():
    pure, impure = delayed(inc, pure=True), delayed(inc)
    assert impure(1, pure=True).key == impure(1, pure=True).key
    assert pure(1, pure=False).key != pure(1, pure=False).key


def test_purity_by_option():
    with config.set(delayed_pure=True):
        assert delayed(inc)(1).key == delayed(inc)(1).key
        assert delayed("a").upper().key == delayed("a").upper().key
        assert delayed(inc, pure=False)(1).key != delayed(inc, pure=False)(1).key
    assert delayed(inc)(1).key != delayed(inc)(1).key


def test_pure_calls_depend_on_what_their_arguments_depend_on():
    f = delayed(inc, pure=True)
    assert f(f(1)).key == f(f(1)).key != f(f(2)).key
    x = delayed(inc)(1)
    assert f(x).key == f(x).key != f(delayed(inc)(1)).key


def test_pure_calls_run_once(scheduler):
    calls = []
    f = delayed(lambda x: calls.append(x) or x, pure=True)
    assert compute(f(1), f(1) + f(2), [f(2)]) == (1, 3, [2])
    assert sorted(calls) == [1, 2]


def test_hash_and_sets():
    lazy = [delayed(inc)(1) for _ in range(100)]
    assert len(set(lazy + lazy)) == 100
    assert {x: i for i, x in enumerate(lazy)}[lazy[7]] == 7
    assert lazy[3] in set(lazy)
    assert hash(delayed(1, name="a")) == hash(delayed(2, name="a"))


def test_the_graph_is_a_dict():
    lazy = delayed(inc, name="inc")(delayed(1, name="one"), dask_key_name="two")
    assert set(lazy.dask) == {"one", "two"}
    assert lazy.__dask_graph__().keys() == lazy.dask.keys()
    assert lazy.__dask_keys__() == ["two"]
    assert lazy.__dask_layers__() == ("two",)
    assert raskt.get(lazy.dask, "two") == 2


# --- annotations ------------------------------------------------------------------


def test_annotations_are_those_in_force_when_a_task_is_made():
    with annotate(retries=3, owner="me"):
        x = delayed(inc)(1)
        with annotate(retries=0):
            y = [delayed(inc)(x), x + 1, x.real, x.bit_length(), delayed([x])]
    z = delayed(inc)(x)
    assert x.annotations == {"retries": 3, "owner": "me"}
    for lazy in y:
        assert lazy.annotations == {"retries": 0, "owner": "me"}, lazy
    assert z.annotations == {}
    assert (x.compute(), z.compute()) == (2, 3)


def test_annotations_survive_pickling():
    with annotate(retries=3):
        x = delayed(inc)(1)
    assert pickle.loads(pickle.dumps(x)).annotations == {"retries": 3}
    below = pickle.loads(pickle.dumps(delayed([x])))
    assert below.annotations == {} and below.compute() == [2]


# --- copies and pickles -----------------------------------------------------------

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "cloudpickle": lambda x: cloudpickle.loads(cloudpickle.dumps(x)),
}


class Point(NamedTuple):
    x: object
    y: object


@pytest.fixture(params=COPIES)
def copied(request):
    return COPIES[request.param]


def test_copies_are_equal(copied, scheduler):
    x = delayed(inc)(1)
    for lazy, expected in [
        (x, 2),
        (delayed([1, 2]), [1, 2]),
        (x + 1, 3),
        (delayed(sorted)([x, 1], reverse=True), [2, 1]),
        (delayed("a b").split(), ["a", "b"]),
        (
            delayed(list)(({x}, {"k": x}, slice(x), Point(x, 1))),
            [{2}, {"k": 2}, slice(2), Point(2, 1)],
        ),
    ]:
        twin = copied(lazy)
        assert type(twin) is type(lazy)
        assert twin.key == lazy.key
        assert set(twin.dask) == set(lazy.dask)
        assert twin.compute() == expected


def test_copies_can_be_used_further(copied, scheduler):
    assert copied(delayed(inc, pure=True))(1).key == delayed(inc, pure=True)(1).key
    assert copied(delayed("a b").split)().compute() == ["a", "b"]
    assert copied(delayed("ab")).upper().compute() == "AB"
    quotient, rest = copied(delayed(divmod, nout=2)(7, 2))
    assert compute(quotient, rest) == (3, 1)
    quotient, rest = copied(delayed(divmod, nout=2))(7, 2)
    assert compute(quotient, rest) == (3, 1)


def test_cloudpickle_takes_what_has_no_name(scheduler):
    offset = 3
    lazy = delayed(lambda x: x + offset)(delayed(lambda: 1)())
    assert cloudpickle.loads(cloudpickle.dumps(lazy)).compute() == 4


# --- long chains: no recursion, anywhere ------------------------------------------


@pytest.fixture(scope="module")
def chain():
    lazy = delayed(0)
    step = delayed(inc)
    for _ in range(LONG):
        lazy = step(lazy)
    return lazy


def test_long_chains_are_computed(chain, scheduler):
    assert chain.compute() == LONG


def test_long_chains_are_copied(chain, copied):
    assert copied(chain).compute() == LONG


def test_long_chains_are_optimized(chain):
    with config.set({"optimization.fuse.delayed": True}):
        (fused,) = raskt.optimize(chain)
        assert fused.compute() == LONG
    assert len(chain.dask) == LONG + 1


def test_long_chains_of_all_kinds(scheduler):
    nested, attribute, operated = delayed(()), delayed(1), delayed(0)
    for _ in range(LONG):
        nested = delayed([nested])
        attribute = attribute.real
        operated = operated + 1
    assert compute(attribute, operated) == (1, LONG)
    result, depth = nested.compute(), 0
    while result:
        (result,) = result
        depth += 1
    assert depth == LONG
    del nested, attribute, operated


def test_wide_graphs(scheduler):
    numbers = [delayed(inc)(i) for i in range(LONG // 10)]
    assert delayed(sum)(numbers).compute() == sum(range(LONG // 10 + 1))
    assert delayed(lambda *args: len(args))(*numbers).compute() == len(numbers)
