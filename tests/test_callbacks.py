from __future__ import annotations

import threading
from operator import add, mul

import pytest
from raskt.cache import Cache, ScoredStore
from raskt.callbacks import (
    Callback,
    add_callbacks,
    local_callbacks,
    normalize_callback,
    unpack_callbacks,
)
from raskt.local import get_sync
from raskt.threaded import get as get_threaded

CHAIN = {"x": (add, 1, 2), "y": (mul, "x", 10)}

both = pytest.mark.parametrize("get", [get_sync, get_threaded])


@pytest.fixture(autouse=True)
def no_callbacks_are_left():
    assert not Callback.active
    yield
    left = set(Callback.active)
    Callback.active.clear()
    assert not left


class Log(Callback):
    """Writes down which hooks were called with which keys."""

    def __init__(self):
        # No super().__init__(): Dask's users leave it out, too.
        self.events = []

    def _start(self, dsk):
        self.events.append(("start", set(dsk)))

    def _start_state(self, dsk, state):
        self.events.append(("start_state", set(state["dependencies"])))

    def _pretask(self, key, dsk, state):
        self.events.append(("pretask", key))

    def _posttask(self, key, result, dsk, state, worker_id):
        self.events.append(("posttask", key, result))

    def _finish(self, dsk, state, failed):
        self.events.append(("finish", failed))


CHAIN_EVENTS = [
    ("start", {"x", "y"}),
    ("start_state", {"x", "y"}),
    ("pretask", "x"),
    ("posttask", "x", 3),
    ("pretask", "y"),
    ("posttask", "y", 30),
    ("finish", False),
]


@both
def test_hooks_are_called_in_order(get):
    with Log() as log:
        assert get(CHAIN, "y") == 30
    assert log.events == CHAIN_EVENTS


@both
def test_hooks_given_by_keyword_and_registered(get):
    seen = []
    callback = Callback(
        pretask=lambda key, dsk, state: seen.append(key),
        finish=lambda dsk, state, failed: seen.append(failed),
    )
    callback.register()
    try:
        get(CHAIN, "y")
    finally:
        callback.unregister()
    get(CHAIN, "y")
    assert seen == ["x", "y", False]


@both
def test_finish_is_told_of_failure(get):
    with Log() as log, pytest.raises(ZeroDivisionError):
        get({"x": (lambda: 1 / 0,)}, "x")
    assert [event[0] for event in log.events] == [
        "start",
        "start_state",
        "pretask",
        "finish",
    ]
    assert log.events[-1] == ("finish", True)


@both
def test_nested_schedulers_see_only_their_own(get):
    inner = Log()

    def nested():
        assert not Callback.active
        with inner:
            return get(CHAIN, "y")

    with Log() as outer:
        assert get({"a": (nested,)}, "a") == 30
        assert Callback.active
    assert inner.events == CHAIN_EVENTS
    assert ("posttask", "a", 30) in outer.events
    assert not any("x" in event for event in outer.events)


def test_a_nested_block_does_not_end_the_outer_one():
    with Log() as log:
        with log:
            pass
        get_sync(CHAIN, "y")
    assert log.events == CHAIN_EVENTS


def test_the_outer_block_survives_the_same_callback_in_a_task():
    log = Log()

    def nested():
        with log:
            return 1

    with log:
        get_sync({"a": (nested,)}, "a")
        assert log._callback in Callback.active


def test_unregister_while_a_scheduler_runs():
    callback = Callback(start=lambda dsk: None)
    callback.register()
    get_sync({"a": (callback.unregister,)}, "a")
    assert not Callback.active


def test_unregister_twice_raises():
    callback = Log()
    callback.register()
    callback.unregister()
    with pytest.raises(KeyError, match="Log is not registered"):
        callback.unregister()


def test_schedulers_in_two_threads_put_callbacks_back():
    # A scheduler that begins while another runs finds none; whichever ends last, those
    # that were active are active again.
    callback = Callback()
    callback.register()
    try:
        first = local_callbacks()
        second = local_callbacks()
        assert len(first.__enter__()) == 1
        assert second.__enter__() == []
        thread = threading.Thread(target=first.__exit__, args=(None, None, None))
        thread.start()
        thread.join()
        second.__exit__(None, None, None)
        assert Callback.active == {callback._callback}
    finally:
        callback.unregister()


def test_local_callbacks_given_explicitly_leave_the_active_alone():
    given = Callback(start=print)
    with Callback(finish=print), local_callbacks([given]) as callbacks:
        assert callbacks == [given._callback]
        assert len(Callback.active) == 1


def test_add_callbacks_takes_both_forms():
    seen = []
    hooks = (None, None, lambda key, dsk, state: seen.append(key), None, None)
    with add_callbacks(hooks, Log()):
        assert len(Callback.active) == 2
        get_sync(CHAIN, "y")
    assert seen == ["x", "y"]


def test_unpack_callbacks():
    callbacks = [Callback(start=len, finish=id), (None, print, None, None, id)]
    assert unpack_callbacks(callbacks) == [[len], [print], [], [], [id, id]]
    assert unpack_callbacks(None) == [[], [], [], [], []]


@pytest.mark.parametrize("wrong", [5, None, print, (None, None)])
def test_normalize_callback_refuses(wrong):
    with pytest.raises(TypeError, match="callback"):
        normalize_callback(wrong)


# ---- Cache -------------------------------------------------------------------


class Clock:
    """Tasks say how long they take."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self.ran = []
        monkeypatch.setattr("raskt.cache.default_timer", lambda: self.now)

    def task(self, name, seconds, value):
        def run(*needed):
            self.now += seconds
            self.ran.append(name)
            return value

        return run


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


@both
def test_cache_replaces_known_results(get, clock):
    cache = Cache(10_000)
    x = clock.task("x", 1, [7])
    with cache:
        assert get({"x": (x,)}, "x") == [7]
        # What is upstream of a known result need not run again either.
        assert get({"w": (x,), "x": (x, "w"), "y": (len, "x")}, "y") == 1
    assert clock.ran == ["x"]
    assert cache.cache.data["x"] == [7]
    assert not cache.starttimes
    assert not cache.durations


@both
@pytest.mark.parametrize("value", ["x", ("x", "y"), (len, "abc"), ["x"], {"x": "y"}])
def test_cached_values_are_not_taken_for_tasks_or_keys(get, value):
    def check(found):
        assert found == value
        return True

    with Cache(10_000):
        assert get({"v": (lambda: value,), "x": 1, "y": 2}, "v") == value
        assert get({"v": (len, 0), "x": 1, "y": 2, "ok": (check, "v")}, "ok") is True


def test_cache_is_used_when_registered(clock):
    cache = Cache(10_000)
    graph = {"x": (clock.task("x", 1, 5),)}
    cache.register()
    try:
        assert get_sync(graph, "x") == get_sync(graph, "x") == 5
    finally:
        cache.unregister()
    assert clock.ran == ["x"]


def test_the_time_for_what_a_result_needs_counts(clock):
    cache = Cache(100, nbytes=len)
    graph = {
        "large": (clock.task("large", 4, "-" * 90),),
        "small": (clock.task("small", 0.1, "-" * 20), "large"),
    }
    with cache:
        get_sync(graph, "small")
    # Both do not fit. The small one has cost 4.1 seconds, too.
    assert set(cache.cache.data) == {"small"}


def test_cache_forgets_what_failed(clock):
    cache = Cache(10_000)
    with cache, pytest.raises(ZeroDivisionError):
        get_sync({"x": (lambda: 1 / 0,)}, "x")
    assert not cache.cache.data
    assert not cache.starttimes


def test_cache_with_a_store_of_its_own():
    store = ScoredStore(1000, limit=1)
    assert Cache(store).cache is store
    assert Cache(1000, limit=1).cache.limit == 1
    with pytest.raises(TypeError, match="limit"):
        Cache(store, limit=1)


def test_store_stays_within_its_size():
    store = ScoredStore(100)
    for i in range(50):
        store.put(i, i, cost=i, nbytes=10)
        assert store.total_bytes <= 100
    assert sorted(store.data) == list(range(40, 50))
    assert store.total_bytes == 100
    store.put("huge", 0, cost=1e9, nbytes=101)
    assert "huge" not in store.data
    assert len(store.data) == 10


def test_store_replaces_and_drops():
    store = ScoredStore(100, limit=1)
    store.put("a", 1, cost=2, nbytes=60)
    store.put("a", 2, cost=2, nbytes=70)
    assert store.get("a") == 2
    assert store.total_bytes == 70
    store.put("a", 3, cost=0.5, nbytes=10)
    assert store.get("a", "gone") == "gone"
    assert store.total_bytes == 0


def test_store_prefers_what_is_used():
    store = ScoredStore(100)
    store.put("used", 1, cost=1, nbytes=60)
    for _ in range(3):
        store.get("used")
    store.put("new", 2, cost=2, nbytes=60)
    assert set(store.data) == {"used"}


@pytest.mark.parametrize(("halflife", "kept"), [(1, "new"), (1e9, "old")])
def test_store_forgets_old_uses(halflife, kept):
    store = ScoredStore(100, halflife=halflife)
    store.put("old", 1, cost=8, nbytes=60)
    store.put("clock", 1, cost=1e-9, nbytes=1)
    for _ in range(10):
        store.get("clock")
    store.put("new", 2, cost=2, nbytes=60)
    assert set(store.data) == {kept}


def test_store_with_many_uses_keeps_its_heap_small():
    store = ScoredStore(100, halflife=2)
    store.put("a", 1, cost=0, nbytes=1)
    store.put("b", 1, cost=1, nbytes=1)
    for _ in range(5000):
        store.get("a")
        store.get("b")
    assert len(store._heap) < 100
    assert set(store.data) == {"a", "b"}


@pytest.mark.parametrize("bad", [{"available_bytes": -1}, {"halflife": 0}])
def test_store_refuses_senseless_limits(bad):
    with pytest.raises(ValueError, match="bytes|halflife"):
        ScoredStore(**{"available_bytes": 1, **bad})
