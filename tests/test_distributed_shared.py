"""Locks, semaphores, events, queues, variables, data sets, metadata, topics."""

import pickle
import threading

import pytest
import raskt
from raskt.distributed import (
    Client,
    Event,
    LocalCluster,
    Lock,
    MultiLock,
    Queue,
    Semaphore,
    Variable,
    get_client,
)


def inc(x):
    return x + 1


@pytest.fixture(scope="module")
def client():
    with Client(n_workers=2, threads_per_worker=2, processes=False) as client:
        yield client


# --- locks ----------------------------------------------------------------------


def test_a_lock_is_for_one(client):
    lock, other = Lock("one"), Lock("one")
    assert lock.acquire() and lock.locked() and other.locked()
    assert not other.acquire(timeout=0.01)
    assert not other.acquire(blocking=False)
    lock.release()
    assert not lock.locked()
    assert other.acquire(timeout=1)
    other.release()


def test_locks_release_what_they_hold(client):
    with pytest.raises(RuntimeError, match="Released too often"):
        Lock("never taken").release()
    with pytest.raises(ValueError, match="timeout"):
        Lock("x").acquire(blocking=False, timeout=1)


def test_locks_in_tasks(client):
    def append(i):
        with Lock("of the list"):
            seen = get_client().get_metadata("seen", default=[])
            get_client().set_metadata("seen", [*seen, i])

    client.gather(client.map(append, range(8), pure=False))
    assert sorted(client.get_metadata("seen")) == list(range(8))


def test_locks_travel(client):
    lock = pickle.loads(pickle.dumps(Lock("travels")))
    assert lock.name == "travels"
    assert client.submit(lambda lock: lock.acquire() and lock.release(), lock).result()


def test_a_semaphore_has_leases(client):
    semaphore = Semaphore(max_leases=2, name="two")
    assert semaphore.acquire() and semaphore.acquire()
    assert semaphore.get_value() == 2
    assert not semaphore.acquire(timeout=0.01)
    assert semaphore.release()
    assert semaphore.get_value() == 1
    semaphore.release()
    with pytest.raises(RuntimeError):
        semaphore.release()


def test_a_semaphore_has_one_number_of_leases(client):
    Semaphore(max_leases=2, name="fixed").register()
    with pytest.raises(ValueError):
        Semaphore(max_leases=3, name="fixed").acquire()


def test_a_semaphore_travels_without_leases(client):
    semaphore = Semaphore(max_leases=2, name="travelling")
    semaphore.acquire()
    copy = pickle.loads(pickle.dumps(semaphore))
    assert copy.max_leases == 2 and copy.get_value() == 1
    with pytest.raises(RuntimeError):
        copy.release()
    semaphore.release()


def test_a_multi_lock_takes_all_or_some(client):
    first, second = MultiLock(names=["x", "y"]), MultiLock(names=["y", "z"])
    assert first.acquire() and first.locked()
    assert not second.acquire(timeout=0.01)
    assert second.acquire(num_locks=1, timeout=1)
    second.release()
    first.release()
    assert second.acquire(timeout=1)
    second.release()
    with pytest.raises(ValueError, match="not yet acquired"):
        second.release()


# --- events, queues, variables ----------------------------------------------------


def test_an_event(client):
    event = Event("an event")
    assert not event.is_set() and not event.wait(timeout=0.01)
    waiting = client.submit(lambda: Event("an event").wait(), pure=False)
    event.set()
    assert waiting.result() is True and event.is_set()
    event.clear()
    assert not event.is_set()


def test_a_queue_keeps_order(client):
    queue = Queue("order")
    for i in range(4):
        queue.put(i)
    assert queue.qsize() == 4
    assert queue.get() == 0
    assert queue.get(batch=2) == [1, 2]
    assert queue.get(batch=True) == [3]
    assert queue.get(batch=True) == []
    with pytest.raises(TimeoutError):
        queue.get(timeout=0.01)
    queue.close()


def test_a_full_queue_waits(client):
    queue = Queue("full", maxsize=1)
    queue.put(1)
    with pytest.raises(TimeoutError):
        queue.put(2, timeout=0.01)
    assert queue.get() == 1
    queue.put(3)
    assert Queue("full").get() == 3


def test_futures_in_a_queue_are_kept(client):
    queue = Queue("of futures")
    queue.put(client.submit(inc, 2000))
    queue.put({"nested": [client.submit(inc, 3000)]})
    assert queue.get().result() == 2001
    assert queue.get()["nested"][0].result() == 3001


def test_a_queue_between_tasks(client):
    def produce():
        queue = Queue("between tasks")
        for i in range(5):
            queue.put(i)

    def consume():
        return [Queue("between tasks").get() for _ in range(5)]

    taken = client.submit(consume, pure=False)
    client.submit(produce, pure=False).result()
    assert taken.result() == list(range(5))


def test_a_variable(client):
    variable = Variable("x")
    with pytest.raises(TimeoutError):
        variable.get(timeout=0.01)
    variable.set({"any": ["thing"]})
    assert Variable("x").get() == {"any": ["thing"]}
    variable.set(client.submit(inc, 4000))
    assert variable.get().result() == 4001
    variable.delete()
    with pytest.raises(TimeoutError):
        variable.get(timeout=0.01)


def test_a_variable_waits_for_its_value(client):
    found = []
    thread = threading.Thread(target=lambda: found.append(Variable("late").get()))
    thread.start()
    Variable("late").set(5)
    thread.join()
    assert found == [5]


# --- data sets, metadata, topics ----------------------------------------------------


def test_data_sets_outlive_their_client(client):
    with Client(client.scheduler.address, set_as_default=False) as other:
        lazy = other.persist(raskt.delayed(inc)(5000))
        other.publish_dataset(lazy, name="lazy")
        other.publish_dataset(futures=[other.submit(inc, 6000)])
    assert client.list_datasets() == ["futures", "lazy"]
    assert client.get_dataset("lazy").compute() == 5001
    assert client.gather(client.get_dataset("futures")) == [6001]
    client.unpublish_dataset("lazy")
    client.unpublish_dataset("futures")
    assert client.list_datasets() == []
    with pytest.raises(KeyError, match="not found"):
        client.get_dataset("lazy")
    assert client.get_dataset("lazy", default=None) is None


def test_data_sets_are_replaced_if_asked(client):
    client.publish_dataset(once=1)
    with pytest.raises(KeyError, match="exists"):
        client.publish_dataset(once=2)
    client.publish_dataset(once=2, override=True)
    assert client.get_dataset("once") == 2
    client.unpublish_dataset("once")


def test_data_sets_as_a_mapping(client):
    client.datasets["a"] = [1]
    client.datasets[("b", 1)] = 2
    assert set(client.datasets) == {"a", ("b", 1)} and len(client.datasets) == 2
    assert client.datasets[("b", 1)] == 2
    del client.datasets["a"], client.datasets[("b", 1)]
    with pytest.raises(KeyError):
        client.datasets["a"]
    with pytest.raises(KeyError):
        del client.datasets["a"]


def test_how_data_sets_are_published(client):
    with pytest.raises(ValueError, match="name is provided"):
        client.publish_dataset(name="x")
    with pytest.raises(ValueError, match="name is omitted"):
        client.publish_dataset(5)
    client.publish_dataset({"m": 1})
    assert client.get_dataset(["m"]) == [1]
    client.unpublish_dataset(["m"])


def test_metadata_is_a_tree(client):
    client.set_metadata(["a", "b", "c"], 1)
    client.set_metadata(["a", "d"], "text")
    assert client.get_metadata(["a", "b", "c"]) == 1
    assert client.get_metadata("a") == {"b": {"c": 1}, "d": "text"}
    assert client.get_metadata("none", default=None) is None
    with pytest.raises(KeyError):
        client.get_metadata("none")


def test_topics(client):
    heard = []
    there = threading.Event()

    def handler(event):
        heard.append(event[1])
        there.set()

    client.subscribe_topic("mine", handler)
    client.log_event("mine", {"x": 1})
    assert there.wait()
    assert heard == [{"x": 1}]
    assert [message for _, message in client.get_events("mine")] == [{"x": 1}]
    assert "mine" in client.get_events()
    client.unsubscribe_topic("mine")
    with pytest.raises(ValueError, match="mine"):
        client.unsubscribe_topic("mine")
    client.log_event(["mine", "other"], 2)
    assert [message for _, message in client.get_events("other")] == [2]


def test_the_scheduler_says_who_comes_and_goes():
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False) as cluster,
        Client(cluster) as client,
    ):
        worker = next(iter(client.nthreads()))
        client.retire_workers([worker])
        messages = [message for _, message in client.get_events("all")]
        assert messages == [
            {"action": "add-worker", "worker": worker},
            {"action": "remove-worker", "worker": worker},
        ]
