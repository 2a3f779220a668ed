"""Draw what profilers recorded as a page for the browser or the notebook."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from raskt.diagnostics import _html, _marks, _summary, _svg
from raskt.diagnostics._colors import assign_colors, resolve_palette
from raskt.diagnostics._page import ProfilePage, in_notebook
from raskt.diagnostics.profile import CacheProfiler, Profiler, ResourceProfiler

__all__ = ["ProfilePage", "visualize"]

TOOLS = ("hover", "pan", "wheel_zoom", "reset")


def visualize(
    profilers: Any,
    filename: str | os.PathLike[str] = "profile.html",
    show: bool = True,
    save: bool | None = None,
    mode: str | None = None,
    **kwargs: Any,
) -> ProfilePage:
    """Draw the results of profilers, one below the other on the same axis of time.

    Parameters
    ----------
    profilers : profiler or list of profilers
        Any of `Profiler`, `ResourceProfiler` and `CacheProfiler`.
    filename : path, optional
        Where to write the page.
    show : bool, optional
        Open the page in a browser; in a notebook, show it there.
    save : bool, optional
        Write the file. By default it is written except in a notebook.
    mode : str, optional
        Without effect: the page always holds all that it needs.
    **kwargs
        ``title``; ``width`` of the page and ``height`` of each plot in pixels;
        ``palette``, a name such as ``"Viridis"`` or a list of colours; ``label_size``,
        how long names of functions may be; ``tools``, those of ``"hover"``, ``"pan"``,
        ``"wheel_zoom"`` and ``"reset"`` that are wanted.

    Returns
    -------
    ProfilePage
        The page, which may be saved once more.

    Raises
    ------
    AttributeError
        If there is no such keyword.

    Examples
    --------
    >>> from operator import add, mul
    >>> from raskt.diagnostics import CacheProfiler, Profiler, visualize
    >>> from raskt.threaded import get
    >>> with Profiler() as prof, CacheProfiler() as cprof:
    ...     get({"x": 1, "y": (add, "x", 10), "z": (mul, "y", 2)}, "z")
    22
    >>> page = visualize([prof, cprof], show=False, save=False, title="A first look")
    >>> "A first look" in page.html
    True
    """
    if "file_path" in kwargs:
        warnings.warn(
            "The file_path keyword argument is deprecated, use filename instead.",
            FutureWarning,
            stacklevel=2,
        )
        filename = kwargs.pop("file_path")
    options = PlotOptions.from_keywords(kwargs)
    page = _build(
        list(profilers) if isinstance(profilers, Sequence) else [profilers], options
    )
    notebook = in_notebook()
    if save or (save is None and not notebook):
        page.save(filename)
    if show and notebook:
        page.display()
    elif show:
        page.open()
    return page


@dataclass(frozen=True)
class PlotOptions:
    """The keywords of `visualize` that concern the picture."""

    title: str = "Profile"
    width: int | None = None
    height: int | None = None
    palette: str | Sequence[str] = "Hues"
    label_size: int = 60
    tools: str | Sequence[str] = TOOLS

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Any]) -> Self:
        """Check the names of keywords."""
        known = [field.name for field in fields(cls)]
        # Older programs say plot_width and plot_height.
        renamed = {name.removeprefix("plot_"): keywords[name] for name in keywords}
        unknown = [name for name in keywords if name.removeprefix("plot_") not in known]
        if unknown:
            raise AttributeError(
                f"unexpected keyword {unknown[0]!r}: a plot has {', '.join(known)}"
            )
        return cls(**renamed)

    def active_tools(self) -> list[str]:
        """Return the wanted tools; ``"xpan"`` is ``"pan"``, others are not offered."""
        tools = self.tools.split(",") if isinstance(self.tools, str) else self.tools
        wanted = {tool.strip().removeprefix("x") for tool in tools}
        return [tool for tool in TOOLS if tool in wanted]


def _build(profilers: Sequence[Any], options: PlotOptions) -> ProfilePage:
    if not profilers:
        raise ValueError("there is no profiler to draw")
    recorded = [_prepare(profiler, options.label_size) for profiler in profilers]
    start, end = _time_range(profilers)
    names = {name for one in recorded for name in getattr(one, "functions", ())}
    colors = assign_colors(names, resolve_palette(options.palette))
    classes = {name: f"c{number}" for number, name in enumerate(colors)}
    # What an area of many functions is called, unless there is a function named so.
    classes.setdefault(_marks.OTHER, "other")
    scene = _svg.Scene(start, end, classes, options.height)
    panels: list[_svg.Panel] = []
    tiles = [("duration", _summary.time_text(end - start))]
    rows: list[_summary.FunctionRow] = []
    for one in recorded:
        if isinstance(one, _marks.TaskRows):
            panels.append(_svg.draw_tasks(one, scene))
            tiles += _summary.task_tiles(one, end - start)
            rows += _summary.function_rows(one)
        elif isinstance(one, _marks.Held):
            panels.append(_svg.draw_held(one, scene))
            tiles += _summary.held_tiles(one)
        else:
            panels += _svg.draw_resources(one, scene)
            tiles += _summary.resource_tiles(one)
    html = _html.render_page(
        title=options.title,
        span=end - start,
        width=options.width,
        tools=options.active_tools(),
        panels=panels,
        tiles=tiles,
        functions=rows,
        colors=colors,
        classes=classes,
    )
    return ProfilePage(html, _html.page_height(panels, rows))


def _prepare(
    profiler: Any, label_size: int
) -> _marks.TaskRows | _marks.Held | _marks.Samples:
    if isinstance(profiler, Profiler):
        return _marks.task_rows(profiler.results, label_size)
    if isinstance(profiler, CacheProfiler):
        return _marks.held(profiler.results, profiler.metric_name, label_size)
    if isinstance(profiler, ResourceProfiler):
        return _marks.samples(profiler.results)
    raise TypeError(
        "only Profiler, ResourceProfiler and CacheProfiler can be drawn, "
        f"not {type(profiler).__name__}"
    )


def _time_range(profilers: Sequence[Any]) -> tuple[float, float]:
    """Return from when to when was recorded, also where results were put in later."""
    times = [
        time
        for profiler in profilers
        for time in (profiler.start_time, profiler.end_time)
        if time is not None
    ]
    for profiler in profilers:
        if isinstance(profiler, ResourceProfiler):
            times += (sample[0] for sample in profiler.results)
        elif isinstance(profiler, CacheProfiler):
            times += (time for one in profiler.results for time in one[3:5])
        else:
            times += (time for task in profiler.results for time in task[2:4])
    start, end = min(times, default=0.0), max(times, default=1.0)
    return start, end if end > start else start + 1.0
