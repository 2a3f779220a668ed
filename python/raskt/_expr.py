"""Expressions: lazy objects that are described by their operands.

A subclass names its parameters and says what graph it stands for:

>>> from raskt._expr import Expr
>>> class Twice(Expr):
...     _parameters = ["value"]
...     def _layer(self):
...         return {self._name: (int.__mul__, self.value, 2)}
>>> import raskt
>>> expr = Twice(21)
>>> raskt.get(expr, expr._name)
42
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar
from weakref import WeakValueDictionary

from raskt.tokenize import tokenize
from raskt.utils import funcname


class Expr:
    """An expression: a name for the graph that its operands describe.

    ``_parameters`` names the operands, ``_defaults`` those that may be left out;
    ``_layer()`` gives the tasks of the expression itself, whose arguments refer to the
    keys of its operands.
    """

    _parameters: ClassVar[list[str]] = []
    _defaults: ClassVar[dict[str, Any]] = {}
    operands: list[Any]

    def __new__(cls, *args: Any, **kwargs: Any) -> Expr:
        """Make an expression of its operands, by position or by name."""
        operands = list(args)
        for name in cls._parameters[len(operands) :]:
            if name in kwargs:
                operands.append(kwargs.pop(name))
            elif name in cls._defaults:
                operands.append(cls._defaults[name])
            else:
                raise TypeError(f"{cls.__name__} needs {name!r}")
        if kwargs:
            raise TypeError(f"{cls.__name__} has no parameter {next(iter(kwargs))!r}")
        self = object.__new__(cls)
        object.__setattr__(self, "operands", operands)
        return self

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and name in type(self)._parameters:
            return self.operand(name)
        raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in type(self)._parameters:
            raise AttributeError(
                f"{type(self).__name__!r} has no parameter {name!r} to be set"
            )
        self.operands[type(self)._parameters.index(name)] = value
        self.__dict__.pop("_name", None)

    def operand(self, name: str) -> Any:
        """Give the operand of that name."""
        return self.operands[type(self)._parameters.index(name)]

    def dependencies(self) -> list[Expr]:
        """Give the operands that are expressions."""
        return [operand for operand in self.operands if isinstance(operand, Expr)]

    @cached_property
    def _name(self) -> str:
        return f"{funcname(type(self)).lower()}-{tokenize(self)}"

    def _layer(self) -> dict[Any, Any]:
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it computes"
        )

    def __dask_tokenize__(self) -> Any:
        return type(self), self.operands

    def __dask_graph__(self) -> dict[Any, Any]:
        """Give the tasks of this expression and of all that it depends on."""
        graph: dict[Any, Any] = {}
        todo: list[Expr] = [self]
        seen: set[str] = set()
        while todo:
            expr = todo.pop()
            if expr._name not in seen:
                seen.add(expr._name)
                graph.update(expr._layer())
                todo += expr.dependencies()
        return graph

    def __dask_keys__(self) -> list[Any]:
        return [self._name]

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (type(self), self.operands)

    def __repr__(self) -> str:
        pairs = zip(type(self)._parameters, self.operands, strict=False)
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in pairs)})"


class SingletonExpr(Expr):
    """An expression of which there is only one with the same operands.

    Types with an ``__init__`` of their own are left out: it may change the object.
    """

    _instances: ClassVar[WeakValueDictionary[str, SingletonExpr]] = (
        WeakValueDictionary()
    )

    def __new__(cls, *args: Any, **kwargs: Any) -> SingletonExpr:
        """Give the one expression with these operands."""
        if cls.__init__ is not object.__init__:
            self = object.__new__(cls)
            object.__setattr__(self, "operands", list(args))
            return self
        made = super().__new__(cls, *args, **kwargs)
        return SingletonExpr._instances.setdefault(made._name, made)  # type: ignore[arg-type]


def _make(cls: type, operands: list[Any]) -> Any:
    return cls(*operands)
