from __future__ import annotations

import contextlib
import re
import sys
import types
from functools import partial
from operator import add, mul

import pytest
from diagnostics_helpers import GRAPH, Page, page_data
from raskt.diagnostics import (
    CacheProfiler,
    Profiler,
    ProgressBar,
    ResourceProfiler,
    _marks,
    visualize,
)
from raskt.diagnostics._colors import assign_colors, resolve_palette
from raskt.diagnostics._svg import nice_ticks, quantity
from raskt.diagnostics.profile import CacheData, TaskData
from raskt.threaded import get as get_threaded


def profiled(*profilers):
    with contextlib.ExitStack() as stack:
        for prof in profilers:
            stack.enter_context(prof)
        get_threaded(GRAPH, "e")
    return list(profilers)


def draw(profilers, **kwargs):
    return visualize(profilers, show=False, save=False, **kwargs)


def made(count, seconds=1.0, workers=1, functions=(add,)):
    """Return a profiler with tasks one after the other on each worker."""
    prof = Profiler()
    each = count // workers
    prof.results = [
        TaskData((f"key-{w}", i), (functions[i % len(functions)],), i * step, end, w)
        for step in [seconds / each]
        for w in range(workers)
        for i in range(each)
        for end in [(i + 1) * step]
    ]
    return prof


def test_page_of_all_profilers():
    page = draw(profiled(Profiler(), ResourceProfiler(dt=0.01), CacheProfiler()))
    tree = Page(page.html)
    titles = [p["aria-label"] for tag, p in tree.elements if tag == "svg"]
    assert titles == ["Tasks", "CPU", "Memory", "Results held (count)"]
    data = page_data(page)
    tasks, cpu, memory, held = data["panels"]
    assert sorted(bar[0] for bar in tasks["bars"]) == ["c", "d", "e"]
    assert set(tasks["functions"]) == set(held["functions"]) == {"add", "mul"}
    assert cpu["unit"] == "%"
    assert memory["series"][0][0] > 5
    assert max(map(sum, zip(*held["series"], strict=True))) == 2
    # A tip of the script belongs to each bar, in the same order.
    assert tree.count("rect") == len(tasks["bars"]) == 3


def test_page_needs_nothing_from_outside():
    html = draw(profiled(Profiler(), ResourceProfiler(dt=0.01))).html
    tree = Page(html)
    links = {"src", "href", "xlink:href", "data", "action", "srcset"}
    assert not any(links & set(attributes) for _, attributes in tree.elements)
    assert not re.search(r"https?:|@import|url\(|fetch\(|import\(", html)
    policy = next(p["content"] for _, p in tree.elements if "http-equiv" in p)
    assert policy.startswith("default-src 'none';")


def test_page_allows_its_own_script_only():
    import base64
    import hashlib

    tree = Page(draw(profiled(Profiler())).html)
    policy = next(p["content"] for _, p in tree.elements if "http-equiv" in p)
    digest = hashlib.sha256(tree.texts["script", None].encode()).digest()
    allowed = f"script-src 'sha256-{base64.b64encode(digest).decode()}'"
    assert policy.endswith(allowed)


def test_names_are_escaped():
    evil = "</script><script>alert(1)</script><!--<img src=x onerror='a()'>\"&\udcff"

    def function():
        pass

    function.__name__ = evil
    prof = Profiler()
    prof.results = [TaskData(evil, (function,), 0.0, 1.0, evil)]
    held = CacheProfiler(metric_name=evil)
    held.results = [CacheData(evil, (function,), 1, 0.0, 1.0)]
    page = draw([prof, held], title=evil, label_size=200)
    tree = Page(page.html)
    assert tree.count("script") == 2
    assert tree.count("img") == 0
    assert tree.texts["title", None] == evil.replace("\udcff", "?")
    shown = page_data(page)["panels"][0]
    assert shown["bars"][0][0] == evil
    assert page.html.encode("utf-8")


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ((add, 1, 2), "add"),
        ((partial(add, 1), 2), "add"),
        (types.SimpleNamespace(func=mul), "mul"),
        ((lambda: 1,), "group"),
        (types.SimpleNamespace(func=lambda: 1), "group"),
        ("alias", "group"),
    ],
)
def test_function_name(task, name):
    assert _marks.function_name(("group-0123456789abcdef", 1), task, 60) == name


def test_long_names_are_cut():
    key = ("n" * 500, 1)
    assert _marks.function_name(key, None, 10) == "n" * 9 + "…"
    prof = Profiler()
    prof.results = [TaskData(key, None, 0.0, 1.0, 1)]
    assert len(page_data(draw(prof))["panels"][0]["bars"][0][0]) == 200


def test_many_tasks_are_merged():
    prof = made(100_000, workers=4, functions=(add, mul, mul))
    prof.results.append(TaskData("long", (add,), 0.25, 0.75, 99))
    page = draw(prof)
    tree = Page(page.html)
    bars = page_data(page)["panels"][0]["bars"]
    assert tree.count("rect") == len(bars) <= _marks.BARS_MAX
    assert sum(bar[4] for bar in bars) == 100_001
    assert sum(bar[5] for bar in bars) == pytest.approx(4.5, rel=1e-3)
    # The long one is still there, alone.
    assert ["long", 4, 0.25, 0.75, 1, 0.5] in bars
    assert "drawn as one bar" in page.html
    assert len(page.html) < 3e6


def test_few_tasks_are_not_merged():
    page = draw(made(1000, workers=4))
    assert all(bar[4] == 1 for bar in page_data(page)["panels"][0]["bars"])
    assert "drawn as one bar" not in page.html


def test_merged_bars_have_the_function_that_took_most():
    bars = [
        _marks.Bar("a", "add", 0, 0, 0.0, 0.1, 1, 0.1),
        _marks.Bar("b", "mul", 0, 0, 0.1, 0.4, 1, 0.3),
        _marks.Bar("c", "add", 0, 0, 0.4, 0.5, 1, 0.1),
        _marks.Bar("d", "mul", 1, 0, 0.0, 0.9, 1, 0.9),
    ]
    merged, columns = _marks.merge_bars(bars, 0.0, 1.0, limit=3)
    assert columns == 1
    assert merged == [
        _marks.Bar("3 tasks: mul, add", "mul", 0, 0, 0.0, 0.5, 3, 0.5),
        _marks.Bar("d", "mul", 1, 0, 0.0, 0.9, 1, 0.9),
    ]


@pytest.mark.parametrize(
    ("spans", "lanes"),
    [
        ([(0, 1), (1, 2), (2, 3)], [0, 0, 0]),
        ([(0, 3), (0, 3), (0, 3), (3, 4)], [0, 1, 2, 0]),
        ([(0, 10), (9, 20)], [0, 0]),  # handing over
        ([(i, i + 1) for i in range(50)] + [(49.1, 49.9)], [0] * 51),  # one of many
    ],
)
def test_overlapping_tasks_have_lanes(spans, lanes):
    assert _marks.assign_lanes(spans) == lanes


def test_overlapping_bars_of_a_worker_are_apart():
    prof = Profiler()
    prof.results = [TaskData(i, (add,), 0.0, 1.0, "w") for i in range(3)]
    rects = [p for tag, p in Page(draw(prof).html).elements if tag == "rect"]
    edges = sorted((float(p["y"]), float(p["height"])) for p in rects)
    for (y, height), (below, _) in zip(edges, edges[1:], strict=False):
        assert y + height <= below + 0.11


def test_held_amounts_are_summed_by_function():
    held = _marks.held(
        [
            CacheData("a", (add,), 10, 0.0, 2.0),
            CacheData("b", (add,), 5, 1.0, 3.0),
            CacheData("c", (mul,), 1, 2.0, 3.0),
        ],
        "bytes",
        60,
    )
    assert held.times == [0.0, 1.0, 2.0, 3.0]
    assert held.values == {"add": [10, 15, 5, 0], "mul": [0, 0, 1, 0]}
    assert held.totals == [10, 15, 6, 0]


def test_held_amounts_of_many_functions_keep_the_total():
    results = [
        CacheData(f"f{i % 30}-0123456789abcdef", None, 1, i * 1.0, i + 100.0)
        for i in range(5000)
    ]
    held = _marks.held(results, "count", 60)
    assert len(held.values) == _marks.AREAS_MAX
    assert len(held.times) <= _marks.POINTS_MAX
    assert max(held.totals) == 100
    assert held.totals[-1] == 0
    prof = CacheProfiler()
    prof.results = results
    assert page_data(draw(prof))["panels"][0]["functions"][-1] == "other"


def test_thinned_points_keep_the_peak():
    values = [0.0] * 100_000
    values[54_321] = 9.0
    picked = _marks.pick_points(range(100_000), values)
    assert len(picked) <= _marks.POINTS_MAX
    assert 54_321 in picked
    assert picked == sorted(picked)
    assert picked[-1] == 99_999


@pytest.mark.parametrize("results", [[], [(1.0, 0, 0)], [(1.0, 5, 0), (2.0, 6, 120)]])
def test_page_of_few_samples(results):
    prof = ResourceProfiler(dt=0.01)
    prof.results = results
    data = page_data(draw(prof))
    assert [len(panel["times"]) for panel in data["panels"]] == [len(results)] * 2
    assert data["span"] == 1.0


@pytest.mark.parametrize("make", [Profiler, ResourceProfiler, CacheProfiler])
def test_page_of_nothing(make):
    html = draw(make()).html
    assert html.count("Nothing was recorded.") == html.count("<svg") >= 1


def test_curves_break_where_nothing_was_recorded():
    prof = ResourceProfiler()
    prof.results = [(t, 1.0, 1.0) for t in (0.0, 1.0, 2.0, 50.0, 51.0)]
    curves = re.findall(r'class="curve cpu" d="M([^"]*)H', draw(prof).html)
    assert [len(curve.split()) // 2 for curve in curves] == [3, 2]


def test_colors_depend_on_the_name():
    colors = resolve_palette("Hues")
    names = [f"function_{i}" for i in range(len(colors))]
    chosen = assign_colors(names, colors)
    assert len(set(chosen.values())) == len(colors)
    assert assign_colors(reversed(names), colors) == chosen
    alone = {name: assign_colors([name], colors)[name] for name in names}
    pair = assign_colors(["add", "mul"], colors)
    assert pair == {n: assign_colors([n], colors)[n] for n in pair}
    assert len(set(alone.values())) > len(colors) / 3
    # More names than colours: some share one.
    assert set(assign_colors(map(str, range(100)), colors).values()) <= set(colors)


def test_palettes():
    viridis = resolve_palette("Viridis")
    assert viridis[0] == "#440154"
    assert viridis[-1] == "#fde725"
    assert resolve_palette(["teal", "#abc"]) == ["teal", "#abc"]
    with pytest.raises(ValueError, match="unknown palette 'Nope'.*Viridis"):
        resolve_palette("Nope")
    for wrong in ["red; } body { display: none", "url(x)", "#12", 5]:
        with pytest.raises(ValueError, match="colours"):
            resolve_palette([wrong])
    assert ".c0 { fill: teal;" in draw(made(1), palette=["teal"]).html


def test_plot_keywords():
    page = draw(
        made(10), title="Mine", width=500, plot_height=300, tools="hover,xpan,save"
    )
    assert "<h1>Mine</h1>" in page.html
    assert "max-width: 500px" in page.html
    assert page_data(page)["tools"] == ["hover", "pan"]
    (svg,) = (p for tag, p in Page(page.html).elements if tag == "svg")
    assert svg["height"] == "300"


@pytest.mark.parametrize("make", [Profiler, ResourceProfiler, CacheProfiler])
def test_unknown_keyword(make):
    with pytest.raises(AttributeError, match="foo_bar"):
        make().visualize(foo_bar="fake")


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="no profiler"):
        draw([])
    with pytest.raises(TypeError, match="ProgressBar"):
        draw([ProgressBar()])


def test_file_path_is_deprecated(tmp_path):
    path = tmp_path / "old.html"
    with pytest.warns(FutureWarning, match="file_path keyword argument is deprecated"):
        made(3).visualize(show=False, file_path=path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.fixture
def browser(monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    return opened


def test_saved_and_opened(browser, tmp_path):
    path = tmp_path / "a profile.html"
    page = made(3).visualize(filename=path, mode="inline")
    assert browser == [path.as_uri()]
    assert path.read_text(encoding="utf-8") == page.html
    assert repr(str(path)) in repr(page)


def test_opened_without_being_saved(browser, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made(3).visualize(save=False)
    (path,) = tmp_path.iterdir()
    assert browser == [path.as_uri()]


@pytest.fixture
def notebook(monkeypatch):
    shown = []
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.HTML = str
    ipython.display.display = shown.append
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    return shown


def test_shown_in_a_notebook(notebook, browser, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = made(3).visualize()
    assert not browser
    assert not list(tmp_path.iterdir())
    (frame,) = notebook
    (inner,) = (p for tag, p in Page(frame).elements if tag == "iframe")
    assert inner["srcdoc"] == page.html
    assert inner["sandbox"] == "allow-scripts"
    # Not a second time as the value of the cell.
    assert page._repr_html_() is None
    quiet = made(3).visualize(show=False, save=True)
    assert (tmp_path / "profile.html").exists()
    assert "<iframe" in quiet._repr_html_()


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]),
        (10, [0, 2.5, 5, 7.5, 10]),
        (101, [0, 50, 100, 150]),
        (3, [0, 1, 2, 3]),
    ],
)
def test_nice_ticks(highest, ticks):
    assert nice_ticks(highest) == ticks


@pytest.mark.parametrize("highest", [1e-9, 0.7, 1, 99.9, 123456, 8e15])
def test_nice_ticks_reach_the_highest(highest):
    ticks = nice_ticks(highest)
    assert ticks[0] == 0
    assert ticks[-1] >= highest * 0.999
    assert ticks[-2] < highest
    assert 3 <= len(ticks) <= 7


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (50, "%", "50 %"),
        (512, "MB", "512 MB"),
        (2500, "MB", "2.5 GB"),
        (87_840_000, "", "87.84 M"),
        (3, "", "3"),
    ],
)
def test_quantity(value, unit, text):
    assert quantity(value, unit) == text
