"""Nodes in other processes, here or on other machines, started by a command."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import raskt
from raskt.distributed import _payload
from raskt.distributed.core import Status
from raskt.distributed.deploy.spec import ProcessInterface

__all__ = ["RemoteNode"]


class RemoteNode(ProcessInterface):
    """A scheduler or worker in another process.

    Parameters
    ----------
    scheduler : str, optional
        The address of the scheduler, for workers.
    name : str, optional
        What it is called.
    command : list of str
        What starts ``python -m raskt.distributed.remote_main``.
    kind : str
        The class of the node, as text.
    kwargs : dict
        Its arguments.
    """

    def __init__(
        self,
        scheduler: str | None = None,
        name: Any = None,
        *,
        command: list[str],
        kind: str,
        kwargs: dict[str, Any],
    ):
        super().__init__(scheduler, name)
        self._scheduler = scheduler
        self._command = command
        self._kind = kind
        self._kwargs = dict(kwargs)
        self._process: Any = None
        self._secret: str | None = None
        self._handle = self

    @property
    def secret(self) -> str | None:
        """The secret of the cluster, if it has one."""
        return self._secret

    def _begin(self) -> None:
        """Have a secret set before it starts, as other nodes have."""

    async def start(self) -> None:
        """Start the process, and wait until the node is ready."""
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=pipe
        )
        args = [] if self._scheduler is None else [self._scheduler]
        order = {
            "class": self._kind,
            "args": args,
            "kwargs": self._kwargs | ({"name": self.name} if args else {}),
            "config": raskt.config.config,
            "secret": self._secret,
        }
        data = _payload.dumps(order)
        self._process.stdin.write(b"%d\n" % len(data) + data)
        await self._process.stdin.drain()
        content = await self._ready()
        self.address = content["address"]
        self._secret = content["secret"] or self._secret
        await super().start()

    async def _ready(self) -> dict[str, Any]:
        while True:
            line = (await self._process.stdout.readline()).decode()
            word, _, rest = line.partition(" ")
            if word == "ready":
                return json.loads(rest)
            if word == "failed" or not line:
                self.status = Status.failed
                why = json.loads(rest)["error"] if line else "it ended at once"
                raise RuntimeError(f"{self._kind} could not be started: {why}")

    async def close(self) -> None:
        """Close the node, and wait until its process has ended."""
        if self._process is not None and self._process.returncode is None:
            self._process.stdin.close()
            try:
                await asyncio.wait_for(self._process.wait(), 15)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
                await self._process.wait()
        await super().close()
