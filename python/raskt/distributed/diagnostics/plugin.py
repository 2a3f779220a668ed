"""The plugins, where Dask has them: see :mod:`raskt.distributed.plugin`."""

from __future__ import annotations

from raskt.distributed.plugin import (
    CondaInstall,
    Environ,
    ForwardOutput,
    InstallPlugin,
    NannyPlugin,
    PipInstall,
    SchedulerPlugin,
    UploadDirectory,
    UploadFile,
    WorkerPlugin,
)

__all__ = [
    "CondaInstall",
    "Environ",
    "ForwardOutput",
    "InstallPlugin",
    "NannyPlugin",
    "PipInstall",
    "SchedulerPlugin",
    "UploadDirectory",
    "UploadFile",
    "WorkerPlugin",
]
