"""How much memory an object takes, quickly and roughly.

Schedulers ask it of every result, so it samples what is large and never looks at more
than a few thousand objects. Types of other libraries are registered once an object of
theirs shows up; packages add their own types with an entry point of the group
``raskt.sizeof`` (or ``dask.sizeof``) that names a function of this dispatcher.
"""

from __future__ import annotations

import array
import logging
import sys
import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

from raskt._dispatch import Dispatch

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["SimpleSizeof", "sizeof"]

logger = logging.getLogger("raskt.sizeof")


class _Sizeof(Dispatch):
    def __reduce__(self) -> str:
        # Sent by name: the other process registers what it needs itself.
        return "sizeof"


sizeof = _Sizeof("sizeof")
"""Return the bytes of memory that an object takes, as an int."""

SAMPLE = 16
"""Items of a container that are looked at."""

VISITS = 2000
"""Objects inside of one another that are looked at."""

OBJECTS = 10_000
"""Python objects in arrays that are looked at."""


class SimpleSizeof:
    """Mixin for classes whose ``__sizeof__`` says it all.

    It must come first among the bases.
    """


class _Walk(threading.local):
    """The objects that are being looked into in this thread."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.visits = 0


_walk = _Walk()


@sizeof.register(object)
def sizeof_default(o: Any) -> int:
    """Return the size of any object, including its attributes.

    Parameters
    ----------
    o
        The object.
    """
    if _load_plugins_once():
        return int(sizeof(o))
    size = sys.getsizeof(o)
    if isinstance(o, type) or type(o).__sizeof__ is not object.__sizeof__:
        return size
    attributes = getattr(o, "__dict__", None)
    if type(attributes) is not dict:
        return size
    return size + _inside(o, [attributes.values()])


@sizeof.register(SimpleSizeof)
def _sizeof_simple(o: Any) -> int:
    return sys.getsizeof(o)


@sizeof.register((bytes, bytearray))
def sizeof_bytes(o: bytes) -> int:
    """Return the size of bytes.

    Parameters
    ----------
    o
        The bytes.
    """
    return len(o)


@sizeof.register(memoryview)
def sizeof_memoryview(o: memoryview) -> int:
    """Return the size of the memory that is in view.

    Parameters
    ----------
    o
        The view.
    """
    return o.nbytes


@sizeof.register(array.array)
def sizeof_array(o: array.array[Any]) -> int:
    """Return the size of an array of the standard library.

    Parameters
    ----------
    o
        The array.
    """
    return o.itemsize * len(o)


@sizeof.register((list, tuple, set, frozenset))
def sizeof_python_collection(seq: Collection[Any]) -> int:
    """Return the size of a container and the items in it, estimated from some.

    Parameters
    ----------
    seq
        The container.
    """
    return sys.getsizeof(seq) + _inside(seq, [seq])


@sizeof.register(dict)
def sizeof_python_dict(d: dict[Any, Any]) -> int:
    """Return the size of a dict, its keys and its values, estimated from some.

    Parameters
    ----------
    d
        The dict.
    """
    return sys.getsizeof(d) + _inside(d, [d.keys(), d.values()])


def _inside(owner: object, parts: Iterable[Collection[Any]]) -> int:
    """Return the size of items, estimated from an evenly spaced sample of them."""
    if id(owner) in _walk.open:
        return 0
    if not _walk.open:
        _walk.visits = VISITS
    _walk.open.add(id(owner))
    try:
        return sum(_items(part) for part in parts)
    finally:
        _walk.open.discard(id(owner))


def _items(items: Collection[Any]) -> int:
    if not len(items):
        return 0
    step = -(-len(items) // SAMPLE)
    if isinstance(items, list | tuple):
        sample = items[::step]
    else:
        sample = list(islice(items, 0, None, step))
    size = seen = 0
    for item in sample:
        if _walk.visits <= 0:
            break
        _walk.visits -= 1
        size += sizeof(item)
        seen += 1
    return size * len(items) // seen if seen else 0


@sizeof.register_lazy("numpy")
def register_numpy() -> None:
    """Register the arrays of NumPy."""
    import numpy as np

    @sizeof.register(np.ndarray)
    def sizeof_numpy_ndarray(x: Any) -> int:
        if 0 in x.strides:
            # Repeated without being there more than once.
            once = (slice(None) if stride else slice(1) for stride in x.strides)
            x = x[tuple(once)]
        size = int(x.nbytes)
        if isinstance(x, np.ma.MaskedArray):
            size += int(np.ma.getmask(x).nbytes)
        if x.dtype == object:
            size += _objects([x])
        return size


def _objects(arrays: list[Any]) -> int:
    """Return the size of the Python objects in arrays, each object counted once."""
    total = sum(array.size for array in arrays)
    if not total:
        return 0
    step = -(-total // OBJECTS)
    sample = [x for array in arrays for x in array.ravel()[::step]]
    distinct = list({id(x): x for x in sample}.values())
    size = _inside(arrays, [distinct])
    if len(distinct) < len(sample) / 2:
        return size  # few objects that repeat: these are probably all
    return size * total // len(sample)


@sizeof.register_lazy("scipy")
def register_spmatrix() -> None:
    """Register the sparse matrices and arrays of SciPy."""
    from scipy import sparse

    # Dictionaries of keys are also dicts, in a way.
    dicts = (sparse.dok_matrix, sparse.dok_array)

    @sizeof.register((sparse.spmatrix, sparse.sparray, *dicts))
    def sizeof_spmatrix(s: Any) -> int:
        return object.__sizeof__(s) + int(sizeof(vars(s)))


PANDAS_OBJECT = 600
"""Size of a frame, series or index without its values, labels and blocks."""

PANDAS_BLOCK = 300
"""Size of what manages one block of values."""


@sizeof.register_lazy("pandas")
def register_pandas() -> None:
    """Register the frames, series and indexes of pandas."""
    import numpy as np
    import pandas as pd

    def sizeof_values(blocks: list[Any]) -> int:
        size = 0
        objects = []
        for values in blocks:
            if isinstance(values, pd.Categorical):
                size += sizeof(values.categories)
                values = values.codes
            size += PANDAS_BLOCK + int(values.nbytes)
            if not isinstance(values, np.ndarray):
                values = getattr(values, "_ndarray", None)
            if values is not None and values.dtype == object:
                objects.append(values)
        return size + _objects(objects)

    @sizeof.register(pd.DataFrame)
    def sizeof_pandas_dataframe(df: Any) -> int:
        if not df.columns.is_unique:
            # As Dask does: equal labels are one column that is seen several times.
            df = df.loc[:, ~df.columns.duplicated()]
        size = PANDAS_OBJECT + sizeof(df.index) + sizeof(df.columns)
        return size + sizeof_values([block.values for block in df._mgr.blocks])

    @sizeof.register(pd.Series)
    def sizeof_pandas_series(s: Any) -> int:
        return PANDAS_OBJECT // 2 + sizeof(s.index) + sizeof_values([s._values])

    @sizeof.register(pd.Index)
    def sizeof_pandas_index(i: Any) -> int:
        if isinstance(i, pd.RangeIndex):
            return PANDAS_BLOCK
        return sizeof_values([i._values])

    @sizeof.register(pd.MultiIndex)
    def sizeof_pandas_multiindex(i: Any) -> int:
        return sum(map(sizeof, i.levels)) + sum(int(codes.nbytes) for codes in i.codes)

    @sizeof.register(pd.api.extensions.ExtensionArray)
    def sizeof_pandas_array(values: Any) -> int:
        return sizeof_values([values])


@sizeof.register_lazy("pyarrow")
def register_pyarrow() -> None:
    """Register the tables and arrays of Arrow."""
    import pyarrow as pa

    @sizeof.register((pa.Table, pa.RecordBatch))
    def sizeof_pyarrow_table(table: Any) -> int:
        return 80 + int(table.nbytes) + sizeof(table.schema.metadata)

    @sizeof.register((pa.Array, pa.ChunkedArray, pa.Buffer))
    def sizeof_pyarrow_array(data: Any) -> int:
        return 80 + int(data.size if isinstance(data, pa.Buffer) else data.nbytes)


@sizeof.register_lazy("xarray")
def register_xarray() -> None:
    """Register the datasets and arrays of xarray; what is not loaded does not count."""
    import xarray as xr

    @sizeof.register(xr.Variable)
    def sizeof_xarray_variable(variable: Any) -> int:
        size = sys.getsizeof(variable)
        return size + sizeof(variable.values) if variable._in_memory else size

    @sizeof.register(xr.DataArray)
    def sizeof_xarray_dataarray(array: Any) -> int:
        coordinates = (c.variable for c in array.coords.values())
        return sizeof(array.variable) + sum(map(sizeof, coordinates))

    @sizeof.register(xr.Dataset)
    def sizeof_xarray_dataset(dataset: Any) -> int:
        return sys.getsizeof(dataset) + sum(map(sizeof, dataset.variables.values()))

    @sizeof.register(xr.Coordinates)
    def sizeof_xarray_coordinates(coordinates: Any) -> int:
        return sum(sizeof(c.variable) for c in coordinates.values())

    @sizeof.register(type(xr.Dataset().indexes))  # it has no public name
    def sizeof_xarray_indexes(indexes: Any) -> int:
        return sum(map(sizeof, indexes.values()))


_plugins_loaded = False


def _load_plugins_once() -> bool:
    """Look for plugins at the first object of unknown type; say whether this is it."""
    global _plugins_loaded
    if _plugins_loaded:
        return False
    _plugins_loaded = True
    _register_entry_point_plugins()
    return True


def _register_entry_point_plugins() -> None:
    """Call the functions that installed packages name in their entry points."""
    from importlib.metadata import entry_points

    for group in ("dask.sizeof", "raskt.sizeof"):
        for entry_point in entry_points(group=group):
            try:
                entry_point.load()(sizeof)
            except Exception:
                logger.exception("the sizeof plugin %s failed", entry_point.name)
