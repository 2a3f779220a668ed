import array
import collections
import dataclasses
import datetime
import decimal
import enum
import functools
import math
import operator
import pathlib
import random
import subprocess
import sys
import textwrap
import threading
import types
import uuid

import pytest
from raskt.tokenize import (
    TokenizationError,
    normalize_token,
    tokenize,
)
from token_helpers import (
    assert_all_differ,
    assert_survives_pickling,
    child_environment,
    strictly,
)

# Functions ---------------------------------------------------------------------


def top(x, y=1):
    return x + y


def top2(x, y=1):
    return x + y


OFFSET = 1
LOCK = threading.Lock()
SENTINEL = object()
recursive = lambda n: n and recursive(n - 1)


def test_functions_differ_by_what_they_do():
    def make(cell, default=1, kwdefault=2, text="text"):
        def f(x, y=default, *, z=kwdefault):
            return x, y, z, cell

        f.note = text
        return f

    class A:
        def f(self):
            pass

        def g(self):
            pass

    made = [
        make(1),
        make(2),
        make(1, 2),
        make(1, 1, 3),
        make([1]),
        make(make(1)),
        make(make(2)),
        make(1, text="other"),
    ]
    assert_all_differ(
        [
            *made,
            top,
            top2,
            lambda x: x,
            lambda x: x + 1,
            lambda x: x + 1.0,
            lambda x: [y * 2 for y in x],
            lambda x: [y + 1 for y in x],
            lambda *x: x,
            lambda **x: x,
            lambda x: (yield x),
            recursive,
            A.f,
            A.g,
            A().f,
            math.sin,
            math.cos,
            operator.add,
            str.join,
            "a".join,
            "b".join,
            object.__str__,
            (5).__str__,
            (6).__str__,
            dict.fromkeys,
            functools.partial(top, 1),
            functools.partial(top, 2),
            functools.partial(top2, 1),
            functools.partial(top, y=1),
            operator.itemgetter(1),
            operator.itemgetter(2),
            operator.attrgetter("a"),
        ]
    )
    assert strictly(make(1)) == strictly(make(1))
    assert strictly(make([1])) == strictly(make([1]))
    for f in made:
        assert_survives_pickling(f)


def test_functions_with_globals(monkeypatch):
    def uses_offset(x):
        return x + OFFSET

    def uses_attribute(x):
        return x.OFFSET

    def nested(x):
        return [y + OFFSET for y in x], lambda: OFFSET

    before = [strictly(f) for f in (uses_offset, nested, uses_attribute)]
    monkeypatch.setitem(globals(), "OFFSET", 2)
    after = [strictly(f) for f in (uses_offset, nested, uses_attribute)]
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert before[2] == after[2]


def test_globals_of_modules_may_be_unstable():
    def uses_lock(x):
        with LOCK:
            return x is SENTINEL

    def uses_other(x):
        with LOCK:
            return x is recursive

    assert strictly(uses_lock) == strictly(uses_lock) != strictly(uses_other)
    assert normalize_token(uses_lock) == normalize_token(uses_lock)
    with pytest.raises(TokenizationError, match="lock"):
        strictly(lambda lock=LOCK: lock)


def test_importable_functions_do_not_depend_on_state(monkeypatch):
    before = strictly(top), strictly(top.__code__)
    monkeypatch.setattr(top, "__defaults__", (5,))
    top.note = threading.Lock()
    assert (strictly(top), strictly(top.__code__)) == before
    del top.note


def test_methods_go_with_their_object():
    class A:
        def __init__(self, x):
            self.x = x

        def f(self):
            pass

        @classmethod
        def c(cls):
            pass

        @staticmethod
        def s():
            pass

    assert strictly(A(1).f) == strictly(A(1).f) != strictly(A(2).f)
    assert strictly(A(1).c) == strictly(A(2).c) == strictly(A.c)
    assert strictly(A(1).s) == strictly(A.s) != strictly(A.c)
    assert strictly(random.Random(1).random) != strictly(random.Random(2).random)
    assert strictly(random.Random(1).random) == strictly(random.Random(1).random)


@functools.lru_cache
def cached(x):
    return x


def test_wrapped_functions():
    @functools.lru_cache(5)
    def local(x):
        return x

    assert_all_differ([cached, cached.__wrapped__, local, local.__wrapped__])
    cached(1)
    local(1)
    assert strictly(local) == strictly(local)


def test_toolz():
    toolz = pytest.importorskip("toolz")
    assert_all_differ(
        [
            toolz.curry(top),
            toolz.curry(top, 1),
            toolz.curry(top, y=1),
            toolz.curry(top2, 1),
            toolz.compose(top, top2),
            toolz.compose(top2, top),
            toolz.juxt(top, top2),
        ]
    )
    assert strictly(toolz.curry(top, y=2)) == strictly(toolz.curry(top)(y=2))


def test_functions_defined_in_main():
    program = """
    from raskt.tokenize import tokenize
    def f(x):
        return x + 1
    first = f
    assert tokenize(first) == tokenize(f)
    def f(x):
        return x + 2
    assert tokenize(first) != tokenize(f)
    K = 1
    def g(x):
        return x + K
    before = tokenize(g)
    K = 2
    assert tokenize(g) != before
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=child_environment(),
        check=True,
    )


# Classes and objects -------------------------------------------------------------


@dataclasses.dataclass
class Data:
    a: int
    b: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    a: int


Pair = collections.namedtuple("Pair", "a b")


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Mode(enum.Flag):
    R = 1
    W = 2


class Level(enum.IntEnum):
    LOW = 1


class Word(str):
    pass


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def test_objects_differ():
    class Local:
        pass

    class LocalChild(Plain):
        pass

    class SlottedLocal:
        __slots__ = ("a", "b")

    slotted, other = SlottedLocal(), SlottedLocal()
    slotted.a = 1
    other.b = 1
    things = [
        Data,
        Frozen,
        Plain,
        Local,
        int,
        list[int],
        int | str,
        Data(1),
        Data(2),
        Data(1, [1]),
        Frozen(1),
        Pair(1, 2),
        Pair(2, 1),
        (1, 2),
        Color.RED,
        Color.BLUE,
        Mode.R,
        Mode.R | Mode.W,
        Level.LOW,
        Word("a"),
        "a",
        Plain(),
        Plain(a=1),
        Plain(b=1),
        Local(),
        LocalChild(a=1),
        SlottedLocal(),
        slotted,
        other,
        types.SimpleNamespace(a=1),
        collections.OrderedDict(a=1, b=2),
        collections.OrderedDict(b=2, a=1),
        collections.defaultdict(int, a=1, b=2),
        collections.defaultdict(list, a=1, b=2),
        collections.Counter(a=1, b=2),
        {"a": 1, "b": 2},
        collections.deque([1, 2]),
        collections.deque([1, 2], 3),
        ValueError("a"),
        ValueError("b"),
        TypeError("a"),
        array.array("b", [1, 2]),
        array.array("B", [1, 2]),
        bytearray(b"\1\2"),
        memoryview(b"\1\2"),
        memoryview(b"\1\2\3\4")[::2],
        range(3),
        range(4),
        slice(1, 2),
        slice(1, 2, 3),
        decimal.Decimal("1.0"),
        decimal.Decimal("1.00"),
        datetime.date(2000, 1, 1),
        datetime.datetime(2000, 1, 1),
        datetime.datetime(2000, 1, 1, fold=1),
        datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC),
        datetime.time(1),
        datetime.timedelta(1),
        datetime.UTC,
        datetime.timezone(datetime.timedelta(hours=1)),
        pathlib.PurePosixPath("/a"),
        pathlib.PureWindowsPath("/a"),
        uuid.UUID(int=1),
        math,
        operator,
        random.Random(1),
    ]
    assert_all_differ(things)
    for thing in things:
        if not isinstance(thing, memoryview):  # becomes bytes
            assert_survives_pickling(thing)


def test_equal_objects():
    class Sloppy:
        def __init__(self, names):
            for name in names:
                setattr(self, name, {name, "x", 1})

    assert strictly(Sloppy("ab")) == strictly(Sloppy("ba"))
    assert strictly(collections.defaultdict(int, a=1, b=2)) == strictly(
        collections.defaultdict(int, b=2, a=1)
    )
    assert strictly(Data(1, [2])) == strictly(Data(1, [2]))
    assert strictly(Plain(a={1, "b"})) == strictly(Plain(a={"b", 1}))
    touched = Plain()
    assert touched.__dict__ == {}
    assert strictly(touched) == strictly(Plain())


def test_local_classes_by_content():
    def make(n, base=Plain):
        class C(base):
            limit = n

            def f(self):
                return super().f() + self.limit

        return C

    assert strictly(make(1)) == strictly(make(1))
    assert strictly(make(1)()) == strictly(make(1)())
    assert_all_differ([make(1), make(2), make(1)(), make(2)(), make(1, make(2))])
    # Using the class leaves traces in it.
    cls = make(1)
    before = strictly(cls)
    cls().__reduce_ex__(2)
    assert strictly(cls) == before
    assert strictly([cls(), cls()]) == strictly([cls()] * 2)
    assert strictly({make(1)().f.__func__: 1}) == strictly({make(1)().f.__func__: 1})


def test_class_defined_again():
    space = {}
    tokens = set()
    for body in ("1", "2", "1"):
        program = f"class C:\n  def f(self): return {body}\nx = C()"
        exec(program, space)
        tokens.add((strictly(space["C"]), strictly(space["x"])))
    assert len(tokens) == 2


@pytest.mark.parametrize("name", ["__raskt_tokenize__", "__dask_tokenize__"])
def test_own_method(name):
    def make(kind=object, title="A"):
        return type(title, (kind,), {name: lambda self: self.x, "__init__": init})

    def init(self, x, y=0):
        self.x, self.y = x, y

    A = make()
    assert strictly(A(1)) == strictly(A(1, 2)) != strictly(A(2))
    assert strictly(A(1)) != strictly(1)
    assert strictly(A(1)) != strictly(make(title="B")(1))
    assert strictly(A({"a", "b"})) == strictly(A({"b", "a"}))
    assert strictly(A(threading.Lock)) == strictly(A(threading.Lock))
    assert normalize_token(A(1)) == normalize_token(A(1, 2)) != normalize_token(A(2))

    # Before what is built in for a base class.
    D = type("D", (dict,), {name: lambda self: 5})
    assert strictly(D(a=1)) == strictly(D(a=2))
    N = type("N", (Data,), {name: lambda self: 5})
    assert strictly(N(1)) == strictly(N(2))

    # On a single object.
    plain, other = Plain(), Plain()
    setattr(plain, name, lambda: 7)
    setattr(other, name, lambda: 7)
    assert strictly(plain) == strictly(other) != strictly(Plain())


@pytest.mark.parametrize("name", ["__raskt_tokenize__", "__dask_tokenize__"])
def test_own_method_of_a_class(name):
    def make(token):
        return type("A", (), {name: classmethod(lambda cls: token), "token": object()})

    def make_by_metaclass(token):
        return type("Meta", (type,), {name: lambda cls: token})(
            "A", (), {"t": object()}
        )

    assert strictly(make(1)) == strictly(make(1)) != strictly(make(2))
    assert strictly(make_by_metaclass(1)) == strictly(make_by_metaclass(1))
    assert strictly(make_by_metaclass(1)) != strictly(make_by_metaclass(2))


def test_our_method_comes_first():
    class A:
        def __raskt_tokenize__(self):
            return 1

    class B(A):
        y = 0

        def __dask_tokenize__(self):
            self.y += 1
            return self.y

    assert strictly(B()) == strictly(B())
    b = B()
    assert strictly(b) == strictly(b)
    assert b.y == 0


def test_methods_that_tokenize_themselves():
    class Parent:
        def __init__(self, children):
            self.children = children
            for child in children:
                child.parent = self

        def __dask_tokenize__(self):
            return normalize_token(self.children)

    class Child:
        def __init__(self, x):
            self.x = x

        def __dask_tokenize__(self):
            return self.x, normalize_token(self.parent)

    def family(*xs):
        return Parent([Child(x) for x in xs])

    assert strictly(family(1, 2)) == strictly(family(1, 2)) != strictly(family(1, 3))

    class Inner:
        """Its token is the same in whatever it is asked for."""

        def __init__(self, x):
            self.x = x

        def __dask_tokenize__(self):
            return tokenize(self.x)

    x = [1, 2]
    form = normalize_token([x, Inner(x)])
    assert form == normalize_token([x, Inner(list(x))])


def test_register():
    class A:
        def __init__(self, x):
            self.x = x

        def __dask_tokenize__(self):
            return 0

    class Child(A):
        pass

    assert strictly(A(1)) == strictly(A(2))

    @normalize_token.register((A, types.SimpleNamespace))
    def normalize_a(a):
        return a.x, {a.x}, [len]

    assert strictly(A(1)) == strictly(A(1)) != strictly(A(2))
    assert strictly(Child(1)) == strictly(Child(1)) != strictly(A(1))
    assert strictly(types.SimpleNamespace(x=1, y=2)) == strictly(
        types.SimpleNamespace(x=1)
    )
    assert normalize_token.dispatch(Child) is normalize_a
    normalize_token.register(types.SimpleNamespace, lambda x: x)  # no news
    assert strictly(types.SimpleNamespace(x=1)) != strictly(types.SimpleNamespace(x=2))


def test_register_lazily():
    A = type("A", (), {"__module__": "some_package.module"})
    a = A()
    calls = []

    @normalize_token.register_lazy("some_package")
    def register():
        calls.append(1)
        normalize_token.register(A, lambda x: x.name)

    assert not calls
    a.name, a.other = "b", 1
    token = strictly(a)
    a.other = 2
    assert strictly(a) == token
    a.name = "c"
    assert strictly(a) != token
    assert calls == [1]
