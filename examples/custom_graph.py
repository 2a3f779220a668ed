"""Run a graph that is a plain dict: keys, and tuples of a function and its inputs."""

from operator import add, mul

import raskt
from raskt.optimization import cull, inline

graph = {
    "x": 1,
    "y": (add, "x", 10),
    "z": (mul, "y", "y"),
    # Lists of keys are lists of results.
    "all": (sum, ["x", "y", "z"]),
    "unused": (print, "this is not printed"),
}

# Only what a key needs is run.
print("z:", raskt.get(graph, "z"))
print("nested keys:", raskt.get(graph, ["all", ["x", "y"]]))

# Graphs are data, so they can be looked at and changed.
small, needs = cull(graph, "z")
print("z needs:", {key: needs[key] for key in sorted(small)})
print("y, with x put into it:", inline(graph, ["x"])["y"])

try:
    raskt.get({"a": (abs, "b"), "b": (abs, "a")}, "a")
except RuntimeError as error:
    print("an error:", error)
