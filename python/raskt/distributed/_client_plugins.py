"""The part of a client that extends workers: plugins and files."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raskt.distributed import _payload
from raskt.distributed._client_base import ClientPart
from raskt.distributed._registry import NANNY, WORKER, forget_plugin, keep_plugin
from raskt.distributed.plugin import (
    NannyPlugin,
    SchedulerPlugin,
    UploadFile,
    WorkerPlugin,
)
from raskt.utils import funcname

__all__ = ["PluginMethods"]


class PluginMethods(ClientPart):
    """``register_plugin`` and its kin, ``upload_file``."""

    _asked: Callable[..., Any]

    def register_plugin(self, plugin: Any, name: str | None = None) -> Any:
        """Extend all workers, or the scheduler: those that are there and new ones.

        Parameters
        ----------
        plugin : WorkerPlugin, NannyPlugin or SchedulerPlugin
            What to add. Scheduler plugins work only if the scheduler runs in this
            process.
        name : str, optional
            What it is called; one of the same name is replaced.

        Returns
        -------
        dict
            ``{"status": "OK"}`` for each worker, by address.

        Raises
        ------
        Exception
            What ``setup`` of the plugin raises.
        """
        for_workers = getattr(plugin, "_for_workers", None)
        if for_workers is not None:
            plugin = for_workers()
        name = name or name_of(plugin)
        if isinstance(plugin, WorkerPlugin):
            return self._do(self._add_plugin(WORKER, name, plugin))
        if isinstance(plugin, NannyPlugin):
            return self._do(self._add_plugin(NANNY, name, plugin))
        if isinstance(plugin, SchedulerPlugin):
            return self._do(self._add_scheduler_plugin(name, plugin))
        raise TypeError(
            "Registering duck-typed plugins is not allowed. Please inherit from "
            "NannyPlugin, WorkerPlugin, or SchedulerPlugin to create a plugin."
        )

    async def _add_plugin(self, kind: str, name: str, plugin: Any) -> dict[str, Any]:
        data = _payload.dumps(plugin)
        if getattr(plugin, "idempotent", False) and await self._is_known(kind, name):
            return {}
        # Kept first: a worker that joins meanwhile reads it, or is asked, or both.
        await keep_plugin(self, kind, name, data)
        try:
            answers = await self._asked("plugin-add", (kind, name, data))
        except BaseException:
            await forget_plugin(self, kind, name)
            raise
        if kind == NANNY and plugin.restart:
            await self._request("restart", workers=[], timeout=60.0, wait=True)
        return answers

    async def _is_known(self, kind: str, name: str) -> bool:
        from raskt.distributed._registry import kept_plugins

        return name in await kept_plugins(self, kind)

    async def _add_scheduler_plugin(self, name: str, plugin: Any) -> None:
        from raskt.distributed.scheduler import own_scheduler

        scheduler = own_scheduler(self._connection.address, "a scheduler plugin")
        await scheduler.add_plugin(plugin, name)

    def unregister_worker_plugin(self, name: str, nanny: bool | None = None) -> Any:
        """Take a plugin away from all workers; its ``teardown`` is called.

        Parameters
        ----------
        name : str
            What it was registered as.
        nanny : bool, optional
            Is it a plugin for nannies?

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        return self._do(self._remove_plugin(NANNY if nanny else WORKER, name))

    async def _remove_plugin(self, kind: str, name: str) -> dict[str, Any]:
        if not await self._is_known(kind, name):
            raise ValueError(f"The {kind} plugin {name} does not exist")
        await forget_plugin(self, kind, name)
        return await self._asked("plugin-remove", (kind, name))

    def unregister_scheduler_plugin(self, name: str) -> Any:
        """Take a plugin away from a scheduler in this process.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        return self._do(self._remove_scheduler_plugin(name))

    async def _remove_scheduler_plugin(self, name: str) -> None:
        from raskt.distributed.scheduler import own_scheduler

        scheduler = own_scheduler(self._connection.address, "a scheduler plugin")
        await scheduler.remove_plugin(name)

    def register_worker_callbacks(self, setup: Callable | None = None) -> Any:
        """Call a function on every worker, those that are there and new ones.

        Parameters
        ----------
        setup : callable
            If it has a parameter ``dask_worker``, it gets the :class:`Worker`.
        """
        return self.register_plugin(_SetupPlugin(setup))

    async def _upload_file(self, filename: Any, load: bool) -> dict[str, Any]:
        path = Path(filename)
        answers = await self._add_plugin(
            WORKER, f"upload-file-{path.name}", UploadFile(str(path), load=load)
        )
        size = path.stat().st_size
        return {address: {"status": "OK", "nbytes": size} for address in answers}

    def upload_file(self, filename: Any, load: bool = True) -> Any:
        """Bring a file to all workers: those that are there and new ones.

        Parameters
        ----------
        filename : str
            A module (``.py``), or a package (``.egg``, ``.zip``, ``.pyz``), which
            tasks can then import; or any other file.
        load : bool
            Import it, too?
        """
        return self._do(self._upload_file(filename, load))


class _SetupPlugin(WorkerPlugin):
    """Calls a function when a worker starts."""

    def __init__(self, setup: Callable | None):
        self.name = f"setup-{funcname(setup)}-{uuid.uuid4()}"
        self._setup = setup

    def setup(self, worker: Any) -> Any:
        from raskt.distributed._calls import has_parameter

        if self._setup is None:
            return None
        if has_parameter(self._setup, "dask_worker"):
            return self._setup(dask_worker=worker)
        return self._setup()


def name_of(plugin: Any) -> str:
    """Give the name of a plugin: its own, or one unlike any other."""
    own = getattr(plugin, "name", None)
    return str(own) if own else f"{funcname(type(plugin))}-{uuid.uuid4()}"
