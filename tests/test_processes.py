from __future__ import annotations

import multiprocessing
import operator
import os
import pickle
import random
import signal
import socket
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import raskt
from process_helpers import (
    Gate,
    Picky,
    come_to,
    compute,
    compute_one,
    first,
    frames,
    has_ended,
    one_pid,
    pid_after,
    raise_picky,
)
from raskt import _process_channel, _process_pool, _processes, delayed
from raskt.callbacks import Callback
from raskt.exceptions import SerializationError, WorkerProcessDied
from raskt.multiprocessing import (
    get,
    get_context,
)

# --- results ----------------------------------------------------------------------


def total(*args, **kwargs):
    return sum(args) + sum(kwargs.values())


def test_results_are_those_of_threads():
    graph = {
        "a": 1,
        "b": (total, "a", 2),
        "c": (total, "b", [("a")][0]),
        ("d", 0): (sorted, ["c", "b", (total, "a", "a")]),
        "e": "c",
        "f": (dict, [["x", ("d", 0)]]),
    }
    keys = ["a", ["b", ["c"]], ("d", 0), "e", "f"]
    assert get(graph, keys) == raskt.get(graph, keys)


def test_delayed_with_containers_and_keywords():
    a = delayed(total)(1, x=2)
    b = delayed(total)(*[delayed(total)(a, i) for i in range(5)], y=a)
    lazy = {"all": [a, (b, {"deep": b})], "slice": slice(a, None)}
    assert compute(lazy) == raskt.compute(lazy, scheduler="sync")


def test_dasks_own_collections():
    array = pytest.importorskip("dask.array")
    x = array.arange(100, chunks=10)
    assert (x + 1).sum().compute(scheduler=get) == 5050


def test_a_module_is_imported_not_copied():
    assert compute_one(delayed(lambda f: f is total)(total))


def test_lambdas_closures_and_results_that_are_functions():
    n = 10

    def add_n(x):
        return lambda y: x + y + n

    assert compute_one(delayed(add_n)(1))(5) == 16
    assert compute_one(delayed(map)(lambda x: x * n, [1])).__next__() == 10


def test_a_closure_has_the_values_of_the_moment():
    n = 1

    def give():
        return n

    assert compute_one(delayed(give)(), num_workers=1) == 1
    n = 2
    assert compute_one(delayed(give)(), num_workers=1) == 2


def test_gathering_results_needs_no_process():
    lock = threading.Lock()
    assert compute_one(delayed([lock, {"x": lock}])) == [lock, {"x": lock}]


def test_a_task_that_computes():
    def inner():
        return compute_one(delayed(pid_after)(), num_workers=1), os.getpid()

    below, inside = compute_one(delayed(inner)(), num_workers=1)
    assert len({below, inside, os.getpid()}) == 3
    assert not has_ended(inside, 0)


def test_callbacks():
    keys = []
    with Callback(posttask=lambda key, value, *_: keys.append((key, value))):
        get({"x": 1, "y": (total, "x", 1), "z": (total, "y", "y")}, "z")
    assert keys == [("y", 2), ("z", 4)]


def test_random_numbers_differ():
    @delayed(pure=False)
    def draw():
        return random.random(), np.random.random()

    for context in "spawn", "fork":
        with raskt.config.set({"multiprocessing.context": context}):
            results = compute(*[draw() for _ in range(8)])
        assert len({x for pair in results for x in pair}) == 16


# --- buffers ------------------------------------------------------------------------


ARRAYS = {
    "empty": np.empty((0, 3)),
    "small": np.arange(5),
    "large": np.arange(3_000_000).reshape(1000, 3000),
    "fortran": np.asfortranarray(np.arange(600_000.0).reshape(300, 2000)),
    "strided": np.arange(1_000_000)[::3],
    "strings": np.array(["a", "bc", "é"]),
    "objects": np.array([None, {"x": 1}, "y"], dtype=object),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_there_and_back(name):
    array = ARRAYS[name]
    back = compute_one(delayed(operator.itemgetter(0))([array]))
    assert back.dtype == array.dtype and back.shape == array.shape
    assert np.array_equal(back, array)
    assert back.flags.writeable


def test_arrays_between_tasks():
    big = delayed(np.ones)(2_000_000)
    doubled = delayed(operator.iadd)(big, big)
    parts = compute(big, doubled, delayed(np.sum)(doubled))
    assert (parts[0] == 1).all() and (parts[1] == 2).all() and parts[2] == 4_000_000


def test_what_is_read_only_stays_so():
    array = np.arange(10)
    array.flags.writeable = False
    assert not compute_one(delayed(lambda a: a.flags.writeable)(array))


def test_more_buffers_than_one_call_takes():
    arrays = [np.full(i % 50, i) for i in range(5000)]
    back = compute_one(delayed(list)(arrays))
    assert all(np.array_equal(a, b) for a, b in zip(arrays, back, strict=True))


@pytest.mark.parametrize(
    "sizes", [[0], [1], [65536], [65537], [0, 0], [10, 1 << 20, 0, 3], [5 << 20, 1]]
)
def test_messages(sizes):
    parts = [np.random.bytes(size) for size in sizes]
    ends = socket.socketpair()
    ours, theirs = map(_process_channel.Channel, ends)
    with ends[0], ends[1]:
        sender = threading.Thread(target=ours.send, args=(7, parts))
        sender.start()
        kind, received = theirs.receive()
        sender.join()
    assert kind == 7
    assert [bytes(part) for part in received] == parts


@pytest.mark.parametrize("sent", [0, 3, 5, 20, 1000])
def test_half_a_message_is_the_end(sent):
    ends = socket.socketpair()
    other = socket.socketpair()
    with ends[0], ends[1], other[0], other[1]:
        _process_channel.Channel(ends[0]).send(1, [b"x" * 2000, b"y"])
        other[0].sendall(ends[1].recv(10_000)[:sent])
        other[0].close()
        with pytest.raises(EOFError):
            _process_channel.Channel(other[1]).receive()


# --- processes ----------------------------------------------------------------------


def test_processes_are_kept_between_calls(tmp_path):
    def pids(gate):
        opener = gate.open_for(2)
        results = compute(*[delayed(come_to)(gate.path) for _ in "ab"], num_workers=2)
        opener.join()
        return set(results)

    with Gate(tmp_path) as gate:
        first = pids(gate)
        assert len(first) == 2 and os.getpid() not in first
        assert pids(gate) == first


def test_no_more_processes_than_asked_for():
    lazy = [delayed(pid_after, pure=False)(i) for i in range(20)]
    assert len(set(compute(*lazy, num_workers=1))) == 1
    with raskt.config.set(num_workers=1):
        assert len(set(compute(*lazy))) == 1
    with pytest.raises(ValueError, match="num_workers"):
        compute(*lazy, num_workers=-1)


def test_calls_from_many_threads():
    results = {}

    def call(i):
        results[i] = compute_one(delayed(total)(i, 1), num_workers=1)

    threads = [threading.Thread(target=call, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: i + 1 for i in range(4)}


def test_idle_processes_end(monkeypatch):
    monkeypatch.setattr(_processes, "idle", _process_pool.Idle())
    monkeypatch.setattr(_process_pool, "KEEP_S", 0.05)
    assert has_ended(one_pid())
    assert has_ended(one_pid())


def test_an_idle_process_that_died_is_replaced():
    pid = one_pid()
    os.kill(pid, signal.SIGKILL)
    assert has_ended(pid)
    assert one_pid() != pid


def test_strings_have_equal_hashes_in_all_processes(tmp_path):
    def hash_there(path):
        return come_to(path), hash("some text")

    with Gate(tmp_path) as gate:
        opener = gate.open_for(2)
        lazy = [delayed(hash_there, pure=False)(gate.path) for _ in "ab"]
        (pid, first), (other_pid, other) = compute(*lazy, num_workers=2)
        opener.join()
    assert pid != other_pid and first == other


def test_processes_are_where_their_parent_is(tmp_path, monkeypatch):
    (tmp_path / "some_new_module.py").write_text("def give(): return 'here'")

    def look():
        return Path.cwd(), os.environ.get("RASKT_TEST_X")

    pid = one_pid()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RASKT_TEST_X", "1")
    monkeypatch.syspath_prepend(tmp_path)
    import some_new_module

    assert compute_one(delayed(look)(), num_workers=1) == (tmp_path, "1")
    assert compute_one(delayed(some_new_module.give)(), num_workers=1) == "here"
    monkeypatch.delenv("RASKT_TEST_X")
    assert compute_one(delayed(look)(), num_workers=1) == (tmp_path, None)
    assert one_pid() == pid


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("context", ["fork", "forkserver"])
def test_other_contexts(context, monkeypatch):
    monkeypatch.setitem(sys.modules, "only_in_the_parent", threading)

    def is_forked():
        return "only_in_the_parent" in sys.modules

    with raskt.config.set({"multiprocessing.context": context}):
        assert get_context() is multiprocessing.get_context(context)
        pid = one_pid()
        # A process that was forked for an earlier call would know what was then.
        assert (one_pid() == pid) == (context == "forkserver")
        assert compute_one(delayed(is_forked)(), num_workers=1) == (context == "fork")
        with pytest.raises(WorkerProcessDied, match="SIGKILL"):
            compute(delayed(os.kill)(delayed(os.getpid)(), 9), num_workers=1)
        assert one_pid() != pid != os.getpid()
    assert not compute_one(delayed(is_forked)())


def test_an_unknown_context_is_refused():
    with (
        raskt.config.set({"multiprocessing.context": "spoon"}),
        pytest.raises(ValueError, match="spoon"),
    ):
        one_pid()


class Setting:
    value = "none"


def set_it():
    Setting.value = "set"


def look_at_it():
    return Setting.value


def fail_to_start():
    raise ArithmeticError("not today")


def test_initializer():
    look = delayed(look_at_it, pure=False)
    assert compute_one(look()) == "none"
    assert compute_one(look(), initializer=set_it) == "set"
    with raskt.config.set({"multiprocessing.initializer": set_it}):
        assert compute_one(look()) == "set"
    assert compute_one(look()) == "none"


def test_initializer_that_fails():
    with pytest.raises(ArithmeticError, match="not today") as caught:
        compute_one(delayed(total)(1), initializer=fail_to_start)
    assert "in the initializer of a worker process" in caught.value.__notes__
    with pytest.raises(SerializationError, match="initializer"):
        compute_one(delayed(total)(1), initializer=partial(first, threading.Lock()))
    assert compute_one(delayed(total)(1)) == 1


# --- other people's pools -------------------------------------------------------------


@pytest.fixture(params=["executor", "pool"])
def pool(request):
    context = multiprocessing.get_context("spawn")
    if request.param == "executor":
        with ProcessPoolExecutor(1, mp_context=context) as executor:
            yield executor
    else:
        with context.Pool(1) as pool:
            yield pool


def test_a_pool_of_the_users(pool):
    theirs = compute_one(delayed(pid_after)(), pool=pool)
    assert theirs != os.getpid()
    with raskt.config.set(pool=pool):
        assert compute_one(delayed(pid_after)()) == theirs
    array = compute_one(delayed(operator.iadd)(np.ones(1000), 1), pool=pool)
    assert (array == 2).all()
    with pytest.raises(Picky, match="^a: 1") as caught:
        compute_one(delayed(raise_picky)(), pool=pool)
    assert frames(caught.value)[-1] == "raise_picky"
    with pytest.warns(UserWarning, match="initializer is ignored"):
        compute_one(delayed(total)(1), pool=pool, initializer=set_it)


def test_a_pool_as_the_scheduler():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        (pid,) = raskt.compute(delayed(pid_after)(), scheduler=executor)
        assert pid == executor.submit(os.getpid).result()
        with pytest.raises(WorkerProcessDied, match="which calls _exit"):
            raskt.compute(delayed(os._exit)(1), scheduler=executor)


def test_other_functions_than_pickle():
    used = []

    def dumps(obj):
        used.append(obj)
        return b"mark" + pickle.dumps(obj)

    def loads(data):
        assert data[:4] == b"mark"
        return pickle.loads(data[4:])

    graph = {"x": 1, "y": (operator.add, "x", 2), "z": (operator.add, "y", 2)}
    assert get(graph, ["y", "z"], func_dumps=dumps, func_loads=loads) == (3, 5)
    assert len(used) == 2
    with raskt.config.set(func_dumps=pickle.dumps):
        assert get(graph, "z") == 5
        with pytest.raises(SerializationError, match="lambda"):
            get({"x": (lambda: 1,)}, "x")
