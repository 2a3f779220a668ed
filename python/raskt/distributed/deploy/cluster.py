"""``Cluster``: what all kinds of clusters have in common."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections.abc import Coroutine, Generator
from typing import Any

from raskt import _native
from raskt.distributed._client_cluster import identity_of, link_of
from raskt.distributed._loop import in_foreign_loop, loop_thread, run_anywhere
from raskt.distributed._waiting import seconds, until
from raskt.distributed.core import Status
from raskt.distributed.security import Security

__all__ = ["Cluster"]

logger = logging.getLogger(__name__)
no_default: Any = "__no_default__"


class Cluster:
    """A scheduler and workers that this program looks after.

    Subclasses start them, and define :meth:`scale`.

    Parameters
    ----------
    asynchronous : bool
        Give coroutines instead of waiting? For use in an event loop.
    loop : object, optional
        Accepted and ignored.
    quiet : bool
        Accepted and ignored.
    name : str, optional
        What it is called.
    scheduler_sync_interval : number or str
        Accepted and ignored.
    """

    _supports_scaling = True
    security: Security

    def __init__(
        self,
        asynchronous: bool = False,
        loop: Any = None,
        quiet: bool = False,
        name: str | None = None,
        scheduler_sync_interval: Any = 1,
    ):
        self._asynchronous = asynchronous
        self._user_loop: Any = None
        self._name = name or str(uuid.uuid4())[:8]
        self._tools: Any = None
        self._tools_lock = threading.Lock()
        self._adaptive: Any = None
        self._cluster_logs: list[str] = []
        self._secret: str | None = None
        self.security = Security()
        self.status = Status.created
        self.scheduler_address = ""

    # --- beginning and end --------------------------------------------------------

    async def _start(self) -> None:
        self.status = Status.running

    async def _close(self) -> None:
        if self._adaptive is not None:
            self._adaptive.stop()
        with self._tools_lock:
            tools, self._tools = self._tools, None
        if tools is not None:
            await asyncio.to_thread(tools.close, 1.0)
        self.status = Status.closed

    def close(self, timeout: float | None = None) -> Any:
        """End the workers and the scheduler."""
        if self.status == Status.closed:
            return _nothing() if self.asynchronous else None
        return self.sync(self._close, callback_timeout=timeout)

    def __enter__(self) -> Any:
        if self._asynchronous:
            raise TypeError(
                "an asynchronous cluster is used with `async with Cluster(...)`"
            )
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()

    async def __aenter__(self) -> Any:
        return await self

    async def __aexit__(self, *exc: Any) -> None:
        await self._close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._started().__await__()

    async def _started(self) -> Any:
        self._user_loop = asyncio.get_running_loop()
        if self.status == Status.created:
            await self._start()
        return self

    # --- how operations are done --------------------------------------------------

    @property
    def asynchronous(self) -> bool:
        """Whether methods give coroutines, called from here."""
        if self.called_from_running_loop:
            return True
        return self._asynchronous and not in_foreign_loop(self._user_loop)

    @property
    def called_from_running_loop(self) -> bool:
        """Whether this is called on the thread of the cluster's own loop."""
        from raskt.distributed._loop import is_on_loop_thread

        return not self._asynchronous and is_on_loop_thread()

    @property
    def loop(self) -> Any:
        """The event loop on which the cluster is looked after."""
        return self._user_loop if self._asynchronous else loop_thread()

    def sync(
        self,
        func: Any,
        *args: Any,
        asynchronous: bool | None = None,
        callback_timeout: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Call a coroutine function and wait for it; or give what is to be awaited."""
        operation: Coroutine = func(*args, **kwargs)
        if self.asynchronous if asynchronous is None else asynchronous:
            return operation
        return run_anywhere(operation, seconds(callback_timeout))

    def _connection(self) -> Any:
        """Give a connection to the scheduler, for what is asked here."""
        with self._tools_lock:
            if self._tools is None:
                security = self.security.get_connection_args("client")
                if self._secret:
                    security["secret"] = self._secret
                self._tools = _native.ClusterClient(
                    self.scheduler_address,
                    name=f"cluster-{self._name}",
                    timeout=30.0,
                    security=security,
                    owner=self,
                )
            return self._tools

    async def _ask(self, question: str, **fields: Any) -> Any:
        reply = (await asyncio.to_thread(self._connection)).request(question, **fields)
        await until(reply)
        return reply.result()

    # --- what it is -----------------------------------------------------------------

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._name = name

    @property
    def scheduler_info(self) -> dict[str, Any]:
        """What the scheduler says of itself and its workers."""
        if self.status != Status.running:
            return {"workers": {}, "address": self.scheduler_address, "services": {}}
        return identity_of(self._connection().request("cluster").result())

    @property
    def dashboard_link(self) -> str:
        """Where the web pages are; empty if there are none."""
        if self.status != Status.running:
            return ""
        return link_of(self._connection().request("cluster").result()["dashboard"])

    @property
    def plan(self) -> set:
        """The names of the workers that there should be."""
        return set(self.observed)

    @property
    def requested(self) -> set:
        """The names of the workers that were started."""
        return set(self.observed)

    @property
    def observed(self) -> set:
        """The names of the workers that have joined."""
        return {worker["name"] for worker in self.scheduler_info["workers"].values()}

    # --- what is done with it ---------------------------------------------------------

    def get_client(self) -> Any:
        """Give a client of this cluster."""
        from raskt.distributed.client import Client

        return Client(self, asynchronous=self._asynchronous)

    def scale(self, n: int) -> None:
        """Have so many workers.

        Raises
        ------
        NotImplementedError
            By kinds of clusters that cannot.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot be scaled")

    def adapt(self, Adaptive: Any = None, **kwargs: Any) -> Any:
        """Have as many workers as the work needs, from now on.

        Parameters
        ----------
        Adaptive : type, optional
            What decides; :class:`Adaptive` by default.
        **kwargs
            For it: ``minimum``, ``maximum``, ``interval``, ``target_duration``,
            ``wait_count``.
        """
        from raskt.distributed.deploy.adaptive import Adaptive as Usual

        if self._adaptive is not None:
            self._adaptive.stop()
        self._adaptive = (Adaptive or Usual)(self, **kwargs)
        return self._adaptive

    async def _wait_for_workers(self, n_workers: int, timeout: float | None) -> None:
        try:
            await self._ask("wait_for_workers", count=n_workers, timeout=timeout or 0.0)
        except TimeoutError:
            from raskt.distributed.exceptions import WorkerStartTimeoutError

            there = len(self.scheduler_info["workers"])
            raise WorkerStartTimeoutError(there, n_workers, timeout or 0.0) from None

    def wait_for_workers(self, n_workers: int, timeout: float | None = None) -> Any:
        """Wait until there are at least so many workers.

        Raises
        ------
        TimeoutError
            If there are fewer after that time.
        """
        return self.sync(self._wait_for_workers, n_workers, seconds(timeout))

    async def _get_logs(
        self, cluster: bool, scheduler: bool, workers: Any
    ) -> dict[str, str]:
        from raskt.distributed._logs import kept_logs

        found = {}
        if cluster:
            found["Cluster"] = "\n".join(self._cluster_logs)
        if scheduler:
            found["Scheduler"] = "\n".join(text for _, text in kept_logs())
        if workers:
            from raskt.distributed._payload import dumps, loads

            names = list(workers) if not isinstance(workers, bool) else []
            answers = await self._ask(
                "ask", workers=names, op="logs", payload=dumps(None)
            )
            for address, answer in answers.items():
                if isinstance(answer, bytes):
                    found[address] = "\n".join(text for _, text in loads(answer))
        return found

    def get_logs(
        self, cluster: bool = True, scheduler: bool = True, workers: Any = True
    ) -> Any:
        """Give the logs of the cluster, the scheduler and the workers.

        Parameters
        ----------
        cluster, scheduler : bool
            Those?
        workers : bool or list of str
            Those of all, or of these?
        """
        return self.sync(self._get_logs, cluster, scheduler, workers)

    def _log(self, text: str) -> None:
        logger.debug(text)
        self._cluster_logs.append(text)

    def __repr__(self) -> str:
        from raskt.utils import format_bytes

        workers = self.scheduler_info["workers"].values()
        threads = sum(worker["nthreads"] for worker in workers)
        text = (
            f"{type(self).__name__}({self._name}, {self.scheduler_address!r}, "
            f"workers={len(workers)}, threads={threads}"
        )
        memory = [worker["memory_limit"] for worker in workers]
        if memory and all(memory):
            text += f", memory={format_bytes(sum(memory))}"
        return text + ")"


async def _nothing() -> None:
    return None
