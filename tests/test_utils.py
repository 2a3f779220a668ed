"""Small tools, and made-up data."""

from __future__ import annotations

import datetime
import functools
import io
import operator
import pickle
import sys
import threading
import traceback
from collections import namedtuple
from pathlib import Path
from typing import TypeVar

import cloudpickle
import pytest
import raskt.config
from raskt import datasets, utils
from raskt.utils import Dispatch, M, SerializableLock


def test_dasks_names_are_there():
    dask_utils = pytest.importorskip("dask.utils")
    names = {
        name
        for name, value in vars(dask_utils).items()
        if getattr(value, "__module__", None) == "dask.utils"
        and not name.startswith("_")
        and not isinstance(value, TypeVar)
    }
    # Parts of how Dask builds its own classes, which ours do not need.
    names -= {"OperatorMethodMixin", "disable_gc", "get_default_shuffle_method"}
    names -= {"ignore_warning"}
    assert names <= {*dir(utils)}


def test_what_is_exported_exists():
    assert all(hasattr(utils, name) for name in utils.__all__)


# Text.


@pytest.mark.parametrize("unit, size", utils.byte_sizes.items())
def test_parse_bytes_knows_all_units_in_any_case(unit, size):
    for text in (f"3{unit}", f" 3 {unit.upper()}", f"3.0{unit.title()} "):
        assert utils.parse_bytes(text) == 3 * size


@pytest.mark.parametrize(
    "text", ["5 foos", "1.2.3 MB", "5 kB 3", "MB 5", "--1", "1,5 GB"]
)
def test_parse_bytes_refuses_nonsense(text):
    with pytest.raises(ValueError):
        utils.parse_bytes(text)


def test_format_bytes_can_be_parsed():
    for exponent in range(60):
        number = 3**exponent % 2**60
        parsed = utils.parse_bytes(utils.format_bytes(number))
        assert parsed == pytest.approx(number, rel=0.01, abs=1)


def test_parse_timedelta_fractions_and_signs():
    # Dask reads ".5h" as 1.5 hours.
    assert utils.parse_timedelta(".5h") == 1800
    assert utils.parse_timedelta("-1s") == -1
    assert utils.parse_timedelta("h") == 3600
    assert isinstance(utils.parse_timedelta("2.0 s"), int)


def test_parse_timedelta_refuses_nonsense():
    with pytest.raises(KeyError, match="Invalid time unit: parsec"):
        utils.parse_timedelta("1 parsec")
    with pytest.raises(ValueError, match="is not a number"):
        utils.parse_timedelta("1.2.3 s")
    with pytest.raises(ValueError, match="has no unit"):
        utils.parse_timedelta(3, default=False)
    with pytest.raises(TypeError, match="name of a unit"):
        utils.parse_timedelta("3", default=None)


@pytest.mark.parametrize(
    "age, text",
    [
        ({"seconds": 59}, "Just now"),
        ({"minutes": 1}, "1 minute ago"),
        ({"hours": 25}, "1 day ago"),
        ({"days": 364}, "11 months ago"),
        ({"days": 800}, "2 years ago"),
    ],
)
def test_format_time_ago(age, text):
    for zone in (None, datetime.UTC):
        then = datetime.datetime.now(zone) - datetime.timedelta(**age)
        assert utils.format_time_ago(then) == text


def test_memory_repr_of_a_lot():
    assert utils.memory_repr(1024**5) == "1.0 PB"


def test_ensure_bytes_refuses_what_holds_none():
    # bytes(3) would be three zeros.
    with pytest.raises(TypeError, match="3 is neither text nor bytes"):
        utils.ensure_bytes(3)


def test_asciitable_without_rows_and_with_ragged_ones():
    assert utils.asciitable(["a"], []) == "+---+\n| a |\n+---+\n+---+"
    with pytest.raises(ValueError):
        utils.asciitable(["a", "b"], [("1",)])


def test_put_lines():
    buffer = io.StringIO()
    utils.put_lines(buffer, ["a", 2])
    assert buffer.getvalue() == "a\n2"


# Names.


@pytest.mark.parametrize(
    "key, name",
    [
        ("x-1-2-3", "x"),
        ("('x-2', 1)", "x"),
        (("a-b-1", 3, 4), "a-b"),
        (b"sum-aabbccdd", "sum"),
        ("hello-deadbeef-world", "hello"),
        ("<package.module.Thing object at 0x7f>", "Thing"),
        ("ae05086432ca935f6eba409a8ecd4896", "data"),
        ("_(x)", "x"),
        *((odd, "Other") for odd in ("", "-", "<>", "_", None, 1, (), (1, 2))),
    ],
)
def test_key_split(key, name):
    assert utils.key_split(key) == name


def test_funcname_has_no_addresses():
    class Adder:
        def __call__(self, x):
            return x

    assert utils.funcname(Adder()) == "Adder"
    assert utils.funcname(functools.partial(functools.partial(max), key=len)) == "max"
    assert utils.funcname(operator.itemgetter(1)) == "operator.itemgetter(1)"
    assert utils.funcname(M.upper) == "upper"
    assert utils.funcname(cloudpickle.loads(cloudpickle.dumps(lambda: 0))) == "lambda"


def test_funcname_of_toolz_and_numpy():
    toolz = pytest.importorskip("toolz")
    np = pytest.importorskip("numpy")
    assert utils.funcname(toolz.curry(operator.add)(1)) == "add"
    assert utils.funcname(np.vectorize(functools.partial(np.add, 1))) == "vectorize_add"


def test_stringify_leaves_what_cannot_be_a_key():
    task = (sum, [("x", 1), ["y", {}]], {"a": ("x", 1)})
    assert utils.stringify(task, exclusive={("x", 1)}) == (
        sum,
        ["('x', 1)", ["y", {}]],
        {"a": "('x', 1)"},
    )


# Functions that choose, and objects that can be called.


def test_dispatch_without_implementation():
    with pytest.raises(TypeError, match="No dispatch for <class 'int'>"):
        Dispatch("area")(1)


def test_dispatch_follows_later_registrations():
    class Base:
        pass

    class Derived(Base):
        pass

    name = Dispatch()
    name.register(object, lambda x: "object")
    assert name(Derived()) == "object"
    name.register(Base, lambda x: "base")
    assert name(Derived()) == "base"
    name.register((Derived, int), lambda x: "derived")
    assert name(Derived()) == name(1) == "derived"


def test_dispatch_waits_for_a_lazy_registration_in_another_thread():
    kind = Dispatch()
    kind.register(object, lambda x: "object")
    registering, may_go_on = threading.Event(), threading.Event()

    @kind.register_lazy("decimal")
    def register():
        registering.set()
        assert may_go_on.wait(60)
        import decimal

        kind.register(decimal.Decimal, lambda x: "decimal")

    from decimal import Decimal

    answers = []
    workers = [
        threading.Thread(target=lambda: answers.append(kind(Decimal(1)))) for _ in "ab"
    ]
    workers[0].start()
    assert registering.wait(60)
    workers[1].start()
    may_go_on.set()
    for worker in workers:
        worker.join()
    assert answers == ["decimal", "decimal"]


def test_dispatch_tries_again_after_a_failed_registration():
    kind = Dispatch()
    outcomes = [ImportError("not yet"), None]

    @kind.register_lazy("decimal")
    def register():
        if (error := outcomes.pop(0)) is not None:
            raise error
        import decimal

        kind.register(decimal.Decimal, lambda x: "decimal")

    from decimal import Decimal

    with pytest.raises(ImportError, match="not yet"):
        kind(Decimal(1))
    assert kind(Decimal(1)) == "decimal"
    # Not a third time, whatever else is registered.
    kind.register(int, lambda x: "int")
    assert kind(Decimal(1)) == "decimal"
    assert kind.dispatch(type("Other", (Decimal,), {}))
    assert outcomes == []


def test_methodcaller_is_one_object_for_each_name():
    assert M.upper is utils.methodcaller("upper")
    assert pickle.loads(pickle.dumps(M.upper)) is M.upper
    assert M.upper.func == "upper"
    assert M.count("banana", "a") == 3
    assert not hasattr(M, "__wrapped__")


def test_itemgetter_is_a_value():
    assert len({utils.itemgetter(1), utils.itemgetter(1), utils.itemgetter("a")}) == 2
    assert repr(utils.itemgetter("a")) == "itemgetter('a')"


def test_index_callable():
    index = utils.IndexCallable(lambda key: key)
    assert index[1:2, ...] == (slice(1, 2), Ellipsis)
    with pytest.raises(TypeError, match="not iterable"):
        iter(index)


def test_serializable_lock_of_one_name_is_one_lock_in_all_threads():
    barrier = threading.Barrier(8)
    locks = []

    def make():
        barrier.wait()
        locks.append(SerializableLock("one name"))

    workers = [threading.Thread(target=make) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({id(lock.lock) for lock in locks}) == 1
    assert locks[0].acquire(timeout=1)
    assert not locks[1].acquire(timeout=0)
    locks[2].release()
    assert not locks[3].locked()


# Files.


def test_tmpfile_removes_files_and_folders():
    with utils.tmpfile() as path, utils.tmpfile(".csv") as other:
        assert not Path(path).exists()
        assert "." not in Path(path).name
        assert other.endswith(".csv")
        assert not other.endswith("..csv")
        Path(path, "sub").mkdir(parents=True)
        Path(other).touch()
    assert not Path(path).exists()
    assert not Path(other).exists()


def test_current_folder_is_restored_after_an_error(tmp_path):
    before = Path.cwd()
    with pytest.raises(ZeroDivisionError), utils.changed_cwd(tmp_path):
        assert Path.cwd() == tmp_path.resolve()
        raise ZeroDivisionError
    with utils.tmp_cwd() as folder:
        assert Path.cwd() == Path(folder).resolve()
    assert not Path(folder).exists()
    assert Path.cwd() == before


def test_filetexts(tmp_path):
    with utils.filetexts({"deep/a.bin": b"1"}, mode="b") as paths:
        assert [Path(p).read_bytes() for p in paths] == [b"1"]
    stays = {str(tmp_path / "a.txt"): "a"}
    with utils.filetexts(stays, use_tmpdir=False) as [path]:
        assert Path(path).read_text() == "a"
    assert not list(tmp_path.iterdir())


# What functions accept and objects are.


def test_takes_multiple_arguments():
    class Two:
        def __init__(self, a, b):
            pass

        def one(self, a):
            pass

    assert utils.takes_multiple_arguments(Two)
    assert not utils.takes_multiple_arguments(Two(1, 2).one)
    assert not utils.takes_multiple_arguments(lambda a, b=1: a)
    np = pytest.importorskip("numpy")
    assert utils.takes_multiple_arguments(np.add)
    assert not utils.takes_multiple_arguments(np.sin)


def test_keywords():
    def function(a, *args, b=1, **kwargs):
        pass

    assert utils.get_named_args(function) == ["a", "b"]
    assert utils.has_keyword(function, "b")
    assert not utils.has_keyword(functools.partial(function), "c")
    assert not utils.has_keyword(5, "a")


def test_kinds_of_pandas_objects():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"name": [1], "dtype": [2]})
    kinds = [
        (utils.is_dataframe_like, frame),
        (utils.is_series_like, frame["name"]),
        (utils.is_index_like, frame.index),
    ]
    for kind, _ in kinds:
        for other_kind, thing in kinds:
            assert kind(thing) is (kind is other_kind)
            assert not kind(type(thing))
    assert not utils.is_arraylike(frame)
    assert utils.get_meta_library(frame) is pd


def test_kinds_of_numbers_and_tuples():
    np = pytest.importorskip("numpy")
    assert all(map(utils.is_integer, (1, 1.0, True, np.int8(1), np.float32(2))))
    assert not any(map(utils.is_integer, (1.5, "1", None, float("nan"), float("inf"))))
    assert utils.is_namedtuple_instance(namedtuple("P", "x")(1))
    assert not utils.is_namedtuple_instance((1,))
    assert not utils.is_arraylike(np.float64(1))
    assert not utils.is_cupy_type(np.ones(1))


# Nested containers.


def test_deepmap():
    assert utils.deepmap(operator.add, [[1], [2, 3]], [[4], [5, 6]]) == [[5], [7, 9]]
    assert utils.homogeneous_deepmap(str, ((1, 2), (3,))) == [["1", "2"], ["3"]]
    assert utils.homogeneous_deepmap(str, 1) == "1"
    assert utils.homogeneous_deepmap(str, []) == []


def test_concrete():
    assert utils.concrete(iter([(1, iter([2])), range(2)])) == [[1, [2]], range(2)]


def test_iter_chunks_refuses_what_fits_nowhere():
    with pytest.raises(ValueError, match="one item of 11"):
        list(utils.iter_chunks([1, 11], 10))


def test_running_sums_keep_types():
    assert [type(x) for x in utils.cached_cumsum((1.0, 2.0))] == [float, float]
    assert [type(x) for x in utils.cached_cumsum((1, 2))] == [int, int]
    assert utils.cached_cumsum((), initial_zero=True) == (0,)


def test_random_state_data():
    np = pytest.importorskip("numpy")
    assert utils.random_state_data(0, 1) == []
    data = utils.random_state_data(3, np.random.default_rng(1))
    assert len({np.random.RandomState(x).randint(10**9) for x in data}) == 3


def test_pseudorandom():
    np = pytest.importorskip("numpy")
    drawn = utils.pseudorandom(10_000, [0.1, 0.6, 0.3], random_state=1)
    assert np.bincount(drawn) / 10_000 == pytest.approx([0.1, 0.6, 0.3], abs=0.02)
    assert utils.pseudorandom(5, [1 / 1000] * 1000, 1).dtype == "int16"
    with pytest.raises(ValueError, match="sum to 1"):
        utils.pseudorandom(5, [0.5, 0.4])


# Documentation and deprecation.


class Original:
    def method(self, x, axis):
        """Summarise.

        Explain at length.

        Parameters
        ----------
        x : int
        axis : int
            The axis :: of something.

        Examples
        --------
        >>> 1 + 1
        2
        """

    def bare(self, x):
        pass


def test_derived_from():
    class Derived:
        @utils.derived_from(Original, version="3.0", inconsistencies="it is faster")
        def method(self, x):
            """Ours adds this."""

    doc = Derived.method.__doc__
    parts = doc.split("\n\n")
    assert parts[0] == "Summarise."
    assert f"copied from {__name__}.Original.method." in parts[1]
    assert "3.0 or newer" in parts[1]
    assert parts[2].endswith("inconsistencies with raskt's version: it is faster")
    assert parts[3:5] == ["Ours adds this.", "Explain at length."]
    assert f"axis : int  {utils.unsupported_arguments('axis :', ['axis'])[8:]}" in doc
    assert "x : int\n" in doc
    assert ">>> 1 + 1  # doctest: +SKIP" in doc


def test_derived_from_what_has_no_documentation():
    class Derived:
        @utils.derived_from(Original)
        def bare(self, x):
            """Ours."""

        @utils.derived_from(Original)
        def missing(self):
            pass

    assert Derived.bare.__doc__.strip() == "Ours."
    assert not Derived.missing.__doc__


def test_deprecated_keyword():
    @utils._deprecated_kwarg("old", "new", mapping={1: "one"}, comment="so there")
    def function(new):
        return new

    with pytest.warns(FutureWarning, match="use new='one' instead of 1; so there"):
        assert function(old=1) == "one"
    assert function(new=1) == 1
    with pytest.raises(TypeError, match="'old' or 'new', not both"):
        function(old=1, new=2)


def test_deprecated_function_says_what_to_use():
    @utils._deprecated(version="2.0", use_instead="other")
    def function():
        return 1

    with pytest.warns(
        FutureWarning, match=r"2\.0 .* Please use other instead\."
    ) as seen:
        assert function() == 1
    assert seen[0].filename == __file__


def test_cached_property():
    class Thing:
        computed = 0

        @utils.cached_property
        def value(self):
            self.computed += 1
            return self.computed

    thing = Thing()
    assert thing.value == thing.value == 1
    with pytest.raises(AttributeError, match="'value' is computed"):
        thing.value = 5


def outer():
    return inner()


def inner():
    return 1 / 0


@pytest.mark.parametrize(
    "patterns, names",
    [
        ([r"test_utils"], ["fail", "inner"]),
        (["nothing", "neither"], ["fail", "outer", "inner"]),
        ([], ["fail", "outer", "inner"]),
        (None, ["fail", "outer", "inner"]),
    ],
)
def test_shorten_traceback(patterns, names):
    def fail():
        with utils.shorten_traceback():
            outer()

    with raskt.config.set({"admin.traceback.shorten": patterns}):
        with pytest.raises(ZeroDivisionError) as error:
            fail()
    frames = [f.f_code.co_name for f, _ in traceback.walk_tb(error.value.__traceback__)]
    assert frames[1:] == names


# Made-up data.


def test_people_need_mimesis(monkeypatch):
    monkeypatch.setitem(sys.modules, "mimesis", None)
    with pytest.raises(RuntimeError, match="python -m pip install mimesis"):
        datasets.make_people()


def test_people_are_the_same_for_the_same_seed():
    pytest.importorskip("mimesis")
    people = datasets._people(5, 1, "en")
    assert people == datasets._people(5, 1, "en") != datasets._people(5, 2, "en")
    assert {"age", "name", "occupation", "telephone", "address"} <= people[0].keys()
