"""Compare how many results are held at a time in our order and in Dask's.

    python benches/order.py [--worse PERCENT]

One line for each shape of graph: tasks, the most results held at a time with each
order, and the results held on average. Sizes do not count: each result is one. What
nothing uses is written and let go. Needs dask.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import dask.order
from raskt.order import diagnostics, order

# Shapes by name: each makes a dict of keys and the keys that they need.
SHAPES: dict[str, Callable[[], dict]] = {}


def shape(*sizes):
    """Add a shape, with each of the sizes."""

    def add(make):
        for size in sizes or ((),):
            args = size if isinstance(size, tuple) else (size,)
            name = " ".join([make.__name__.replace("_", " "), *map(str, args)])
            SHAPES[name] = lambda make=make, args=args: make(*args)
        return make

    return add


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worse", type=float, default=20, help="percent to point out")
    worse_than = 1 + parser.parse_args().worse / 100
    print(f"{'shape':38} tasks   peak ours dask   mean ours  dask")
    worse, better = [], 0
    for name, make in SHAPES.items():
        needs = make()
        graph = {key: (len, *deps) for key, deps in needs.items()}
        ours = diagnostics(graph, o=order(graph))[1]
        theirs = diagnostics(graph, o=dask.order.order(dict(graph)))[1]
        mean = [sum(held) / len(held) for held in (ours, theirs)]
        is_worse = max(ours) > worse_than * max(theirs)
        worse += [name] if is_worse else []
        better += max(theirs) > worse_than * max(ours)
        print(
            f"{name:38} {len(graph):5} {max(ours):11} {max(theirs):4} "
            f"{mean[0]:11.1f} {mean[1]:5.1f}{'  worse' if is_worse else ''}"
        )
    print(
        f"{len(SHAPES)} shapes; peak more than {worse_than - 1:.0%} higher in "
        f"{len(worse)}, lower in {better}"
    )
    return 0


# --- trees and chains -----------------------------------------------------------


@shape(8)
def chains(n):
    return {(i, j): [(i, j - 1)] if j else [] for i in range(n) for j in range(6)}


def tree(graph, leaves, name, split):
    """Reduce ``leaves`` by tasks of ``split`` inputs; give the last one."""
    level = 0
    while len(leaves) > 1:
        groups = [leaves[i : i + split] for i in range(0, len(leaves), split)]
        graph.update({(name, level, i): list(g) for i, g in enumerate(groups)})
        leaves = [(name, level, i) for i in range(len(groups))]
        level += 1
    return leaves[0]


@shape((64, 2), (64, 8), (50, 4))
def tree_reduction(n, split):
    graph = {("x", i): [] for i in range(n)}
    tree(graph, list(graph), "sum", split)
    return graph


@shape(16, 40)
def two_reductions_of_shared_chunks(n):
    graph = {("x", i): [] for i in range(n)}
    for name in ("a", "b"):
        graph |= {(name, i): [("x", i)] for i in range(n)}
        tree(graph, [(name, i) for i in range(n)], f"sum-{name}", 4)
    return graph


@shape(12)
def deep_and_shallow_reductions(n):
    graph = {("x", i): [] for i in range(n)} | {("y", i): [("x", i)] for i in range(n)}
    for name, steps in (("deep", 3), ("flat", 1)):
        ends = []
        for i in range(n):
            for step in range(steps):
                below = (name, i, step - 1) if step else ("y", i)
                graph[name, i, step] = [below]
            ends.append((name, i, steps - 1))
        tree(graph, ends, f"sum-{name}", 2)
    graph["end"] = [key for key in list(graph) if "sum" in key[0] and key[1] == 3]
    return graph


@shape(40)
def three_means_of_two_arrays(n):
    graph = {(name, i): [] for i in range(n) for name in "uv"}
    for name, inputs in (("uu", "u"), ("vv", "v"), ("uv", "uv")):
        graph |= {(name, i): [(x, i) for x in inputs] for i in range(n)}
        graph |= {("mean", name, i): [(name, i)] for i in range(n)}
        tree(graph, [("mean", name, i) for i in range(n)], f"all-{name}", 4)
    return graph


@shape(8)
def difference_from_the_mean(n):
    graph = {("x", i): [] for i in range(n)}
    mean = tree(graph, list(graph), "mean", 2)
    graph |= {("y", i): [("x", i), mean] for i in range(n)}
    tree(graph, [("y", i) for i in range(n)], "sum", 2)
    return graph


@shape((3, 3))
def reduction_of_neighbours(n, m):
    graph = {}
    for j in range(m):
        graph |= {("a", i, j): [] for i in range(n - 1)}
        for i in range(n):
            near = [("a", k, j) for k in (i - 1, i) if 0 <= k < n - 1]
            graph |= {("b", i, j): near, ("c", i, j): [("b", i, j)]}
    graph |= {("d", i): [("c", i, j) for j in range(m)] for i in range(n)}
    return graph


@shape((4, 5), (7, 2), (7, 5))
def rows_of_blocks_with_common_inputs(n, common):
    graph = {("common", i): [] for i in range(common)}
    needs = list(graph)
    graph |= {("x", i, j): needs for i in range(n) for j in range(n)}
    graph |= {("sum", i): [("x", i, j) for j in range(n)] for i in range(n)}
    return graph


@shape(8)
def pairs_with_one_common_input(n):
    graph = {"b": []} | {("a", i): [] for i in range(n)}
    for i in range(n):
        graph |= {("d", i): [("a", i), "b"], ("e", i): [("d", i), "b"]}
    return graph | {("sum", i): [("e", i)] for i in range(n)}


# --- small, one decision each ---------------------------------------------------


@shape()
def broker_nodes():
    return {"a0": [], "a1": [], "b0": ["a0"], "b1": ["a1"], "b2": ["a1"]}


@shape(4, 12)
def staircase_over_one_root(n):
    graph = {"c": []} | {("b", i): ["c"] for i in range(n)}
    graph |= {("a", i): [("a", i - 1), ("b", i)] for i in range(1, n)}
    return graph | {("a", 0): [("b", 0)]}


@shape()
def upwards_branching():
    chain = {"a1": ["a2"], "a2": ["a3"], "a3": ["b1", "c1"], "b1": ["b2"], "b2": []}
    return chain | {"c1": ["c2"], "c2": ["c3"], "c3": [], "d1": ["c1"]}


@shape()
def upwards_branching_on_both_sides():
    graph = upwards_branching() | {"d2": ["d1"], "d3": ["d1"]}
    return graph | {"e1": ["b1"], "e2": ["e1"]}


@shape()
def deep_bases():
    return {"a": ["b", "c", "d"], "b": ["d", "e"], "c": ["d"], "d": [], "e": []}


@shape()
def small_sections():
    graph = {"a": [], "c": [], "e": [], "cc": [], "b": ["a", "c"], "d": ["c", "e"]}
    return graph | {"bb": ["cc"], "aa": ["d", "bb"], "dd": ["cc"]}


@shape(3, 10)
def local_parents_of_a_reduction(n):
    graph = {}
    for i in range(n):
        graph |= {("x", i, 3): [], ("x", i, 1): [("x", i, 2)]}
        graph["x", i, 2] = [("x", i, 3)] + ([("x", i - 1, 2)] if i else [])
    return graph


@shape(4)
def short_ancestors(n):
    graph = {"ab": [], ("c", 0): []}
    for i in range(n):
        graph |= {("a", i): ["ab"], ("b", i): ["ab"]}
        graph["c", i + 1] = [("c", i), ("a", i), ("b", i)]
    return graph


@shape(10)
def running_total_of_dependents(n):
    graph = {"a": [], "b": [], "c": [], ("d", 0): ["a", "b", "c"]}
    for i in range(1, n):
        graph |= {("b", i): ["b"], ("c", i): ["c"]}
        graph["d", i] = [("d", i - 1), ("b", i), ("c", i)]
    return graph


@shape()
def many_branches():
    graph = {"a0": [], "a1": ["a0"], "a2": ["a1"], "b1": ["a0"], "b2": ["b1"]}
    graph["c1"] = ["a0"]
    for x in ("d", "e"):
        graph |= {x + "1": ["a0"], x + "2": [x + "1"]}
        graph |= {x + x + "1": ["a0"], x + x + "2": [x + x + "1"]}
        graph[x + x + "3"] = [x + "2", x + x + "2"]
    return graph | {"a3": ["a2", "b2", "c1", "dd3", "ee3"]}


@shape()
def two_halves_of_a_store():
    graph = {("a", i): [] for i in range(6)}
    for i, first in enumerate((0, 1, 3, 4)):
        graph |= {("b", i): [("a", first), ("a", first + 1)], ("s", i): [("b", i)]}
    return graph | {"store": [("s", i) for i in range(4)]}


# --- neighbours -----------------------------------------------------------------


@shape(4, 20)
def nearest_neighbours(n):
    graph = {("b", i): [] for i in range(n)}
    for i in range(n):
        graph |= {("a", i, 0): [("b", i)], ("a", i, 1): [("b", i)]}
        graph["a", i, 2] = [("b", i), ("b", min(i + 1, n - 1))]
    return graph


@shape(10, 50)
def sliding_window(n):
    graph = {("a", (7 * i) % n): [] for i in range(n)}
    for i in range(n):
        graph["b", i] = [("a", (7 * k) % n) for k in range(max(0, i - 2), i + 1)]
    return graph


@shape(5, 30)
def map_overlap(n):
    graph = {("e", i): [] for i in range(n)} | {("d", i): [("e", i)] for i in range(n)}
    for name, below in (("c", "d"), ("b", "c")):
        for i in range(n):
            near = range(max(0, i - 1), min(n, i + 2))
            graph[name, i] = [(below, k) for k in near]
    return graph


@shape(3, 6)
def second_differences_of_blocks(n):
    graph = {("a", i, j): [] for i in range(n) for j in range(n)}
    for i in range(n):
        for j in range(n):
            here, there = ("a", i, j), ("a", (i + 1) % n, j)
            graph |= {("b", i, j): [here], ("c", i, j): [there]}
            graph |= {("d", i, j): [("b", i, j), ("c", i, j)]}
            graph |= {("e", i, j): [("d", i, j)]}
    return graph | {"end": [("e", i, j) for i in range(n) for j in range(n)]}


@shape(8)
def grid_stencil(n):
    graph = {("x", 0, i): [] for i in range(n)}
    for t in range(1, n):
        for i in range(n):
            near = range(max(0, i - 1), min(n, i + 2))
            graph["x", t, i] = [("x", t - 1, k) for k in near]
    return graph


# --- everything with everything -------------------------------------------------


@shape(4)
def crossed_pairs(n):
    graph = {}
    for x in range(n):
        graph |= {("x", x): [], ("y", x): [("x", x)]}
        graph |= {("x2", x): [("x", x)], ("y2", x): [("y", x)]}
        for y in range(n):
            graph |= {(3, x, y): [("x2", x), ("y2", y)], (4, x, y): [(3, x, y)]}
            for k in (0, 1):
                graph |= {(5, x, y, k): [(4, x, y)], (6, x, y, k): [(5, x, y, k)]}
    return graph


@shape(6)
def matrix_product(n):
    every = range(n)
    graph = {(x, i, j): [] for x in "ab" for i in every for j in every}
    for i in every:
        for j in every:
            for k in every:
                graph["ab", i, j, k] = [("a", i, k), ("b", k, j)]
            tree(graph, [("ab", i, j, k) for k in every], f"sum-{i}-{j}", 4)
    return graph


@shape(10)
def shuffle(n):
    every = range(n)
    graph = {("in", i): [] for i in every} | {("split", i): [("in", i)] for i in every}
    graph |= {("get", i, j): [("split", i)] for i in every for j in every}
    graph |= {("out", j): [("get", i, j) for i in every] for j in every}
    return graph


@shape((12, 3))
def rechunk_and_reduce(n, split):
    graph = {("in", i): [] for i in range(n)}
    pieces = n * split
    for piece in range(pieces):
        graph["cut", piece] = [("in", piece // split)]
    merged = pieces // 2
    for i in range(merged):
        graph["merge", i] = [("cut", 2 * i), ("cut", 2 * i + 1)]
        graph["group", i] = [("merge", i)]
    for k in range(3):
        tree(graph, [("group", i) for i in range(k, merged, 3)], f"cohort-{k}", 2)
    return graph


@shape(10)
def running_sums_of_products(n):
    graph = {}
    for i in range(n):
        graph |= {("x", i): [], ("xx", i): [("x", i)]}
        for name in ("x", "xx"):
            before = [("cum" + name, i - 1)] if i else []
            graph["cum" + name, i] = [(name, i), *before]
        graph["w", i] = [("cumx", i), ("cumxx", i)]
        graph["sum", i] = [("w", i)]
    return graph


@shape()
def tall_skinny_qr(n=12):
    graph = {("x", i): [] for i in range(n)} | {("qr", i): [("x", i)] for i in range(n)}
    graph |= {("q", i): [("qr", i)] for i in range(n)}
    graph |= {("r", i): [("qr", i)] for i in range(n)}
    graph["qr2"] = [("r", i) for i in range(n)]
    graph |= {("q2", i): ["qr2"] for i in range(n)}
    return graph | {("out", i): [("q", i), ("q2", i)] for i in range(n)}


@shape(5)
def cholesky(n):
    graph = {("a", i, j): [] for i in range(n) for j in range(i + 1)}
    for j in range(n):
        for i in range(j, n):
            dots = [("dot", i, j, k) for k in range(j)]
            graph |= {("dot", i, j, k): [("l", i, k), ("l", j, k)] for k in range(j)}
            diagonal = [("l", j, j)] if i != j else []
            graph["l", i, j] = [("a", i, j), *dots, *diagonal]
    return graph


# --- groups, as xarray and flox make them ---------------------------------------


@shape((30, 5))
def anomaly_from_group_means(n, groups):
    graph = {("x", i): [] for i in range(n)} | {("y", i): [("x", i)] for i in range(n)}
    for g in range(groups):
        mean = tree(graph, [("y", i) for i in range(g, n, groups)], f"mean-{g}", 4)
        graph["clim", g] = [mean]
        for i in range(g, n, groups):
            graph |= {("take", i): [("clim", g)], ("anom", i): [("x", i), ("take", i)]}
            graph["chunk", i] = [("anom", i)]
    tree(graph, [("chunk", i) for i in range(n)], "mean", 4)
    return graph


@shape(2, 6)
def group_means_next_to_data(n):
    graph = {"codes": []}
    for i in range(n):
        graph |= {("x", i): [], ("y", i): []}
        for name in ("x", "y"):
            graph |= {("sum", name, i): [(name, i)], ("out", name, i): []}
            graph["out", name, i] = ["codes", ("sum", name, i)]
        graph["both", i] = [("x", i), ("y", i), ("sum", "x", i), ("sum", "y", i)]
        graph["out", "both", i] = ["codes", ("both", i)]
    return graph


@shape((3, 4), (10, 6))
def blocks_of_every_group(n, groups):
    graph = {("x", i): [] for i in range(n)}
    for g in range(groups):
        graph |= {("b", g, i): [("x", i)] for i in range(n)}
        graph |= {("c", g): [("b", g, i) for i in range(n)], ("d", g): [("c", g)]}
    return graph


@shape((2, 4), (5, 10))
def sliced_map_reduce(n, outputs):
    graph = {"data": []} | {("by", i): [] for i in range(n)}
    for out in range(outputs):
        for i in range(n):
            graph |= {("open", out, i): ["data"], ("get", out, i): [("open", out, i)]}
            graph["chunk", out, i] = [("by", i), ("get", out, i)]
        graph["agg", out] = [("chunk", out, i) for i in range(n)]
        graph["out", out] = [("agg", out)]
    return graph


@shape(6)
def slices_of_neighbouring_rasters(n):
    graph = {"table": [], "assets": ["table"]}
    for i in range(n):
        graph |= {("fetch", i): ["assets"], ("whole", i): [("fetch", i)]}
        graph |= {("part", i): [("fetch", i)], ("cut", i): [("whole", i)]}
        graph |= {("left", i): [("whole", i)], ("right", i): [("part", i), ("cut", i)]}
    for side in ("left", "right"):
        graph["merge", side] = [(side, i) for i in range(n)]
        graph["out", side] = [("merge", side)]
    return graph


if __name__ == "__main__":
    sys.exit(main())
