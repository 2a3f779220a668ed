"""``Nanny``: keeps a worker process: starts it, watches it, starts it again."""

from __future__ import annotations

import os
import select
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import raskt
from raskt import _native, config, system
from raskt.distributed import _payload
from raskt.distributed._node import Node
from raskt.distributed._waiting import seconds
from raskt.distributed._worker import place_of_scheduler, security_of
from raskt.distributed.core import Status
from raskt.distributed.memory import parse_memory_limit

__all__ = ["Nanny"]


class Nanny(Node):
    """Keeps a worker in a process of its own.

    The process is started again when it dies, and when it takes too much memory.

    Parameters
    ----------
    scheduler_ip, scheduler_port, scheduler_file
        Where the scheduler is.
    worker_port : int
        Where the worker listens; 0 for any.
    nthreads, local_directory, name, memory_limit, resources, death_timeout, preload, \
preload_argv, security, contact_address, interface, host, protocol
        As for :class:`Worker`.
    preload_nanny, preload_nanny_argv : list, optional
        Modules that are loaded here, and their arguments.
    worker_class : type or str, optional
        What the process runs; :class:`Worker` by default.
    env : dict, optional
        More environment variables of the process.
    config : dict, optional
        More options of the process.
    **worker_kwargs
        More arguments for the worker.
    """

    def __init__(
        self,
        scheduler_ip: str | None = None,
        scheduler_port: int | None = None,
        scheduler_file: str | None = None,
        worker_port: Any = 0,
        nthreads: int | None = None,
        local_directory: str | None = None,
        name: Any = None,
        memory_limit: Any = "auto",
        resources: dict[str, float] | None = None,
        death_timeout: Any = None,
        preload: Any = None,
        preload_argv: Any = None,
        preload_nanny: Any = None,
        preload_nanny_argv: Any = None,
        security: Any = None,
        contact_address: str | None = None,
        worker_class: Any = None,
        env: dict[str, str] | None = None,
        interface: str | None = None,
        host: str | None = None,
        protocol: str | None = None,
        config: dict[str, Any] | None = None,
        **worker_kwargs: Any,
    ):
        super().__init__(name)
        self.scheduler_address, self._secret = place_of_scheduler(
            scheduler_ip, scheduler_port, scheduler_file
        )
        self.nthreads = int(nthreads or system.CPU_COUNT)
        self.memory_limit = parse_memory_limit(memory_limit, self.nthreads)
        self.security = security_of(security)
        self.env = _environment(env)
        self.worker_address: str | None = None
        self._preload = preload_nanny, preload_nanny_argv
        self._config = config
        self._worker_class = worker_class
        self._kwargs = {
            "nthreads": self.nthreads,
            "local_directory": local_directory,
            "name": name,
            "memory_limit": self.memory_limit,
            "resources": resources,
            "death_timeout": death_timeout,
            "preload": preload,
            "preload_argv": preload_argv,
            "security": self.security,
            "contact_address": contact_address,
            "interface": interface,
            "host": host,
            "port": worker_port,
            "protocol": protocol,
            **worker_kwargs,
        }
        self._folder = ""
        self._handle: Any = None

    def _begin(self) -> None:
        from raskt.distributed.preloading import load_all

        names, argv = self._preload
        self._preloads = load_all(self, names, argv, "distributed.nanny.preload")
        self._preloads.start()
        self._folder = tempfile.mkdtemp(prefix="raskt-nanny-")
        ready = Path(self._folder) / "ready"
        os.mkfifo(ready, 0o600)
        options = Path(self._folder) / "options"
        options.touch(0o600)
        options.write_bytes(self._options(str(ready)))
        command = [sys.executable, "-m", "raskt.distributed.worker_main"]
        # Opened for writing as well, so that it does not end before the worker begins.
        heard = os.open(ready, os.O_RDWR | os.O_NONBLOCK)
        try:
            self._handle = _native.run_nanny(
                self.scheduler_address,
                self._native_options(),
                [*command, str(options)],
                self.env,
            )
            self.address = self._handle.id
            self.worker_address = self._wait_until_ready(heard)
        except BaseException:
            self._end()
            raise
        finally:
            os.close(heard)

    def _options(self, ready: str) -> bytes:
        content = {
            "address": self.scheduler_address,
            "secret": self._secret,
            "config": raskt.config.config if self._config is None else self._config,
            "class": self._worker_class,
            "kwargs": self._kwargs,
            "ready": ready,
        }
        return _payload.dumps(content)

    def _native_options(self) -> dict[str, Any]:
        security = self.security.get_connection_args("worker")
        if self._secret:
            security["secret"] = self._secret
        share = config.get("distributed.worker.memory.terminate", 0.95)
        interval = config.get("distributed.worker.memory.monitor-interval", "100ms")
        return {
            "security": security,
            "memory_limit": self.memory_limit,
            "terminate": share or None,
            "memory_interval": seconds(interval),
        }

    def _wait_until_ready(self, heard: int) -> str:
        """Wait for what the process says when its worker has joined, or cannot."""
        text = ""
        while "\n" not in text:
            if select.select([heard], [], [], 0.2)[0]:
                text += os.read(heard, 65536).decode()
            elif self._handle.wait(0.0):
                raise RuntimeError(
                    "the worker process ended before it could join "
                    f"{self.scheduler_address}; it says why on its standard error"
                )
        word, _, rest = text.strip().partition(" ")
        if word == "failed":
            raise RuntimeError(f"the worker process could not start: {rest}")
        return rest

    def _end(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle.wait(30.0)
        self._preloads.teardown()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = ""

    def _wait(self, timeout: float) -> bool:
        has_ended = self._handle.wait(timeout)
        if has_ended and self.status == Status.running:
            self.status = Status.closed
        return has_ended

    @property
    def pid(self) -> int | None:
        """The number of the process; None if there is none now."""
        return None if self._handle is None else self._handle.pid

    async def restart(self, timeout: Any = 30, reason: str = "restarted") -> str:
        """End the process, and start it again."""
        import asyncio

        await asyncio.to_thread(self._handle.restart)
        return "OK"

    async def kill(self, timeout: Any = 5, reason: str = "killed") -> None:
        """End the process."""
        await self.close()


def _environment(env: dict[str, str] | None) -> dict[str, str]:
    """Give the environment variables that are set in addition to this process's.

    What the user has set already stays, but for what is asked for here.
    """
    found = {
        name: str(value)
        for option in ("pre-spawn-environ", "environ")
        for name, value in (
            config.get(f"distributed.nanny.{option}", None) or {}
        ).items()
        if name not in os.environ
    }
    found.update((name, str(value)) for name, value in (env or {}).items())
    # The process must find what this one does, wherever it was started.
    found["PYTHONPATH"] = os.pathsep.join(
        dict.fromkeys(part for part in sys.path if part)
    )
    return found
