"""``as_completed``, ``wait``, ``fire_and_forget``, ``progress``."""

from concurrent.futures import CancelledError

import pytest
from raskt.distributed import (
    Client,
    Event,
    as_completed,
    fire_and_forget,
    futures_of,
    progress,
    wait,
)


def inc(x):
    return x + 1


def fail(x):
    raise ZeroDivisionError(x)


@pytest.fixture(scope="module")
def client():
    with Client(n_workers=2, threads_per_worker=2, processes=False) as client:
        yield client


def test_futures_come_as_they_end(client):
    gate = Event("as completed")
    late = client.submit(gate.wait, pure=False)
    early = client.submit(inc, 1)
    order = as_completed([late, early])
    assert next(order) is early
    gate.set()
    assert next(order) is late
    with pytest.raises(StopIteration):
        next(order)


def test_results_come_along(client):
    futures = client.map(inc, range(5))
    pairs = dict(as_completed(futures, with_results=True))
    assert pairs == {f: i + 1 for i, f in enumerate(futures)}


def test_errors_come_along_or_are_raised(client):
    bad = client.submit(fail, 1)
    with pytest.raises(ZeroDivisionError):
        list(as_completed([bad], with_results=True))
    [(future, (kind, error, trace))] = as_completed(
        [bad], with_results=True, raise_errors=False
    )
    assert future is bad and kind is ZeroDivisionError and error.args == (1,)
    assert trace is not None
    assert list(as_completed([bad])) == [bad]


def test_futures_are_added_meanwhile(client):
    seen = []
    order = as_completed(client.map(inc, range(2)))
    for future in order:
        seen.append(future.result())
        if len(seen) < 6:
            order.add(client.submit(inc, len(seen) + 100))
    assert len(seen) > 6 and order.is_empty() and order.count() == 0


def test_batches(client):
    futures = client.map(inc, range(10))
    batches = list(as_completed(futures).batches())
    assert sorted(f.result() for batch in batches for f in batch) == list(range(1, 11))
    order = as_completed(futures)
    wait(futures)
    assert order.next_batch(block=True)
    assert not as_completed([]).next_batch(block=False)


def test_the_same_future_twice(client):
    future = client.submit(inc, 1)
    assert list(as_completed([future, future])) == [future, future]


def test_cleared(client):
    gate = Event("cleared")
    order = as_completed([client.submit(gate.wait, pure=False)])
    assert order.count() == 1
    order.clear()
    assert order.is_empty() and list(order) == []
    gate.set()


def test_only_futures_are_waited_for(client):
    with pytest.raises(TypeError, match="must be a future"):
        as_completed([1])


def test_as_completed_has_a_time_limit(client):
    gate = Event("time limit")
    order = as_completed([client.submit(gate.wait, pure=False)], timeout=0.01)
    with pytest.raises(TimeoutError):
        next(order)
    gate.set()


def test_wait_for_all_and_for_one(client):
    gate = Event("wait")
    late, early = client.submit(gate.wait, pure=False), client.submit(inc, 1)
    done, not_done = wait([late, early], return_when="FIRST_COMPLETED")
    assert done == {early} and not_done == {late}
    with pytest.raises(TimeoutError):
        wait([late, early], timeout=0.01)
    gate.set()
    assert wait([late, early]) == ({late, early}, set())
    assert wait(early).done == {early}


def test_wait_says_what_it_takes(client):
    future = client.submit(inc, 1)
    with pytest.raises(TypeError, match="timeout"):
        wait(future, future)
    with pytest.raises(NotImplementedError):
        wait(future, return_when="SOME")


def test_waiting_for_cancelled_tasks(client):
    gate = Event("wait for cancelled")
    blocked = [client.submit(gate.wait, pure=False) for _ in range(4)]
    future = client.submit(bool, blocked)
    client.cancel(future)
    with pytest.raises(CancelledError):
        wait(future)
    gate.set()


def test_forgotten_tasks_run(client):
    ran = Event("forgotten")
    fire_and_forget(client.submit(lambda: Event("forgotten").set(), pure=False))
    assert ran.wait()


def test_forgotten_tasks_may_still_be_asked_for(client):
    future = client.submit(inc, 77)
    fire_and_forget(future)
    assert future.result() == 78


def test_futures_in_anything(client):
    x, y = client.submit(inc, 1), client.submit(inc, 2)
    assert futures_of([x, {"a": (y,)}, x, 5]) == [x, y]


def test_progress_in_a_terminal(client, capsys):
    progress(client.map(inc, range(20)), notebook=False)
    assert "100% Completed" in capsys.readouterr().out


def test_progress_in_a_notebook(client):
    bar = progress(client.map(inc, range(3)), notebook=True)
    assert "inc" in bar._repr_html_()
