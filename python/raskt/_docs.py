"""Documentation taken over from other libraries, and warnings about what goes away."""

from __future__ import annotations

import functools
import inspect
import re
import warnings
from typing import TYPE_CHECKING, Any, TypeVar

from raskt._inspect import get_named_args

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

Decorated = TypeVar("Decorated", bound="Callable[..., Any]")

NOT_SUPPORTED = "(Not supported, as in Dask)"


def derived_from(
    original_klass: Any,
    version: str | None = None,
    ua_args: Iterable[str] | None = None,
    skipblocks: int = 0,
    inconsistencies: str | None = None,
) -> Callable[[Decorated], Decorated]:
    """Give a method the documentation of the one that it stands in for.

    Said are also where the text is from, what differs, and which arguments the method
    does not have; its own text comes after the summary. Examples do not run as
    doctests.

    Parameters
    ----------
    original_klass
        The class or module that has the other method.
    version
        The version of the other library that brought it.
    ua_args
        Arguments that are not supported, besides those that the method lacks.
    skipblocks
        Paragraphs to leave out at the start.
    inconsistencies
        What differs, in words.

    Examples
    --------
    >>> class Mine:
    ...     @derived_from(str)
    ...     def upper(self):
    ...         pass
    >>> print(Mine.upper.__doc__)
    Return a copy of the string converted to uppercase.
    <BLANKLINE>
    This docstring was copied from builtins.str.upper.
    <BLANKLINE>
    There may be inconsistencies with raskt's version.
    """

    def copy_documentation(method: Decorated) -> Decorated:
        extra = inspect.cleandoc(method.__doc__ or "")
        original = getattr(original_klass, method.__name__, None)
        if isinstance(original, property):
            original = original.fget
        elif isinstance(original, functools.cached_property):
            original = original.func
        method.__doc__ = _derived_doc(
            original_klass,
            original,
            _missing_arguments(original, method) | {*(ua_args or ())},
            extra,
            skipblocks,
            inconsistencies,
            version,
        )
        return method

    return copy_documentation


def _derived_doc(
    owner: Any,
    original: Any,
    missing: Collection[str],
    extra: str,
    skipblocks: int,
    inconsistencies: str | None,
    version: str | None,
) -> str:
    doc = inspect.cleandoc(getattr(original, "__doc__", None) or "")
    doc = "\n\n".join(doc.split("\n\n")[skipblocks:])
    if not doc:
        return f"{extra}\n\n" if extra else ""
    name = f"{owner.__name__}.{original.__name__}"
    if inspect.isclass(owner):
        name = f"{owner.__module__}.{name}"
    note = f"This docstring was copied from {name}."
    if version:
        note += f" It needs {owner.__module__.partition('.')[0]} {version} or newer."
    doc = _with_note(doc, note, extra, inconsistencies)
    return unsupported_arguments(extra_titles(skip_doctest(doc)), missing)


def _missing_arguments(original: Any, method: Callable[..., Any]) -> set[str]:
    try:
        return set(get_named_args(original)) - set(get_named_args(method))
    except (TypeError, ValueError):
        return set()


def _with_note(doc: str, note: str, extra: str, inconsistencies: str | None) -> str:
    """Put where a text is from between its summary and its body."""
    warning = "There may be inconsistencies with raskt's version."
    if inconsistencies:
        warning = f"Known inconsistencies with raskt's version: {inconsistencies}"
    summary, _, body = doc.partition("\n\n")
    parts = [summary, note, warning, extra, body]
    return "\n\n".join(part for part in parts if part)


def unsupported_arguments(doc: str, args: Iterable[str]) -> str:
    r"""Mark arguments as not supported, where a text describes them.

    Parameters
    ----------
    doc
        The text.
    args
        Names of the arguments.

    Examples
    --------
    >>> print(unsupported_arguments("axis : int\n    Which one.", ["axis"]))
    axis : int  (Not supported, as in Dask)
        Which one.
    """
    lines = doc.split("\n")
    for arg in args:
        entry = re.compile(rf"\s*{re.escape(arg)} ?:(?!:)")
        places = [i for i, line in enumerate(lines) if entry.match(line)]
        if len(places) == 1:
            lines[places[0]] += f"  {NOT_SUPPORTED}"
    return "\n".join(lines)


def skip_doctest(doc: str | None) -> str:
    """Mark all examples of a text, so that they do not run as doctests.

    Parameters
    ----------
    doc
        The text.
    """
    return "\n".join(map(_skip_example, doc.split("\n"))) if doc else ""


def _skip_example(line: str) -> str:
    code = line.strip().removeprefix(">>>").strip()
    if not line.strip().startswith(">>>") or not code or code.startswith("#"):
        return line
    if "# doctest:" in line:
        return f"{line}, +SKIP"
    return f"{line}  # doctest: +SKIP"


def extra_titles(doc: str) -> str:
    """Rename sections of a text whose title appeared before, as numpydoc demands.

    The second "Notes" becomes "Extra Notes".

    Parameters
    ----------
    doc
        The text.
    """
    lines = doc.split("\n")
    seen = set()
    for i in range(len(lines) - 1):
        title, rule = lines[i].strip(), lines[i + 1].strip()
        if not title or set(rule) != {"-"} or len(rule) != len(title):
            continue
        if title in seen:
            lines[i] = lines[i].replace(title, f"Extra {title}")
            lines[i + 1] = lines[i + 1].replace(rule, f"------{rule}")
        seen.add(title)
    return "\n".join(lines)


def _deprecated(
    *,
    version: str | None = None,
    after_version: str | None = None,
    message: str | None = None,
    use_instead: str | None = None,
    category: type[Warning] = FutureWarning,
) -> Callable[[Decorated], Decorated]:
    """Warn whenever a function is called that goes away.

    Parameters
    ----------
    version, after_version
        The version since which, or after which, it should not be used.
    message
        What to say, instead of a text made from the rest.
    use_instead
        What to use.
    category
        The class of the warning.
    """

    def warn_of(func: Decorated) -> Decorated:
        text = message
        if text is None:
            name = getattr(func, "__name__", func)
            since = "is deprecated"
            if version is not None:
                since = f"was deprecated in version {version}"
            elif after_version is not None:
                since = f"was deprecated after version {after_version}"
            text = f"{name} {since} and will be removed in a future release."
            if use_instead is not None:
                text += f" Please use {use_instead} instead."

        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            warnings.warn(text, category, stacklevel=2)
            return func(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return warn_of


def _deprecated_kwarg(
    old_arg_name: str,
    new_arg_name: str | None = None,
    mapping: Mapping[Any, Any] | Callable[[Any], Any] | None = None,
    stacklevel: int = 2,
    comment: str | None = None,
) -> Callable[[Decorated], Decorated]:
    """Warn whenever a function is called with an argument that goes away.

    Parameters
    ----------
    old_arg_name
        The argument.
    new_arg_name
        The one that gets its value, if there is one.
    mapping
        New values by old ones, or a function that makes them.
    stacklevel
        As for :func:`warnings.warn`.
    comment
        More to say.
    """

    def warn_of(func: Decorated) -> Decorated:
        @functools.wraps(func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if old_arg_name not in kwargs:
                return func(*args, **kwargs)
            if new_arg_name is not None and new_arg_name in kwargs:
                raise TypeError(
                    f"Can only specify {old_arg_name!r} or {new_arg_name!r}, not both."
                )
            value = kwargs.pop(old_arg_name)
            if callable(mapping):
                new_value = mapping(value)
            else:
                new_value = value if mapping is None else mapping.get(value, value)
            text = f"the keyword {old_arg_name!r} is deprecated"
            if new_arg_name is None:
                text += " and will be removed in a future release"
            elif mapping is None:
                text += f", use {new_arg_name!r} instead"
            else:
                text += f", use {new_arg_name}={new_value!r} instead of {value!r}"
            if comment:
                text += f"; {comment}"
            warnings.warn(text, FutureWarning, stacklevel=stacklevel)
            kwargs[new_arg_name or old_arg_name] = new_value
            return func(*args, **kwargs)

        return wrapper  # type: ignore[return-value]

    return warn_of
