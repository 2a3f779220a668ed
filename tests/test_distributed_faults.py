"""What faults and bad input do to a cluster of processes: the right result, or an error
that names the task, the worker and the cause; and everything else still works."""

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import threading

import pytest
from _schedulers import Program
from fault_helpers import (
    GREETING,
    answer_to,
    connected,
    metrics,
    pids,
    processes,
    until,
)
from raskt.distributed import (
    Client,
    Event,
    KilledWorker,
    LocalCluster,
    Variable,
    get_worker,
    wait,
)
from raskt.exceptions import SerializationError, TaskExited


@pytest.fixture(scope="module")
def shared():
    """A cluster that every test must leave usable."""
    with processes(2) as client:
        yield client


@pytest.fixture
def client(shared):
    shared.wait_for_workers(2)
    with shared.as_current():
        yield shared
    assert shared.submit(sum, [1, 2], pure=False).result() == 3


# --- workers that die ---------------------------------------------------------------


def test_a_worker_is_killed_while_it_runs_a_task(client):
    def run():
        Variable("who runs").set(os.getpid())
        Event("go on").wait()
        return os.getpid()

    future = client.submit(run, pure=False)
    first = Variable("who runs").get()
    os.kill(first, signal.SIGKILL)
    Event("go on").set()
    assert future.result() != first


def test_a_worker_is_killed_that_holds_what_is_needed(client):
    here, there = pids(client)
    numbers = client.map(
        lambda i: bytes([i]) * 100_000,
        range(6),
        workers=[here],
        allow_other_workers=True,
        pure=False,
    )
    wait(numbers)
    victims = {worker for held in client.who_has(numbers).values() for worker in held}
    dead = pids(client)[victims.pop()]
    os.kill(dead, signal.SIGKILL)
    sizes = client.map(lambda data: (data[0], len(data)), numbers, pure=False)
    assert client.gather(sizes) == [(i, 100_000) for i in range(6)]
    assert [data[0] for data in client.gather(numbers)] == list(range(6))


def test_a_worker_is_killed_in_the_middle_of_a_transfer(client):
    (sender, pid), (receiver, _) = pids(client).items()
    data = client.submit(
        bytes, 50_000_000, workers=[sender], allow_other_workers=True, pure=False
    )
    wait(data)
    assert client.who_has(data)[data.key] == (sender,)
    # It is stopped first, so that the transfer begins and cannot end.
    os.kill(pid, signal.SIGSTOP)
    size = client.submit(len, data, workers=[receiver], pure=False)
    until(lambda: metrics(client, receiver).get("in_flight"))
    os.kill(pid, signal.SIGKILL)
    assert size.result() == 50_000_000


def test_a_stopped_worker_is_given_up():
    with processes(2, options={"distributed.scheduler.worker-ttl": "2s"}) as client:
        (stopped, pid), _ = pids(client).items()
        options = {"workers": [stopped], "allow_other_workers": True, "pure": False}
        data = client.submit(bytes, 100_000, **options)
        wait(data)
        os.kill(pid, signal.SIGSTOP)
        size = client.submit(len, data, pure=False)
        assert size.result() == 100_000
        until(lambda: stopped not in client.nthreads())
        client.wait_for_workers(2)
        assert pid not in pids(client).values()


def test_the_results_of_a_client_that_vanishes_are_freed(client):
    program = """
        import sys
        from raskt.distributed import Client, wait
        client = Client(sys.argv[1])
        futures = client.map(abs, range(3), key="of the vanished")
        wait(futures)
        data = client.scatter({"data of the vanished": b"x" * 100_000})
        print("there", flush=True)
        sys.stdin.read()
    """

    def theirs():
        return [
            key
            for keys in client.has_what().values()
            for key in keys
            if "of the vanished" in key
        ]

    with Program(program, client.scheduler.address) as vanishing:
        assert vanishing.line() == ["there"]
        assert len(theirs()) == 4
        vanishing.process.kill()
        until(lambda: not theirs())


# --- tasks that misbehave -----------------------------------------------------------


def test_a_task_raises(client):
    future = client.submit(lambda: 1 / 0, key="divides")
    with pytest.raises(ZeroDivisionError) as caught:
        future.result()
    (note,) = caught.value.__notes__
    assert "'divides'" in note
    assert any(worker in note for worker in client.nthreads())


def test_a_task_calls_exit(client):
    before = pids(client)
    future = client.submit(sys.exit, 3, key="exits")
    with pytest.raises(TaskExited, match=r"sys\.exit\(3\).*'exits'"):
        future.result()
    assert pids(client) == before


@pytest.mark.parametrize(
    ("function", "argument", "ending"),
    [
        (os._exit, 3, "exit code 3"),
        (ctypes.string_at, 0, r"signal 11 \(SIGSEGV"),
        (signal.raise_signal, signal.SIGKILL, r"signal 9 \(SIGKILL"),
    ],
    ids=["_exit", "segfault", "killed"],
)
def test_a_task_ends_its_process(client, function, argument, ending):
    bystander = client.submit(abs, -5, pure=False)
    assert bystander.result() == 5
    future = client.submit(function, argument, key=f"ends by {ending}", pure=False)
    with pytest.raises(KilledWorker, match=ending) as caught:
        future.result()
    assert caught.value.task == future.key
    assert caught.value.last_worker.startswith("tcp://")
    assert client.submit(abs, bystander, pure=False).result() == 5


def test_a_task_leaks_memory():
    def leak():
        leaked = []
        while True:  # payload: it grows until the nanny ends the process
            leaked.append(b"x" * 5_000_000)

    options = {"distributed.scheduler.allowed-failures": 0}
    with processes(1, options=options, memory_limit="300 MB") as client:
        future = client.submit(leak, key="leaks")
        with pytest.raises(KilledWorker, match=r"nanny ended it.*memory") as caught:
            future.result()
        assert caught.value.task == "leaks"
        assert client.submit(abs, -1).result() == 1


def test_a_result_that_cannot_be_sent(client):
    future = client.submit(threading.Lock, key="makes a lock")
    with pytest.raises(SerializationError, match=r"'makes a lock'.*_thread\.lock"):
        client.gather([client.submit(abs, -1), future])


def test_a_result_that_cannot_be_sent_is_of_use_where_it_is(client):
    (worker, *_) = client.nthreads()
    lock = client.submit(threading.Lock, workers=[worker], pure=False)
    used = client.submit(lambda it: it.acquire(), lock, workers=[worker], pure=False)
    assert used.result() is True


def test_a_function_that_cannot_be_sent(client):
    lock = threading.Lock()
    with pytest.raises(SerializationError, match=r"'holds'.*cannot pickle '_thread"):
        client.submit(lambda: lock, key="holds")


def test_a_task_prints_much():
    program = """
        from raskt.distributed import Client, LocalCluster

        def chatter(lines):
            for _ in range(lines):
                print("x" * 9_999)
            return lines

        with (
            LocalCluster(
                n_workers=1, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            assert client.submit(chatter, 5_000).result() == 5_000
            print("end", flush=True)
    """
    with Program(program) as chatting:
        lines = chatting.finish()
    assert len(lines) == 5_001 and "end" in lines


def test_results_are_larger_than_memory():
    def make(i):
        return bytes([i]) * 5_000_000

    with processes(1, memory_limit="250 MB") as client:
        (worker,) = client.nthreads()
        results = client.map(make, range(100))
        wait(results)
        assert list(client.nthreads()) == [worker]
        until(lambda: metrics(client, worker)["spilled_bytes"] > 200_000_000)
        seen = client.map(lambda data: (data[0], len(data)), results)
        assert client.gather(seen) == [(i, 5_000_000) for i in range(100)]
        assert all(f.result() == make(i) for i, f in enumerate(results))


def test_one_key_for_two_tasks(client):
    """The key is a promise: whoever uses it again gets what it stands for already."""
    first = client.submit(lambda: 1, key="twice")
    second = client.submit(lambda: 2, key="twice")
    assert client.gather([first, second]) == [1, 1]
    del first, second
    until(lambda: not client.who_has().get("twice"))
    assert client.submit(lambda: 3, key="twice").result() == 3


# --- addresses and ports ------------------------------------------------------------


def test_a_port_is_in_use(client):
    port = int(client.scheduler.address.rpartition(":")[2])
    with pytest.raises(OSError, match=f"port {port} .*in use"):
        LocalCluster(n_workers=0, scheduler_port=port, dashboard_address=None)


def test_nobody_listens_there():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(TimeoutError, match=f"127.0.0.1:{port}.*does not answer"):
            Client(f"tcp://127.0.0.1:{port}", timeout=0.2)
    with pytest.raises(TimeoutError, match=f"127.0.0.1:{port}.*refused"):
        Client(f"tcp://127.0.0.1:{port}", timeout=0.2)


def test_a_worker_finds_no_scheduler():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"tcp://127.0.0.1:{gone.getsockname()[1]}"
    command = "from raskt.cli import main; main()"
    options = ["--no-nanny", "--death-timeout", "0.2"]
    done = subprocess.run(
        [sys.executable, "-c", command, "worker", address, *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert address in done.stderr and "Traceback" not in done.stderr


HUGE = 2**63
BAD = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "zeros": bytes(1000),
    "noise": bytes(i * i % 251 for i in range(1, 5000)),
    "lengths of 2^63": struct.pack("<8Q", *[HUGE] * 8),
    "half a greeting": GREETING[:20],
    "a greeting alone": GREETING,
    "another version": GREETING[:8] + struct.pack("<I", 99) + GREETING[12:],
    "a head of 2^63": GREETING + struct.pack("<3Q", 0, HUGE, 0),
    "2^63 frames": GREETING + struct.pack("<3Q", 0, 10, HUGE),
    "half a packet": GREETING + struct.pack("<3Q", 0, 1000, 0) + b"half",
    "a wrong checksum": GREETING + struct.pack("<3Q", 1, 10, 0) + b"0123456789",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_bad_input_at_every_port(client, data):
    before = pids(client)
    for address in [client.scheduler.address, *before]:
        # Each says who it is, which may be lost where it resets, and hangs up.
        answer = answer_to(address, data)
        assert GREETING.startswith(answer[:8])
    assert pids(client) == before


def test_connections_that_say_nothing_are_in_nobodys_way(client):
    addresses = [client.scheduler.address, *client.nthreads()]
    silent = [connected(address) for address in addresses for _ in range(20)]
    first, second = client.nthreads()
    data = client.submit(bytes, 100_000, workers=[first], pure=False)
    assert client.submit(len, data, workers=[second], pure=False).result() == 100_000
    assert client.submit(lambda: get_worker().address).result() in (first, second)
    for connection in silent:
        connection.close()
