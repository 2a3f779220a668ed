"""What tests of bags share."""

from __future__ import annotations

import raskt


def is_odd(x):
    return x % 2 == 1


def double(x):
    return 2 * x


def three(a, b=10, c=100):
    return a + b + c


def parts(bag):
    """The partitions, each on its own."""
    return list(raskt.compute(*bag.to_delayed()))
