import decimal
import math
import pickle

import hypothesis.strategies as st
import pytest
from hypothesis import given
from raskt.tokenize import (
    TokenizationError,
    normalize_token,
)
from token_helpers import assert_all_differ, assert_survives_pickling, loosely, strictly


def test_numpy_layout_does_not_matter():
    np = pytest.importorskip("numpy")
    x = np.arange(600_000, dtype="i4").reshape(200, 3000)
    spread = np.zeros((400, 6000), dtype="i4")
    spread[::2, ::2] = x
    same = [
        x.copy(),
        np.asfortranarray(x),
        spread[::2, ::2],
        x[::-1][::-1],
        x.T.copy().T,
    ]
    assert {strictly(y) for y in same} == {strictly(x)}
    assert strictly(x) != strictly(x.T)
    assert strictly(x) != strictly(x.ravel())
    assert strictly(np.broadcast_to(1.5, (300, 300))) == strictly(
        np.full((300, 300), 1.5)
    )
    times = x.astype("M8[s]")
    assert strictly(np.asfortranarray(times)) == strictly(times) != strictly(x)
    texts = x[:50, :50].astype("U7")
    assert strictly(texts[::2, ::3]) == strictly(texts[::2, ::3].copy())


@given(st.data())
def test_numpy_arrays_of_any_layout(data):
    np = pytest.importorskip("numpy")
    dtype = data.draw(
        st.sampled_from(["i1", "f8", ">u2", "U3", "S2", "?", "c16", "M8[D]"])
    )
    shape = data.draw(st.lists(st.integers(0, 4), max_size=3))
    numbers = st.lists(st.integers(0, 1), min_size=0, max_size=64)
    n = math.prod(shape)
    flat = (data.draw(numbers) + [0] * 64)[:n]
    x = np.array(flat, dtype="i8").astype(dtype).reshape(shape)
    y = x.copy(order="F")
    assert strictly(x) == strictly(y)
    if x.dtype.isnative:  # else pickling may change that
        assert strictly(x) == strictly(pickle.loads(pickle.dumps(x)))
    for axis in range(x.ndim):
        y = np.flip(np.flip(x, axis).copy(), axis)
        assert strictly(x) == strictly(y)
    if n:
        y = x.copy()
        y.flat[0] = np.array(1 - flat[0]).astype(dtype)
        assert strictly(x) != strictly(y)


def test_numpy_objects_differ(tmp_path):
    np = pytest.importorskip("numpy")
    np.save(tmp_path / "a.npy", np.arange(3.0))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    rng = np.random.default_rng(1)
    used = np.random.default_rng(1)
    used.random()
    things = [
        np.arange(3),
        np.arange(3, dtype="i4"),
        np.arange(3, dtype=">i8"),
        np.arange(3.0),
        np.array([0.0, 1.0, -0.0]),
        mapped,
        mapped[1:],
        np.arange(3.0).view(np.recarray),
        np.array(1.0),
        np.array([1.0]),
        np.float64(1),
        np.float32(1),
        np.int64(1),
        np.str_("a"),
        np.bytes_("a"),
        np.datetime64("2000"),
        np.datetime64("2000-01-01"),
        np.array([]),
        np.zeros((0, 1)),
        np.zeros((1, 0)),
        np.array([], dtype="i4"),
        np.array(["a"], dtype="U1"),
        np.array(["a"], dtype="U2"),
        np.array(["a", None], dtype=object),
        np.array(["a", np.nan], dtype=object),
        np.array([{"a"}, [1]], dtype=object),
        np.array(["a"], dtype=np.dtypes.StringDType()),
        np.array(["b"], dtype=np.dtypes.StringDType()),
        np.array([(1, 2.0)], dtype="i4,f8"),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, 2.0)], dtype=np.dtype([("a", "i4"), ("b", "f8")], align=True)),
        np.array([(1, 2.0)], dtype="i4,f8")[0],
        np.ma.masked_array([1, 2, 3], mask=[0, 1, 0]),
        np.ma.masked_array([1, 2, 3], mask=[0, 1, 1]),
        np.ma.masked_array([1, 2, 3], mask=[0, 1, 0], fill_value=5),
        np.ma.masked_array([1, 2, 3]),
        np.ma.masked,
        np.dtype("i4"),
        np.dtype("f4"),
        np.dtype("M8[s]"),
        np.dtype("f8", metadata={"a": 1}),
        np.dtype(("f8", (2,))),
        np.dtype([("a", "i4")]),
        np.sin,
        np.cos,
        np.sum,
        np.random.RandomState(1),
        np.random.RandomState(2),
        np.random.RandomState(1).normal,
        rng,
        used,
        np.random.Philox(1),
        np.random.SeedSequence(1).spawn(2)[0],
        np.random.SeedSequence(1).spawn(2)[1],
        np.vectorize(math.hypot),
        np.poly1d([1, 2]),
    ]
    assert_all_differ(things)
    for thing in things:
        assert_survives_pickling(thing)
        normalize_token(thing)


def test_numpy_bytes_without_meaning():
    np = pytest.importorskip("numpy")
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    zeros, ones = (
        np.frombuffer(byte * 48, np.uint8).copy().view(dtype) for byte in (b"\0", b"\1")
    )
    for x in (zeros, ones):
        x["a"], x["b"] = 5, 1.5
    assert strictly(zeros) == strictly(ones)
    assert strictly(zeros[0]) == strictly(ones[0])
    for dtype in (np.longdouble, np.clongdouble):
        if np.finfo(dtype).nmant == 63:
            raw = np.zeros(4, dtype).view(np.uint8).reshape(-1, 16)
            raw[:, 10:] = 7
            x = raw.reshape(-1).view(dtype)
            assert strictly(x) == strictly(np.zeros(4, dtype))
            assert strictly(x) != strictly(np.ones(4, dtype))
    assert strictly(np.dtype("l")) == strictly(np.dtype("q")) or np.dtype(
        "l"
    ) != np.dtype("q")


def test_numpy_subclasses_keep_their_attributes():
    np = pytest.importorskip("numpy")

    class WithUnit(np.ndarray):
        unit = None

    def make(unit):
        x = np.arange(3).view(WithUnit)
        x.unit = unit
        return x

    assert strictly(make("m")) == strictly(make("m")) != strictly(make("s"))
    assert strictly(make(None)) != strictly(np.arange(3))


def test_ufuncs():
    np = pytest.importorskip("numpy")
    made = np.frompyfunc(lambda x: x + 1, 1, 1)
    assert loosely(made) != loosely(made)
    with pytest.raises(
        TokenizationError, match=r"Cannot tokenize.*raskt\.array\.ufunc"
    ):
        strictly(made)


def test_memory_maps_by_content(tmp_path):
    np = pytest.importorskip("numpy")
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", np.arange(10))
    a, b = (np.load(tmp_path / f"{name}.npy", mmap_mode="r+") for name in "ab")
    assert strictly(a) == strictly(b)
    assert strictly(a[2:5]) == strictly(b[2:5]) != strictly(a[1:4])
    a[0] = 100
    assert strictly(a) != strictly(b)


def test_pandas():
    pd = pytest.importorskip("pandas")
    np = pytest.importorskip("numpy")

    def make():
        ints = pd.Index([1, 2, 3])
        return [
            ints,
            ints.rename("a"),
            ints.astype("i4"),
            pd.RangeIndex(1, 4),
            pd.RangeIndex(1, 5),
            pd.Index(["a", "b"]),
            pd.Index(["a", "b"], dtype=object),
            pd.MultiIndex.from_product([["a", "b"], [1, 2]]),
            pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
            pd.date_range("2000", periods=3),
            pd.date_range("2000", periods=3, tz="UTC"),
            pd.DatetimeIndex(list(pd.date_range("2000", periods=3))),
            pd.timedelta_range("1s", periods=3),
            pd.period_range("2000", periods=3, freq="D"),
            pd.period_range("2000", periods=3, freq="M"),
            pd.interval_range(0, 3),
            pd.interval_range(0, 3, closed="left"),
            pd.CategoricalIndex(["a", "b"]),
            pd.CategoricalIndex(["a", "b"], ordered=True),
            pd.CategoricalIndex(["a", "b"], categories=["a", "b", "c"]),
            *[
                pd.array(data, dtype=dtype)
                for data, dtype in [
                    ([1, None], "Int64"),
                    ([1, None], "Int32"),
                    ([1, 0], "Int64"),
                    ([1, None], "Float64"),
                    ([True, None], "boolean"),
                    (["a", None], "string[python]"),
                    ([1, 0], "Sparse[int]"),
                    ([1.0, 0], pd.SparseDtype(float, 1.0)),
                ]
            ],
            pd.Series([1, 2, 3]),
            pd.Series([1, 2, 3], name="a"),
            pd.Series([1, 2, 3], index=[3, 4, 5]),
            pd.Series([1.0, 2, 3]),
            pd.Series(["a", None, {1, "b"}], dtype=object),
            pd.DataFrame({"a": [1, 2], "b": [3, 4]}),
            pd.DataFrame({"b": [3, 4], "a": [1, 2]}),
            pd.DataFrame({"a": [1, 2], "b": [3, 5]}),
            pd.DataFrame({"a": [1, 2], "b": [3, 4]}).set_flags(
                allows_duplicate_labels=False
            ),
            pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [3, 4]}),
            pd.DataFrame(index=[1, 2]),
            pd.DataFrame(columns=[1, 2]),
            pd.Int64Dtype(),
            pd.CategoricalDtype(["a"]),
            pd.CategoricalDtype(["b"]),
            pd.CategoricalDtype(["a"], ordered=True),
            pd.DatetimeTZDtype(tz="UTC"),
            pd.PeriodDtype("D"),
            pd.PeriodDtype("M"),
            pd.IntervalDtype("i8", "left"),
            pd.IntervalDtype("i8", "right"),
            pd.Timestamp("2000"),
            pd.Timestamp("2000", tz="UTC"),
            pd.Timestamp("2000").as_unit("s"),
            pd.Timedelta("1s"),
            pd.Period("2000", "M"),
            pd.Interval(0, 1),
            pd.NaT,
            pd.NA,
            pd.offsets.Day(1),
            pd.offsets.Day(2),
            pd.offsets.MonthBegin(1),
            pd.DateOffset(months=1),
            pd.DateOffset(months=1, days=1),
            pd.offsets.CustomBusinessDay(holidays=["2000-01-03"]),
            pd.Grouper(key="a", freq="D"),
        ]

    things = make()
    assert_all_differ(things)
    for thing, again in zip(things, make()):
        assert strictly(thing) == strictly(again)
        normalize_token(thing)

    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    pieces = frame[["a"]].copy()
    pieces["b"] = frame["b"]  # in memory of its own
    assert strictly(pieces) == strictly(frame)
    assert strictly(frame.iloc[::-1].iloc[::-1]) != strictly(frame.T)
    under = pd.arrays.IntegerArray(np.array([1, 7]), np.array([False, True]))
    assert strictly(under) == strictly(pd.array([1, None], dtype="Int64"))
    marked = frame.copy()
    marked.attrs["a"] = 1
    assert strictly(marked) != strictly(frame)


def test_pandas_with_arrow():
    pd = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    whole = pd.Series(["a", "b", "c", None], dtype="string[pyarrow]")
    pieces = pd.concat([whole[:1], whole[1:3], whole[3:]])
    assert strictly(whole) == strictly(pieces)
    assert strictly(whole) != strictly(whole.astype("string[python]"))
    assert strictly(whole) != strictly(whole.fillna(""))


def arrow_columns(pa):
    decimals = [
        decimal.Decimal("1.5"),
        None,
        decimal.Decimal("2"),
        None,
        decimal.Decimal(0),
    ]
    return {
        "int": pa.array([1, None, 3, 0, 5], pa.int32()),
        "float": pa.array([1.5, None, float("nan"), 0, 5], pa.float16()),
        "bool": pa.array([True, None, False, False, None]),
        "string": pa.array(["a", None, "", "bcd", "e"]),
        "large": pa.array(["a", None, "", "bcd", "e"], pa.large_string()),
        "binary": pa.array([b"a", None, b"", b"bcd", b"e"]),
        "view": pa.array(["a" * 20, None, "", "bcd", "e"], pa.string_view()),
        "fixed": pa.array([b"ab", None, b"cd", b"ef", b"gh"], pa.binary(2)),
        "decimal": pa.array(decimals, pa.decimal128(5, 2)),
        "time": pa.array([1, None, 3, 4, 5], pa.timestamp("ms", tz="UTC")),
        "list": pa.array([[1], None, [], [2, None], [3]]),
        "pairs": pa.array([[1, 2], None, [3, 4], None, [5, 6]], pa.list_(pa.int8(), 2)),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}] * 2)[:5],
        "map": pa.array(
            [[("a", 1)], None, [], [("b", 2), ("c", None)], []],
            pa.map_("string", "int8"),
        ),
        "dictionary": pa.array(["a", None, "b", "a", "c"]).dictionary_encode(),
        "null": pa.nulls(5),
    }


def test_arrow_chunks_and_slices_do_not_matter():
    pa = pytest.importorskip("pyarrow")
    columns = arrow_columns(pa)
    assert_all_differ(list(columns.values()))
    for name, x in columns.items():
        whole = pa.chunked_array([x])
        slices = pa.chunked_array([x[:2], x[2:2], x[2:]], type=x.type)
        padded = pa.concat_arrays([x, x])[5:]
        assert strictly(slices) == strictly(whole), name
        assert strictly(padded) == strictly(x), name
        assert strictly(x[1:4]) == strictly(pa.concat_arrays([x[1:2], x[2:4]])), name
        assert strictly(x[:4]) != strictly(x), name
        if name != "null":
            assert strictly(x[1:]) != strictly(x[:-1]), name
        assert_survives_pickling(x)
        assert_survives_pickling(x[1:3])
        assert_all_differ([x, x.type, x[0], whole])
        if name != "dictionary":  # which is there also where nothing uses it
            empty = pa.chunked_array([x[:0]], type=x.type)
            assert strictly(empty) == strictly(pa.chunked_array([], type=x.type))


def test_arrow_values_under_nulls_do_not_matter():
    pa = pytest.importorskip("pyarrow")
    np = pytest.importorskip("numpy")
    valid = pa.py_buffer(np.array([0b101], np.uint8))

    def ints(values):
        return pa.Array.from_buffers(
            pa.int64(), 3, [valid, pa.py_buffer(np.array(values, "i8"))]
        )

    assert (
        strictly(ints([1, 2, 3]))
        == strictly(ints([1, 9, 3]))
        == strictly(pa.array([1, None, 3]))
    )
    assert strictly(ints([1, 2, 3])) != strictly(ints([1, 2, 4]))
    offsets = pa.py_buffer(np.array([0, 1, 2, 3], "i4"))
    text = pa.Array.from_buffers(pa.string(), 3, [valid, offsets, pa.py_buffer(b"abc")])
    assert strictly(text) == strictly(pa.array(["a", None, "c"]))
    lists = pa.Array.from_buffers(
        pa.list_(pa.int64()), 3, [valid, offsets], children=[pa.array([1, 2, 3])]
    )
    assert strictly(lists) == strictly(pa.array([[1], None, [3]]))


def test_arrow_tables_and_types():
    pa = pytest.importorskip("pyarrow")
    table = pa.table(arrow_columns(pa))
    assert strictly(table) == strictly(pa.concat_tables([table[:1], table[1:]]))
    assert_all_differ(
        [
            table,
            table[:-1],
            table.drop_columns("int"),
            table.replace_schema_metadata({"a": "b"}),
            table.to_batches()[0],
            table.schema,
            table.schema.field(0),
            table.schema.field(0).with_nullable(False),
            pa.int8(),
            pa.list_(pa.int8()),
            pa.list_(pa.field("x", pa.int8())),
            pa.struct({"a": pa.int8()}),
            pa.timestamp("s"),
            pa.timestamp("s", "UTC"),
            pa.dictionary(pa.int8(), pa.string()),
            pa.dictionary(pa.int8(), pa.string(), ordered=True),
            pa.scalar(1),
            pa.scalar(1, pa.int8()),
            pa.scalar(None, pa.int8()),
            pa.py_buffer(b"a"),
            pa.py_buffer(b"b"),
        ]
    )


def test_arrow_datasets(tmp_path):
    pytest.importorskip("pyarrow")
    import pyarrow.compute as pc
    import pyarrow.dataset as ds
    import pyarrow.fs as fs

    assert_all_differ(
        [
            ds.ParquetFileFormat(),
            ds.ParquetFileFormat(dictionary_columns=["a"]),
            ds.CsvFileFormat(),
            ds.ParquetFragmentScanOptions(pre_buffer=True),
            ds.ParquetFragmentScanOptions(pre_buffer=False),
            ds.partitioning(field_names=["a"]),
            ds.partitioning(flavor="hive"),
            pc.field("a") > 3,
            pc.field("a") > 4,
            fs.LocalFileSystem(),
            fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()),
        ]
    )


def test_scipy():
    sparse = pytest.importorskip("scipy.sparse")
    np = pytest.importorskip("numpy")
    special = pytest.importorskip("scipy.special")
    dense = np.array([[0, 1.5, 0], [2, 0, 0], [0, 0, 3]])
    formats = ["csr", "csc", "coo", "dok", "lil", "dia", "bsr"]
    matrices = [getattr(sparse, f"{f}_matrix")(dense) for f in formats]
    arrays = [getattr(sparse, f"{f}_array")(dense) for f in formats]
    assert_all_differ([*matrices, *arrays, special.expit, special.erf])
    for x in matrices + arrays:
        assert strictly(x) == strictly(x.copy()) != strictly(x * 2)
        assert strictly(x.copy().T.T) == strictly(x)
    turned = sparse.dok_array((3, 3))
    for i, j in reversed(list(arrays[3].keys())):
        turned[i, j] = dense[i, j]
    assert strictly(turned) == strictly(arrays[3])


def test_numba():
    numba = pytest.importorskip("numba")

    def make(n):
        def f(x, y):
            return x + y + n

        def g(x, out):
            out[0] = x + n

        return [
            numba.njit(f),
            numba.jit(f, nogil=True),
            numba.njit("f8(f8, f8)")(f),
            numba.njit("f4(f4, f4)")(f),
            numba.vectorize(f),
            numba.vectorize("f8(f8, f8)")(f),
            numba.vectorize("f8(f8, f8)", identity=0)(f),
            numba.guvectorize(["f8,f8[:]"], "()->()")(g),
            numba.guvectorize(["f4,f4[:]"], "()->()")(g),
        ]

    functions = make(1)
    assert_all_differ([*functions, *make(2)])
    tokens = [strictly(f) for f in functions]
    assert tokens == [strictly(f) for f in make(1)]
    assert functions[0](1, 2) == functions[4](1, 2) == 4  # compiles
    assert tokens == [strictly(f) for f in functions]
