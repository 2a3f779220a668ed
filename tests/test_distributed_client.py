"""Submitting functions, and what comes back."""

import operator
import pickle
import threading
from concurrent.futures import CancelledError

import pytest
import raskt
from raskt.distributed import Client, Event, Future, LocalCluster, get_worker, wait


def inc(x):
    return x + 1


def fail(message):
    raise ZeroDivisionError(message)


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, processes=False) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_the_classic_session(client):
    a = client.map(lambda x: x**2, range(10))
    b = client.map(operator.neg, a)
    total = client.submit(sum, b)
    assert total.result() == -285
    assert client.gather(a) == [x**2 for x in range(10)]


def test_a_future_says_how_it_is(client):
    future = client.submit(inc, 1)
    assert isinstance(future, Future)
    assert future.result() == 2
    assert future.done() and not future.cancelled()
    assert future.status == "finished"
    assert future.type is int
    assert future.exception() is None and future.traceback() is None
    assert repr(future) == f"<Future: finished, type: int, key: {future.key}>"
    assert future.key in future._repr_html_()
    assert future.client is client and future.executor is client


def test_keys_say_what_is_called(client):
    assert client.submit(inc, 1).key.startswith("inc-")
    assert client.submit(inc, 1).key == client.submit(inc, 1).key
    assert client.submit(inc, 1).key != client.submit(inc, 2).key
    assert client.submit(inc, 1, pure=False).key != client.submit(inc, 1).key
    assert client.submit(inc, 1, key="mine").key == "mine"
    assert client.submit(inc, 1, key=("x", 1)).key == ("x", 1)


def test_keys_of_map(client):
    first = client.map(inc, range(3))
    assert [f.key for f in client.map(inc, range(3))] == [f.key for f in first]
    named = client.map(inc, range(3), key=["a-map", "b-map", "c-map"])
    assert [f.key for f in named] == ["a-map", "b-map", "c-map"]
    assert all(f.key.startswith("load-") for f in client.map(inc, [1], key="load"))
    impure = client.map(inc, range(3), pure=False)
    assert {f.key for f in impure}.isdisjoint(f.key for f in first)


def test_map_in_batches_and_with_several_arguments(client):
    futures = client.map(pow, range(7), [2] * 7, batch_size=3)
    assert client.gather(futures) == [x**2 for x in range(7)]
    assert client.gather(client.map(inc, [])) == []
    added = client.map(lambda x, y=0: x + y, [1, 2], y=client.submit(inc, 9))
    assert client.gather(added) == [11, 12]


def test_map_refuses_what_it_cannot_count(client):
    with pytest.raises(TypeError, match="iterators"):
        client.map(inc, iter([1, 2]))
    with pytest.raises(TypeError, match="callable"):
        client.map(1, [1])
    with pytest.raises(TypeError, match="callable"):
        client.submit(1)


def test_futures_anywhere_in_arguments(client):
    x = client.submit(inc, 1)
    y = client.submit(lambda d: d["a"][0] + d["b"]["c"], {"a": [x], "b": {"c": x}})
    assert y.result() == 4
    z = client.submit(lambda *a, **k: (a, k), x, [x, (x,)], k={"x": x})
    assert z.result() == ((2, [2, (2,)]), {"k": {"x": 2}})


def test_lazy_values_in_arguments(client):
    lazy = raskt.delayed(inc)(1)
    assert client.submit(inc, lazy).result() == 3


def test_an_error_comes_back_as_itself(client):
    future = client.submit(fail, "of the task")
    with pytest.raises(ZeroDivisionError, match="of the task") as caught:
        future.result()
    assert any(future.key in note for note in caught.value.__notes__)
    assert isinstance(future.exception(), ZeroDivisionError)
    names = []
    trace = future.traceback()
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert "fail" in names
    assert future.status == "error"


def test_an_error_reaches_those_that_depend_on_it(client):
    future = client.submit(inc, client.submit(fail, "first"))
    with pytest.raises(ZeroDivisionError, match="first"):
        future.result()


def test_gather_of_anything(client):
    x, y = client.submit(inc, 1), client.submit(inc, 2)
    assert client.gather(x) == 2
    assert client.gather({"x": x, "l": [y, (x, {y})], 3: "plain"}) == {
        "x": 2,
        "l": [3, (2, {3})],
        3: "plain",
    }
    assert list(client.gather(iter([x, y]))) == [2, 3]


def test_gather_skips_errors_if_asked(client):
    good, bad = client.submit(inc, 1), client.submit(fail, "skipped")
    assert client.gather([good, bad, good], errors="skip") == [2, 2]
    assert client.gather({"g": good, "b": bad}, errors="skip") == {"g": 2, "b": None}
    with pytest.raises(ZeroDivisionError):
        client.gather([good, bad])
    with pytest.raises(ValueError, match="errors=later"):
        client.gather([good], errors="later")


def test_gather_refuses_futures_of_others(client):
    with Client(client.scheduler.address, set_as_default=False) as other:
        future = other.submit(inc, 1)
        with pytest.raises(ValueError, match="another client"):
            client.gather([future])


@pytest.mark.parametrize("hash", [True, False])
def test_scatter_gives_what_it_gets(client, hash):
    one = client.scatter(5, hash=hash)
    assert one.result() == 5
    several = client.scatter([1, 2, 1], hash=hash)
    assert client.gather(several) == [1, 2, 1]
    named = client.scatter({"sx": 1, "sy": 2})
    assert named["sx"].key == "sx" and client.gather(named) == {"sx": 1, "sy": 2}
    pair = client.scatter((1, 2), hash=hash)
    assert type(pair) is tuple and client.gather(pair) == (1, 2)
    assert {f.result() for f in client.scatter({1, 2}, hash=hash)} == {1, 2}
    assert client.submit(inc, one).result() == 6


def test_scatter_of_equal_data_is_one_task(client):
    assert client.scatter([1, 2])[0].key == client.scatter(1).key
    first, second = client.scatter([1, 1], hash=False)
    assert first.key != second.key


def test_scatter_to_all_workers(client):
    future = client.scatter([1, 2, 3, 4, "broadcast"], broadcast=True)[-1]
    assert len(client.who_has(future)[future.key]) == 2


def test_workers_may_be_named(client):
    for address in client.nthreads():
        future = client.submit(
            lambda: get_worker().address, workers=address, pure=False
        )
        assert future.result() == address
    with pytest.raises(ValueError, match="allow_other_workers"):
        client.submit(inc, 1, allow_other_workers=True)


def test_cancelled_tasks_have_no_result(client):
    blocker = Event("blocker of cancel")
    waiting = client.submit(blocker.wait, pure=False)
    after = client.submit(bool, waiting)
    client.cancel(after, reason="a test")
    with pytest.raises(CancelledError, match="a test"):
        after.result()
    assert after.cancelled() and after.status == "cancelled"
    blocker.set()
    assert waiting.result()


def test_failed_tasks_can_be_tried_again(client):
    attempts = []

    def second_time():
        attempts.append(1)
        if len(attempts) < 2:
            raise ZeroDivisionError
        return len(attempts)

    # By reference, so that all attempts count together.
    globals()["_second_time"] = second_time
    future = client.submit(_call_second_time, pure=False)
    assert isinstance(future.exception(), ZeroDivisionError)
    future.retry()
    assert future.result() == 2


def _call_second_time():
    return _second_time()  # noqa: F821 - set by the test


def test_retries(client):
    attempts = []

    def third_time():
        attempts.append(1)
        if len(attempts) < 3:
            raise ZeroDivisionError
        return len(attempts)

    globals()["_second_time"] = third_time
    assert client.submit(_call_second_time, pure=False, retries=3).result() == 3


def test_time_limits(client):
    blocker = Event("blocker of time limits")
    future = client.submit(blocker.wait, pure=False)
    for ask in (future.result, future.exception, future.traceback):
        with pytest.raises(TimeoutError):
            ask(timeout=0.01)
    with pytest.raises(TimeoutError):
        future.result(timeout="10 ms")
    blocker.set()
    assert future.result()


def test_callbacks(client):
    called = []
    there = threading.Event()

    def note(future):
        called.append((future.status, threading.current_thread()))
        there.set()

    future = client.submit(inc, 41)
    future.add_done_callback(note)
    assert there.wait()
    assert called[0][0] == "finished"
    assert called[0][1] is not threading.main_thread()
    there.clear()
    client.submit(fail, "callback").add_done_callback(note)
    assert there.wait()
    assert called[1][0] == "error"


def test_pickled_futures_are_the_clients_own(client):
    future = client.submit(inc, 1)
    again = pickle.loads(pickle.dumps(future))
    assert again.key == future.key and again.client is client
    assert again.result() == 2


def test_a_future_of_a_known_key(client):
    future = client.submit(inc, 1)
    assert Future(future.key, client) == Future(future.key) == future
    assert Future(future.key).result() == 2


def test_futures_are_equal_by_key(client):
    assert client.submit(inc, 1) == client.submit(inc, 1)
    assert len({client.submit(inc, 1), client.submit(inc, 1)}) == 1


def test_asynchronous_functions(client):
    async def slowly(x):
        import asyncio

        await asyncio.sleep(0)  # payload: the loop turns once
        return x + 1, get_worker().address

    value, address = client.submit(slowly, 1).result()
    assert value == 2 and address in client.nthreads()


def test_a_closed_client_says_so(client):
    other = Client(client.scheduler.address, set_as_default=False)
    other.close()
    assert other.status == "closed"
    with pytest.raises(RuntimeError, match="closed"):
        other.submit(inc, 1)
    assert "closed" in repr(other)


def test_results_outlive_the_clients_that_do_not_want_them(client):
    with Client(client.scheduler.address, set_as_default=False) as other:
        kept = client.submit(inc, 1000)
        assert other.submit(inc, 1000).result() == 1001
    wait(kept)
    assert kept.result() == 1001


def test_no_scheduler_there():
    with pytest.raises((OSError, TimeoutError)):
        Client("127.0.0.1:1", timeout=0.2)


def test_wrong_arguments_of_clients():
    with pytest.raises(TypeError, match="Scheduler address"):
        Client(5)
    with pytest.raises(ValueError, match="Unexpected keyword"):
        Client("127.0.0.1:1", n_workers=2)
    with pytest.raises(TypeError, match="Security"):
        Client("127.0.0.1:1", security="yes")


def test_gather_raises_as_soon_as_one_has_failed(client):
    gate = Event("gate-of-gather", client=client)
    never = client.submit(gate.wait)
    failing = client.submit(fail, "at once")
    with pytest.raises(ZeroDivisionError):
        client.gather([never, failing])
    gate.set()
