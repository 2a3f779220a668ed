"""Looking at clusters, and extending them: where Dask has these."""

from __future__ import annotations

from raskt.distributed.diagnostics.plugin import (
    NannyPlugin,
    SchedulerPlugin,
    WorkerPlugin,
)
from raskt.distributed.diagnostics.progressbar import progress

__all__ = ["NannyPlugin", "SchedulerPlugin", "WorkerPlugin", "progress"]
