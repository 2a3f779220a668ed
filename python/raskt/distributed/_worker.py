"""``Worker``: what a worker is to the Python program that it runs in."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import shutil
import sys
import tempfile
import threading
import uuid
import weakref
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from raskt import _native, config, system
from raskt.distributed import _payload
from raskt.distributed._node import Node
from raskt.distributed._options import flat_options
from raskt.distributed._waiting import seconds
from raskt.distributed._worker_asks import Asks
from raskt.distributed.addressing import chosen_host, host_and_port, with_scheme
from raskt.distributed.core import Status
from raskt.distributed.memory import parse_memory_limit
from raskt.distributed.security import Security

__all__ = ["Worker"]

logger = logging.getLogger(__name__)


class Worker(Asks, Node):
    """Runs tasks in this process.

    Functions get it from :func:`get_worker`, plugins as their argument. It can also be
    started: ``await Worker(address)``.

    Parameters
    ----------
    scheduler_ip : str, optional
        The address of the scheduler.
    scheduler_port : int, optional
        Its port, if that is not in the address.
    scheduler_file : str, optional
        A file with the address.
    nthreads : int, optional
        How many tasks it runs at once; one a processor by default.
    local_directory : str, optional
        Where its folder for files is made.
    name : str, optional
        What it is called.
    executor : dict, optional
        More pools of threads, by name, for ``raskt.annotate(executor=...)``.
    resources : dict, optional
        What it has of each named resource.
    death_timeout : number or str, optional
        It ends if it reaches no scheduler for so long.
    preload, preload_argv : list, optional
        Modules that are loaded first, and their arguments.
    security : Security, optional
        Certificates and keys.
    contact_address, host, interface, port, protocol, dashboard_address
        Where it listens, and where others reach it.
    nanny : str, optional
        Who keeps its process.
    plugins : list of WorkerPlugin
        What extends it.
    lifetime, lifetime_stagger, lifetime_restart
        After so long it moves its results to others and ends.
    memory_limit : int, str or float
        The most memory for its process; ``"auto"`` for its part of the machine's.
    **kwargs
        Other arguments of Dask's, which have no effect.
    """

    def __init__(
        self,
        scheduler_ip: str | None = None,
        scheduler_port: int | None = None,
        *,
        scheduler_file: str | None = None,
        nthreads: int | None = None,
        local_directory: str | None = None,
        name: Any = None,
        executor: Any = None,
        resources: dict[str, float] | None = None,
        death_timeout: Any = None,
        preload: Any = None,
        preload_argv: Any = None,
        security: Any = None,
        contact_address: str | None = None,
        interface: str | None = None,
        host: str | None = None,
        port: Any = None,
        protocol: str | None = None,
        dashboard_address: str | None = None,
        nanny: Any = None,
        plugins: Any = (),
        lifetime: Any = None,
        lifetime_stagger: Any = None,
        lifetime_restart: bool | None = None,
        memory_limit: Any = "auto",
        **kwargs: Any,
    ):
        super().__init__(name)
        self.scheduler_address, self._secret = place_of_scheduler(
            scheduler_ip, scheduler_port, scheduler_file
        )
        self.nthreads = int(nthreads or system.CPU_COUNT)
        self.memory_limit = parse_memory_limit(memory_limit, self.nthreads)
        self.resources = dict(
            config.get("distributed.worker.resources", {})
            if resources is None
            else resources
        )
        self.security = security_of(security)
        self.actors: weakref.WeakValueDictionary[Any, Any] = (
            weakref.WeakValueDictionary()
        )
        self.executors = _executors(executor)
        self.nanny = str(nanny or os.environ.get("RASKT_NANNY", "")) or None
        self.env = os.environ
        self.id = f"Worker-{uuid.uuid4()}"
        self.local_directory = ""
        self._parent_directory = local_directory
        self._own_plugins = list(plugins)
        self._preload = preload, preload_argv
        self._handle: Any = None
        self._sampler: Any = None
        self._client: Any = None
        self._client_lock = threading.Lock()
        self._torn_down = threading.Event()
        self._init_asks()
        self._listening = {
            "host": chosen_host(host, interface),
            "port": port or 0,
            "protocol": protocol,
            "contact_address": contact_address,
            "dashboard_address": dashboard_address,
            "death_timeout": seconds(death_timeout),
            "lifetime": seconds(_default(lifetime, "lifetime.duration")),
            "lifetime_stagger": seconds(_default(lifetime_stagger, "lifetime.stagger")),
            "lifetime_restart": bool(_default(lifetime_restart, "lifetime.restart")),
        }

    # --- beginning and end --------------------------------------------------------

    def _begin(self) -> None:
        from raskt.distributed._logs import keep_logs
        from raskt.distributed.preloading import load_all

        keep_logs()
        self.security.check(self.scheduler_address)
        self.local_directory = _made_folder(self._parent_directory)
        name, argv = self._preload
        self._preloads = load_all(self, name, argv, "distributed.worker.preload")
        try:
            self._preloads.start()
            handle = _native.run_worker(
                self.scheduler_address, self._native_options(), self
            )
        except BaseException:
            shutil.rmtree(self.local_directory, ignore_errors=True)
            raise
        self._handle = handle
        self.address = handle.address

    def _native_options(self) -> dict[str, Any]:
        security = self.security.get_listen_args("worker")
        if self._secret:
            security["secret"] = self._secret
        return {
            **self._listening,
            "security": security,
            "name": "" if self.name is None else str(self.name),
            "nthreads": self.nthreads,
            "memory_limit": self.memory_limit,
            "resources": {k: float(v) for k, v in self.resources.items()},
            "local_directory": self.local_directory,
            "nanny": self.nanny or "",
            "timeout": seconds(config.get("distributed.comm.timeouts.connect", "30s")),
            "config": flat_options("distributed.worker"),
        }

    def setup(self, handle: Any) -> None:
        """Begin: called when the worker has joined, before its first task."""
        from raskt.distributed.profile import Sampler

        self._handle = handle
        self.address = handle.address
        if self.name is None:
            self.name = handle.name or handle.address
        for plugin in self._own_plugins:
            from raskt.distributed._client_plugins import name_of

            self.add_plugin(plugin, name_of(plugin))
        self._add_kept_plugins()
        is_wanted = config.get("distributed.worker.profile.enabled", True)
        if is_wanted and hasattr(handle, "executing"):
            interval = config.get("distributed.worker.profile.interval", "10ms")
            cycle = config.get("distributed.worker.profile.cycle", "1000ms")
            self._sampler = Sampler(
                self.running_frames, seconds(interval) or 0.01, seconds(cycle) or 1.0
            )

    def teardown(self) -> None:
        """End: called when the worker has left."""
        if self._sampler is not None:
            self._sampler.close()
        for plugins in (self.plugins, self._nanny_plugins):
            for plugin in plugins.values():
                try:
                    self._called(getattr(plugin, "teardown", None))
                except Exception:
                    logger.exception("the teardown of a plugin failed")
            plugins.clear()
        self._end_asks()
        if self._client is not None:
            self._client.close()
        self._preloads.teardown()
        shutil.rmtree(self.local_directory, ignore_errors=True)
        self.status = Status.closed
        self._torn_down.set()

    def _end(self) -> None:
        self._handle.close()
        if self._handle.wait(30.0):
            self._torn_down.wait(30.0)

    def _wait(self, timeout: float) -> bool:
        return self._handle.wait(timeout)

    # --- for functions and plugins --------------------------------------------------

    @property
    def data(self) -> Mapping[Any, Any]:
        """The results that this worker holds, by key."""
        return _Data(self._handle)

    @property
    def state(self) -> _State:
        """The tasks that this worker knows."""
        return _State(self._handle)

    @property
    def scheduler(self) -> Any:
        """The scheduler: its ``address``."""
        from raskt.distributed.client import _SchedulerPlace

        return _SchedulerPlace(self.scheduler_address)

    @property
    def ip(self) -> str:
        """The host where others reach it."""
        return host_and_port(self.address or "")[0]

    @property
    def port(self) -> int:
        """The port where others reach it."""
        return host_and_port(self.address or "")[1]

    @property
    def contact_address(self) -> str:
        """Where others reach it."""
        return self.address or ""

    @property
    def loop(self) -> Any:
        """The event loop of asynchronous tasks."""
        from raskt.distributed._loop import loop_thread

        return loop_thread()

    def get_client(self, timeout: Any = None) -> Any:
        """Give a client of this worker's cluster, for tasks."""
        from raskt.distributed import _current
        from raskt.distributed.client import Client

        with self._client_lock:
            if self._client is not None and self._client.status == "running":
                return self._client
            here = _current.last_default()
            if here is not None and here.status == "running" and self._is_ours(here):
                return here
            self._client = Client(
                self.scheduler_address,
                timeout=timeout or 30,
                set_as_default=False,
                security=self._client_security(),
                name=f"worker-{self.name}",
            )
            return self._client

    def _client_security(self) -> Security:
        if self._secret:
            self.security.extra_conn_args["secret"] = self._secret
        return self.security

    def _is_ours(self, client: Any) -> bool:
        return client._native.address == self.scheduler_address

    def log_event(self, topic: Any, msg: Any) -> None:
        """Add a message to a topic, or several."""
        payload = _payload.dumps(msg)
        for one in [topic] if isinstance(topic, str) else topic:
            self._handle.request("event_log", topic=one, payload=payload)

    def executor(self, name: str) -> Executor:
        """Give the pool of threads of a name, for tasks that ask for it.

        Raises
        ------
        ValueError
            If there is none of that name.
        """
        if name in self.executors:
            return self.executors[name]
        if name in ("default", "offload"):
            return self.executors.setdefault(name, ThreadPoolExecutor(self.nthreads))
        raise ValueError(
            f"the worker {self.address} has no executor {name!r}: there are "
            f"{sorted({'default', 'offload', *self.executors})}"
        )

    def upload_file(
        self, filename: str, data: bytes | str, load: bool = True
    ) -> dict[str, Any]:
        """Write a file to the folder of this worker, and import it if it is code."""
        path = Path(self.local_directory) / filename
        content = data.encode() if isinstance(data, str) else data
        path.write_bytes(content)
        if load and path.suffix in (".py", ".egg", ".zip", ".pyz"):
            _import_file(path)
        return {"status": "OK", "nbytes": len(content)}


class _Data(Mapping):
    """The results that a worker holds."""

    def __init__(self, handle: Any):
        self._handle = handle

    def __getitem__(self, key: Any) -> Any:
        return self._handle.value(key)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._handle.keys())

    def __len__(self) -> int:
        return len(self._handle.keys())


class _State:
    """The tasks of a worker."""

    def __init__(self, handle: Any):
        self._handle = handle

    @property
    def tasks(self) -> dict[Any, str]:
        """The state of each task, by key."""
        return self._handle.tasks()

    @property
    def executing_count(self) -> int:
        """How many tasks run."""
        return len(self._handle.executing())


def place_of_scheduler(
    address: str | None, port: int | None, scheduler_file: str | None
) -> tuple[str, str | None]:
    """Give the address of the scheduler, and the secret of the cluster, if any."""
    if scheduler_file:
        import json

        found = json.loads(Path(scheduler_file).read_text(encoding="utf-8"))
        return found["address"], found.get("secret")
    address = address or config.get("scheduler-address", None)
    if not address:
        raise ValueError(
            "no scheduler is named: give its address or a scheduler file, or set the "
            "option scheduler-address"
        )
    if port:
        address = f"{address}:{port}"
    return with_scheme(address), None


def security_of(security: Any) -> Security:
    """Give what may also be a dict, or nothing."""
    if isinstance(security, dict):
        return Security(**security)
    return security or Security()


def _default(value: Any, option: str) -> Any:
    return config.get(f"distributed.worker.{option}", None) if value is None else value


def _executors(executor: Any) -> dict[str, Executor]:
    if isinstance(executor, dict):
        return dict(executor)
    return {"default": executor} if isinstance(executor, Executor) else {}


def _made_folder(parent: str | None) -> str:
    parent = parent or config.get("temporary-directory", None) or tempfile.gettempdir()
    space = Path(parent) / "raskt-scratch-space"
    space.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(PermissionError):
        space.chmod(0o777 | 0o1000)
    return tempfile.mkdtemp(prefix="worker-", dir=space)


def _import_file(path: Path) -> None:
    """Import what a file is, or has; again if it was imported before."""
    if path.suffix == ".py":
        place, names = str(path.parent), [path.stem]
    else:
        import zipfile

        place = str(path)
        with zipfile.ZipFile(path) as archive:
            tops = {name.split("/")[0] for name in archive.namelist()}
        names = [Path(top).stem for top in tops if "." not in Path(top).stem]
        names = [name for name in names if name.isidentifier()]
    if place in sys.path:
        sys.path.remove(place)
    sys.path.insert(0, place)
    importlib.invalidate_caches()
    for name in names:
        known = sys.modules.get(name)
        try:
            importlib.reload(known) if known else importlib.import_module(name)
        except ImportError as error:
            logger.warning("%s could not be imported: %s", name, error)
            if path.suffix == ".py":
                raise
