"""How the objects of numpy, pandas, pyarrow and other packages are taken apart.

Values count, not how they lie in memory: strides, padding, chunks of Arrow arrays and
what is stored under a null make no difference. The functions that return handlers are
called when the first object of the package is met; see `raskt._normalize`.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from raskt._normalize import (
    Handler,
    Parts,
    digest,
    importable,
    name_of,
    reduced,
    unstable,
)

# numpy ----------------------------------------------------------------------


def _numpy() -> dict[type, Handler]:
    import numpy as np

    return {
        np.ndarray: _ndarray,
        np.generic: _scalar,
        np.dtype: _dtype,
        np.ufunc: _ufunc,
        np.ma.MaskedArray: _masked_array,
        np.busdaycalendar: lambda x: (name_of(x), x.weekmask, x.holidays),
    }


def _ndarray(x: Any) -> Parts:
    # Subclasses may keep a unit there; numpy's own keep nothing that matters.
    own = type(x).__module__.partition(".")[0] == "numpy"
    extra = None if own else getattr(x, "__dict__", None)
    return name_of(x), *_dtype(x.dtype), x.shape, _content(x), extra


def _scalar(x: Any) -> Parts:
    dtype = x.dtype
    if dtype.kind in "biufcmM" and dtype.char not in "gG":
        return name_of(x), dtype.str, x.tobytes().hex()
    return name_of(x), *_dtype(dtype), _content(x)


def _dtype(x: Any) -> Parts:
    extra = () if x.metadata is None else (dict(x.metadata),)
    if x.names is not None:
        fields = [(name, *x.fields[name]) for name in x.names]
        return "numpy.dtype", fields, x.itemsize, x.isalignedstruct, *extra
    if x.subdtype is not None:
        return "numpy.dtype", *x.subdtype, *extra
    if type(x).__module__ == "numpy.dtypes" and x.kind != "T":
        return "numpy.dtype", x.str, *extra
    return reduced(x)  # of another package, or with options


def _content(x: Any) -> Any:
    """Return the elements, in C order, in whatever form tells most cheaply."""
    import numpy as np

    x = np.asarray(x)
    dtype = x.dtype
    if dtype.names is not None:  # there may be padding between fields
        return tuple(_content(x[name]) for name in dtype.names)
    if dtype.hasobject or dtype.kind not in "biufcmMSUV":
        return x.ravel().tolist()
    if x.nbytes == 0:
        return b""
    if dtype.char in "gG" and np.finfo(x.dtype).nmant == 63:
        # Of the 16 bytes of an extended float, 10 are used.
        pairs = np.ascontiguousarray(x).view(np.uint8).reshape(-1, 16)
        return digest(np.ascontiguousarray(pairs[:, :10]))
    if x.flags.c_contiguous:
        return digest(x.reshape(-1).view(np.uint8))
    hasher = sha256()
    flags: Any = ["external_loop", "buffered"]
    op_flags: Any = [["readonly", "contig"]]
    size = max(1, 2**18 // x.itemsize)
    block: Any
    for block in np.nditer(x, flags, op_flags, order="C", buffersize=size):
        hasher.update(block.view(np.uint8))
    return hasher.digest()[:16]


def _masked_array(x: Any) -> Parts:
    import numpy as np

    if x is np.ma.masked:
        return ("numpy.ma.masked",)
    mask: Any = np.ma.getmaskarray(x)
    if mask.dtype.names is None and not mask.any():
        mask = None
    return name_of(x), _ndarray(np.ma.getdata(x)), mask, x.fill_value, x.hardmask


def _ufunc(x: Any) -> Parts:
    if importable(x, "numpy", x.__name__):
        return "numpy.ufunc", x.__name__
    if _is_in_a_module(x):
        # Which modules have it depends on what is imported, so they are not named.
        return "numpy.ufunc", x.__name__, x.types, x.signature, x.__doc__
    return unstable(
        x,
        f"Cannot tokenize the ufunc {x.__name__!r}: no module has it under its name. "
        "Use functions of raskt.array.ufunc (Dask: dask.array.ufunc) instead.",
    )


@functools.lru_cache(256)
def _is_in_a_module(x: Any) -> bool:
    name = x.__name__
    modules = list(sys.modules.values())
    return any(getattr(m, "__dict__", {}).get(name) is x for m in modules)


# pandas ---------------------------------------------------------------------


def _pandas() -> dict[type, Handler]:
    import pandas as pd
    from pandas.api.extensions import ExtensionDtype

    arrays = pd.arrays
    return {
        pd.DataFrame: _frame,
        pd.Series: _series,
        pd.Index: _index,
        pd.RangeIndex: lambda x: (name_of(x), x.start, x.stop, x.step, x.name),
        pd.MultiIndex: _multi_index,
        pd.Categorical: lambda x: (name_of(x), x.dtype, x.codes),
        ExtensionDtype: _extension_dtype,
        arrays.DatetimeArray: _time_array,
        arrays.TimedeltaArray: _time_array,
        arrays.PeriodArray: _time_array,
        arrays.IntervalArray: lambda x: (name_of(x), x.left, x.right, x.closed),
        arrays.SparseArray: _sparse_array,
        arrays.IntegerArray: _nullable_array,
        arrays.FloatingArray: _nullable_array,
        arrays.BooleanArray: _nullable_array,
        arrays.ArrowExtensionArray: _arrow_backed_array,
        arrays.ArrowStringArray: _arrow_backed_array,
        arrays.NumpyExtensionArray: _numpy_backed_array,
        arrays.StringArray: _numpy_backed_array,
    }


def _frame(x: Any) -> Parts:
    columns = [column.array for _, column in x.items()]
    return name_of(x), x.columns, x.index, columns, _pandas_extra(x)


def _series(x: Any) -> Parts:
    return name_of(x), str(x.dtype), x.name, x.index, x.array, _pandas_extra(x)


def _pandas_extra(x: Any) -> Parts:
    # Subclasses list there which attributes are part of the value.
    own = tuple(getattr(x, name, None) for name in x._metadata)
    return x.attrs, x.flags.allows_duplicate_labels, own


def _index(x: Any) -> Parts:
    return name_of(x), x.name, x.array, getattr(x, "freq", None)


def _multi_index(x: Any) -> Parts:
    return name_of(x), list(x.names), list(x.levels), list(x.codes)


def _extension_dtype(x: Any) -> Parts:
    # By these attributes pandas itself compares dtypes.
    return name_of(x), str(x), *[getattr(x, name) for name in x._metadata]


def _time_array(x: Any) -> Parts:
    return name_of(x), x.dtype, x.asi8, getattr(x, "freq", None)


def _sparse_array(x: Any) -> Parts:
    places = x.sp_index.to_int_index().indices
    return name_of(x), x.dtype, len(x), places, x.sp_values


def _nullable_array(x: Any) -> Parts:
    values = x.to_numpy(dtype=x.dtype.numpy_dtype, na_value=0)
    return name_of(x), x.dtype, values, x.isna()


def _arrow_backed_array(x: Any) -> Parts:
    return name_of(x), x.dtype, x.__arrow_array__()


def _numpy_backed_array(x: Any) -> Parts:
    return name_of(x), x.dtype, x.to_numpy()


# pyarrow --------------------------------------------------------------------


def _pyarrow() -> dict[type, Handler]:
    import pyarrow as pa

    return {
        pa.Array: lambda x: (name_of(x), x.type, _arrow_content(x)),
        pa.ChunkedArray: _chunked_array,
        pa.Table: lambda x: (name_of(x), x.schema, x.columns),
        pa.RecordBatch: lambda x: (name_of(x), x.schema, x.columns),
        pa.Scalar: lambda x: (name_of(x), x.type, x.as_py()),
        pa.Schema: lambda x: ("pyarrow.Schema", x.serialize()),
        pa.Field: lambda x: ("pyarrow.Field", pa.schema([x]).serialize()),
        pa.DataType: _arrow_type,
        pa.Buffer: lambda x: (name_of(x), digest(x)),
    }


def _arrow_type(x: Any) -> Parts:
    import pyarrow as pa

    return "pyarrow.DataType", str(x), pa.schema([("", x)]).serialize()


def _chunked_array(x: Any) -> Parts:
    import pyarrow as pa

    if pa.types.is_dictionary(x.type):
        x = x.unify_dictionaries()
    try:
        whole = x.combine_chunks()
    except pa.ArrowInvalid:  # too long for the offsets of its type
        return name_of(x), x.type, x.chunks
    return name_of(x), x.type, _arrow_content(whole)


def _arrow_content(x: Any) -> Parts:
    """Return length, what is null, and the values elsewhere."""
    import numpy as np
    from pyarrow import types as kinds

    kind = x.type
    valid = None
    if x.null_count and not kinds.is_null(kind):
        valid = x.is_valid().to_numpy(zero_copy_only=False)
    if kinds.is_null(kind):
        values: Any = None
    elif hasattr(x, "storage"):  # an extension type
        values = _arrow_content(x.storage)
    elif kinds.is_dictionary(kind):
        values = _arrow_content(x.indices), x.dictionary
    elif kinds.is_boolean(kind):
        values = np.packbits(x.fill_null(False).to_numpy(zero_copy_only=False))
    elif kinds.is_struct(kind):
        values = [_arrow_content(child) for child in x.flatten()]
    elif kinds.is_map(kind):
        values = _arrow_content(_map_as_list(x))
    elif kinds.is_list(kind) or kinds.is_large_list(kind):
        values = x.value_lengths().fill_null(0).to_numpy(), _arrow_content(x.flatten())
    elif kinds.is_string(kind) or kinds.is_binary(kind):
        values = _arrow_strings(x, np.int32, valid)
    elif kinds.is_large_string(kind) or kinds.is_large_binary(kind):
        values = _arrow_strings(x, np.int64, valid)
    elif (
        kinds.is_primitive(kind)
        or kinds.is_decimal(kind)
        or kinds.is_fixed_size_binary(kind)
    ):
        values = _arrow_fixed(x, kind.bit_width // 8, valid)
    else:
        values = x.to_pylist()
    return len(x), None if valid is None else np.packbits(valid), values


def _map_as_list(x: Any) -> Any:
    import pyarrow as pa

    pair = pa.struct([("key", x.type.key_type), ("value", x.type.item_type)])
    return x.cast(pa.list_(pair))


def _arrow_fixed(x: Any, width: int, valid: Any) -> Any:
    import numpy as np

    data = x.buffers()[1]
    if not len(x) or not width or data is None:
        return b""
    start = x.offset * width
    values = np.frombuffer(data, np.uint8)[start : start + len(x) * width]
    if valid is not None:
        values = np.where(valid[:, None], values.reshape(-1, width), np.uint8(0))
    return values


def _arrow_strings(x: Any, offset_type: Any, valid: Any) -> Any:
    import numpy as np

    if not len(x):
        return b""
    _, offsets, data = x.buffers()
    ends = np.frombuffer(offsets, offset_type)[x.offset : x.offset + len(x) + 1]
    lengths = np.diff(ends)
    if valid is not None and lengths[~valid].any():
        return _arrow_strings(
            x.fill_null(b"" if _is_bytes(x) else ""), offset_type, None
        )
    if data is None:
        return lengths, b""
    return lengths, np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]


def _is_bytes(x: Any) -> bool:
    from pyarrow import types as kinds

    return bool(kinds.is_binary(x.type) or kinds.is_large_binary(x.type))


# scipy, numba and toolz -----------------------------------------------------


def _scipy() -> dict[type, Handler]:
    from scipy import sparse

    return {sparse.spmatrix: _sparse, sparse.sparray: _sparse}


def _sparse(x: Any) -> Parts:
    import numpy as np

    parts = name_of(x), x.dtype, x.shape
    if x.format in ("csr", "csc", "bsr"):
        return *parts, x.data, x.indices, x.indptr
    if x.format == "dia":
        return *parts, x.data, x.offsets
    coo = x.tocoo()
    order = np.lexsort(coo.coords)
    return *parts, coo.data[order], [places[order] for places in coo.coords]


def _numba() -> dict[type, Handler]:
    from numba.core.dispatcher import Dispatcher
    from numba.np.ufunc.dufunc import DUFunc
    from numba.np.ufunc.gufunc import GUFunc

    return {Dispatcher: _numba_dispatcher, DUFunc: _numba_ufunc, GUFunc: _numba_gufunc}


# What is compiled for the types of a call adds to the signatures, so these count only
# where they were given.


def _numba_dispatcher(x: Any) -> Parts:
    given = () if x._can_compile else tuple(map(str, x.signatures))
    return "numba.jit", (x.py_func, given, x.targetoptions, x.locals)


def _numba_ufunc(x: Any) -> Parts:
    given = tuple(map(str, x._dispatcher.overloads)) if x._frozen else ()
    function = x._dispatcher.py_func
    return "numba.vectorize", (function, given, x.targetoptions, x.identity)


def _numba_gufunc(x: Any) -> Parts:
    made = x.gufunc_builder
    given = () if x._is_dynamic else tuple(map(str, made._sigs))
    options = made.targetoptions, x._identity, tuple(made.writable_args)
    return "numba.guvectorize", (made.py_func, made.signature, given, options)


def _toolz(name: str) -> dict[type, Handler]:
    # A curried function remembers what calls have told of its signature.
    curry = importlib.import_module(name).curry
    return {curry: lambda x: (name_of(x), x.func, x.args, x.keywords)}


PACKAGES: dict[str, Callable[[], dict[type, Handler]]] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "pyarrow": _pyarrow,
    "scipy": _scipy,
    "numba": _numba,
    "toolz": functools.partial(_toolz, "toolz"),
    "cytoolz": functools.partial(_toolz, "cytoolz"),
}
