"""Bags: partitioned collections of any Python objects.

Examples
--------
>>> import raskt.bag as rb
>>> words = rb.from_sequence("to be or not to be".split(), npartitions=2)
>>> dict(words.frequencies().compute(scheduler="sync"))
{'to': 2, 'be': 2, 'or': 1, 'not': 1}
"""

from raskt.bag.core import Bag, Item
from raskt.bag.creation import from_delayed, from_sequence, range
from raskt.bag.elementwise import concat, map, map_partitions, zip
from raskt.bag.utils import assert_eq
from raskt.base import compute

__all__ = [
    "Bag",
    "Item",
    "assert_eq",
    "compute",
    "concat",
    "from_delayed",
    "from_sequence",
    "map",
    "map_partitions",
    "range",
    "zip",
]
