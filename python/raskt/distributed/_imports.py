"""Finding what a dotted name names."""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["import_term"]


def import_term(name: str) -> Any:
    """Import the object of a dotted name.

    Names of Dask's own classes give ours.

    Examples
    --------
    >>> import_term("math.sqrt")(9)
    3.0
    """
    for old in ("dask.distributed", "distributed"):
        if name == old or name.startswith(f"{old}."):
            name = "raskt.distributed" + name.removeprefix(old)
    module, _, attribute = name.rpartition(".")
    if not module:
        return importlib.import_module(attribute)
    return getattr(importlib.import_module(module), attribute)
