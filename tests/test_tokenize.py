import collections
import copy
import decimal
import math
import pickle
import random
import struct
import subprocess
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import cloudpickle
import hypothesis.strategies as st
import pytest
import raskt
import raskt.tokenize
from hypothesis import given, settings
from raskt.tokenize import (
    _ENSURE_DETERMINISTIC,
    _SEEN,
    TokenizationError,
    normalize_token,
    tokenize,
)
from token_helpers import assert_all_differ, child_environment, loosely, strictly


@pytest.fixture(autouse=True)
def nothing_left_behind():
    yield
    assert not _SEEN
    assert not _SEEN.done
    assert _ENSURE_DETERMINISTIC.get("idle") == "idle"


# Values of builtin types -----------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf, -math.inf, ...]),
    st.floats(),
    st.sampled_from(["", "a", "0", "None", "\ud83d", "é"]),
    st.text(max_size=80),
    st.sampled_from([b"", b"a"]),
    st.binary(max_size=80),
    st.complex_numbers(),
)
hashables = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.tuples(inner), st.tuples(inner, inner), st.frozensets(inner, max_size=4)
    ),
    max_leaves=6,
)
values = st.recursive(
    hashables,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(st.integers(), min_size=14, max_size=20),
        st.tuples(inner, inner),
        st.dictionaries(hashables, inner, max_size=4),
        st.sets(hashables, max_size=4),
    ),
    max_leaves=12,
)


def identity_of(x):
    """What makes a value of builtin types differ from others, to compare with ==."""
    if isinstance(x, float):
        return "float", "nan" if math.isnan(x) else struct.pack("d", x)
    if isinstance(x, complex):
        return "complex", identity_of(x.real), identity_of(x.imag)
    if isinstance(x, (list, tuple)):
        return type(x).__name__, tuple(map(identity_of, x))
    if isinstance(x, (set, frozenset)):
        return type(x).__name__, frozenset(
            collections.Counter(map(identity_of, x)).items()
        )
    if isinstance(x, dict):
        pairs = collections.Counter(
            (identity_of(k), identity_of(v)) for k, v in x.items()
        )
        return "dict", frozenset(pairs.items())
    return type(x).__name__, x


def rebuild(x):
    """The same value of other objects, which were put into sets in another order."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(rebuild, x))
    if isinstance(x, (set, frozenset)):
        return type(x)([rebuild(y) for y in reversed(list(x))])
    if isinstance(x, dict):
        return {rebuild(k): rebuild(x[k]) for k in reversed(x)}
    return pickle.loads(pickle.dumps(x))


@given(values)
def test_equal_values_have_equal_tokens(x):
    assert strictly(x) == strictly(rebuild(x))
    assert strictly(x, k=x) == strictly(x, k=rebuild(x))
    assert strictly(normalize_token(x)) == strictly(normalize_token(rebuild(x)))


@given(values, values)
@settings(max_examples=500)
def test_tokens_are_equal_if_and_only_if_values_are(x, y):
    same = identity_of(x) == identity_of(y)
    assert (strictly(x) == strictly(y)) is same
    assert (strictly([0, x]) == strictly([0, y])) is same
    assert (strictly(normalize_token(x)) == strictly(normalize_token(y))) is same


def test_types_count():
    assert_all_differ([1, 1.0, True, 1 + 0j, "1", b"1", decimal.Decimal(1), [1], (1,)])
    assert_all_differ(
        [0, 0.0, -0.0, False, None, "", b"", (), [], {}, set(), frozenset()]
    )
    assert_all_differ([{1}, frozenset({1}), {1: None}, [1], bytearray(b"a"), b"a"])
    assert_all_differ([1, 2**31, 2**63, 2**64, -(2**64), 10**5000])


def test_all_nans_are_one():
    other = struct.unpack("<d", struct.pack("<Q", 0xFFF8000000000001))[0]
    assert strictly(math.nan) == strictly(other)
    assert strictly([math.nan, 1]) == strictly([other, 1])
    assert strictly(complex(1, math.nan)) == strictly(complex(1, other))
    assert strictly(complex(1, math.nan)) != strictly(complex(2, math.nan))


def test_arguments():
    assert len(tokenize()) == 32
    int(tokenize(), 16)
    assert_all_differ([(), ((),), ([],)])
    tokens = {
        tokenize(5),
        tokenize(5, 5),
        tokenize((5, 5)),
        tokenize(5, x=1),
        tokenize(5, y=1),
        tokenize(5, x=2),
        tokenize(5, {"x": 1}),
        tokenize((5,), {"x": 1}),
    }
    assert len(tokens) == 8
    assert tokenize(x=1, y=2) == tokenize(y=2, x=1)


def test_no_ambiguous_boundaries():
    assert_all_differ([["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"]])
    assert_all_differ([[[1], 2], [[1, 2]], [1, [2]], [1, 2], [[1], [2]], [[[1], 2]]])
    assert_all_differ([{1: 2, 3: 4}, {1: 4, 3: 2}, {1: 3, 2: 4}, [(1, 2), (3, 4)]])


def test_long_and_short_values_alike():
    for n in (*range(10, 80), 1000):
        assert_all_differ(
            ["x" * n, b"x" * n, ["x"] * n, ("x",) * n, [b"x"] * n, "x" * n + "y"]
        )
        assert strictly([1.5] * n) == strictly([3 / 2] * n)


def test_module_is_the_function():
    assert raskt.tokenize([1], x=2) == tokenize([1], x=2)
    assert raskt.tokenize.tokenize is tokenize
    with pytest.raises(TokenizationError):
        raskt.tokenize(threading.Lock(), ensure_deterministic=True)


# Cycles and sharing -----------------------------------------------------------


def graph_of(edges, n):
    """Lists that hold their number and each other."""
    nodes = [[i] for i in range(n)]
    for source, target in edges:
        nodes[source].append(nodes[target])
    return nodes


edge_lists = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


@given(edge_lists, edge_lists)
def test_cyclic_graphs(edges, others):
    def reach(edges):
        targets = {i: [t for s, t in edges if s == i] for i in range(6)}
        seen, todo = {}, [0]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen[node] = targets[node]
                todo.extend(targets[node])
        return seen

    x, y = graph_of(edges, 6), graph_of(others, 6)
    assert strictly(x[0]) == strictly(copy.deepcopy(x[0]))
    assert (strictly(x[0]) == strictly(y[0])) is (reach(edges) == reach(others))
    # One object twice is as good as two that are equal.
    assert strictly([x[0], x[0]]) == strictly([x[0], copy.deepcopy(x[0])])
    # An object has one token, wherever it is entered and whatever was met before.
    assert strictly({0: x, 1: x[0]}) == strictly({1: copy.deepcopy(x)[0], 0: x})
    normalize_token(x)


def test_cycles_differ():
    a, b = [1, 2], [1, 3]
    a[0], b[0] = a, b
    c = [[], []]
    c[0].append(c[0])
    c[1].append(c[1])
    d = [[], []]
    d[0].append(d[1])
    d[1].append(d[0])
    e = {}
    e["e"] = e
    f = {"e": {}}
    f["e"]["e"] = f
    assert_all_differ([a, b, c, d, e, f])
    forms = [normalize_token(x) for x in (a, b, c, d, e, f)]
    assert len(set(forms)) == 6


@pytest.mark.parametrize("n", [10, 100, 5000])
def test_many_members_of_one_cycle(n):
    def ring():
        nodes = [[i] for i in range(n)]
        for node in nodes:
            node.append(nodes)
        return nodes

    x = ring()
    assert strictly(x) == strictly(ring())
    x[-1][0] = None
    assert strictly(x) != strictly(ring())


class Node:
    def __init__(self):
        self.peers = set()


def test_cycle_through_a_set_has_no_order():
    a, b = Node(), Node()
    a.peers |= {a, b}
    b.peers |= {a, b}
    assert loosely(a) != loosely(a)
    with pytest.raises(TokenizationError):
        strictly(a)


def test_shared_parts_are_written_once():
    x = [0.5]
    for _ in range(200):
        x = [x, x, {"x": x}]
    y = [0.25]
    for _ in range(200):
        y = [y, y, {"x": y}]
    assert strictly(x) != strictly(y)
    normalize_token(x)


def test_nested_too_deeply():
    x = []
    for _ in range(100_000):
        x = [x]
    assert loosely(x) != loosely(x)
    with pytest.raises(TokenizationError, match="deep"):
        strictly(x)


# Other processes ---------------------------------------------------------------

SERVER = """
import pickle, sys
from raskt.tokenize import tokenize
while True:
    try:
        value = pickle.load(sys.stdin.buffer)
    except EOFError:
        break
    print(tokenize(value, ensure_deterministic=True), flush=True)
"""


class Child:
    """Another interpreter, with another order of sets, that computes tokens."""

    def __init__(self, seed):
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**child_environment(), "PYTHONHASHSEED": seed},
        )

    def tokenize(self, value):
        cloudpickle.dump(value, self.process.stdin)
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().strip()

    def close(self):
        self.process.communicate()


@pytest.fixture(scope="module")
def children():
    children = [Child("1"), Child("2")]
    yield children
    for child in children:
        child.close()


@given(values)
@settings(deadline=None)
def test_same_token_in_other_processes(children, x):
    token = strictly(x)
    assert [child.tokenize(x) for child in children] == [token, token]


SCRIPT = """
import abc, dataclasses, enum, functools, random, sys, threading
from collections import OrderedDict, defaultdict
import numpy as np, pandas as pd, pyarrow as pa
from raskt.tokenize import tokenize

names = frozenset({"a", "b", "c", "d"})
K = {"x": {1, "y", (2, "z")}}

def uses_globals(x):
    return x in names or K[x] or np.sin(x) or x in {"p", "q", "r"}

def closure(cell):
    def inner(x, *, option={"v", "w"}):
        return [cell + y + len(K) for y in x]
    return inner

def factorial(n):
    return n * factorial(n - 1) if n else 1

class Base(abc.ABC):
    things = {"a", "b", "c"}
    @abc.abstractmethod
    def f(self): ...
    @functools.cached_property
    def cached(self):
        return 1

class Sub(Base):
    def __init__(self, **attributes):
        super().__init__()
        vars(self).update(attributes)
    def f(self):
        return super().f()

@dataclasses.dataclass(frozen=True)
class Data:
    a: frozenset
    b: int = 1

@dataclasses.dataclass(slots=True)
class Slotted:
    a: int
    b: set = dataclasses.field(default_factory=lambda: {"x", "y"})

class Color(enum.Enum):
    RED = 1
    BLUE = frozenset({"b", "l"})

class Text(str, enum.Enum):
    A = "a"

class Strings(set): pass

table = pa.table({"a": [1, None, 3], "b": ["x", None, "zz"], "c": [["u"], None, []]})
frame = pd.DataFrame(
    {"a": [1.5, None, 2], "b": ["x", None, "y"],
     "c": pd.Categorical(["u", "v", "u"]), "e": [{"s", "t"}, None, 1],
     "d": pd.date_range("2000", periods=3, tz="Europe/Berlin")},
    index=pd.MultiIndex.from_product([["k"], [1, 2, 3]], names=["p", None]))
objects = [
    uses_globals, closure(1), closure({"m", "n"}), closure, factorial,
    lambda x: x in names, functools.partial(uses_globals, {"x", "y"}),
    Base, Sub, Sub(a=names, b=K), Sub(b=K, a=names), Sub().f, Sub.f,
    Color, Color.BLUE, Text.A, Data, Data(names), Slotted, Slotted(1),
    {Data(names): 1, Data(frozenset()): 2}, Strings({"a", "b", "c"}),
    OrderedDict(b=1, a=2), defaultdict(list, {"a": [1], "b": [2]}),
    random.Random(5), threading.Thread, len, str.join,
    np.arange(4).reshape(2, 2).T, np.array([{"a", "b"}, None, 1.5], dtype=object),
    np.sin, np.sum, np.float32(1), np.dtype("M8[ns]"),
    np.random.default_rng(3), np.random.RandomState(3),
    table, table.schema, table["b"][1], pa.list_(pa.int8()),
    frame, frame.index, frame["d"], frame.dtypes.to_dict(), pd.NA,
    pd.Timestamp("2000", tz="UTC"), pd.offsets.BQuarterEnd(2),
]
for thing in objects:
    print(tokenize(thing, ensure_deterministic=True))
"""


def test_same_token_for_objects_of_main_in_every_run():
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    runs = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**child_environment(), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        for seed in ("0", "1", "random")
    ]
    assert [run.stderr for run in runs] == ["", "", ""]
    tokens = runs[0].stdout.split()
    assert tokens == runs[1].stdout.split() == runs[2].stdout.split()
    # Equal are only the two instances whose attributes were set in another order.
    assert len(set(tokens)) == len(tokens) - 1


def test_many_threads():
    x = {"a": [{i, str(i)} for i in range(50)], "f": lambda y: y + len(x)}
    tokens, forms = {strictly(x)}, {normalize_token(x)}
    with ThreadPoolExecutor(8) as pool:
        tokens.update(pool.map(lambda _: strictly(x), range(100)))
        forms.update(pool.map(lambda _: normalize_token(x), range(100)))
    assert len(tokens) == len(forms) == 1


# Objects without a deterministic form ----------------------------------------------


def failing_reduce():
    class C:
        def __reduce__(self):
            raise AssertionError("no")

        def __repr__(self):
            raise AssertionError("no")

    return C()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (threading.Lock, "_thread.lock"),
        (failing_reduce, "failing_reduce.<locals>.C"),
        (lambda: (i for i in ()), "generator"),
        (lambda: [1, {"a": threading.Lock()}], "_thread.lock"),
        (lambda: lambda lock=threading.Lock(): lock, "_thread.lock"),
        (object, "builtins.object"),
    ],
)
def test_unstable_objects(make, name):
    x, y = make(), make()
    for _ in range(2):
        assert loosely(x) != loosely(y)
        with pytest.raises(TokenizationError, match="deterministic") as error:
            strictly(x)
        assert name in str(error.value)
    with raskt.config.set({"tokenize.ensure-deterministic": True}):
        with pytest.raises(TokenizationError):
            tokenize(x)
        with pytest.raises(TokenizationError):
            normalize_token(x)
        loosely(x)
    with raskt.config.set({"tokenize.ensure-deterministic": False}):
        assert tokenize(x) != tokenize(y)
        assert normalize_token(x) != normalize_token(y)
        with pytest.raises(TokenizationError):
            strictly(x)
    if make is object:
        assert loosely(x) == loosely(x)
    else:
        assert loosely(x) != loosely(x)


def test_objects_without_anything_keep_their_token():
    assert len({loosely(object()) for _ in range(1000)}) == 1000


def test_strictness_reaches_inner_calls():
    class A:
        def __dask_tokenize__(self):
            return tokenize(object())

    with pytest.raises(TokenizationError):
        strictly(A())
    assert loosely(A()) != loosely(A())
    with raskt.config.set({"tokenize.ensure-deterministic": True}):
        assert loosely(A()) != loosely(A())


def test_unstable_reduce_is_noticed():
    class A:
        def __reduce__(self):
            return types.SimpleNamespace, (), {"n": random.random()}

    assert loosely(A()) != loosely(A())
    with pytest.raises(TokenizationError, match=r"\.A cannot"):
        strictly([1, {"a": A()}])


def test_each_object_is_reduced_once():
    class A:
        calls = 0

        def __reduce__(self):
            type(self).calls += 1
            return types.SimpleNamespace, ()

    a = A()
    loosely([a, a, [a]])
    assert A.calls == 1


def test_what_only_cloudpickle_knows(tmp_path):
    (tmp_path / "a").write_text("text")
    (tmp_path / "b").write_text("other")
    with (
        open(tmp_path / "a") as a,
        open(tmp_path / "a") as a2,
        open(tmp_path / "b") as b,
    ):
        assert strictly(a) == strictly(a2) != strictly(b)
