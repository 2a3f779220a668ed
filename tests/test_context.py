"""Methods that options replace, and the types of collections."""

from __future__ import annotations

import pytest
import raskt
from raskt.base import DaskMethodsMixin
from raskt.context import globalmethod
from raskt.threaded import get
from raskt.typing import DaskCollection, HLGDaskCollection


def plain():
    return "plain"


def off():
    return "off"


class Owner:
    @globalmethod(key="example.decorated")
    def decorated():
        return "decorated"

    given = globalmethod(plain, key="example.given", falsey=off)
    fixed = globalmethod(plain)


@pytest.mark.parametrize("owner", [Owner, Owner()])
def test_an_option_replaces_a_method(owner):
    assert owner.decorated() == "decorated"
    assert owner.given is plain
    assert owner.fixed is plain
    with raskt.config.set({"example.given": off, "example.decorated": plain}):
        assert owner.decorated is plain
        assert owner.given is off
    assert owner.given is plain


def test_a_false_option():
    with raskt.config.set({"example.given": False, "example.decorated": False}):
        assert Owner.given is off
        assert Owner.decorated() == "decorated"


class Lazy(DaskMethodsMixin):
    __dask_scheduler__ = staticmethod(get)
    __dask_optimize__ = None

    def __dask_graph__(self):
        return {"x": 1}

    def __dask_keys__(self):
        return ["x"]

    def __dask_postcompute__(self):
        return tuple, ()

    def __dask_postpersist__(self):
        return Lazy, ()

    def __dask_tokenize__(self):
        return "x"


class Layered(Lazy):
    def __dask_layers__(self):
        return ["x"]


class Partial:
    def __dask_graph__(self):
        return {}


def test_what_is_a_collection():
    value = raskt.delayed(1)
    assert isinstance(value, DaskCollection)
    assert isinstance(value, HLGDaskCollection)
    assert isinstance(Lazy(), DaskCollection)
    assert not isinstance(Lazy(), HLGDaskCollection)
    assert isinstance(Layered(), HLGDaskCollection)
    for other in (Partial(), 1, {"x": 1}, None):
        assert not isinstance(other, DaskCollection)


def test_a_collection_can_inherit_the_type():
    class Inheriting(Layered, HLGDaskCollection):
        pass

    assert Inheriting().compute() == (1,)

    class Incomplete(DaskCollection):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Incomplete()
