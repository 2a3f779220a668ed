"""How much memory objects take."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import raskt.sizeof
from raskt.sizeof import SimpleSizeof, sizeof


@dataclass
class Holder:
    payload: object


def test_objects_count_with_their_attributes():
    assert 10_000 < sizeof(Holder(bytes(10_000))) < 10_600
    assert 10_000 < sizeof(SimpleNamespace(x=bytes(10_000))) < 10_600
    assert sizeof(Holder) == sys.getsizeof(Holder)


def test_own_sizeof_is_believed():
    class Sized(Holder):
        def __sizeof__(self):
            return 7

    assert sizeof(Sized(bytes(10_000))) < 100


def test_simple_sizeof_is_not_looked_into():
    class Simple(SimpleSizeof, Holder):
        pass

    assert sizeof(Simple(bytes(10_000))) < 200


def test_an_error_in_sizeof_is_raised():
    class Broken:
        def __sizeof__(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sizeof(Broken())


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_large_containers_are_estimated_well(kind):
    numbers = kind(range(1000, 101_000))
    exact = sys.getsizeof(numbers) + sum(map(sys.getsizeof, numbers))
    assert sizeof(numbers) == pytest.approx(exact, rel=0.01)


def test_large_dicts_are_estimated_well():
    data = {f"{i:06}": bytes(100) for i in range(10_000)}
    exact = sys.getsizeof(data) + 10_000 * (100 + sys.getsizeof("000000"))
    assert sizeof(data) == pytest.approx(exact, rel=0.01)


def test_the_estimate_is_the_same_each_time():
    mixed = [bytes(i % 97) for i in range(5000)]
    assert len({sizeof(mixed) for _ in range(10)}) == 1


def test_containers_that_hold_themselves():
    loop = [1]
    loop.append(loop)
    assert sizeof(loop) < 1000
    holder = Holder(None)
    holder.payload = {"me": holder}
    assert sizeof(holder) < 2000
    # Nothing of them is left open: the next question gets the same answer.
    assert sizeof(loop) < 1000
    assert not raskt.sizeof._walk.open


def test_deep_nesting_looks_at_few_objects(monkeypatch):
    asked = 0

    class Counted(SimpleSizeof):
        def __sizeof__(self):
            nonlocal asked
            asked += 1
            return 1

    nested = Counted()
    for _ in range(8):
        nested = [nested] * 16
    assert sizeof(nested) > 0
    assert 0 < asked <= raskt.sizeof.VISITS


def test_it_can_be_sent_to_other_processes():
    copy = pickle.loads(pickle.dumps(sizeof))
    assert copy.__name__ == "sizeof"
    assert copy([1, b"abc"]) == sizeof([1, b"abc"])


# NumPy.


def test_numpy_arrays():
    np = pytest.importorskip("numpy")
    assert sizeof(np.ones((10, 10))) == 800
    assert sizeof(np.ones((10, 10))[::2]) == 400
    assert sizeof(np.broadcast_to(np.ones(10), (1000, 10))) == 80
    assert sizeof(np.ones((0, 5))) == 0
    assert sizeof(np.ma.array(np.ones(100), mask=np.zeros(100, bool))) == 900
    assert type(sizeof(np.ones(3))) is int


def test_numpy_objects_count_once():
    np = pytest.importorskip("numpy")
    different = np.array([bytes([i]) * 1000 for i in range(100)], dtype=object)
    assert sizeof(different) == 100 * (8 + 1000)
    same = np.array([bytes(1000)] * 100, dtype=object)
    assert sizeof(same) == 100 * 8 + 1000
    many = np.array([str(i).rjust(50) for i in range(50_000)], dtype=object)
    assert sizeof(many) == pytest.approx(
        50_000 * (8 + sys.getsizeof(many[0])), rel=0.01
    )


# pandas and Arrow.


@pytest.mark.parametrize("dtype", ["f8", "M8[ns]", "Int64", "bool", "Float32"])
def test_pandas_fixed_width(dtype):
    pd = pytest.importorskip("pandas")
    series = pd.Series([1] * 10_000).astype(dtype)
    size = series.array.nbytes
    assert size < sizeof(series) < size + 2000
    assert size < sizeof(series.to_frame()) < size + 3000
    assert size <= sizeof(series.array) < size + 1000


def test_pandas_categories_count_once():
    pd = pytest.importorskip("pandas")
    series = pd.Series(["a" * 10_000, "b" * 10_000] * 5000, dtype="category")
    assert 30_000 < sizeof(series) < 33_000


@pytest.mark.parametrize("dtype", ["object", "string[python]", "string[pyarrow]"])
def test_pandas_text(dtype):
    pd = pytest.importorskip("pandas")
    texts = [str(i).rjust(100) for i in range(1000)]
    series = pd.Series(texts, dtype=dtype)
    assert 100_000 < sizeof(series) < 170_000
    assert sizeof(series.to_frame()) == pytest.approx(sizeof(series), rel=0.02)
    assert sizeof(pd.Index(texts, dtype=dtype)) == pytest.approx(
        sizeof(series), rel=0.02
    )


def test_pandas_indexes():
    pd = pytest.importorskip("pandas")
    assert sizeof(pd.RangeIndex(10**9)) < 1000
    assert 80_000 <= sizeof(pd.Index(range(10_000)).astype("f8")) < 81_000
    assert 160_000 <= sizeof(pd.interval_range(0, 10_000)) < 161_000
    multi = pd.MultiIndex.from_product([range(100), range(100)])
    assert 20_000 <= sizeof(multi) < 25_000


def test_arrow():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"x": range(10_000)}, metadata={"note": "n" * 5000})
    assert 85_000 < sizeof(table) < 86_000
    assert 8_000 <= sizeof(table.slice(0, 1000).column("x")) < 8_200
    assert 80_000 <= sizeof(table.column("x").chunk(0).buffers()[1]) < 81_000


def test_scipy_sparse():
    sparse = pytest.importorskip("scipy.sparse")
    matrix = sparse.random(1000, 1000, density=0.01, format="coo", random_state=1)
    for form in ("coo", "csr", "csc", "lil", "dok", "bsr"):
        assert 10_000 * 8 < sizeof(matrix.asformat(form)), form
        assert 10_000 * 8 < sizeof(sparse.coo_array(matrix).asformat(form)), form
    assert 8_000 < sizeof(sparse.eye(1000, format="dia")) < 10_000


# Plugins.


def test_plugins_register_at_the_first_unknown_type(tmp_path):
    Path(tmp_path, "library.py").write_text("class Blob:\n    pass\n")
    Path(tmp_path, "plugin.py").write_text(
        textwrap.dedent(
            """
            def add(sizeof):
                @sizeof.register_lazy("library")
                def register():
                    import library
                    sizeof.register(library.Blob, lambda blob: 12345)

            def fail(sizeof):
                raise RuntimeError("not today")
            """
        )
    )
    info = tmp_path / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n"
    )
    (info / "entry_points.txt").write_text(
        "[dask.sizeof]\nbroken = plugin:fail\n\n[raskt.sizeof]\nblob = plugin:add\n"
    )
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from raskt.sizeof import sizeof\n"
        "assert 'plugin' not in sys.modules\n"
        "import library\n"
        "print(sizeof([library.Blob()]) > 12345, sizeof(library.Blob()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "True 12345\n", done.stderr
    assert "the sizeof plugin broken failed" in done.stderr
    assert logging.getLogger("raskt.sizeof").handlers == []
