"""Random graphs of tuples, and the plainest way to compute them."""

from __future__ import annotations

import zlib
from random import Random

from hypothesis import strategies as st


def mix(*args):
    """Give a number that tells the arguments and their order from others."""
    return zlib.crc32(repr(args).encode())


def stir(*args):
    return mix("stir", *args)


def evaluate(graph, key):
    """Compute a key by recursion, as the definition of a graph says."""
    return value_of(graph, graph[key], own=key)


def value_of(graph, item, own=None):
    if type(item) is tuple and item and callable(item[0]):
        return item[0](*[value_of(graph, arg) for arg in item[1:]])
    if type(item) is list:
        return [value_of(graph, part) for part in item]
    if not isinstance(item, list) and item in graph and item != own:
        return evaluate(graph, item)
    return item


def key_number(i):
    """Give the i-th key; there are text, tuples and numbers."""
    return [f"key-{i}", ("block-0", i, 0), i][i % 3]


LITERALS = [1000, 1001, 2.5, "text", (5000, 6000), ()]


@st.composite
def graphs(draw, max_size=14):
    """Make a graph without cycles; its keys are not in the order of dependencies."""
    size = draw(st.integers(1, max_size))
    # Drawing every part from hypothesis would take most of the tests' time.
    random = Random(draw(st.integers(0, 2**32)))
    graph = {}
    for i in range(size):
        graph[key_number(i)] = random_node(random, list(graph))
    items = list(graph.items())
    random.shuffle(items)
    return dict(items)


def random_node(random, keys):
    kind = random.choice(["task"] * 4 + ["list", "alias or value"])
    if kind == "alias or value":
        return random_leaf(random, keys)
    parts = [random_part(random, keys, depth=3) for _ in range(random.randrange(4))]
    return parts if kind == "list" else (mix, *parts)


def random_part(random, keys, depth):
    kind = random.choice(["leaf"] * depth + ["leaf", "list", "task"])
    if kind == "leaf" or not depth:
        return random_leaf(random, keys)
    parts = [random_part(random, keys, depth - 1) for _ in range(random.randrange(3))]
    return parts if kind == "list" else (stir, *parts)


def random_leaf(random, keys):
    # Mostly the latest keys, so that there are chains.
    recent = keys[-3:] if random.random() < 0.7 else keys
    return random.choice(recent if keys and random.random() < 0.7 else LITERALS)


def some_keys(graph):
    return st.lists(st.sampled_from(list(graph)), min_size=1, unique=True)
