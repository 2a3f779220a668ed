"""Versions of Python and packages, and whether they are the same everywhere."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

__all__ = ["check", "get_versions", "is_here"]

_PACKAGES = ("raskt", "cloudpickle", "numpy", "pandas", "pyarrow", "dask")


def get_versions(packages: list[str] | None = None) -> dict[str, Any]:
    """Tell what this process runs with.

    Parameters
    ----------
    packages : list of str, optional
        More packages than the usual ones.

    Examples
    --------
    >>> get_versions()["packages"]["python"].count(".") >= 3
    True
    """
    return {
        "host": {
            "python": platform.python_version(),
            "python-bits": 64 if sys.maxsize > 2**32 else 32,
            "OS": platform.system(),
            "OS-release": platform.release(),
            "machine": platform.machine(),
            "processor": platform.processor(),
            "byteorder": sys.byteorder,
            "LC_ALL": os.environ.get("LC_ALL", "None"),
            "LANG": os.environ.get("LANG", "None"),
        },
        "packages": {
            "python": ".".join(map(str, sys.version_info)),
            **{name: _version(name) for name in (*_PACKAGES, *(packages or ()))},
        },
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check(found: dict[str, Any]) -> None:
    """Refuse versions that differ.

    Raises
    ------
    ValueError
        With a table of them.
    """
    places = {"client": found["client"], **found["workers"]}
    if found.get("scheduler"):
        places["scheduler"] = found["scheduler"]
    known = {
        place: versions["packages"]
        for place, versions in places.items()
        if isinstance(versions, dict)
    }
    names = {name for versions in known.values() for name in versions}
    lines = []
    for name in sorted(names):
        values = {place: versions.get(name) for place, versions in known.items()}
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{place}: {value}" for place, value in values.items())
            lines.append(f"{name}: {listed}")
    if lines:
        raise ValueError("Mismatched versions found\n\n" + "\n".join(lines))


def is_here(address: str) -> bool:
    """Tell whether the scheduler at an address runs in this process."""
    from raskt.distributed.scheduler import find_own

    return find_own(address) is not None
