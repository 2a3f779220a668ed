"""``LocalCluster``: a scheduler and workers on this machine."""

from __future__ import annotations

import logging
import math
from typing import Any

from raskt import system
from raskt.distributed._worker import Worker
from raskt.distributed.deploy.spec import SpecCluster
from raskt.distributed.nanny import Nanny
from raskt.distributed.scheduler import Scheduler
from raskt.distributed.security import Security

__all__ = ["LocalCluster", "nprocesses_nthreads"]


class LocalCluster(SpecCluster):
    """Start a scheduler and workers on this machine.

    The scheduler runs on a native thread of this process.

    Parameters
    ----------
    name : str, optional
        What it is called.
    n_workers : int, optional
        How many workers.
    threads_per_worker : int, optional
        How many threads each of them has.
    processes : bool, optional
        Does each worker have a process of its own? Otherwise they are threads of this
        one. Default: True, unless ``worker_class`` says otherwise.
    host, ip : str, optional
        Where scheduler and workers listen; by default on this machine only.
    scheduler_port : int
        0 for any.
    silence_logs : int
        Log only what is at least as severe.
    dashboard_address, worker_dashboard_address : str, optional
        Where web pages are.
    asynchronous : bool
        Give coroutines instead of waiting?
    security : Security or bool, optional
        Certificates and keys; True makes temporary ones.
    protocol, interface : str, optional
        How and where scheduler and workers listen.
    worker_class : type, optional
        What runs tasks.
    scheduler_kwargs : dict, optional
        More arguments for :class:`Scheduler`.
    loop, start, services, worker_services, service_kwargs, blocked_handlers, \
scheduler_sync_interval
        Accepted and ignored.
    **worker_kwargs
        More arguments for :class:`Worker`.

    Examples
    --------
    >>> from raskt.distributed import Client, LocalCluster
    >>> with LocalCluster(n_workers=2, processes=False) as cluster:
    ...     with Client(cluster) as client:
    ...         client.submit(sum, [1, 2, 3]).result()
    6
    """

    def __init__(
        self,
        name: str | None = None,
        n_workers: int | None = None,
        threads_per_worker: int | None = None,
        processes: bool | None = None,
        loop: Any = None,
        start: Any = None,
        host: str | None = None,
        ip: str | None = None,
        scheduler_port: int = 0,
        silence_logs: Any = logging.WARN,
        dashboard_address: Any = ":8787",
        worker_dashboard_address: Any = None,
        services: Any = None,
        worker_services: Any = None,
        service_kwargs: Any = None,
        asynchronous: bool = False,
        security: Any = None,
        protocol: str | None = None,
        blocked_handlers: Any = None,
        interface: str | None = None,
        worker_class: Any = None,
        scheduler_kwargs: dict | None = None,
        scheduler_sync_interval: Any = 1,
        **worker_kwargs: Any,
    ):
        processes = _are_processes(processes, worker_class)
        threads_per_worker = worker_kwargs.pop("nthreads", threads_per_worker)
        n_workers, threads_per_worker = split(n_workers, threads_per_worker, processes)
        security = _security(security, protocol)
        scheduler_options = {
            "host": host or ip,
            "interface": interface,
            "port": scheduler_port,
            "protocol": protocol or ("tls" if security.require_encryption else None),
            "dashboard_address": dashboard_address,
            "security": security,
            **(scheduler_kwargs or {}),
        }
        worker_options = {
            "host": host or ip,
            "interface": interface,
            "nthreads": threads_per_worker,
            "dashboard_address": worker_dashboard_address,
            "security": security,
            **worker_kwargs,
        }
        # Workers together get what the machine has, not each of them.
        worker_options.setdefault("memory_limit", "auto")
        kind = worker_class or (Nanny if processes else Worker)
        spec = {"cls": kind, "options": worker_options}
        super().__init__(
            workers=dict.fromkeys(range(n_workers), spec),
            scheduler={"cls": Scheduler, "options": scheduler_options},
            worker=spec,
            name=name,
            asynchronous=asynchronous,
            security=security,
            silence_logs=silence_logs,
        )

    def start_worker(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: see :meth:`scale`."""
        raise NotImplementedError(
            "The `cluster.start_worker` function has been removed. "
            "Please see the `cluster.scale` method instead."
        )


def _are_processes(processes: bool | None, worker_class: Any) -> bool:
    if processes is not None:
        return processes
    return worker_class is None or issubclass(worker_class, Nanny)


def _security(security: Any, protocol: str | None) -> Security:
    if security is True or (
        security is None and protocol and protocol.startswith("tls")
    ):
        return Security.temporary()
    if security is None or security is False:
        return Security()
    if not isinstance(security, Security):
        raise TypeError("security must be a Security object or a boolean")
    return security


def split(
    n_workers: int | None, threads_per_worker: int | None, processes: bool
) -> tuple[int, int]:
    """Give the number of workers, and of threads of each.

    Examples
    --------
    >>> split(2, 3, True)
    (2, 3)
    """
    if n_workers is None and threads_per_worker is None:
        if processes:
            return nprocesses_nthreads()
        return 1, system.CPU_COUNT
    if n_workers is None:
        n_workers = max(1, system.CPU_COUNT // threads_per_worker) if processes else 1
    if n_workers and threads_per_worker is None:
        threads_per_worker = max(1, system.CPU_COUNT // n_workers)
    return n_workers, threads_per_worker or 1


def nprocesses_nthreads(n: int | None = None) -> tuple[int, int]:
    """Give how many processes of how many threads suit so many processors.

    Examples
    --------
    >>> nprocesses_nthreads(4), nprocesses_nthreads(12), nprocesses_nthreads(64)
    ((4, 1), (4, 3), (8, 8))
    """
    n = n or system.CPU_COUNT
    if n <= 4:
        processes = n
    else:
        processes = min(x for x in range(1, n + 1) if n % x == 0 and x >= math.sqrt(n))
    return processes, max(1, n // processes)
