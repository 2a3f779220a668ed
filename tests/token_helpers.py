"""What the tests of tokens share."""

import collections
import functools
import os
import sys

import cloudpickle
from raskt.tokenize import (
    tokenize,
)

strictly = functools.partial(tokenize, ensure_deterministic=True)
loosely = functools.partial(tokenize, ensure_deterministic=False)


def assert_all_differ(values):
    tokens = [strictly(value) for value in values]
    doubles = [t for t, n in collections.Counter(tokens).items() if n > 1]
    assert not doubles, [v for v, t in zip(values, tokens) if t in doubles]


def assert_survives_pickling(value):
    assert strictly(cloudpickle.loads(cloudpickle.dumps(value))) == strictly(value)


def child_environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
