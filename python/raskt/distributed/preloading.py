"""Preloads: modules that are loaded before a scheduler or worker begins.

A preload is the name of a module, a file, an address (``http://...``), or code itself.
Its function ``dask_setup`` gets the node, ``dask_teardown`` too, when it ends.
``dask_setup`` may be a command of click; then it gets its arguments as well.
"""

from __future__ import annotations

import importlib
import logging
import sys
import types
from pathlib import Path
from typing import Any

from raskt import config

__all__ = ["Preload", "Preloads", "load_all"]

logger = logging.getLogger(__name__)


class Preload:
    """One module that was loaded.

    Parameters
    ----------
    node : Scheduler, Worker or Nanny
        What is about to begin.
    name : str
        The module, file, address or code.
    argv : list of str
        Its arguments.
    """

    def __init__(self, node: Any, name: str, argv: list[str]):
        self.node = node
        self.name = name
        self.argv = argv
        self.module = _loaded(name)

    def start(self) -> None:
        """Call ``dask_setup``."""
        self._call("dask_setup", with_arguments=True)

    def teardown(self) -> None:
        """Call ``dask_teardown``."""
        self._call("dask_teardown")

    def _call(self, name: str, with_arguments: bool = False) -> None:
        function = getattr(self.module, name, None)
        if function is None:
            return
        import click

        if isinstance(function, click.Command):
            context = function.make_context("dask_setup", list(self.argv))
            result = function.callback(self.node, *context.args, **context.params)  # type: ignore[misc]
        elif with_arguments and self.argv:
            raise ValueError(
                f"the preload {self.name!r} takes no arguments: {name} is no command "
                f"of click, but {self.argv} were given"
            )
        else:
            result = function(self.node)
        if hasattr(result, "__await__"):
            from raskt.distributed.utils import sync

            sync(None, lambda: result)


class Preloads(list[Preload]):
    """All modules that were loaded for a node."""

    def start(self) -> None:
        """Call ``dask_setup`` of each."""
        for preload in self:
            try:
                preload.start()
            except Exception:
                logger.exception("the preload %r could not be set up", preload.name)

    def teardown(self) -> None:
        """Call ``dask_teardown`` of each."""
        for preload in self:
            try:
                preload.teardown()
            except Exception:
                logger.exception("the teardown of %r failed", preload.name)


def load_all(node: Any, names: Any, argv: Any, option: str) -> Preloads:
    """Load the modules that are named, or that an option names.

    Parameters
    ----------
    node : Scheduler, Worker or Nanny
        What is about to begin.
    names : str or list of str, optional
        The modules; by default what the option says.
    argv : list, optional
        The arguments of all of them, or a list for each.
    option : str
        The option.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> node = SimpleNamespace()
    >>> code = "def dask_setup(node): node.greeting = 'hello'"
    >>> load_all(node, code, [], "distributed.worker.preload").start()
    >>> node.greeting
    'hello'
    """
    if names is None:
        names = config.get(option, None) or []
    if not argv:
        argv = config.get(f"{option}-argv", None) or []
    if isinstance(names, str):
        names = [names]
    argv = [argv] if isinstance(argv, str) else list(argv)
    if not argv or isinstance(argv[0], str):
        argv = [argv] * len(names)
    if len(argv) != len(names):
        raise ValueError(
            f"{len(names)} preloads have {len(argv)} lists of arguments: give one for "
            "each, or one for all"
        )
    pairs = zip(names, argv, strict=True)
    return Preloads(Preload(node, name, list(own)) for name, own in pairs)


def _loaded(name: str) -> types.ModuleType:
    if name.startswith(("http://", "https://")):
        from urllib.request import urlopen

        with urlopen(name) as answer:
            return _module_of(answer.read().decode(), name)
    if "\n" in name or "def " in name or ";" in name or "import " in name:
        return _module_of(name, "<preload>")
    if name.endswith(".py"):
        path = Path(name)
        return _module_of(path.read_text(encoding="utf-8"), str(path))
    return importlib.import_module(name)


def _module_of(code: str, origin: str) -> types.ModuleType:
    from raskt.tokenize import tokenize

    name = f"preload_{tokenize(code)}"
    module = types.ModuleType(name)
    module.__file__ = origin
    # Under its name, so that what it defines can be pickled.
    sys.modules[name] = module
    exec(compile(code, origin, "exec"), module.__dict__)
    return module
