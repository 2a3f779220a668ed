"""``Scheduler``: a native scheduler that was started from Python."""

from __future__ import annotations

import contextlib
import inspect
import threading
import uuid
import weakref
from collections.abc import Callable
from typing import Any

from raskt import _native, config
from raskt.distributed._calls import called, has_parameter
from raskt.distributed._client_cluster import identity_of, key_of
from raskt.distributed._node import Node
from raskt.distributed._options import flat_options
from raskt.distributed._waiting import seconds
from raskt.distributed._worker import security_of
from raskt.distributed.addressing import chosen_host
from raskt.distributed.exceptions import KilledWorker

__all__ = ["KilledWorker", "Scheduler", "find_own", "own_scheduler"]

_running: weakref.WeakValueDictionary[str, Scheduler] = weakref.WeakValueDictionary()


class Scheduler(Node):
    """Decides which worker runs which task.

    It runs in native code, on a thread of its own, and reads nothing of what tasks are
    made of. This object starts it, and shows what it says of itself.

    Parameters
    ----------
    host, interface : str, optional
        Where it listens; by default on this machine only.
    port : int
        0 for any.
    protocol : str, optional
        ``"tcp"``, ``"tls"`` or ``"inproc"``.
    security : Security, optional
        Certificates and keys.
    scheduler_file : str, optional
        A file to write the address to.
    dashboard, dashboard_address
        Where its web pages are.
    idle_timeout : number or str, optional
        It ends after so long without work.
    contact_address : str, optional
        Where others reach it.
    preload, preload_argv : list, optional
        Modules that are loaded first, and their arguments.
    plugins : list of SchedulerPlugin
        What hears of it.
    allowed_failures, worker_ttl : optional
        In place of the options of these names.
    **kwargs
        Other arguments of Dask's, which have no effect.
    """

    def __init__(
        self,
        *,
        allowed_failures: int | None = None,
        scheduler_file: str | None = None,
        security: Any = None,
        worker_ttl: Any = None,
        idle_timeout: Any = None,
        interface: str | None = None,
        host: str | None = None,
        port: int = 0,
        protocol: str | None = None,
        dashboard_address: str | None = None,
        dashboard: bool | None = None,
        preload: Any = None,
        preload_argv: Any = (),
        plugins: Any = (),
        contact_address: str | None = None,
        **kwargs: Any,
    ):
        super().__init__("scheduler")
        self.security = security_of(security)
        self.id = f"Scheduler-{uuid.uuid4()}"
        self.plugins: dict[str, Any] = {}
        self._own_plugins = list(plugins)
        self._preload = preload, preload_argv
        self._tools: Any = None
        self._lock = threading.Lock()
        self._handle: Any = None
        options = flat_options("distributed.scheduler")
        given = {"allowed-failures": allowed_failures, "worker-ttl": worker_ttl}
        for name, value in given.items():
            if value is not None:
                options[name] = seconds(value)
        if idle_timeout is None:
            idle_timeout = config.get("distributed.scheduler.idle-timeout", None)
        self._options = {
            "host": chosen_host(host, interface),
            "port": port or 0,
            "protocol": protocol,
            "security": self.security.get_listen_args("scheduler"),
            "dashboard_address": None if dashboard is False else dashboard_address,
            "id": self.id,
            "idle_timeout": seconds(idle_timeout),
            "scheduler_file": scheduler_file,
            "contact_address": contact_address,
            "config": options,
        }

    def _begin(self) -> None:
        from raskt.distributed._logs import keep_logs
        from raskt.distributed.preloading import load_all

        keep_logs()
        name, argv = self._preload
        self._preloads = load_all(self, name, argv, "distributed.scheduler.preload")
        self._preloads.start()
        self._handle = _native.start_scheduler(self._options)
        self.address = self._handle.address
        _running[self.address] = self

    async def start(self) -> Any:
        """Start it, unless it has started."""
        await super().start()
        while self._own_plugins:
            await self.add_plugin(self._own_plugins.pop(0))
        return self

    async def close(self, **kwargs: Any) -> None:
        """Close it, and with it the workers."""
        if self._handle is not None:
            for plugin in list(self.plugins.values()):
                await called(plugin.before_close)
        await super().close()
        for plugin in list(self.plugins.values()):
            await called(plugin.close)
        self.plugins.clear()

    def _end(self) -> None:
        _running.pop(self.address, None)
        if self._tools is not None:
            self._tools.close(1.0)
            self._tools = None
        self._handle.close()
        self._handle.wait(10.0)
        self._preloads.teardown()

    def _wait(self, timeout: float) -> bool:
        return self._handle.wait(timeout)

    @property
    def dashboard(self) -> str:
        """Where the web pages are; empty: nowhere."""
        return getattr(self._handle, "dashboard", "") or ""

    # --- what functions and plugins beside it see -------------------------------------

    @property
    def _native(self) -> Any:
        """A connection to the scheduler itself, for what is asked here."""
        with self._lock:
            if self._tools is None:
                self._tools = _native.ClusterClient(
                    self.address,
                    name="scheduler",
                    timeout=10.0,
                    security=self.security.get_connection_args("client"),
                    owner=self,
                )
            return self._tools

    def _asked(self, question: str, **fields: Any) -> Any:
        return self._native.request(question, **fields).result()

    def identity(self, n_workers: int = -1) -> dict[str, Any]:
        """Tell about the scheduler and its workers, as ``Client.scheduler_info``."""
        return identity_of(self._asked("cluster"), n_workers)

    @property
    def workers(self) -> dict[str, dict[str, Any]]:
        """What is known of each worker, by address."""
        return self.identity()["workers"]

    @property
    def tasks(self) -> dict[Any, str]:
        """The state of each task, by key."""
        keys = self._asked("sizes", keys=[])
        states = self._asked("states", keys=list(keys))
        return {key_of(self._native, key): state for key, state in dict(states).items()}

    def story(self, *keys_or_stimuli: Any) -> list[tuple]:
        """Tell what happened to tasks and workers, as ``Client.story``."""
        lines = self._asked("story", names=list(keys_or_stimuli))
        words = ("subject", "from", "to", "reason", "time")
        return [tuple(line[word] for word in words) for line in lines]

    def log_event(self, topic: Any, msg: Any) -> None:
        """Add a message to a topic, or several."""
        from raskt.distributed import _payload

        for one in [topic] if isinstance(topic, str) else topic:
            self._asked("event_log", topic=one, payload=_payload.dumps(msg))

    def get_logs(self, n: int | None = None) -> tuple[tuple[str, str], ...]:
        """Give the last messages of the log, newest first."""
        from raskt.distributed._logs import kept_logs

        return kept_logs(n)

    async def run(self, function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        """Call a function beside the scheduler."""
        if has_parameter(function, "dask_scheduler"):
            kwargs = dict(kwargs, dask_scheduler=self)
        result = function(*args, **kwargs)
        if inspect.isawaitable(result):
            from raskt.distributed._waiting import is_blocking

            return _waited(result) if is_blocking() else await result
        return result

    async def add_plugin(self, plugin: Any, name: str | None = None) -> None:
        """Add a plugin; it takes the place of one of the same name."""
        from raskt.distributed._client_plugins import name_of

        name = name or name_of(plugin)
        if name in self.plugins:
            if getattr(plugin, "idempotent", False):
                return
            await self.remove_plugin(name)
        self.plugins[name] = plugin
        self._listen()
        await self.run(plugin.start, (self,), {})

    async def remove_plugin(self, name: str) -> None:
        """Take a plugin away.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        plugin = self.plugins.pop(name, None)
        if plugin is None:
            raise ValueError(
                f"Could not find plugin {name!r} among the current scheduler plugins"
            )
        await self.run(plugin.close, (), {})

    def _listen(self) -> None:
        """Begin to tell plugins of workers and topics."""
        heard = weakref.WeakMethod(self._heard)

        def tell(topic: str, time: float, payload: bytes) -> None:
            method = heard()
            if method is not None:
                method(topic, payload)

        self._native.on_event(tell)
        self._native.request("listen", topic="all", on=True)

    def _heard(self, topic: str, payload: bytes) -> None:
        plugins = list(self.plugins.values())
        if topic == "__restarted__":
            for plugin in plugins:
                plugin.restart(self)
            return
        if topic != "all":
            return
        message = _read(payload)
        worker = message.get("worker", "")
        for plugin in plugins:
            with contextlib.suppress(AttributeError):
                if message.get("action") == "add-worker":
                    plugin.add_worker(self, worker)
                elif message.get("action") == "remove-worker":
                    plugin.remove_worker(self, worker, stimulus_id="left")


def _read(payload: bytes) -> dict[str, Any]:
    """Read a message of the scheduler's own, which is JSON."""
    import json

    try:
        return dict(json.loads(payload))
    except ValueError:
        return {}


def _waited(awaitable: Any) -> Any:
    from raskt.distributed._loop import run_anywhere

    async def run() -> Any:
        return await awaitable

    return run_anywhere(run())


def find_own(address: str) -> Scheduler | None:
    """Give the scheduler at an address if it runs in this process."""
    return _running.get(address)


def own_scheduler(address: str, what: str) -> Scheduler:
    """Give the scheduler at an address for something that only works beside it.

    Raises
    ------
    PermissionError
        If it is another process, or reads no pickles by the option
        ``distributed.scheduler.pickle``.
    """
    scheduler = find_own(address)
    if scheduler is None:
        raise PermissionError(
            f"{what} needs a scheduler in this process, as LocalCluster starts it; the "
            f"one at {address} is another process, and reads no pickles"
        )
    if not config.get("distributed.scheduler.pickle", True):
        raise PermissionError(
            f"{what} is switched off by the option distributed.scheduler.pickle"
        )
    return scheduler
