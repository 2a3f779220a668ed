"""Computing: arguments, schedulers and pools, many runs at once, persist, optimize."""

from __future__ import annotations

import contextvars
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from operator import add

import dask
import numpy as np
import pytest
import raskt
from _schedulers import Numbers
from raskt import compute, config, delayed, is_dask_collection, optimize, persist
from raskt.base import (
    compute_as_if_collection,
    get_collection_names,
    get_scheduler,
    named_schedulers,
)
from raskt.callbacks import Callback
from raskt.local import get_sync, synchronous_executor
from raskt.optimization import cull

# Nothing here takes long: who waits for so many seconds waits forever.
PATIENCE = 60


def inc(x):
    return x + 1


def thread_name():
    return threading.current_thread().name


# --- arguments and results --------------------------------------------------------


def test_one_result_for_each_argument(any_scheduler):
    x, y = delayed(inc)(1), delayed(inc)(2)
    assert compute(x, y, x) == (2, 3, 2)
    assert compute(x) == (2,)
    assert compute() == ()


def test_nested_and_plain_arguments(any_scheduler):
    x = delayed(inc)(1)
    numbers = Numbers.of("n", 1, 2)
    plain = object()
    results = compute([x, {"a": (x, {x})}], plain, 3, "x", None, numbers, [[numbers]])
    assert results == ([2, {"a": (2, {2})}], plain, 3, "x", None, (1, 2), [[(1, 2)]])
    assert results[1] is plain


def test_without_anything_lazy_arguments_are_given_back():
    values = ([1], {"a": {}}, "text")
    assert all(a is b for a, b in zip(compute(*values), values))
    assert all(a is b for a, b in zip(persist(*values), values))
    assert all(a is b for a, b in zip(optimize(*values), values))


def test_results_are_not_copied(scheduler):
    array = np.arange(3)
    x = delayed(array)
    assert compute(x, [x])[0] is array
    assert delayed(lambda a: a)(array).compute() is array


# --- collections with the protocol ------------------------------------------------


def test_collections(any_scheduler):
    numbers = Numbers.of("n", 1, 2).added_to("m", 10)
    assert numbers.compute() == (11, 12)
    assert compute(numbers, [numbers], 5) == ((11, 12), [(11, 12)], 5)
    assert is_dask_collection(numbers) and not is_dask_collection(Numbers)
    assert get_collection_names(numbers) == {"m"}


def test_a_collection_without_graph_is_none():
    nothing = Numbers(None, [])
    assert not is_dask_collection(nothing)
    assert compute(nothing)[0] is nothing


def test_what_collections_share_is_computed_once(scheduler):
    calls = []

    def noted(x):
        calls.append(x)
        return x

    base = Numbers(
        {("b", i): (noted, i) for i in range(3)}, [("b", i) for i in range(3)]
    )
    first, second = base.added_to("f", 10), base.added_to("s", 20)
    x = delayed(noted)("x")
    results = compute(
        first, second, base, [x, delayed(add)(x, "y")], delayed(sum)(base)
    )
    assert results == ((10, 11, 12), (20, 21, 22), (0, 1, 2), ["x", "xy"], 3)
    assert sorted(calls, key=str) == [0, 1, 2, "x"]


def test_collections_optimize_all_of_a_kind_together(scheduler):
    asked = []

    class Optimized(Numbers):
        @staticmethod
        def __dask_optimize__(graph, keys):
            asked.append(keys)
            return cull(graph, keys)[0]

    base = Optimized.of("n", 1, 2)
    first, second = base.added_to("f", 1), base.added_to("s", 1)
    assert compute(first, second, base.added_to("t", 2)) == ((2, 3), (2, 3), (3, 4))
    assert asked == [[first.keys, second.keys, [("t", 0), ("t", 1)]]]
    assert compute(first, second, optimize_graph=False) == ((2, 3), (2, 3))
    assert len(asked) == 1


def test_collections_have_their_own_scheduler():
    class Elsewhere(Numbers):
        @staticmethod
        def __dask_scheduler__(graph, keys, **kwargs):
            return [f"computed {len(keys)} with {kwargs}" for _ in keys]

    numbers = Elsewhere.of("n", 1, 2)
    (text,) = compute(numbers, extra=7)
    assert text == "computed 1 with {'extra': 7}"
    with pytest.raises(ValueError, match="differing default schedulers"):
        compute(numbers, delayed(1))
    assert compute(numbers, delayed(1), scheduler="sync") == ((1, 2), 1)


def test_compute_as_if_collection():
    graph = {"x": 1, "y": (inc, "x")}
    assert compute_as_if_collection(Numbers, graph, ["x", "y"]) == (1, 2)
    result = compute_as_if_collection(Numbers, graph, [["y"]], scheduler="sync")
    assert result == ((2,),)


# --- persist and optimize ---------------------------------------------------------


def test_persist_computes_once(any_scheduler, tmp_path):
    def noted(x):
        path = tmp_path / "calls"
        with path.open("a") as file:
            file.write("x")
        return x + 1

    x = delayed(noted)(1)
    kept, nested, plain = persist(x, [x, delayed(inc)(x)], 5)
    assert plain == 5
    assert len(kept.dask) == len(nested[1].dask) == 1
    assert kept.key == x.key == nested[0].key
    assert compute(kept, nested, delayed(inc)(kept)) == (2, [2, 3], 3)
    assert (tmp_path / "calls").read_text() == "x"


def test_persist_keeps_the_kind_of_collection(scheduler):
    numbers = Numbers.of("n", 1, 2).added_to("m", 10)
    (kept,) = persist(numbers)
    assert type(kept) is Numbers
    assert kept.graph == {("m", 0): 11, ("m", 1): 12}
    assert kept.compute() == kept.persist().compute() == (11, 12)
    quotient, rest = delayed(divmod, nout=2)(7, 2).persist()
    assert compute(quotient, rest) == (3, 1)


def test_optimize_gives_what_computes_the_same(scheduler):
    x = delayed(inc)(delayed(inc)(1))
    numbers = Numbers.of("n", 1, 2).added_to("m", 10)
    for fuse in (False, True):
        with config.set({"optimization.fuse.delayed": fuse}):
            once, nested, other, plain = optimize(x, {"x": [x]}, numbers, 5)
            assert type(other) is Numbers and plain == 5
            assert once.key == x.key
            assert compute(once, nested, other) == (3, {"x": [3]}, (11, 12))


def test_fused_chains_are_one_task():
    chain = delayed(inc)(delayed(inc)(delayed(inc)(1)))
    fork = delayed(add)(chain, delayed(inc)(chain))
    with config.set({"optimization.fuse.delayed": True}):
        assert "1 task" in optimize(chain)[0].explain()
        assert "3 tasks" in optimize(fork)[0].explain()
    assert "3 tasks" in optimize(chain)[0].explain()


# --- schedulers -------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(named_schedulers))
def test_schedulers_by_name(name):
    x = delayed(inc)(1)
    assert x.compute(scheduler=name) == x.compute(scheduler=name.upper()) == 2
    assert get_scheduler(scheduler=name) is named_schedulers[name]
    with config.set(scheduler=name):
        assert x.compute() == 2
        assert get_scheduler() is named_schedulers[name]


def test_the_synchronous_scheduler_stays_on_the_thread():
    here = thread_name()
    assert delayed(thread_name)().compute(scheduler="sync") == here
    assert delayed(thread_name)().compute(scheduler="threads") != here
    assert delayed(thread_name)().compute() != here


@pytest.mark.parametrize(
    "name, near",
    [("thread", "threads"), ("synchron", "synchronous"), ("proceses", "processes")],
)
def test_an_unknown_name_brings_the_nearest_one(name, near):
    with pytest.raises(ValueError, match=f"'{name}'.*Did you mean '{near}'") as caught:
        delayed(inc)(1).compute(scheduler=name)
    assert all(known in str(caught.value) for known in ("single-threaded", "threading"))
    with config.set(scheduler=name), pytest.raises(ValueError, match=near):
        compute(delayed(inc)(1))


def test_a_name_unlike_any_other_brings_the_list():
    with pytest.raises(ValueError, match="'xyz'. Expected one of .*processes"):
        delayed(inc)(1).compute(scheduler="xyz")


@pytest.mark.parametrize("wrong", [5, object(), ["threads"]])
def test_what_is_no_scheduler(wrong):
    with pytest.raises(TypeError, match="a name, a function or an executor"):
        delayed(inc)(1).compute(scheduler=wrong)


def test_get_is_gone():
    with pytest.raises(TypeError, match="scheduler="):
        delayed(inc)(1).compute(get=get_sync)
    with pytest.raises(TypeError, match="scheduler="):
        compute(delayed(inc)(1), get=get_sync)


def test_a_function_as_scheduler():
    asked = []

    def get(graph, keys, **kwargs):
        asked.append((len(graph), len(keys), kwargs))
        return get_sync(graph, keys)

    x = delayed(inc)(1)
    y = delayed(inc)(x)
    assert compute(x, [y], scheduler=get, option=1) == (2, [3])
    with config.set(scheduler=get):
        assert y.compute() == 3
        assert y.persist().compute(scheduler="sync") == 3
    assert asked == [(2, 2, {"option": 1}), (2, 1, {}), (2, 1, {})]


def test_an_object_with_get_as_scheduler():
    class Client:
        def get(self, graph, keys, **kwargs):
            return ["from the client" for _ in keys]

    assert delayed(inc)(1).compute(scheduler=Client()) == "from the client"


def test_raskt_is_a_scheduler_for_dask(scheduler):
    x = dask.delayed(inc)(1)
    total = dask.delayed(sum)([x, dask.delayed(inc)(x)])
    for get in (raskt.get, get_sync):
        assert dask.compute(x, {"total": total}, scheduler=get) == (2, {"total": 5})


# --- executors and pools ----------------------------------------------------------


@pytest.fixture
def executor():
    with ThreadPoolExecutor(2, thread_name_prefix="own") as executor:
        yield executor


def test_an_executor_as_scheduler(executor):
    names = compute(*[delayed(thread_name)() for _ in range(20)], scheduler=executor)
    assert all(name.startswith("own") for name in names)
    with config.set(scheduler=executor):
        assert delayed(thread_name)().compute().startswith("own")


def test_an_executor_as_pool(executor):
    x = delayed(thread_name)()
    assert x.compute(pool=executor).startswith("own")
    assert x.compute(pool=executor, scheduler="threads").startswith("own")
    with config.set(pool=executor):
        assert x.compute().startswith("own")
        assert x.compute(scheduler="sync") == thread_name()
    assert not x.compute().startswith("own")


def test_a_pool_of_threads_as_pool():
    with ThreadPool(2) as pool:
        names = {t.name for t in pool._pool}
        assert delayed(thread_name)().compute(pool=pool) in names


def test_as_many_tasks_at_once_as_the_pool_has_threads(executor):
    # Each of the two tasks waits for the other one: both threads must take part.
    barrier = threading.Barrier(2, timeout=PATIENCE)
    tasks = [delayed(barrier.wait, pure=False)() for _ in range(2)]
    assert sorted(compute(*tasks, scheduler=executor)) == [0, 1]


def test_the_synchronous_executor():
    here = thread_name()
    assert delayed(thread_name)().compute(scheduler=synchronous_executor) == here
    assert synchronous_executor.submit(inc, 1).result() == 2


def test_a_pool_that_was_shut_down():
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        delayed(inc)(1).compute(scheduler=executor)
    assert delayed(inc)(1).compute() == 2


def test_what_is_no_pool():
    with pytest.raises(TypeError, match=r"submit\(\).*not str"):
        delayed(inc)(1).compute(pool="threads")


# --- the number of workers --------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 7])
def test_number_of_workers(count):
    # One fewer than so many tasks can wait for each other, and no more run at once.
    barrier = threading.Barrier(count, timeout=PATIENCE)
    running, most, lock = [0], [0], threading.Lock()

    def task():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        barrier.wait()
        with lock:
            running[0] -= 1

    compute(*[delayed(task)() for _ in range(3 * count)], num_workers=count)
    assert most == [count]
    with config.set(num_workers=count):
        compute(*[delayed(task)() for _ in range(2 * count)])
    assert most == [count]


@pytest.mark.parametrize("scheduler", ["sync", "threads", "processes"])
@pytest.mark.parametrize("wrong", [-1, 1.5, "2", [2]])
def test_wrong_number_of_workers(scheduler, wrong):
    with pytest.raises(ValueError, match="num_workers must be a positive integer"):
        delayed(inc)(1).compute(num_workers=wrong, scheduler=scheduler)
    with config.set(num_workers=wrong), pytest.raises(ValueError, match="num_workers"):
        delayed(inc)(1).compute(scheduler=scheduler)


def test_options_of_other_schedulers_are_ignored(any_scheduler):
    assert delayed(inc)(1).compute(chunksize=4, rerun_exceptions_locally=False) == 2


# --- computing inside of tasks ----------------------------------------------------


def tree(depth, workers, scheduler):
    """Count leaves with a computation of its own for each inner node."""
    if depth == 0:
        return 1
    below = [delayed(tree)(depth - 1, workers, scheduler) for _ in range(2)]
    return sum(compute(*below, num_workers=workers, scheduler=scheduler))


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("scheduler", ["sync", "threads"])
def test_computing_inside_of_tasks(workers, scheduler):
    assert tree(4, workers, scheduler) == 16


def test_computing_inside_of_tasks_while_memory_is_short():
    def level(depth):
        parts = [delayed(np.full)(50_000, float(depth)) for _ in range(4)]
        if depth:
            parts.append(delayed(level)(depth - 1))
        return delayed(sum)([delayed(np.sum)(part) for part in parts]).compute()

    with config.set({"memory.limit": "1 MB"}):
        assert level(4) == 4 * 50_000 * (1 + 2 + 3 + 4)


def test_lazy_values_made_inside_of_tasks(scheduler):
    def outer(x):
        return delayed(inc)(delayed(inc)(x)).compute() + 1

    assert delayed(inc)(delayed(outer)(1)).compute() == 5


# --- many threads computing at once -----------------------------------------------


def test_many_threads_compute_at_once(scheduler):
    count = 8
    start = threading.Barrier(count, timeout=PATIENCE)
    shared = delayed(sum)([delayed(inc)(i) for i in range(50)])
    results, errors = [], []

    def program(number):
        try:
            start.wait()
            for i in range(20):
                mine = delayed(add)(shared, delayed(inc)(number * i))
                results.append(mine.compute() - number * i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=program, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert not errors
    assert results == [sum(range(51)) + 1] * (count * 20)


def test_two_runs_do_not_wait_for_each_other():
    # The first run's task ends only when the second run, begun later, is done.
    second_is_done, first_runs = threading.Event(), threading.Event()

    def wait():
        first_runs.set()
        return second_is_done.wait(PATIENCE)

    results = []
    first = threading.Thread(
        target=lambda: results.append(delayed(wait)().compute(num_workers=1))
    )
    first.start()
    assert first_runs.wait(PATIENCE)
    assert delayed(inc)(1).compute(num_workers=1) == 2
    second_is_done.set()
    first.join(PATIENCE)
    assert results == [True]


# --- context variables, callbacks, warnings ---------------------------------------

setting = contextvars.ContextVar("setting", default="default")


def test_tasks_see_the_context_of_who_computes(scheduler):
    def seen(_):
        return setting.get()

    lazy = [delayed(seen)(i) for i in range(20)]
    token = setting.set("mine")
    try:
        assert set(compute(*lazy)) == {"mine"}
    finally:
        setting.reset(token)
    assert set(compute(*lazy)) == {"default"}


def test_each_thread_has_its_own_context():
    both_run = threading.Barrier(2, timeout=PATIENCE)
    results = {}

    def seen():
        both_run.wait()
        return setting.get()

    def program(name):
        setting.set(name)
        results[name] = delayed(seen)().compute()

    threads = [threading.Thread(target=program, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert results == {"a": "a", "b": "b"}
    assert setting.get() == "default"


def test_callbacks_see_every_task_of_all_collections(scheduler):
    seen = []
    numbers = Numbers.of("n", 1, 2).added_to("m", 10)
    x = delayed(inc)(1, dask_key_name="x")
    with Callback(pretask=lambda key, graph, state: seen.append(key)):
        assert compute(x, numbers) == (2, (11, 12))
    assert {"x", ("m", 0), ("m", 1)} <= set(seen)
    assert len(seen) == len(set(seen))


def test_computing_warns_of_nothing(any_scheduler):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        x = delayed(inc)(1)
        compute(x, [x, x.real], Numbers.of("n", 1))
        persist(x)
        optimize(x)
    assert not [str(w.message) for w in caught]


def test_warnings_of_tasks_reach_the_caller(scheduler):
    def warn():
        warnings.warn("careful", stacklevel=1)
        return 1

    with pytest.warns(UserWarning, match="careful"):
        assert delayed(warn)().compute() == 1
