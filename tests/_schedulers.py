"""What the tests of the core share: schedulers to run under, a collection, programs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from operator import add

import pytest
import raskt
from raskt.base import DaskMethodsMixin
from raskt.tokenize import tokenize


@pytest.fixture(params=["sync", "threads"])
def scheduler(request):
    """Run the test once with each scheduler of this process as the configured one."""
    with raskt.config.set(scheduler=request.param):
        yield request.param


@pytest.fixture(scope="session")
def cluster():
    """A client of a cluster in this process, which is not the current one."""
    from raskt.distributed import Client

    with Client(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        dashboard_address=None,
        set_as_default=False,
    ) as client:
        yield client


@pytest.fixture(params=["sync", "threads", "processes", "cluster"])
def any_scheduler(request):
    """The same with processes and a cluster, for tests whose objects can travel."""
    scheduler = request.param
    if scheduler == "cluster":
        scheduler = request.getfixturevalue("cluster").get
    with raskt.config.set(scheduler=scheduler):
        yield request.param


class Numbers(DaskMethodsMixin):
    """A lazy tuple of numbers: a collection with nothing but the protocol."""

    __dask_scheduler__ = staticmethod(raskt.get)
    __dask_optimize__ = None

    def __init__(self, graph, keys):
        self.graph = graph
        self.keys = keys

    @classmethod
    def of(cls, name, *numbers):
        graph = {(name, i): number for i, number in enumerate(numbers)}
        return cls(graph, list(graph))

    def added_to(self, name, number):
        graph = {(name, i): (add, key, number) for i, key in enumerate(self.keys)}
        return type(self)({**self.graph, **graph}, list(graph))

    def __dask_graph__(self):
        return self.graph

    def __dask_keys__(self):
        return self.keys

    def __dask_tokenize__(self):
        return tokenize(self.keys)

    def __dask_postcompute__(self):
        return tuple, ()

    def __dask_postpersist__(self):
        return type(self)._rebuild, (self.keys,)

    @classmethod
    def _rebuild(cls, graph, keys, rename=None):
        return cls(graph, keys)


class Program:
    """A Python program in a process of its own, whose lines can be waited for."""

    def __init__(self, code, *args, **environment):
        path = os.pathsep.join(filter(None, sys.path))
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
            env={**os.environ, "PYTHONPATH": path, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self):
        """Wait for the next line and give its words."""
        return self.process.stdout.readline().split()

    def finish(self):
        """Wait for the end, which must be a good one; give the rest of the lines."""
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, (self.process.returncode, out, err)
        return out.splitlines()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
