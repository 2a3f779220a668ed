"""What a client tells about its cluster, and changes of it."""

import json

import pytest
import raskt
from raskt.distributed import (
    Client,
    Event,
    LocalCluster,
    get_task_metadata,
    get_task_stream,
    get_worker,
    performance_report,
    span,
    wait,
)


def inc(x):
    return x + 1


@pytest.fixture(scope="module")
def client():
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            resources={"GPU": 1},
            memory_limit="1 GB",
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_information_about_the_cluster(client):
    info = client.scheduler_info()
    assert info["address"] == client.scheduler.address
    assert info["n_workers"] == len(info["workers"]) == 2
    for worker in info["workers"].values():
        assert worker["nthreads"] == 1
        assert worker["memory_limit"] == 10**9
        assert worker["resources"] == {"GPU": 1.0}
        assert worker["status"] == "running"
    assert len(client.scheduler_info(n_workers=1)["workers"]) == 1
    assert "processes=2 threads=2" in repr(client)
    assert client.nthreads() == client.ncores()
    one = next(iter(client.nthreads()))
    assert client.nthreads([one]) == {one: 1}


def test_who_has_what(client):
    futures = client.map(inc, range(4), key="held")
    wait(futures)
    holders = client.who_has(futures)
    assert set(holders) == {f.key for f in futures}
    contents = client.has_what()
    assert set(contents) == set(client.nthreads())
    for key, (worker,) in holders.items():
        assert key in contents[worker]
    sizes = client.nbytes([f.key for f in futures], summary=False)
    assert set(sizes) == set(holders) and all(size > 0 for size in sizes.values())
    assert client.nbytes()["held"] >= sum(sizes.values())


def test_tuple_keys_come_back_as_tuples(client):
    future = client.submit(inc, 1, key=("tuple", 1))
    wait(future)
    assert ("tuple", 1) in client.who_has(future)


def test_what_workers_have_to_do(client):
    gate = Event("processing")
    running = Event("is running")

    def run():
        Event("is running").set()
        return Event("processing").wait()

    future = client.submit(run, pure=False)
    assert running.wait()
    processing = client.processing()
    gate.set()
    assert [keys for keys in processing.values() if keys] == [(future.key,)]
    assert future.result()


def test_copies_and_their_places(client):
    future = client.submit(inc, 100)
    client.replicate([future])
    assert len(client.who_has(future)[future.key]) == 2
    client.replicate([future], n=1)
    client.rebalance()
    assert future.result() == 101


def test_resources_limit_what_runs(client):
    def hold():
        return get_worker().address

    futures = [client.submit(hold, resources={"GPU": 1}, pure=False) for _ in range(4)]
    assert set(client.gather(futures)) <= set(client.nthreads())


def test_annotations_reach_tasks(client):
    worker = next(iter(client.nthreads()))
    with raskt.annotate(workers=[worker]):
        assert client.submit(lambda: get_worker().address).result() == worker


def test_the_task_stream(client):
    with get_task_stream() as stream:
        wait(client.map(inc, range(5), pure=False, key="streamed"))
    assert [record["status"] for record in stream.data] == ["OK"] * 5
    record = stream.data[0]
    assert record["worker"] in client.nthreads()
    assert record["startstops"][-1]["action"] == "compute"
    assert len(client.get_task_stream(count=2)) == 2
    _, page = client.get_task_stream(plot=True)
    assert "<svg" in page.html


def test_metadata_of_tasks(client):
    with get_task_metadata() as tasks:
        client.submit(inc, 1, key="with-metadata").result()
        wait(client.submit(lambda: 1 / 0, key="bad-metadata"))
    assert tasks.state == {"with-metadata": "memory", "bad-metadata": "erred"}
    assert tasks.metadata["with-metadata"]["worker"] in client.nthreads()


def test_a_report(client, tmp_path):
    with performance_report(tmp_path / "report.html"):
        wait(client.map(inc, range(5), pure=False))
    assert "<svg" in (tmp_path / "report.html").read_text()


def test_the_story_of_a_task(client):
    future = client.submit(inc, 1, key="with-story")
    future.result()
    states = [line[2] for line in client.story(future)]
    assert states[-1] == "memory"
    assert client.story("with-story") == client.story(future)


def test_dumps(client, tmp_path):
    client.dump_cluster_state(str(tmp_path / "dump"), format="yaml")
    text = (tmp_path / "dump.yaml").read_text()
    assert next(iter(client.nthreads())) in text
    with pytest.raises(ValueError, match="Unsupported format"):
        client.dump_cluster_state(format="xml")


def test_scheduler_files(client, tmp_path):
    file = tmp_path / "scheduler.json"
    client.write_scheduler_file(str(file))
    assert json.loads(file.read_text())["address"] == client.scheduler.address
    with Client(scheduler_file=str(file), set_as_default=False) as other:
        assert other.submit(inc, 1).result() == 2
    client.scheduler_file = None


def test_the_memory_manager(client):
    client.amm.stop()
    assert client.amm.running() is False
    client.amm.run_once()
    client.amm.start()
    assert client.amm.running() is True


def test_measuring_the_hardware(client):
    found = client.benchmark_hardware()
    assert set(found) == {"memory", "disk", "network"}
    assert all(rate > 0 for rates in found.values() for rate in rates.values())


def test_spans_are_annotations():
    with span("outer"), span("inner") as identifier:
        annotation = raskt.get_annotations()["span"]
    assert annotation["name"] == ("outer", "inner")
    assert annotation["ids"][-1] == identifier
    with pytest.raises(ValueError, match="tag"), span():
        pass


def test_more_and_fewer_workers():
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False) as cluster,
        Client(cluster) as client,
    ):
        cluster.scale(3)
        client.wait_for_workers(3)
        assert cluster.plan == {0, 1, 2}
        futures = client.map(inc, range(9))
        wait(futures)
        gone = client.retire_workers(list(client.nthreads())[:2])
        assert len(gone) == 2 and len(client.nthreads()) == 1
        assert client.gather(futures) == list(range(1, 10))
        with pytest.raises(TimeoutError):
            client.wait_for_workers(7, timeout=0.01)
        with pytest.raises(ValueError, match="positive integer"):
            client.wait_for_workers(0)


def test_shutting_down_from_a_client():
    with LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        other = Client(cluster.scheduler_address, set_as_default=False)
        other.shutdown()
        assert other.status == "closed"
