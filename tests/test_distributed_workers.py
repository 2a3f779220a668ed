"""What tasks and plugins see of their worker; actors; asking workers."""

import logging
import os
import sys
import threading
from pathlib import Path

import pytest
from raskt.distributed import (
    Actor,
    ActorFuture,
    Client,
    Environ,
    Event,
    LocalCluster,
    NannyPlugin,
    PipInstall,
    Reschedule,
    SchedulerPlugin,
    UploadDirectory,
    UploadFile,
    WorkerPlugin,
    get_client,
    get_worker,
    rejoin,
    secede,
    warn,
    worker_client,
)
from raskt.distributed import print as print_everywhere


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=False) as cluster,
        Client(cluster) as client,
    ):
        yield client


# --- inside of tasks ----------------------------------------------------------------


def test_a_task_finds_its_worker(client):
    def look():
        worker = get_worker()
        return worker.address, worker.nthreads, os.path.isdir(worker.local_directory)

    address, nthreads, has_folder = client.submit(look, pure=False).result()
    assert address in client.nthreads() and nthreads == 1 and has_folder


def test_outside_of_tasks_there_is_no_worker():
    with pytest.raises(ValueError, match="No worker found"):
        get_worker()
    for function in (secede, rejoin):
        with pytest.raises(ValueError, match="tasks"):
            function()


def test_tasks_submit_tasks(client):
    def fibonacci(n):
        if n < 2:
            return n
        with worker_client() as here:
            a = here.submit(fibonacci, n - 1)
            b = here.submit(fibonacci, n - 2)
            return sum(here.gather([a, b]))

    assert client.submit(fibonacci, 7).result() == 13


def test_tasks_compute_lazy_values(client):
    def compute():
        import raskt

        return (raskt.delayed(sum)([1, 2]) + 3).compute()

    assert client.submit(compute, pure=False).result() == 6


def test_secede_and_rejoin(client):
    def outer():
        futures = get_client().map(abs, [-1, -2], pure=False)
        secede()
        results = get_client().gather(futures)
        rejoin()
        return results

    assert client.submit(outer, pure=False).result() == [1, 2]


def test_a_task_may_want_to_run_elsewhere(client):
    first = []

    def pick():
        first.append(get_worker().address)
        if len(first) == 1:
            raise Reschedule
        return len(first)

    globals()["_pick"] = pick
    assert client.submit(_call_pick, pure=False).result() == 2


def _call_pick():
    return _pick()  # noqa: F821 - set by the test


def test_printing_reaches_the_client(client, capsys):
    there = threading.Event()
    handlers = client._topic_handlers
    usual = handlers["print"]
    handlers["print"] = lambda event: (usual(event), there.set())
    try:
        client.submit(print_everywhere, "from", "afar", sep="-").result()
        assert there.wait()
    finally:
        handlers["print"] = usual
    assert "from-afar" in capsys.readouterr().out
    with pytest.raises(TypeError, match="file kwarg"):
        print_everywhere("x", file=object())


def test_warnings_reach_the_client(client):
    heard = []
    there = threading.Event()
    handlers = client._topic_handlers
    usual = handlers["warn"]
    handlers["warn"] = lambda event: (heard.append(event[1]), there.set())
    try:
        future = client.submit(_warned)
        assert future.result()
        assert there.wait()
    finally:
        handlers["warn"] = usual
    assert heard[0]["message"] == "careful"


def _warned():
    with pytest.warns(UserWarning, match="careful"):
        warn("careful")
    return True


# --- asking workers -------------------------------------------------------------------


def test_functions_on_all_workers(client):
    def add(x, dask_worker=None):
        return dask_worker.address, x + 1

    answers = client.run(add, 1)
    assert answers == {address: (address, 2) for address in client.nthreads()}
    one = next(iter(answers))
    assert list(client.run(add, 1, workers=[one])) == [one]
    assert client.run(add, 1, workers=one) == (one, 2)
    assert client.run(add, 1, wait=False) is None


def test_coroutines_on_all_workers(client):
    async def address():
        return get_worker().address

    assert set(client.run(address).values()) == set(client.nthreads())


def test_errors_of_functions_on_workers(client):
    with pytest.raises(ZeroDivisionError):
        client.run(lambda: 1 / 0)
    returned = client.run(lambda: 1 / 0, on_error="return")
    assert all(isinstance(e, ZeroDivisionError) for e in returned.values())
    assert client.run(lambda: 1 / 0, on_error="ignore") == {}
    with pytest.raises(ValueError, match="on_error"):
        client.run(lambda: 1, on_error="hide")


def test_functions_beside_the_scheduler(client):
    assert client.run_on_scheduler(lambda x: x + 1, 1) == 2
    client.submit(abs, -5, key="abs-on-scheduler").result()
    story = client.run_on_scheduler(
        lambda dask_scheduler: dask_scheduler.story("abs-on-scheduler")
    )
    assert story

    async def later(dask_scheduler):
        return dask_scheduler.address

    assert client.run_on_scheduler(later) == client.scheduler.address


def test_versions(client):
    found = client.get_versions(check=True, packages=["pytest"])
    assert set(found["workers"]) == set(client.nthreads())
    assert found["client"]["packages"]["pytest"] == pytest.__version__


def test_where_running_tasks_are(client):
    gate, running = Event("stack gate"), Event("stack runs")

    def wait_for_the_gate():
        Event("stack runs").set()
        return Event("stack gate").wait()

    future = client.submit(wait_for_the_gate, pure=False)
    assert running.wait()
    (stacks,) = client.call_stack([future]).values()
    assert "wait_for_the_gate" in "".join(stacks[future.key])
    assert client.call_stack(keys=["no such task"]) == {}
    gate.set()
    assert future.result()


def test_a_profile_is_a_tree(client):
    tree = client.profile()
    assert tree["count"] >= 0 and "children" in tree
    assert set(client.profile(merge_workers=False)) == set(client.nthreads())
    assert client.profile(scheduler=True)["count"] == 0


def test_logs_of_workers(client):
    client.run(lambda: logging.getLogger("raskt.test").error("a line for the log"))
    for lines in client.get_worker_logs().values():
        assert any("a line for the log" in text for _, text in lines)
    assert len(client.get_scheduler_logs(n=1)) <= 1


# --- plugins ----------------------------------------------------------------------


class Counting(WorkerPlugin):
    name = "counting"

    def __init__(self, start):
        self.start = start

    def setup(self, worker):
        worker.counter = self.start

    def teardown(self, worker):
        worker.counter = None


def counters(client):
    return set(client.run(lambda dask_worker: dask_worker.counter).values())


def test_plugins_of_workers(client):
    assert len(client.register_plugin(Counting(5))) == 2
    assert counters(client) == {5}
    client.register_plugin(Counting(6))
    assert counters(client) == {6}
    client.unregister_worker_plugin("counting")
    assert counters(client) == {None}
    with pytest.raises(ValueError, match="does not exist"):
        client.unregister_worker_plugin("counting")


def test_plugins_may_be_coroutines_and_fail(client):
    class Failing(WorkerPlugin):
        async def setup(self, worker):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.register_plugin(Failing(), name="failing")
    with pytest.raises(TypeError, match="duck-typed"):
        client.register_plugin(object())


def test_new_workers_get_plugins():
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False) as cluster,
        Client(cluster) as client,
    ):
        client.register_plugin(Counting(7))
        client.register_worker_callbacks(_set_greeting)
        cluster.scale(2)
        client.wait_for_workers(2)
        assert counters(client) == {7}
        greetings = client.run(lambda dask_worker: dask_worker.greeting)
        assert list(greetings.values()) == ["hello"] * 2


def _set_greeting(dask_worker):
    dask_worker.greeting = "hello"


def test_plugins_of_nannies_run_in_workers(client):
    class Mark(NannyPlugin):
        name = "mark"

        def setup(self, nanny):
            nanny.mark = os.environ is nanny.env

    client.register_plugin(Mark())
    marks = client.run(lambda dask_worker: dask_worker.mark)
    assert set(marks.values()) == {True}
    client.unregister_worker_plugin("mark", nanny=True)


def test_plugins_of_schedulers(client):
    class Started(SchedulerPlugin):
        name = "started"
        events = []

        async def start(self, scheduler):
            self.events.append(("start", scheduler.address))

        async def close(self):
            self.events.append("close")

    plugin = Started()
    client.register_plugin(plugin)
    client.unregister_scheduler_plugin("started")
    assert plugin.events == [("start", client.scheduler.address), "close"]
    with pytest.raises(ValueError, match="started"):
        client.unregister_scheduler_plugin("started")


def test_an_uploaded_module_can_be_imported(client, tmp_path):
    (tmp_path / "uploaded_module.py").write_text("value = 123")
    answers = client.upload_file(tmp_path / "uploaded_module.py")
    assert all(answer["status"] == "OK" for answer in answers.values())

    def value():
        import uploaded_module

        return uploaded_module.value

    assert set(client.run(value).values()) == {123}
    (tmp_path / "uploaded_module.py").write_text("value = 456789")
    client.upload_file(tmp_path / "uploaded_module.py")
    assert set(client.run(value).values()) == {456789}
    sys.modules.pop("uploaded_module", None)


def test_plugins_that_bring_files(client, tmp_path):
    (tmp_path / "data.txt").write_text("some data")
    client.register_plugin(UploadFile(str(tmp_path / "data.txt")))
    client.register_plugin(UploadDirectory(tmp_path))

    def read(dask_worker):
        folder = dask_worker.local_directory
        names = ["data.txt", os.path.join(os.path.basename(str(tmp_path)), "data.txt")]
        return [Path(folder, name).read_text() for name in names]

    assert list(client.run(read).values()) == [["some data"] * 2] * 2
    with pytest.raises(ValueError, match="mode"):
        UploadDirectory(tmp_path, mode="nowhere")


def test_failed_installations_say_why(client):
    with pytest.raises(RuntimeError, match="failed to install"):
        client.register_plugin(PipInstall(["/no/such/package"]))


def test_environ_sets_variables():
    plugin = Environ({"A_NUMBER": 5})
    assert plugin.environ == {"A_NUMBER": "5"} and plugin.restart


def test_logs_are_forwarded(client, caplog):
    there = threading.Event()
    client.forward_logging("raskt.forwarded")
    topic = "forwarded-log-record"
    usual = client._topic_handlers[topic]
    client._topic_handlers[topic] = lambda event: (usual(event), there.set())
    worker = next(iter(client.nthreads()))
    with caplog.at_level(logging.INFO):
        client.run(_log_there, workers=[worker])
        assert there.wait()
    assert "from the worker" in caplog.text
    client.unforward_logging("raskt.forwarded")


def _log_there():
    logging.getLogger("raskt.forwarded").warning("from the worker")


# --- actors -----------------------------------------------------------------------


class Counter:
    n = 0

    def __init__(self, start=0):
        self.n = start

    def add(self, x):
        self.n += x
        return self.n

    def fail(self):
        raise ZeroDivisionError

    async def later(self, x):
        return x + self.n


def test_an_actor_keeps_its_state(client):
    future = client.submit(Counter, 1, actor=True)
    counter = future.result()
    assert isinstance(counter, Actor) and "Counter" in repr(counter)
    assert counter.n == 1
    answer = counter.add(2)
    assert isinstance(answer, ActorFuture)
    assert answer.result() == 3 and answer.done()
    assert counter.later(10).result() == 13
    assert "add" in dir(counter)
    with pytest.raises(ZeroDivisionError):
        counter.fail().result()
    with pytest.raises(AttributeError):
        counter.nothing


def test_calls_of_an_actor_are_in_order(client):
    class Log:
        def __init__(self):
            self.items = []

        def append(self, item):
            self.items.append(item)

    log = client.submit(Log, actor=True).result()
    answers = [log.append(i) for i in range(50)]
    for answer in answers:
        answer.result()
    assert log.items == list(range(50))


def test_actors_in_tasks(client):
    counter = client.submit(Counter, actor=True)

    def add(counter, x):
        return counter.add(x).result()

    client.gather([client.submit(add, counter, i, pure=False) for i in range(10)])
    assert counter.result().n == sum(range(10))


def test_two_actors_are_two(client):
    first, second = (client.submit(Counter, actor=True).result() for _ in range(2))
    first.add(1).result()
    assert (first.n, second.n) == (1, 0)


def test_an_actor_waits_for_an_event(client):
    class Waiting:
        def wait(self):
            return Event("of the actor").wait()

    waiting = client.submit(Waiting, actor=True).result()
    answer = waiting.wait()
    with pytest.raises(TimeoutError):
        answer.result(timeout=0.01)
    Event("of the actor").set()
    assert answer.result() is True
