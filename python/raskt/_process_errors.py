"""Exceptions that cross from one process to another and stay what they are.

The exception arrives with its type, arguments and attributes, also if its ``__init__``
takes other arguments than ``args`` has; with the frames of its traceback, as far as
they are needed to show it; and with its cause, context and notes.
"""

from __future__ import annotations

import ast
import io
import pickle
import sys
from itertools import islice
from types import FrameType, TracebackType
from typing import Any

from raskt.exceptions import SerializationError


def pack(error: BaseException, without: frozenset[str] = frozenset()) -> bytes:
    """Write an exception, without its outermost frames in the files ``without``."""
    found = [error]
    places = {id(error): 0}

    def place(other: BaseException | None) -> int | None:
        if other is None:
            return None
        if id(other) not in places:
            places[id(other)] = len(found)
            found.append(other)
        return places[id(other)]

    entries = []
    for each in found:  # which grows meanwhile
        members = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
        entry = {
            "error": _dumped(each),
            "text": _text(each),
            "trace": _frames_of(each.__traceback__, without),
            "members": [place(member) for member in members],
            "cause": place(each.__cause__),
            "context": place(each.__context__),
            "is_context_hidden": each.__suppress_context__,
        }
        entries.append(entry)
    return pickle.dumps(entries, protocol=5)


def unpack(data: Any) -> BaseException:
    """Read what :func:`pack` wrote."""
    entries = pickle.loads(data)
    errors: list[Any] = [None] * len(entries)
    # Groups first: they bring their members along.
    for place in sorted(range(len(entries)), key=lambda i: not entries[i]["members"]):
        entry = entries[place]
        if errors[place] is None:
            errors[place] = _loaded(entry)
        members = getattr(errors[place], "exceptions", ())
        for member, at in zip(members, entry["members"], strict=False):
            errors[at] = member
    for error, entry in zip(errors, entries, strict=True):
        error.__traceback__ = _traceback(entry["trace"])
        if entry["cause"] is not None:
            error.__cause__ = errors[entry["cause"]]
        if entry["context"] is not None:
            error.__context__ = errors[entry["context"]]
        error.__suppress_context__ = entry["is_context_hidden"]
    return errors[0]


def _loaded(entry: dict[str, Any]) -> BaseException:
    try:
        return pickle.loads(entry["error"])
    except Exception as reason:
        return _unsendable(entry["text"], reason)


def _unsendable(text: str, reason: BaseException) -> SerializationError:
    return SerializationError(
        f"{text} (the exception itself cannot be sent to another process: "
        f"{_text(reason)})"
    )


def _text(error: BaseException) -> str:
    try:
        return f"{type(error).__qualname__}: {error}"
    except Exception:
        return type(error).__qualname__


# --- the exception ------------------------------------------------------------------


def _dumped(error: BaseException) -> bytes:
    """Give a pickle that was seen to give the exception again, if there is any."""
    reason: Exception | None = None
    for way in (_with_state, _as_pickle_does, _with_what_is_left):
        try:
            data = way(error)
            copy = pickle.loads(data)
            if type(copy) is type(error):
                return data
            raise TypeError(f"its pickle gives {type(copy).__qualname__}")
        except Exception as failure:
            reason = reason or failure
    assert reason is not None
    return pickle.dumps(_unsendable(_text(error), reason))


def _as_pickle_does(error: BaseException) -> bytes:
    import cloudpickle

    return cloudpickle.dumps(error, protocol=5)


def _with_state(error: BaseException) -> bytes:
    """Pickle exceptions so that their ``__init__`` is not called when they are read.

    The one that exceptions are pickled with would be given ``args``, which fails or
    changes the message if it takes something else.
    """
    import cloudpickle

    class Pickler(cloudpickle.Pickler):
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, BaseException) and not _pickles_itself(type(obj)):
                return _rebuilt, _parts(obj)
            return super().reducer_override(obj)

    file = io.BytesIO()
    Pickler(file, protocol=5).dump(error)
    return file.getvalue()


def _with_what_is_left(error: BaseException) -> bytes:
    """Leave out what cannot be pickled rather than lose the type of the exception."""
    kind, initial, args, attributes, extra = _parts(error)
    kept = {name: value for name, value in attributes.items() if _is_sendable(value)}
    if lost := [name for name in attributes if name not in kept]:
        note = f"cannot be sent to another process and was left out: {', '.join(lost)}"
        kept["__notes__"] = [*kept.get("__notes__", ()), note]
    extra = {name: value for name, value in extra.items() if _is_sendable(value)}
    parts = kind, _sendable(initial), _sendable(args), kept, extra
    import cloudpickle

    return cloudpickle.dumps(_Rebuilt(parts), protocol=5)


def _sendable(values: tuple) -> tuple:
    return tuple(value if _is_sendable(value) else repr(value) for value in values)


def _is_sendable(value: Any) -> bool:
    import cloudpickle

    try:
        pickle.loads(cloudpickle.dumps(value, protocol=5))
    except Exception:
        return False
    return True


def _pickles_itself(kind: type) -> bool:
    """Tell whether a class, not of Python's own, says how its instances are pickled."""
    names = ("__reduce_ex__", "__reduce__", "__getstate__", "__setstate__")
    owners = (c for c in kind.__mro__ if c.__module__ != "builtins")
    return any(name in vars(owner) for owner in owners for name in names)


def _parts(error: BaseException) -> tuple[type, tuple, tuple, dict, dict]:
    """Give what :func:`_rebuilt` takes."""
    # Python's own types know what they were made of; `args` of an OSError has no name.
    _, initial, *state = _builtin(type(error)).__reduce__(error)
    attributes = dict(vars(error))
    extra = {k: v for k, v in (state or [{}])[0].items() if k not in attributes}
    return type(error), initial, error.args, attributes, extra


def _rebuilt(
    kind: type, initial: tuple, args: tuple, attributes: dict, extra: dict
) -> BaseException:
    error = kind.__new__(kind, *initial)
    _builtin(kind).__init__(error, *initial)
    error.args = args
    vars(error).update(attributes)
    for name, value in extra.items():
        setattr(error, name, value)
    return error


class _Rebuilt:
    """Is pickled as the exception of these parts."""

    def __init__(self, parts: tuple):
        self.parts = parts

    def __reduce__(self) -> tuple:
        return _rebuilt, self.parts


def _builtin(kind: type) -> Any:
    return next(c for c in kind.__mro__ if c.__module__ == "builtins")


# --- the traceback --------------------------------------------------------------------

_Span = tuple[int, int, int, int]
_Frame = tuple[str, str, str, str, _Span]


def _frames_of(trace: TracebackType | None, without: frozenset[str]) -> list[_Frame]:
    frames: list[_Frame] = []
    while trace is not None:
        code, module = trace.tb_frame.f_code, trace.tb_frame.f_globals.get("__name__")
        if frames or code.co_filename not in without:
            names = code.co_filename, code.co_name, code.co_qualname, str(module)
            frames.append((*names, _span(trace)))
        trace = trace.tb_next
    return frames


def _span(trace: TracebackType) -> _Span:
    """Give the first and last line and column; columns of -1 are not known."""
    line = trace.tb_lineno or 1
    spans = trace.tb_frame.f_code.co_positions()
    unknown = (None, None, None, None)
    first, last, start, end = next(islice(spans, trace.tb_lasti // 2, None), unknown)
    if first != line or last is None or start is None or end is None:
        return line, line, -1, -1
    if (last, end) < (first, start):
        return line, line, -1, -1
    return first, last, start, end


def _traceback(frames: list[_Frame]) -> TracebackType | None:
    trace = None
    for *names, span in reversed(frames):
        frame = _frame(*names, span)
        line, _, start, _ = span
        wanted = (line, line, None, None) if start < 0 else span
        spans = list(frame.f_code.co_positions())
        instruction = spans.index(wanted) if wanted in spans else 0
        trace = TracebackType(trace, frame, 2 * instruction, line)
    return trace


def _frame(
    filename: str, name: str, qualname: str, module: str, span: _Span
) -> FrameType:
    """Give a frame that looks like the other process's: only running code makes one."""
    tree = ast.parse("frame = current()")
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt):
            node.lineno, node.end_lineno, node.col_offset, node.end_col_offset = span
    code = compile(tree, filename, "exec").replace(co_name=name, co_qualname=qualname)
    scope = {"__name__": module, "__file__": filename, "current": sys._getframe}
    exec(code, scope)
    return scope.pop("frame")  # type: ignore[return-value]
