"""Pictures of graphs: ``visualize``."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from raskt import _native, config
from raskt._engine import flat_keys
from raskt._native import Delayed, unpack_collections
from raskt._sketch import Sketch

# What is drawn here; Graphviz draws the rest.
OWN_FORMATS = ("svg", "png", "dot")

# What the end of a file's name may say; any format of Graphviz can be asked for.
SUFFIXES = (*OWN_FORMATS, "pdf", "jpeg", "jpg")

# Keywords with attributes of Graphviz, and the flag of the program for each.
ATTRIBUTES = {"graph_attr": "-G", "node_attr": "-N", "edge_attr": "-E"}


def visualize(
    *args: Any,
    filename: str | os.PathLike[str] | None = "mydask",
    traverse: bool = True,
    optimize_graph: bool = False,
    format: str | None = None,
    color: str | None = None,
    cmap: Any = None,
    maxval: float | None = None,
    engine: str | None = None,
    rankdir: str = "BT",
    collapse_outputs: bool = False,
    verbose: bool = False,
    **kwargs: Any,
) -> Any:
    """Draw the graph of lazy collections: functions as circles, data as boxes.

    Parameters
    ----------
    *args : object
        Lazy collections, or anything in which there are some. What is not lazy is
        ignored.
    filename : path, optional
        The file to write. None: write none, and give the picture.
    traverse : bool
        Look inside of lists, tuples, sets, dicts and dataclasses?
    optimize_graph : bool
        Draw the graphs as they are run, after optimization?
    format : str, optional
        ``"png"``, ``"svg"`` or ``"dot"``; with Graphviz installed ``"pdf"``,
        ``"jpeg"`` and its other formats as well. Default: what the name of the file
        ends with, or png.
    color : str, optional
        What colours mean, with the number in each circle:

        - ``"order"``: the place of the task in the order.
        - ``"ages"``: how many tasks run while its result is held.
        - ``"freed"``: how many results are let go when it has run.
        - ``"memoryincreases"``: how many more results are held when its own is let go
          than when it ran. High numbers: it had better run later.
        - ``"memorydecreases"``: how many fewer. High numbers: it had better run sooner.
        - ``"memorypressure"``: how many results are held when it runs (circle) and
          when its own is let go (box).
    cmap : str or callable, optional
        The colours: a name such as ``"Viridis"``, the default, or a colour map of
        matplotlib.
    maxval : float, optional
        The number that has the last colour. Default: the highest.
    engine : str, optional
        ``"graphviz"``: arranged by the program ``dot`` of Graphviz. Default: the
        option ``visualization.engine``, or by raskt itself, which needs no program.
    rankdir : {"BT", "TB", "LR", "RL"}
        The way from inputs to results: bottom to top, left to right ...
    collapse_outputs : bool
        Leave out the boxes of what functions give?
    verbose : bool
        Write the keys into the boxes?
    **kwargs
        ``graph_attr``, ``node_attr`` and ``edge_attr``: dicts of Graphviz attributes.
        With these, Graphviz draws.

    Returns
    -------
    Image, SVG, Path or Picture
        In a notebook, what it shows as a picture; else the file's path. Without a
        file, a :class:`Picture`.

    Raises
    ------
    ValueError
        If there is no such colour, colour map, engine or direction.
    RuntimeError
        If Graphviz is needed and not installed, or fails.

    Examples
    --------
    >>> import raskt
    >>> total = raskt.delayed(sum)([raskt.delayed(abs)(-1), 2])
    >>> picture = raskt.visualize(total, filename=None, format="svg")
    >>> picture.data.count(b"<ellipse")
    2
    """
    attributes = _attributes(kwargs)
    engine = _engine(engine, attributes)
    target, format = _target(filename, format)
    values = _values(args, traverse, optimize_graph)
    sketch = Sketch.of(values, color, collapse_outputs, verbose)
    nodes, edges = sketch.drawn(cmap, maxval)
    is_ours = format in OWN_FORMATS and (engine != "graphviz" or format == "dot")
    if is_ours and not attributes:
        data = _native.draw(nodes, edges, rankdir, format)
    else:
        text = _native.draw(nodes, edges, rankdir, "dot")
        data = _graphviz(text, format, attributes)
    if target is None:
        return Picture(data, format)
    target.write_bytes(data)
    return _shown(data, format) or target


class Picture:
    """A drawn graph that is in no file. Notebooks show it.

    Attributes
    ----------
    data : bytes
        The picture.
    format : str
        Its format, such as ``"svg"``.

    Examples
    --------
    >>> import raskt
    >>> raskt.visualize(raskt.delayed(1), filename=None).data[1:4]
    b'PNG'
    """

    def __init__(self, data: bytes, format: str):
        self.data = data
        self.format = format

    def __repr__(self) -> str:
        return f"<Picture: {self.format}, {len(self.data) / 1000:,.1f} kB>"

    def __bytes__(self) -> bytes:
        return self.data

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the picture to a file."""
        Path(filename).write_bytes(self.data)

    def _repr_png_(self) -> bytes | None:
        return self.data if self.format == "png" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self.data if self.format in ("jpeg", "jpg") else None

    def _repr_svg_(self) -> str | None:
        return self.data.decode() if self.format == "svg" else None


def _values(args: tuple, traverse: bool, optimize_graph: bool) -> list[Delayed]:
    """Give the lazy values whose graph is to be drawn: all that computing runs.

    Putting the parts of a collection together is not in it.
    """
    if optimize_graph:
        from raskt.base import optimize

        args = optimize(*args, traverse=traverse)
    collections, _ = unpack_collections(*args, traverse=traverse)
    return [value for collection in collections for value in _parts(collection)]


def _parts(collection: Any) -> Iterator[Delayed]:
    if isinstance(collection, Delayed):
        yield collection
        return
    keys = collection.__dask_keys__()
    keys = list(flat_keys(keys if isinstance(keys, list) else [keys]))
    yield from _native.from_graph(collection.__dask_graph__(), keys)


# --- where to and in which format ---------------------------------------------------


def _target(
    filename: str | os.PathLike[str] | None, format: str | None
) -> tuple[Path | None, str]:
    if filename is None:
        return None, format or "png"
    path = Path(filename)
    suffix = path.suffix.removeprefix(".")
    if format is None and suffix in SUFFIXES:
        return path, suffix
    format = format or "png"
    return (path if suffix == format else Path(f"{path}.{format}")), format


def _shown(data: bytes, format: str) -> Any:
    """Give what a notebook shows as a picture, if this is one."""
    from raskt.diagnostics._page import in_notebook

    if not in_notebook():
        return None
    from IPython.display import SVG, Image

    if format == "svg":
        return SVG(data.decode())
    return Image(data) if format in ("png", "jpeg", "jpg") else None


# --- Graphviz -----------------------------------------------------------------------


def _engine(engine: str | None, attributes: list[str]) -> str | None:
    engine = engine or config.get("visualization.engine", None)
    if engine not in (None, "graphviz"):
        raise ValueError(
            f"no engine is called {engine!r}: use 'graphviz', or None for that of raskt"
        )
    return "graphviz" if attributes else engine


def _attributes(kwargs: Mapping[str, Any]) -> list[str]:
    """Give the arguments of the program for Graphviz's attributes."""
    unknown = sorted(kwargs.keys() - ATTRIBUTES.keys())
    if unknown:
        raise TypeError(
            f"visualize() got an unexpected keyword argument {unknown[0]!r}"
        )
    return [
        f"{ATTRIBUTES[kind]}{name}={value}"
        for kind, attributes in kwargs.items()
        for name, value in (attributes or {}).items()
    ]


def _graphviz(text: bytes, format: str, attributes: list[str]) -> bytes:
    program = shutil.which("dot")
    if program is None:
        raise RuntimeError(
            f"to draw this as {format} the program dot is needed: install Graphviz, or "
            f"use one of the formats {', '.join(OWN_FORMATS)} without engine and "
            "Graphviz attributes"
        )
    done = subprocess.run(
        [program, f"-T{format}", *attributes], input=text, capture_output=True
    )
    if done.returncode:
        problem = done.stderr.decode(errors="replace").strip()
        raise RuntimeError(f"Graphviz cannot draw this as {format}: {problem}")
    return done.stdout
