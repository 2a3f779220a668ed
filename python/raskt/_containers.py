"""What the native module asks Python: dataclasses, mappings, calling methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any


def dataclass_fields(obj: Any) -> list[tuple[str, Any]]:
    """Give the names and values of the fields that are set."""
    return [(f.name, getattr(obj, f.name)) for f in fields(obj) if hasattr(obj, f.name)]


def check_dataclass(obj: Any) -> None:
    """Refuse a dataclass that cannot be built again of its fields.

    Raises
    ------
    TypeError
        If it has an ``__init__`` of its own.
    ValueError
        If a field that ``__init__`` does not take is set.
    """
    name = type(obj).__name__
    for f in fields(obj):
        if not f.init and hasattr(obj, f.name):
            raise ValueError(
                f"Failed to unpack {name} instance: lazy values in a dataclass whose "
                f"field {f.name!r} is set and has `init=False` are not supported."
            )
    params = getattr(type(obj), "__dataclass_params__", None)
    own = "__init__" in vars(type(obj)) and not _is_generated(type(obj).__init__)
    if own or (params is not None and not params.init):
        raise TypeError(
            f"Failed to unpack {name} instance: lazy values in a dataclass with a "
            "custom __init__ is not supported."
        )


def _is_generated(function: Any) -> bool:
    # What dataclasses make is compiled from text, not from a file.
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename == "<string>"


def graph_dict(dsk: Any) -> dict[Any, Any]:
    """Give the graph as a dict, whatever kind of mapping or expression it is.

    Raises
    ------
    TypeError
        If it is no graph.
    """
    if not isinstance(dsk, Mapping) and hasattr(dsk, "__dask_graph__"):
        dsk = dsk.__dask_graph__()
    if not isinstance(dsk, Mapping):
        raise TypeError(
            f"expected a graph, a dict of keys and tasks, not {type(dsk).__name__}"
        )
    return dsk.to_dict() if hasattr(dsk, "to_dict") else dict(dsk)


class methodcaller:
    """Calls a method of its first argument."""

    __slots__ = ("method",)
    func = property(lambda self: self.method)

    def __init__(self, method: str):
        self.method = method

    @property
    def __name__(self) -> str:
        return self.method

    def __call__(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method of ``obj``."""
        return getattr(obj, self.method)(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return methodcaller, (self.method,)

    def __repr__(self) -> str:
        return f"<methodcaller: {self.method}>"


def identity(x: Any) -> Any:
    """Give back ``x``."""
    return x
