"""Clients in an event loop."""

import asyncio

import pytest
import raskt
from raskt.distributed import (
    Client,
    Event,
    LocalCluster,
    Lock,
    Queue,
    Semaphore,
    Variable,
    as_completed,
    futures_of,
    get_client,
    wait,
)


def inc(x):
    return x + 1


def on_a_cluster(function):
    """Run a coroutine function with an asynchronous client."""

    async def run():
        async with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, processes=False, asynchronous=True
            ) as cluster,
            Client(cluster, asynchronous=True) as client,
        ):
            await function(client)

    def test():
        asyncio.run(run())

    test.__name__ = function.__name__
    return test


@on_a_cluster
async def test_futures_are_awaited(client):
    future = client.submit(inc, 1)
    assert await future == 2
    assert await future.result() == 2
    assert await future.exception() is None
    assert await client.gather(client.map(inc, range(5))) == [1, 2, 3, 4, 5]


@on_a_cluster
async def test_errors_are_raised_where_they_are_awaited(client):
    future = client.submit(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await future
    assert isinstance(await future.exception(), ZeroDivisionError)
    assert await future.traceback() is not None
    with pytest.raises(ZeroDivisionError):
        await client.gather([client.submit(inc, 1), future])
    assert await client.gather([future], errors="skip") == []


@on_a_cluster
async def test_gather_raises_as_soon_as_one_fails(client):
    gate = Event("gather")
    late = client.submit(gate.wait, pure=False)
    with pytest.raises(ZeroDivisionError):
        await client.gather([late, client.submit(lambda: 1 / 0)])
    await gate.set()
    assert await late


@on_a_cluster
async def test_time_limits(client):
    gate = Event("limits")
    future = client.submit(gate.wait, pure=False)
    with pytest.raises(TimeoutError):
        await future.result(timeout=0.01)
    with pytest.raises(TimeoutError):
        await wait(future, timeout=0.01)
    await gate.set()
    assert (await wait(future)).done == {future}


@on_a_cluster
async def test_asynchronous_iteration(client):
    seen = []
    async for future in as_completed(client.map(inc, range(3))):
        seen.append(await future)
    assert sorted(seen) == [1, 2, 3]
    pairs = as_completed(client.map(inc, range(3)), with_results=True)
    assert sorted([result async for _, result in pairs]) == [1, 2, 3]


@on_a_cluster
async def test_collections(client):
    lazy = client.persist(raskt.delayed(inc)(1))
    lazy = await lazy
    assert all(future.done() for future in futures_of(lazy))
    assert await client.compute(raskt.delayed(inc)(5)) == 6
    assert await client.get({"x": (inc, 1)}, "x") == 2


@on_a_cluster
async def test_what_is_shared(client):
    async with Lock("async") as lock:
        assert await lock.locked()
    async with Semaphore(2, "async semaphore") as semaphore:
        assert await semaphore.get_value() == 1
    queue = await Queue("async queue")
    await queue.put(1)
    assert await queue.get() == 1
    variable = Variable("async variable")
    await variable.set(client.submit(inc, 1))
    assert await (await variable.get()) == 2
    await client.publish_dataset(x=1)
    assert [name async for name in client.datasets] == ["x"]
    assert await client.datasets["x"] == 1
    with pytest.raises(TypeError, match="asynchronous"):
        client.datasets["x"] = 2


@on_a_cluster
async def test_asking_about_the_cluster(client):
    info = await client.scheduler_info()
    assert set(await client.nthreads()) == set(info["workers"])
    assert await client.scatter([1, 2])
    assert set(await client.run(inc, 1)) == set(info["workers"])
    await client.wait_for_workers(2)


@on_a_cluster
async def test_tasks_use_clients_that_wait(client):
    def total(n):
        here = get_client()
        return sum(here.gather(here.map(inc, range(n), pure=False)))

    async def later(n):
        await asyncio.sleep(0)  # payload: the loop turns once
        return n

    # One of the two threads is taken by the task itself.
    assert await client.submit(total, 4) == 10
    assert await client.submit(later, 5) == 5


@on_a_cluster
async def test_actors(client):
    class Counter:
        n = 0

        def add(self):
            self.n += 1
            return self.n

    counter = await client.submit(Counter, actor=True)
    assert await counter.add() == 1
    assert await counter.n == 1


@on_a_cluster
async def test_synchronous_functions_need_another_scheduler(client):
    lazy = raskt.delayed(inc)(1)
    with pytest.raises(RuntimeError, match="asynchronous"):
        lazy.compute()
    with (
        raskt.config.set({"admin.async-client-fallback": "sync"}),
        pytest.warns(UserWarning, match="asynchronous"),
    ):
        assert lazy.compute() == 2


def test_an_asynchronous_client_begins_when_it_is_awaited():
    async def run():
        async with LocalCluster(
            n_workers=1, processes=False, asynchronous=True
        ) as cluster:
            client = Client(cluster, asynchronous=True)
            with pytest.raises(RuntimeError, match="await"):
                client.submit(inc, 1)
            client = await client
            assert await client.submit(inc, 1) == 2
            await client.close()
            assert client.status == "closed"

    asyncio.run(run())


def test_collections_are_awaited_without_a_cluster():
    async def run():
        lazy = raskt.delayed(inc)(1) + 1
        kept = await lazy.persist()
        assert len(kept.dask) == 1
        return kept.compute()

    assert asyncio.run(run()) == 3
