"""Clusters: schedulers, workers, clients and futures.

>>> from raskt.distributed import Client
>>> with Client(processes=False, n_workers=1) as client:
...     numbers = client.map(lambda x: x**2, range(10))
...     negative = client.map(lambda x: -x, numbers)
...     client.submit(sum, negative).result()
-285

The scheduler, the connections and the decisions of workers are native code; this
package has the interface that users of Dask know.
"""

from __future__ import annotations

import raskt as dask
from raskt._native import __version__ as __version__
from raskt.config import config
from raskt.distributed import widgets
from raskt.distributed.actor import Actor, ActorFuture, BaseActorFuture
from raskt.distributed.client import (
    Client,
    CompatibleExecutor,
    Future,
    as_completed,
    default_client,
    fire_and_forget,
    futures_of,
    get_task_metadata,
    performance_report,
    wait,
)
from raskt.distributed.core import Status, connect, rpc
from raskt.distributed.deploy import (
    Adaptive,
    LocalCluster,
    SpecCluster,
    SSHCluster,
    SubprocessCluster,
)
from raskt.distributed.event import Event
from raskt.distributed.exceptions import CancelledError, Reschedule, TimeoutError
from raskt.distributed.lock import Lock
from raskt.distributed.multi_lock import MultiLock
from raskt.distributed.nanny import Nanny
from raskt.distributed.performance_report import get_task_stream
from raskt.distributed.plugin import (
    CondaInstall,
    Environ,
    InstallPlugin,
    NannyPlugin,
    PipInstall,
    SchedulerPlugin,
    UploadDirectory,
    UploadFile,
    WorkerPlugin,
)
from raskt.distributed.progress import progress
from raskt.distributed.queues import Queue
from raskt.distributed.scheduler import KilledWorker, Scheduler
from raskt.distributed.security import Security
from raskt.distributed.semaphore import Semaphore
from raskt.distributed.spans import span
from raskt.distributed.utils import sync
from raskt.distributed.variable import Variable
from raskt.distributed.worker import (
    Worker,
    get_client,
    get_worker,
    print,
    rejoin,
    secede,
    warn,
)
from raskt.distributed.worker_client import local_client, worker_client

__all__ = [
    "Actor",
    "ActorFuture",
    "Adaptive",
    "BaseActorFuture",
    "CancelledError",
    "Client",
    "CompatibleExecutor",
    "CondaInstall",
    "Environ",
    "Event",
    "Future",
    "InstallPlugin",
    "KilledWorker",
    "LocalCluster",
    "Lock",
    "MultiLock",
    "Nanny",
    "NannyPlugin",
    "PipInstall",
    "Queue",
    "Reschedule",
    "SSHCluster",
    "Scheduler",
    "SchedulerPlugin",
    "Security",
    "Semaphore",
    "SpecCluster",
    "Status",
    "SubprocessCluster",
    "TimeoutError",
    "UploadDirectory",
    "UploadFile",
    "Variable",
    "Worker",
    "WorkerPlugin",
    "as_completed",
    "config",
    "connect",
    "dask",
    "default_client",
    "fire_and_forget",
    "futures_of",
    "get_client",
    "get_task_metadata",
    "get_task_stream",
    "get_worker",
    "local_client",
    "performance_report",
    "print",
    "progress",
    "rejoin",
    "rpc",
    "secede",
    "span",
    "sync",
    "wait",
    "warn",
    "widgets",
    "worker_client",
]
