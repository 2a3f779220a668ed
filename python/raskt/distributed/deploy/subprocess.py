"""``SubprocessCluster``: a local cluster whose scheduler is a process, too."""

from __future__ import annotations

import logging
import sys
from typing import Any

from raskt.distributed.deploy._remote import RemoteNode
from raskt.distributed.deploy.local import split
from raskt.distributed.deploy.spec import SpecCluster

__all__ = ["SubprocessCluster"]

_COMMAND = [sys.executable, "-m", "raskt.distributed.remote_main"]


def SubprocessCluster(
    host: str | None = None,
    scheduler_port: int = 0,
    scheduler_kwargs: dict | None = None,
    dashboard_address: str = ":8787",
    worker_class: str = "distributed.Nanny",
    n_workers: int | None = None,
    threads_per_worker: int | None = None,
    worker_kwargs: dict | None = None,
    silence_logs: int = logging.WARN,
    **kwargs: Any,
) -> SpecCluster:
    """Start a scheduler and workers on this machine, each in a process of its own.

    Parameters
    ----------
    host : str, optional
        Where they listen; by default on this machine only.
    scheduler_port : int
        0 for any.
    scheduler_kwargs : dict, optional
        More arguments for :class:`Scheduler`.
    dashboard_address : str
        Where web pages are.
    worker_class : str
        What runs tasks.
    n_workers, threads_per_worker : int, optional
        As for :class:`LocalCluster`.
    worker_kwargs : dict, optional
        More arguments for the workers.
    silence_logs : int
        Log only what is at least as severe.
    **kwargs
        For :class:`SpecCluster`.
    """
    n_workers, threads = split(n_workers, threads_per_worker, True)
    scheduler = {
        "host": host,
        "port": scheduler_port,
        "dashboard_address": dashboard_address,
        **(scheduler_kwargs or {}),
    }
    worker = {"host": host, "nthreads": threads, **(worker_kwargs or {})}
    spec = {
        "cls": RemoteNode,
        "options": {"command": _COMMAND, "kind": worker_class, "kwargs": worker},
    }
    options = {
        "command": _COMMAND,
        "kind": "distributed.Scheduler",
        "kwargs": scheduler,
    }
    return SpecCluster(
        dict.fromkeys(range(n_workers), spec),
        {"cls": RemoteNode, "options": options},
        spec,
        silence_logs=silence_logs,
        **kwargs,
    )
