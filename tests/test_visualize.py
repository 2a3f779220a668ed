from __future__ import annotations

import re
import shutil
import sys
import types
from operator import add
from pathlib import Path
from xml.etree import ElementTree

import pytest
import raskt
from _schedulers import Numbers
from raskt import _native
from raskt._sketch import MEASURES, value_text
from raskt._visualize import Picture

needs_graphviz = pytest.mark.skipif(
    shutil.which("dot") is None, reason="Graphviz is not installed"
)

NODE = re.compile(r'(\d+) \[label="(.*?)", shape=(\w+)(.*)\];')
FILL = re.compile(r'fillcolor="(#\w{6})"')


@raskt.delayed(pure=True)
def inc(x):
    return x + 1


@raskt.delayed(pure=True)
def plus(x, y):
    return x + y


def small():
    return plus(inc(1), inc(2))


class Graph:
    """A picture as Graphviz text, read back."""

    def __init__(self, *args, **kwargs):
        picture = raskt.visualize(*args, filename=None, format="dot", **kwargs)
        self.text = picture.data.decode()
        found = NODE.findall(self.text)
        self.labels = [label for _, label, *_ in found]
        self.shapes = [shape for *_, shape, _ in found]
        self.fills = [FILL.findall(more) for *_, more in found]
        names = [label or shape for _, label, shape, _ in found]
        ends = re.findall(r"(\d+) -> (\d+);", self.text)
        self.edges = sorted((names[int(a)], names[int(b)]) for a, b in ends)

    def of(self, shape):
        labels = zip(self.labels, self.shapes, strict=True)
        return sorted(label for label, its_shape in labels if its_shape == shape)


# --- what is drawn ------------------------------------------------------------------


def test_functions_are_circles_and_their_results_are_boxes():
    graph = Graph(small())
    assert graph.of("circle") == ["inc", "inc", "plus"]
    assert graph.of("box") == ["", "", ""]
    assert graph.edges == [
        ("box", "plus"),
        ("box", "plus"),
        ("inc", "box"),
        ("inc", "box"),
        ("plus", "box"),
    ]


def test_boxes_of_results_can_be_left_out():
    graph = Graph(small(), collapse_outputs=True)
    assert graph.shapes == ["circle"] * 3
    assert graph.edges == [("inc", "plus"), ("inc", "plus")]


def test_keys_are_shown_when_asked_for():
    values = [raskt.delayed(abs)(-1, dask_key_name="named"), inc(1), inc(2)]
    graph = Graph(values, Numbers.of("x", 1), verbose=True)
    assert set(graph.of("box")) == {"named", "inc-#0", "inc-#1", "(x, 0)"}


def test_parts_of_collections_have_their_index():
    chunks = {("x", 0, 1): (add, 1, 2), ("x", 0, 0): (add, ("x", 0, 1), 2)}
    graph = Graph(Numbers(chunks, [("x", 0, 0)]))
    assert graph.of("circle") == ["add", "add"]
    assert graph.edges == [("0, 1", "add"), ("add", "0, 0"), ("add", "0, 1")]


def test_generated_keys_name_the_task():
    key = "sum-of-words-0123456789abcdef0123456789abcdef"
    graph = Graph(
        Numbers(
            {(key, 0): (add, 1, 2), ("plain", 1): (add, 1, (key, 0))}, [("plain", 1)]
        )
    )
    assert graph.of("circle") == ["add", "sum-of-words"]


def test_data_is_shown_by_its_value_if_small():
    data = [raskt.delayed(value) for value in ([1, 2], "text", list(range(99)))]
    assert Graph(data).of("box") == ["'text'", "[1, 2]", "list of 99"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (-1.5, "-1.5"),
        ("x" * 1000, "'" + "x" * 22 + "…"),
        ({"a": 1}, "{'a': 1}"),
        ([[1]], "list of 1"),
        ((), "()"),
        (object(), "object"),
        ({1: "y" * 50}, "dict of 1"),
    ],
)
def test_value_text(value, text):
    assert value_text(value) == text


def test_objects_are_not_asked_for_their_text():
    class Costly:
        def __repr__(self):
            raise AssertionError("this would take long")

    assert value_text(Costly()) == "Costly"
    assert value_text([Costly()]) == "list of 1"


def test_aliases_are_boxes_alone():
    graph = Graph(Numbers({"x": (add, 1, 2), "y": "x"}, ["y"]), verbose=True)
    assert graph.edges == [("add", "x"), ("x", "y")]


def test_a_function_may_be_called_alias():
    def alias(x):
        return x

    lazy = raskt.delayed(alias)(inc(1))
    assert Graph(lazy).of("circle") == ["alias", "inc"]


def test_an_input_used_twice_is_one_arrow():
    x = inc(1)
    assert Graph(plus(x, x)).edges.count(("box", "plus")) == 1


def test_collections_are_drawn_together_and_the_rest_is_ignored():
    x = inc(1)
    graph = Graph(plus(x, 1), 5, {"inside": [plus(x, 2)]})
    assert graph.of("circle") == ["inc", "plus", "plus"]


def test_containers_are_not_searched_if_not_traversed():
    assert Graph([inc(1)], traverse=False).labels == []


def test_the_graph_can_be_optimized_first():
    chain = inc(inc(inc(raskt.delayed([1]))))
    with raskt.config.set({"optimization.fuse.delayed": True}):
        assert len(Graph(chain).of("circle")) == 3
        assert len(Graph(chain, optimize_graph=True).of("circle")) == 1


def test_custom_collections_are_optimized_their_way():
    class Culled(Numbers):
        @staticmethod
        def __dask_optimize__(graph, keys):
            return {"z": (add, 1, 1)}

    lazy = Culled({"x": (add, 1, 2), "z": (add, "x", 1)}, ["z"])
    assert len(Graph(lazy).of("circle")) == 2
    assert len(Graph(lazy, optimize_graph=True).of("circle")) == 1


# --- colours ------------------------------------------------------------------------


def test_order_is_shown_by_number_and_colour():
    graph = Graph(small(), color="order", collapse_outputs=True)
    assert graph.labels == [r"inc\n0", r"inc\n1", r"plus\n2"]
    first, middle, last = (fill for [fill] in graph.fills)
    assert (first, last) == ("#440154", "#fde725")
    assert middle not in (first, last)


@pytest.mark.parametrize(
    ("color", "numbers"),
    [
        # Two results are held when `plus` runs, which lets both go.
        ("ages", [2, 1, 0]),
        ("freed", [0, 0, 2]),
        ("memoryincreases", [2, 1, 0]),
        ("memorydecreases", [0, 0, 0]),
        ("memorypressure", [0, 1, 2]),
    ],
)
def test_measures(color, numbers):
    graph = Graph(small(), color=color, collapse_outputs=True)
    assert [int(label.split(r"\n")[1]) for label in graph.labels] == numbers


def test_no_colours_by_default():
    assert Graph(small()).fills == [[]] * 6


def test_maxval_has_the_last_colour():
    graph = Graph(small(), color="order", maxval=1, collapse_outputs=True)
    assert graph.fills[1] == graph.fills[2] == ["#fde725"]


def test_a_function_may_choose_colours():
    graph = Graph(small(), color="order", cmap=lambda x: (x, 0, 1 - x, 1))
    assert graph.fills[0] == ["#0000ff"]
    assert graph.fills[-1] == ["#ff0000"]


def test_colour_maps_are_found_whatever_their_case():
    fills = [
        Graph(small(), color="order", cmap=name).fills for name in ("plasma", "Plasma")
    ]
    assert fills[0] == fills[1] != Graph(small(), color="order").fills


def test_unknown_colours_are_errors():
    with pytest.raises(ValueError, match="'rainbow'.*'order'.*'ages'"):
        Graph(small(), color="rainbow")
    with pytest.raises(ValueError, match=r"'no such map'.*Viridis"):
        Graph(small(), color="order", cmap="no such map")


def test_every_measure_draws_an_empty_graph():
    for color in MEASURES:
        assert Graph(1, color=color).labels == []


# --- files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "format", "target"),
    [
        ("plain", None, "plain.png"),
        ("plain", "svg", "plain.svg"),
        ("plain", "dot", "plain.dot"),
        ("picture.svg", None, "picture.svg"),
        ("picture.png", "png", "picture.png"),
        ("picture.pdf", "svg", "picture.pdf.svg"),
        ("picture.pdf.svg", None, "picture.pdf.svg"),
        ("version1.2", None, "version1.2.png"),
        pytest.param("picture.pdf", None, "picture.pdf", marks=needs_graphviz),
        pytest.param("$(touch x)", "jpeg", "$(touch x).jpeg", marks=needs_graphviz),
    ],
)
def test_files_and_formats(tmp_path, monkeypatch, filename, format, target):
    monkeypatch.chdir(tmp_path)
    result = small().visualize(filename=filename, format=format)
    assert result == Path(target)
    assert [path.name for path in tmp_path.iterdir()] == [target]
    starts = {
        ".png": b"\x89PNG\r\n",
        ".svg": b"<svg",
        ".dot": b"digraph",
        ".pdf": b"%PDF",
        ".jpeg": b"\xff\xd8",
    }
    assert Path(target).read_bytes().startswith(starts[Path(target).suffix])


def test_the_default_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert raskt.visualize(small()) == Path("mydask.png")
    assert Path("mydask.png").exists()


def test_an_svg_is_well_formed_whatever_the_labels():
    picture = raskt.visualize(
        [raskt.delayed("<&>\"'é"), raskt.delayed("\x00\x1b")],
        filename=None,
        format="svg",
    )
    texts = ElementTree.fromstring(picture.data).itertext()
    assert any("<&>" in text for text in texts)


@pytest.mark.parametrize("format", [None, "svg", "dot"])
def test_no_file(tmp_path, monkeypatch, format):
    monkeypatch.chdir(tmp_path)
    picture = small().visualize(filename=None, format=format)
    assert isinstance(picture, Picture)
    assert list(tmp_path.iterdir()) == []
    assert bytes(picture) == picture.data
    shown = {"png": picture._repr_png_(), "svg": picture._repr_svg_()}
    assert [name for name, data in shown.items() if data] == (
        [picture.format] if picture.format != "dot" else []
    )
    picture.save("saved")
    assert Path("saved").read_bytes() == picture.data


@pytest.mark.parametrize(
    ("rankdir", "above", "left"),
    [("BT", False, None), ("TB", True, None), ("LR", None, True), ("RL", None, False)],
)
def test_directions(rankdir, above, left):
    picture = raskt.visualize(
        inc(1), filename=None, format="svg", rankdir=rankdir, color="order"
    )
    root = ElementTree.fromstring(picture.data)
    circle = next(e for e in root.iter() if e.tag.endswith("ellipse"))
    box = [e for e in root.iter() if e.tag.endswith("rect")][-1]
    x, y = float(circle.get("cx")), float(circle.get("cy"))
    if above is not None:
        assert (y < float(box.get("y"))) == above
    else:
        assert (x < float(box.get("x"))) == left


def test_an_unknown_direction_is_an_error():
    with pytest.raises(ValueError, match="UP.*BT"):
        Graph(small(), rankdir="UP")


def test_unknown_keywords_are_errors():
    with pytest.raises(TypeError, match="colour"):
        raskt.visualize(small(), colour="order")


# --- engines ------------------------------------------------------------------------


def test_unknown_engines_are_errors():
    with pytest.raises(ValueError, match=r"not-real.*graphviz"):
        raskt.visualize(small(), engine="not-real")
    with (
        raskt.config.set({"visualization.engine": "cytoscape"}),
        pytest.raises(ValueError, match="cytoscape"),
    ):
        raskt.visualize(small(), filename=None)


@needs_graphviz
def test_graphviz_can_draw():
    own = small().visualize(filename=None, format="svg")
    with raskt.config.set({"visualization.engine": "graphviz"}):
        other = small().visualize(filename=None, format="svg")
    assert b"generated by graphviz" in other.data.lower()
    assert b"graphviz" not in own.data.lower()


@needs_graphviz
def test_attributes_of_graphviz():
    attributes = {
        "node_attr": {"color": "#123456"},
        "edge_attr": {"color": "#654321"},
        "graph_attr": {"label": "the title"},
    }
    picture = small().visualize(filename=None, format="svg", **attributes)
    text = picture._repr_svg_()
    assert "#123456" in text
    assert "#654321" in text
    assert "the title" in text


@needs_graphviz
def test_an_unknown_format_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="nonsense"):
        small().visualize(filename=tmp_path / "x", format="nonsense")
    assert list(tmp_path.iterdir()) == []


def test_missing_graphviz_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for kwargs in ({"format": "pdf"}, {"engine": "graphviz"}, {"node_attr": {"a": 1}}):
        with pytest.raises(RuntimeError, match="install Graphviz"):
            small().visualize(filename=None, **kwargs)
    assert Graph(small(), engine="graphviz").shapes


# --- notebooks ----------------------------------------------------------------------


@pytest.fixture
def notebook(monkeypatch):
    """Pretend to run in a notebook."""
    shell = types.SimpleNamespace(kernel=object())
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: shell
    display = types.ModuleType("IPython.display")
    display.Image = type("Image", (), {"__init__": lambda self, data: None})
    display.SVG = type("SVG", (), {"__init__": lambda self, data: None})
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return display


def test_notebooks_get_pictures(notebook, tmp_path):
    png, svg, dot = (
        small().visualize(filename=tmp_path / "x", format=format)
        for format in ("png", "svg", "dot")
    )
    assert isinstance(png, notebook.Image)
    assert isinstance(svg, notebook.SVG)
    assert dot == tmp_path / "x.dot"


# --- the native part ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "edges", "problem"),
    [
        ([("x", "star", None, "")], [], "star"),
        ([("x", "box", "reddish", "")], [], "reddish"),
        ([("x", "box", None, "")], [(0, 1)], "node 1"),
        ([("x", "box", None, "")] * 2, [(0, 1), (1, 0)], "cycle"),
    ],
)
def test_what_cannot_be_drawn_is_an_error(nodes, edges, problem):
    with pytest.raises(ValueError, match=problem):
        _native.draw(nodes, edges, "BT", "svg")


def test_a_large_graph_is_drawn():
    values = [inc(i) for i in range(1000)]
    while len(values) > 1:
        values = [plus(*values[i : i + 2]) for i in range(0, len(values) - 1, 2)] + (
            values[-1:] if len(values) % 2 else []
        )
    picture = values[0].visualize(filename=None)
    assert picture.data.startswith(b"\x89PNG")
