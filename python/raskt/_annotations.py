"""What users want done with tasks: ``annotate``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from raskt import _native

_current: ContextVar[dict[str, Any] | None] = ContextVar("annotations", default=None)


def get_annotations() -> dict[str, Any]:
    """Give the annotations in force.

    Returns
    -------
    dict
        Names and values; empty outside of :func:`annotate`.
    """
    return dict(_current.get() or {})


@contextmanager
def annotate(**annotations: Any) -> Iterator[None]:
    """Say how the tasks that are made inside are to be run.

    Parameters
    ----------
    **annotations
        ``priority``, ``retries``, ``workers``, ``resources``,
        ``allow_other_workers`` mean something to schedulers; any other name may
        be given as well. Inner annotations win over outer ones.

    Raises
    ------
    TypeError
        If a value has the wrong type.

    Examples
    --------
    >>> import raskt
    >>> with raskt.annotate(retries=3):
    ...     x = raskt.delayed(abs)(-1)
    >>> x.annotations
    {'retries': 3}
    """
    _check(annotations)
    _native.use_annotations()
    token = _current.set({**get_annotations(), **annotations})
    try:
        yield
    finally:
        _current.reset(token)


def _check(annotations: dict[str, Any]) -> None:
    expected = {
        "priority": (int, float),
        "retries": (int,),
        "workers": (str, list, tuple, set),
        "resources": (dict,),
        "allow_other_workers": (bool,),
    }
    for name, value in annotations.items():
        types = expected.get(name)
        if types and not callable(value) and not isinstance(value, types):
            wanted = " or ".join(t.__name__ for t in types)
            raise TypeError(
                f"'{name}' annotation must be of type {wanted} or a callable, "
                f"not {type(value).__name__}: {value!r}"
            )
