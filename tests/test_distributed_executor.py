"""A cluster in the form of `concurrent.futures`."""

import concurrent.futures as cf

import pytest
from raskt.distributed import Client, Event


@pytest.fixture(scope="module")
def client():
    with Client(n_workers=2, threads_per_worker=1, processes=False) as client:
        yield client


def test_submit_and_map(client):
    with client.get_executor() as executor:
        assert isinstance(executor, cf.Executor)
        assert executor.submit(pow, 2, 3).result() == 8
        assert list(executor.map(pow, [1, 2, 3], [2, 2, 2])) == [1, 4, 9]


def test_errors(client):
    with client.get_executor(pure=True) as executor:
        future = executor.submit(divmod, 1, 0)
        with pytest.raises(ZeroDivisionError):
            future.result()
        results = executor.map(divmod, [1, 1], [1, 0])
        assert next(results) == (1, 0)
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_waiting_as_the_standard_library_does(client):
    executor = client.get_executor()
    futures = [executor.submit(abs, -i) for i in range(5)]
    assert sorted(f.result() for f in cf.as_completed(futures)) == list(range(5))
    done, not_done = cf.wait(futures)
    assert len(done) == 5 and not not_done


def test_cancelling(client):
    gate = Event("executor")
    executor = client.get_executor(pure=False)
    blocked = executor.submit(gate.wait)
    waiting = executor.submit(gate.wait)
    assert waiting.cancel() and waiting.cancelled()
    gate.set()
    assert blocked.result()


def test_time_limit_of_map(client):
    gate = Event("executor map")
    executor = client.get_executor()
    results = executor.map(gate.wait, [None], timeout=0.01)
    with pytest.raises(TimeoutError):
        next(results)
    gate.set()


def test_shut_down(client):
    executor = client.get_executor()
    future = executor.submit(abs, -1)
    executor.shutdown()
    assert future.result() == 1
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.submit(abs, -1)
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.map(abs, [-1])


def test_unknown_options(client):
    with pytest.raises(TypeError, match="unsupported"):
        client.get_executor(colour="blue")
