"""Versions of raskt and of the libraries that it works with."""

from __future__ import annotations

LIBRARIES = (
    "cloudpickle",
    "numpy",
    "pandas",
    "pyarrow",
    "fsspec",
    "zarr",
    "xarray",
    "scikit-learn",
    "dask",
)


def raskt_version() -> str:
    """Return the version of raskt."""
    from raskt._native import __version__

    return str(__version__)


def versions() -> dict[str, str | None]:
    """Return versions by name; None for what is not installed.

    Nothing is imported to find out.

    Examples
    --------
    >>> import platform
    >>> versions()["Python"] == platform.python_version()
    True
    """
    import platform

    return {
        "Python": platform.python_version(),
        "Platform": platform.system(),
        "raskt": raskt_version(),
        **{name: _installed(name) for name in LIBRARIES},
    }


def show_versions() -> None:
    """Print the versions of raskt and of the libraries that it works with, as JSON."""
    import json
    import sys

    sys.stdout.write(json.dumps(versions(), indent=2) + "\n")


def documentation_url() -> str | None:
    """Return the address of the documentation, as the installed package names it."""
    from importlib import metadata

    try:
        entries = metadata.metadata("raskt").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    places = dict(entry.split(", ", 1) for entry in entries)
    return places.get("Documentation") or places.get("Homepage")


def _installed(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
