"""Call user functions while a scheduler runs a graph.

A `Callback` bundles up to five hooks. The schedulers take those that are active from
`local_callbacks`, and call them one at a time, never two at once.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Self, TypeAlias

__all__ = [
    "Callback",
    "add_callbacks",
    "local_callbacks",
    "normalize_callback",
    "unpack_callbacks",
]

HOOKS = ("start", "start_state", "pretask", "posttask", "finish")

Hook: TypeAlias = Callable[..., Any] | None
Hooks: TypeAlias = tuple[Hook, Hook, Hook, Hook, Hook]

# Guards `Callback.active` and `_suspended`: callbacks may be registered in one thread
# while a scheduler starts or ends in another.
_lock = threading.Lock()

# What running schedulers have taken out of `Callback.active`, by identity of the set.
# Kept here so that leaving a `with` block or `unregister` works at any time.
_suspended: dict[int, set[Hooks]] = {}


class Callback:
    """Hooks that a scheduler calls while it runs a graph.

    Give the hooks by keyword, or write a subclass with methods of the same names and a
    leading underscore (``_start``, ``_pretask`` and so on).

    Parameters
    ----------
    start : callable, optional
        ``start(dsk)``: before anything else. It may change the dict ``dsk``.
    start_state : callable, optional
        ``start_state(dsk, state)``: the scheduler has set up its state.
    pretask : callable, optional
        ``pretask(key, dsk, state)``: before each task.
    posttask : callable, optional
        ``posttask(key, result, dsk, state, worker_id)``: after each task that
        succeeded.
    finish : callable, optional
        ``finish(dsk, state, failed)``: at the end, also after an error or Ctrl-C.

    Notes
    -----
    Only local schedulers call hooks, and only the outermost one calls those that are
    active globally: a computation inside of a task starts with none.

    Examples
    --------
    >>> from raskt.callbacks import Callback
    >>> class PrintKeys(Callback):
    ...     def _pretask(self, key, dsk, state):
    ...         print(f"computing {key!r}")

    As a context manager it is active in the block, registered it is active until
    further notice.

    >>> with PrintKeys():
    ...     len(Callback.active)
    1
    >>> printer = PrintKeys()
    >>> printer.register()
    >>> printer.unregister()
    """

    active: ClassVar[set[Hooks]] = set()

    def __init__(
        self,
        start: Hook = None,
        start_state: Hook = None,
        pretask: Hook = None,
        posttask: Hook = None,
        finish: Hook = None,
    ) -> None:
        given = (start, start_state, pretask, posttask, finish)
        for name, hook in zip(HOOKS, given, strict=True):
            if hook is not None:
                setattr(self, f"_{name}", hook)

    @property
    def _callback(self) -> Hooks:
        start, start_state, pretask, posttask, finish = (
            getattr(self, f"_{name}", None) for name in HOOKS
        )
        return (start, start_state, pretask, posttask, finish)

    def __enter__(self) -> Self:
        # Through __dict__, as subclasses need not call our __init__; a stack, as the
        # same callback may be entered twice.
        contexts = self.__dict__.setdefault("_contexts", [])
        contexts.append(add_callbacks(self))
        contexts[-1].__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__dict__["_contexts"].pop().__exit__(exc_type, exc, traceback)

    def register(self) -> None:
        """Make this callback active until `unregister` is called."""
        with _lock:
            Callback.active.add(self._callback)

    def unregister(self) -> None:
        """End what `register` began.

        Raises
        ------
        KeyError
            If this callback is not active.
        """
        with _lock:
            if not _deactivate(self._callback):
                raise KeyError(f"{type(self).__name__} is not registered")


class add_callbacks:
    """Context manager in which some callbacks are active.

    Parameters
    ----------
    *callbacks : Callback or tuple
        Callbacks, or tuples of their five hooks (None for those not wanted).

    Examples
    --------
    >>> from raskt.callbacks import Callback, add_callbacks
    >>> def pretask(key, dsk, state):
    ...     print(f"now running {key!r}")
    >>> with add_callbacks((None, None, pretask, None, None)):
    ...     len(Callback.active)
    1
    """

    def __init__(self, *callbacks: Callback | Hooks) -> None:
        self.callbacks = [normalize_callback(callback) for callback in callbacks]
        self._added: list[Hooks] = []

    def __enter__(self) -> Self:
        with _lock:
            # Only what this block adds is removed at its end, so that blocks with the
            # same callback can be nested.
            self._added = [cb for cb in self.callbacks if cb not in Callback.active]
            Callback.active.update(self._added)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with _lock:
            for hooks in self._added:
                _deactivate(hooks)


@contextlib.contextmanager
def local_callbacks(
    callbacks: Iterable[Callback | Hooks] | None = None,
) -> Iterator[list[Hooks]]:
    """Context manager of a scheduler's run: the callbacks that it has to call.

    Without an argument these are the active ones, and none is active inside of the
    block. So a scheduler that is started by a task does not call them again.

    Parameters
    ----------
    callbacks : iterable of Callback or tuple, optional
        Use these, and leave the active ones alone.

    Examples
    --------
    >>> from raskt.callbacks import Callback, local_callbacks
    >>> with Callback(start=print), local_callbacks() as callbacks:
    ...     len(callbacks), len(Callback.active)
    (1, 0)
    """
    if callbacks is not None:
        yield [normalize_callback(callback) for callback in callbacks]
        return
    with _lock:
        taken = set(Callback.active)
        Callback.active.clear()
        _suspended[id(taken)] = taken
    try:
        yield list(taken)
    finally:
        with _lock:
            del _suspended[id(taken)]
            Callback.active.update(taken)


def unpack_callbacks(
    cbs: Iterable[Callback | Hooks] | None,
) -> list[list[Callable[..., Any]]]:
    """Sort the hooks of some callbacks into five lists, one for each kind.

    Parameters
    ----------
    cbs : iterable of Callback or tuple, or None
        What `local_callbacks` yields.

    Examples
    --------
    >>> from raskt.callbacks import Callback, unpack_callbacks
    >>> callbacks = [Callback(start=print, finish=id), Callback(finish=id)]
    >>> [len(hooks) for hooks in unpack_callbacks(callbacks)]
    [1, 0, 0, 0, 2]
    """
    rows = [normalize_callback(callback) for callback in cbs or ()]
    return [[hook for hook in kind if hook] for kind in zip(*rows, strict=True)] or [
        [] for _ in HOOKS
    ]


def normalize_callback(cb: Callback | Hooks) -> Hooks:
    """Return the tuple of the five hooks of a callback.

    Parameters
    ----------
    cb : Callback or tuple
        A tuple is returned as it is.

    Raises
    ------
    TypeError
        If ``cb`` is neither, or a tuple of another length.

    Examples
    --------
    >>> from raskt.callbacks import Callback, normalize_callback
    >>> normalize_callback(Callback(pretask=print))
    (None, None, <built-in function print>, None, None)
    """
    if isinstance(cb, Callback):
        return cb._callback
    if not isinstance(cb, tuple):
        raise TypeError(
            f"a callback must be a Callback or a tuple, not {type(cb).__name__}"
        )
    if len(cb) != len(HOOKS):
        raise TypeError(
            f"a callback tuple holds the {len(HOOKS)} hooks {', '.join(HOOKS)} "
            f"(None for those not wanted), not {len(cb)}"
        )
    return cb


def _deactivate(hooks: Hooks) -> bool:
    """Remove a callback; the caller holds the lock. False if it was not there."""
    holders = [Callback.active] if hooks in Callback.active else _suspended.values()
    found = [holder for holder in holders if hooks in holder]
    for holder in found:
        holder.discard(hooks)
    return bool(found)
