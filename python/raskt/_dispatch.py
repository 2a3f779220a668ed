"""Functions that choose by type, and callable objects that survive pickling."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")


class Dispatch:
    """A function with an implementation for each type of its first argument.

    Parameters
    ----------
    name
        The function's ``__name__``.

    Examples
    --------
    >>> area = Dispatch("area")
    >>> @area.register(int)
    ... def square(side):
    ...     return side * side
    >>> @area.register(tuple)
    ... def rectangle(sides):
    ...     return sides[0] * sides[1]
    >>> area(3), area((3, 4))
    (9, 12)
    """

    def __init__(self, name: str | None = None) -> None:
        self._registered: dict[type, Callable[..., Any]] = {}
        self._lazy: dict[str, Callable[[], object]] = {}
        # What `dispatch` found; emptied by whatever could change the answer.
        self._found: dict[type, Callable[..., Any]] = {}
        self._lock = threading.RLock()
        if name:
            self.__name__ = name

    @overload
    def register(self, type: Any, func: None = None) -> Callable[[F], F]: ...
    @overload
    def register(self, type: Any, func: F) -> F: ...

    def register(self, type: Any, func: Any = None) -> Any:
        """Set the implementation for a type and those derived from it.

        Parameters
        ----------
        type
            A type, or a tuple of some.
        func
            The implementation. Without it this is a decorator.
        """

        def set_implementation(func: Callable[..., Any]) -> Callable[..., Any]:
            with self._lock:
                for cls in type if isinstance(type, tuple) else (type,):
                    self._registered[cls] = func
                    if cls is object:
                        self.__doc__ = func.__doc__
                self._found = {}
            return func

        return set_implementation if func is None else set_implementation(func)

    @overload
    def register_lazy(self, toplevel: str, func: None = None) -> Callable[[F], F]: ...
    @overload
    def register_lazy(self, toplevel: str, func: F) -> F: ...

    def register_lazy(self, toplevel: str, func: Any = None) -> Any:
        """Set what registers a package's types, once an object of one shows up.

        Parameters
        ----------
        toplevel
            Name of the package, without modules.
        func
            Function without arguments that registers. Without it this is a decorator.
        """

        def set_registration(func: Callable[[], object]) -> Callable[[], object]:
            with self._lock:
                self._lazy[toplevel] = func
                self._found = {}
            return func

        return set_registration if func is None else set_registration(func)

    def dispatch(self, cls: type) -> Callable[..., Any]:
        """Return the implementation for a type.

        Parameters
        ----------
        cls
            The type.

        Raises
        ------
        TypeError
            If there is none.
        """
        found = self._found.get(cls)
        if found is not None:
            return found
        # Others wait here until a lazy registration is complete.
        with self._lock:
            for base in cls.__mro__:
                if base not in self._registered:
                    self._register_package(base.__module__.partition(".")[0])
                if base in self._registered:
                    self._found[cls] = self._registered[base]
                    return self._registered[base]
        raise TypeError(f"No dispatch for {cls}")

    def _register_package(self, name: str) -> None:
        registration = self._lazy.pop(name, None)
        if registration is None:
            return
        try:
            registration()
        except BaseException:
            self._lazy[name] = registration
            raise

    def __call__(self, arg: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the implementation for the type of the first argument."""
        return self.dispatch(type(arg))(arg, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k not in ("_lock", "_found")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]
        vars(self).update(state)


class methodcaller:
    """A function that calls a method of its argument, by name.

    There is one such object for each name, and it survives pickling. Use ``M``:

    >>> M.upper("abc")
    'ABC'

    Parameters
    ----------
    method
        Name of the method.
    """

    __slots__ = ("method",)
    method: str
    func = property(lambda self: self.method, doc="The name of the method.")

    def __new__(cls, method: str) -> methodcaller:
        caller = _method_callers.get(method)
        if caller is None:
            caller = object.__new__(cls)
            caller.method = method
            # Of two threads that come here, both get the same one.
            caller = _method_callers.setdefault(method, caller)
        return caller

    def __call__(self, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call the method."""
        return getattr(obj, self.method)(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        return methodcaller, (self.method,)

    def __repr__(self) -> str:
        return f"<methodcaller: {self.method}>"


_method_callers: dict[str, methodcaller] = {}


class MethodCache:
    """Attributes are functions that call the method of that name.

    Examples
    --------
    >>> M.count([1, 2, 1], 1)
    2
    """

    def __getattr__(self, name: str) -> methodcaller:
        if name == "__wrapped__":
            # Asked of everything by inspect, which would follow it for ever.
            raise AttributeError(name)
        return methodcaller(name)

    def __dir__(self) -> list[str]:
        return list(_method_callers)


M = MethodCache()


class itemgetter:
    """A function that returns an item of its argument; it survives pickling.

    Parameters
    ----------
    index
        The item's index or key.

    Examples
    --------
    >>> itemgetter(1)("abc")
    'b'
    """

    __slots__ = ("index",)

    def __init__(self, index: Any) -> None:
        self.index = index

    def __call__(self, x: Any) -> Any:
        """Return the item."""
        return x[self.index]

    def __reduce__(self) -> tuple[Any, ...]:
        return itemgetter, (self.index,)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.index == self.index

    def __hash__(self) -> int:
        return hash((itemgetter, self.index))

    def __repr__(self) -> str:
        return f"itemgetter({self.index!r})"


class IndexCallable:
    """An object that calls a function with what it is indexed by.

    Parameters
    ----------
    fn
        The function.

    Examples
    --------
    >>> IndexCallable(lambda key: key)[1:2]
    slice(1, 2, None)
    """

    __slots__ = ("fn",)

    def __init__(self, fn: Callable[[Any], Any]) -> None:
        self.fn = fn

    def __getitem__(self, key: Any) -> Any:
        return self.fn(key)

    def __iter__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__!r} object is not iterable")


def apply(
    func: Callable[..., Any],
    args: Iterable[Any],
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Call a function with arguments given as a sequence and a mapping.

    Parameters
    ----------
    func
        The function.
    args, kwargs
        Its arguments.

    Examples
    --------
    >>> apply(max, [3, -5], {"key": abs})
    -5
    """
    return func(*args, **kwargs) if kwargs else func(*args)


def partial_by_order(
    *args: Any,
    function: Callable[..., Any],
    other: Iterable[tuple[int, Any]],
    **kwargs: Any,
) -> Any:
    """Call a function with further arguments inserted at given positions.

    Parameters
    ----------
    *args
        The arguments that are there.
    function
        The function.
    other
        Pairs of a position and the argument to insert there.
    **kwargs
        Arguments by name.

    Examples
    --------
    >>> import operator
    >>> partial_by_order(5, function=operator.sub, other=[(0, 20)])
    15
    """
    arguments = list(args)
    for position, value in other:
        arguments.insert(position, value)
    return function(*arguments, **kwargs)
