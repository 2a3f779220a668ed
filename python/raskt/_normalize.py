"""How Python's own kinds of objects are taken apart for their token.

A handler gets an object and returns its *parts*: a tuple that starts with a name and
goes on with whatever makes the object differ from others of its kind. The parts need
not be plain, `raskt.tokenize` takes them apart in turn; so a handler looks one level
deep only. What has no handler goes by what pickle would store of it.
"""

from __future__ import annotations

import array
import copyreg
import functools
import os
import pickle
import reprlib
import sys
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum, Flag
from hashlib import sha256
from typing import Any

Parts = tuple[Any, ...]
Handler = Callable[[Any], Any]

_ENSURE_DETERMINISTIC: ContextVar[bool] = ContextVar("ensure_deterministic")
# Multiprocessing gives the main module of the parent another name in its children.
_MAIN = frozenset({"__main__", "__mp_main__"})


class TokenizationError(RuntimeError):
    """An object has no deterministic token, and one was asked for."""

    __module__ = "raskt.tokenize"


def normalize_object(x: Any) -> Parts:
    """Take an object apart that nobody registered a function for."""
    if type(x) is object:
        # Only identity tells one object() from another; so keep it alive, lest its
        # place in memory and thus its hash go to another one.
        return _PURE_OBJECTS.setdefault(x, unstable(x))
    return reduced(x)


_PURE_OBJECTS: dict[object, Parts] = {}


def unstable(x: Any, reason: str | None = None) -> Parts:
    """Stand in for an object without a deterministic form: different every time."""
    if is_strict():
        raise TokenizationError(reason or cannot(x))
    return "__unique__", os.urandom(16).hex()


def is_strict() -> bool:
    """Whether an object without a deterministic form is an error."""
    strict = _ENSURE_DETERMINISTIC.get(None)
    if strict is None:
        from raskt import config

        strict = bool(config.get("tokenize.ensure-deterministic", False))
    return strict


@contextmanager
def strictness(strict: bool) -> Iterator[None]:
    """Decide what `is_strict` says within the block."""
    before = _ENSURE_DETERMINISTIC.set(bool(strict))
    try:
        yield
    finally:
        _ENSURE_DETERMINISTIC.reset(before)


def cannot(x: Any) -> str:
    """Say which object has no token, and what to do about it."""
    try:
        text = reprlib.repr(x)
    except Exception:
        text = "(without a repr)"
    return (
        f"Object {text} of type {name_of(x)} cannot be deterministically hashed. Give "
        "its class a method __raskt_tokenize__ (or __dask_tokenize__) that returns "
        "what makes it differ from others, or register a function for the class with "
        "normalize_token.register."
    )


def own_method(x: Any) -> Callable[[], Any] | None:
    """Find the method by which an object or class tokenizes itself, ours first."""
    for name in ("__raskt_tokenize__", "__dask_tokenize__"):
        method: Callable[[], Any] | None = getattr(x, name, None)
        if not callable(method):
            continue
        # On a class, a method for its instances is found too, but is not bound.
        if not isinstance(x, type) or getattr(method, "__self__", None) is not None:
            return method
    return None


def name_of(x: Any) -> str:
    """Name the type of an object, with its module."""
    cls = type(x)
    return _full_name(cls.__module__, cls.__qualname__)


def _full_name(module: Any, qualname: str) -> str:
    return f"{'__main__' if module in _MAIN else module}.{qualname}"


def importable(x: Any, module: Any, qualname: str) -> bool:
    """Whether every process finds just this object under that name."""
    found = sys.modules.get(module) if isinstance(module, str) else None
    if found is None or module in _MAIN:
        return False
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found is x


def digest(data: Any) -> bytes:
    """Hash a bytes-like object that is contiguous, without copying it."""
    # SHA-256 is in the processor's instructions: three times as fast as BLAKE2 here.
    return sha256(data).digest()[:16]


class Reduced(tuple[Any, ...]):
    """Parts as the object's ``__reduce__`` says; the next time it may say others."""

    __slots__ = ()


def reduced(x: Any) -> Parts:
    """Take an object apart into the arguments and the state that pickle would store.

    They are not pickled: a pickle's bytes depend on the order of sets and dictionaries
    and on which references are shared.
    """
    reducer: Any = copyreg.dispatch_table.get(type(x))
    how: Any
    try:
        how = x.__reduce_ex__(5) if reducer is None else reducer(x)
    except (RecursionError, MemoryError):
        raise
    except Exception:
        return _pickled(x)
    name = name_of(x)
    if isinstance(how, str):
        module = getattr(x, "__module__", None)
        if importable(x, module, how):
            return name, _full_name(module, how)
        return _pickled(x)
    padded: list[Any] = [*how, None, None, None, None]
    function, arguments, state, items, pairs, setter = padded[:6]
    if function is copyreg.__newobj__:  # type: ignore[attr-defined]
        function = None
    if type(state) is dict and not state:
        state = None  # an empty __dict__ comes into being when it is looked at
    if pairs is not None:
        ordered = not isinstance(x, dict) or isinstance(x, OrderedDict)
        pairs = tuple(pairs) if ordered else dict(pairs)
    if items is not None:
        items = list(items)
    return Reduced((name, function, arguments, state, items, pairs, setter))


def _pickled(x: Any) -> Parts:
    """Take what only cloudpickle knows to store, if it does so in a stable way."""
    import cloudpickle

    try:
        # The first trip may leave traces that the later ones do not.
        once = cloudpickle.dumps(pickle.loads(cloudpickle.dumps(x)))
        twice = cloudpickle.dumps(pickle.loads(once))
    except (RecursionError, MemoryError):
        raise
    except Exception:
        return unstable(x)
    # A class stored by value has a random id, which is another one in each process.
    if once != twice or b"_make_skeleton_" in once:
        return unstable(x)
    return name_of(x), once


class ModuleGlobal:
    """A global that a function uses: its value or, if that is unstable, its name."""

    __slots__ = ("by_name", "name", "value")

    def __init__(self, name: str, value: Any):
        self.name = name
        self.value = value
        self.by_name = False


def _function(x: types.FunctionType) -> Parts:
    code = x.__code__
    name = x.__qualname__
    if importable(x, x.__module__, name):
        return "function", _full_name(x.__module__, name), code
    return (
        "function",
        name,
        code.co_firstlineno,  # what is defined twice is two functions
        code,
        x.__defaults__,
        x.__kwdefaults__,
        x.__closure__,
        _used_globals(x),
        x.__dict__ or None,
    )


def _used_globals(x: types.FunctionType) -> dict[str, Any]:
    scope = x.__globals__
    found = {name: scope[name] for name in _global_names(x.__code__) if name in scope}
    module = None if x.__module__ in _MAIN else sys.modules.get(x.__module__)
    if module is None:
        return found
    for name, value in found.items():
        # What belongs to a module that every process imports has a name there.
        if hasattr(module, name):
            found[name] = ModuleGlobal(f"{x.__module__}.{name}", value)
    return found


@functools.lru_cache(4096)
def _global_names(code: types.CodeType) -> frozenset[str]:
    """Names that the code, or code within it, looks up in its module."""
    import dis

    lookups = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
    names = {i.argval for i in dis.get_instructions(code) if i.opname in lookups}
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return frozenset(names).union(*map(_global_names, inner))


def _code(x: types.CodeType) -> Parts:
    # Neither file nor lines: an importable function may move.
    return (
        "code",
        x.co_name,
        x.co_code,
        x.co_consts,
        x.co_names,
        x.co_varnames,
        x.co_freevars,
        x.co_cellvars,
        (x.co_argcount, x.co_posonlyargcount, x.co_kwonlyargcount, x.co_flags),
        x.co_exceptiontable,
    )


def _cell(x: types.CellType) -> Parts:
    try:
        return "cell", x.cell_contents
    except ValueError:
        return ("cell",)  # not filled yet


def _builtin(x: types.BuiltinFunctionType) -> Parts:
    owner = x.__self__
    if owner is None or isinstance(owner, types.ModuleType):
        return "builtin", x.__module__, x.__qualname__
    return "builtin", x.__name__, owner


def _cached_function(x: Any) -> Parts:
    inner = x.__wrapped__
    if importable(x, x.__module__, x.__qualname__):
        name = _full_name(x.__module__, x.__qualname__)
        return "lru_cache", name, getattr(inner, "__code__", None)
    return "lru_cache", inner, x.cache_parameters()


# Of a class's namespace: what Python adds, keeps there for itself, or may reorder.
_CLASS_NOISE = {
    "__module__",
    "__qualname__",
    "__doc__",
    "__dict__",
    "__weakref__",
    "__slotnames__",
    "__firstlineno__",
    "__static_attributes__",
    "__annotate__",
    "__annotate_func__",
    "__annotations_cache__",
    "__conditional_annotations__",
    "_abc_impl",
}


def _class(x: type) -> Parts:
    if importable(x, x.__module__, x.__qualname__):
        return "class", _full_name(x.__module__, x.__qualname__)
    space = {k: v for k, v in vars(x).items() if k not in _CLASS_NOISE}
    return "class", name_of(x), x.__qualname__, x.__bases__, space


def _enum(x: Enum) -> Parts:
    cls = type(x)
    # A combination of flags has no name of its own.
    if importable(cls, cls.__module__, cls.__qualname__) and not isinstance(x, Flag):
        return name_of(x), x.name
    return name_of(x), x.name, x.value


def _set(x: Any) -> Parts:
    """Take a subclass apart; plain sets are written as they are."""
    plain = set(x) if isinstance(x, set) else frozenset(x)
    return name_of(x), plain, getattr(x, "__dict__", None)


def _buffer(x: Any) -> Parts:
    view = x.raw() if isinstance(x, pickle.PickleBuffer) else memoryview(x)
    data = view if view.c_contiguous else view.tobytes()
    return name_of(x), view.format, view.shape, digest(data)


def _descriptor(x: Any) -> Parts:
    cls = x.__objclass__
    return name_of(x), _full_name(cls.__module__, cls.__qualname__), x.__name__


HANDLERS: dict[type, Handler] = {
    object: normalize_object,
    type: _class,
    Enum: _enum,
    set: _set,
    frozenset: _set,
    bytearray: _buffer,
    memoryview: _buffer,
    array.array: _buffer,
    pickle.PickleBuffer: _buffer,
    types.CellType: _cell,
    types.CodeType: _code,
    types.FunctionType: _function,
    types.BuiltinFunctionType: _builtin,
    types.MethodType: lambda x: ("method", x.__func__, x.__self__),
    types.MethodWrapperType: lambda x: ("method", x.__name__, x.__self__),
    types.WrapperDescriptorType: _descriptor,
    types.MethodDescriptorType: _descriptor,
    types.ClassMethodDescriptorType: _descriptor,
    types.GetSetDescriptorType: _descriptor,
    types.MemberDescriptorType: _descriptor,
    slice: lambda x: ("slice", x.start, x.stop, x.step),
    types.ModuleType: lambda x: ("module", x.__name__),
    types.MappingProxyType: lambda x: ("mappingproxy", dict(x)),
    staticmethod: lambda x: (name_of(x), x.__func__),
    classmethod: lambda x: (name_of(x), x.__func__),
    property: lambda x: (name_of(x), x.fget, x.fset, x.fdel),
    functools.cached_property: lambda x: (name_of(x), x.func, x.attrname),
    type(functools.lru_cache(len)): _cached_function,
    type({}.keys()): lambda x: (name_of(x), list(x)),
    type({}.values()): lambda x: (name_of(x), list(x)),
    type({}.items()): lambda x: (name_of(x), list(x)),
}
