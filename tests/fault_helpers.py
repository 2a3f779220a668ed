"""What the tests of faults share: clusters of processes, waiting, talking to ports."""

from __future__ import annotations

import contextlib
import os
import socket
import struct

import raskt
from raskt.distributed import Client, LocalCluster

#: The first bytes of a connection: magic, version, no secret, a number used once.
GREETING = b"\x89raskt\r\n" + struct.pack("<III", 1, 0, 0) + bytes(range(32))


@contextlib.contextmanager
def processes(n_workers=2, *, options=None, **kwargs):
    """Give a client of worker processes of one thread each."""
    with (
        raskt.config.set(options or {}),
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            dashboard_address=None,
            **kwargs,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(n_workers)
        yield client


def pids(client):
    """Give the process of each worker, by its address."""
    return client.run(os.getpid)


def until(condition):
    """Ask until something is so, and give it; the limit of the test is the limit."""
    while True:
        found = condition()
        if found:
            return found


def metrics(client, worker):
    """Give what a worker said of itself last; empty if it is gone."""
    workers = client.scheduler_info()["workers"]
    return workers.get(worker, {}).get("metrics", {})


def connected(address):
    """Open a connection to a node, as any program could."""
    host, _, port = address.partition("://")[2].rpartition(":")
    return socket.create_connection((host, int(port)))


def answer_to(address, data):
    """Send bytes to a node and nothing more; give what it sends until it hangs up."""
    answer = b""
    with connected(address) as connection, contextlib.suppress(OSError):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(1 << 16):
            answer += part
    return answer
