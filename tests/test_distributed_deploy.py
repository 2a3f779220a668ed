"""Clusters of processes, their life, and the commands."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest
import raskt
from raskt.base import get_scheduler
from raskt.distributed import (
    Client,
    Environ,
    KilledWorker,
    LocalCluster,
    Lock,
    Nanny,
    Scheduler,
    Security,
    SpecCluster,
    SubprocessCluster,
    Worker,
    get_worker,
    wait,
)
from raskt.distributed.deploy import ProcessInterface
from raskt.distributed.deploy.ssh import SSHCluster


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with Client(cluster) as client:
        yield client


def test_workers_are_processes(client):
    pids = set(client.run(os.getpid).values())
    assert len(pids) == 2 and os.getpid() not in pids
    assert client.submit(lambda: get_worker().nanny).result()
    for worker in client.scheduler_info()["workers"].values():
        assert worker["nanny"]


def test_options_reach_the_processes(client):
    names = ("OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_")
    for environ in client.run(lambda: dict(os.environ)).values():
        assert all(environ[name] for name in names)


def test_data_moves_between_processes(client):
    first, second = client.nthreads()
    data = client.submit(bytes, 100_000, workers=first)
    assert client.submit(len, data, workers=second).result() == 100_000
    assert len(client.gather(data)) == 100_000


def test_a_task_that_kills_its_workers_is_named(client):
    with raskt.config.set({"distributed.scheduler.allowed-failures": 3}):
        future = client.submit(os._exit, 3, pure=False)
        with pytest.raises(KilledWorker, match="exit code 3") as caught:
            future.result()
    assert caught.value.task == future.key
    assert client.submit(sum, [1, 2], pure=False).result() == 3


def test_lost_results_are_computed_again(client):
    client.wait_for_workers(2)
    futures = client.map(lambda i: (i, os.getpid()), range(8), pure=False)
    wait(futures)
    _, pid = futures[0].result()
    os.kill(pid, signal.SIGKILL)
    assert client.submit(len, futures).result() == 8
    assert [i for i, _ in client.gather(futures)] == list(range(8))


def test_restart(client):
    client.wait_for_workers(2)
    future = client.submit(sum, [1, 2], pure=False)
    wait(future)
    before = set(client.run(os.getpid).values())
    client.restart()
    client.wait_for_workers(2)
    assert before.isdisjoint(client.run(os.getpid).values())
    assert future.status == "cancelled"
    assert client.submit(sum, [1, 2]).result() == 3


def test_environ_starts_workers_anew(client):
    client.register_plugin(Environ({"A_NUMBER": 5}))
    client.wait_for_workers(2)
    numbers = client.run(lambda: os.environ["A_NUMBER"])
    assert set(numbers.values()) == {"5"}


# --- which scheduler is meant ------------------------------------------------------


def test_a_client_computes_what_names_no_scheduler(client):
    assert get_scheduler() == client.get
    here = raskt.delayed(os.getpid)(dask_key_name="pid")
    assert here.compute() != os.getpid()
    assert here.compute(scheduler="sync") == os.getpid()
    with raskt.config.set(scheduler="threads"):
        assert get_scheduler() != client.get
        with client.as_current():
            assert get_scheduler() == client.get
    assert Client.current() is client


def test_bags_run_on_a_client(client):
    from raskt import bag

    numbers = bag.from_sequence(range(10), npartitions=3)
    assert numbers.map(lambda x: x + 1).sum().compute() == 55
    kept = numbers.map(lambda x: x * 2).persist()
    assert kept.sum().compute() == 90
    assert sum(client.compute([numbers.sum(), numbers.max()], sync=True)) == 54


def test_collections_of_dask_run_on_a_client(client):
    dask = pytest.importorskip("dask")
    lazy = dask.delayed(sum)([dask.delayed(abs)(-1), 2])
    with dask.config.set(scheduler=client.get):
        assert lazy.compute() == 3
    assert client.compute(lazy).result() == 3


def test_without_a_client_there_is_no_distributed_scheduler():
    with pytest.raises(RuntimeError, match="no Client"):
        get_scheduler(scheduler="distributed")
    with pytest.raises(RuntimeError, match="not properly initialized"):
        Lock("early").acquire()
    with pytest.raises(ValueError, match="No clients found"):
        Client.current()


# --- kinds of clusters -------------------------------------------------------------


def test_a_cluster_of_descriptions():
    spec = {"cls": Worker, "options": {"nthreads": 1}}
    with (
        SpecCluster(
            workers={"a": spec, "b": {"cls": Nanny, "options": {"nthreads": 2}}},
            scheduler={"cls": Scheduler, "options": {"port": 0}},
            worker=spec,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        assert cluster.plan == cluster.requested == {"a", "b"}
        assert sorted(client.nthreads().values()) == [1, 2]
        cluster.scale(3)
        client.wait_for_workers(3)
        assert len(cluster.plan) == 3
        assert "Scheduler" in cluster.get_logs(cluster=True)
    assert cluster.close() is None


class Remembering(ProcessInterface):
    """A worker of somebody else's kind."""

    started = []

    async def start(self):
        self.started.append(self.name)
        self._worker = await Worker(self.scheduler, name=self.name, nthreads=1)
        await super().start()

    async def close(self):
        await self._worker.close()
        await super().close()

    def __init__(self, scheduler, name=None):
        super().__init__(scheduler, name)
        self.scheduler = scheduler


def test_others_add_kinds_of_workers():
    with (
        SpecCluster(
            workers={0: {"cls": Remembering}},
            scheduler={"cls": Scheduler, "options": {}},
        ) as cluster,
        Client(cluster) as client,
    ):
        assert client.submit(abs, -1).result() == 1
    assert Remembering.started == [0]


def test_as_many_workers_as_the_work_needs():
    with (
        LocalCluster(n_workers=0, threads_per_worker=1, processes=False) as cluster,
        Client(cluster) as client,
    ):
        adaptive = cluster.adapt(minimum=0, maximum=2, interval="10 ms", wait_count=1)
        assert client.submit(abs, -1).result() == 1
        assert adaptive.log[0][1]["status"] == "up"
        with pytest.raises(ValueError, match="less than minimum"):
            cluster.adapt(minimum=3, maximum=2)


def test_a_cluster_of_subprocesses():
    with (
        SubprocessCluster(n_workers=1, threads_per_worker=1) as cluster,
        Client(cluster) as client,
    ):
        assert client.submit(abs, -1).result() == 1
        with pytest.raises(PermissionError, match="another process"):
            client.run_on_scheduler(os.getpid)


def test_clusters_over_ssh_need_machines():
    with pytest.raises(ValueError, match="two machines"):
        SSHCluster(["one"])
    with pytest.raises(RuntimeError, match="3 entries"):
        SSHCluster(["one", "two"], connect_options=[{}, {}, {}])


def test_nodes_are_awaited():
    async def run():
        async with Scheduler() as scheduler:
            async with Worker(scheduler.address, nthreads=1) as worker:
                async with Client(scheduler.address, asynchronous=True) as client:
                    future = client.submit(lambda: get_worker().address)
                    assert await future == worker.address
                    assert await client.submit(abs, -1, key="of data") == 1
                    assert worker.data["of data"] == 1

    asyncio.run(run())


# --- security ----------------------------------------------------------------------


def test_an_encrypted_cluster():
    security = Security.temporary()
    assert security.require_encryption and "Temporary" in repr(security)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, security=security) as cluster,
        Client(cluster) as client,
    ):
        assert cluster.scheduler_address.startswith("tls://")
        assert client.submit(abs, -1).result() == 1
        with pytest.raises((OSError, TimeoutError)):
            Client(cluster.scheduler_address, timeout=0.5, security=Security())


def test_encryption_may_be_required():
    with pytest.raises(RuntimeError, match="encryption is required"):
        Client("tcp://127.0.0.1:1", security=Security(require_encryption=True))


def test_security_knows_its_parts():
    with pytest.raises(TypeError, match="Unknown parameters"):
        Security(tls_color="blue")
    with raskt.config.set({"distributed.comm.tls.ca-file": "ca.pem"}):
        security = Security(tls_worker_cert="w.pem")
    assert security.require_encryption
    assert security.get_tls_config_for_role("worker")["cert"] == "w.pem"
    with pytest.raises(ValueError, match="role"):
        security.get_connection_args("king")


# --- the commands ------------------------------------------------------------------


RASKT = [sys.executable, "-c", "from raskt.cli import main; main()"]


def started(*arguments):
    return subprocess.Popen(
        [*RASKT, *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def line_with(process, text):
    for line in process.stderr:
        if text in line:
            return line.strip()
    raise AssertionError(f"the process ended without saying {text!r}")


@pytest.mark.parametrize("nanny", ["--nanny", "--no-nanny"])
def test_the_commands_make_a_cluster(tmp_path, nanny):
    file = tmp_path / "scheduler.json"
    with started("scheduler", "--port", "0", "--scheduler-file", str(file)) as first:
        address = line_with(first, "Scheduler at:").split()[-1]
        assert json.loads(file.read_text())["address"] == address
        resources = ["--resources", "GPU=2", "--name", "alice", "--nthreads", "2"]
        with started("worker", address, nanny, *resources) as second:
            line_with(second, "Worker at:")
            with Client(address, set_as_default=False) as client:
                (info,) = client.scheduler_info()["workers"].values()
                assert info["name"] == "alice" and info["nthreads"] == 2
                assert info["resources"] == {"GPU": 2.0}
                assert client.submit(abs, -1).result() == 1
            second.send_signal(signal.SIGTERM)
            line_with(second, "End worker")
            assert second.wait() == 0
        first.send_signal(signal.SIGINT)
        line_with(first, "Stopped scheduler")
        assert first.wait() == 0


def test_wrong_use_of_the_commands():
    def said(*arguments):
        done = subprocess.run([*RASKT, *arguments], capture_output=True, text=True)
        assert done.returncode == 2
        return done.stderr

    assert "scheduler address" in said("worker")
    assert "--no-nanny" in said("worker", "x:1", "--no-nanny", "--nworkers", "2")
    assert "GPU=2" in said("worker", "x:1", "--resources", "GPU")
