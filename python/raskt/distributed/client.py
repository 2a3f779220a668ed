"""``Client``: the connection of a program to a cluster."""

from __future__ import annotations

import atexit
import contextlib
import json
import uuid
import weakref
from collections.abc import Coroutine, Generator
from pathlib import Path
from types import TracebackType
from typing import Any

from raskt import _native, config
from raskt.distributed import _current
from raskt.distributed._client_cluster import ClusterMethods
from raskt.distributed._client_data import DataMethods
from raskt.distributed._client_datasets import DatasetMethods
from raskt.distributed._client_diagnostics import DiagnosticMethods
from raskt.distributed._client_events import EventMethods
from raskt.distributed._client_plugins import PluginMethods
from raskt.distributed._client_run import RunMethods
from raskt.distributed._client_tasks import TaskMethods
from raskt.distributed._client_workers import WorkerMethods
from raskt.distributed._current import default_client
from raskt.distributed._loop import in_foreign_loop, run_anywhere
from raskt.distributed._waiting import off_loop, run_blocking, seconds, until
from raskt.distributed.addressing import with_scheme
from raskt.distributed.as_completed import AsCompleted, as_completed
from raskt.distributed.exceptions import (
    ClosedClientError,
    FutureCancelledError,
    FuturesCancelledError,
)
from raskt.distributed.executor import ClientExecutor
from raskt.distributed.future import Future
from raskt.distributed.performance_report import performance_report
from raskt.distributed.security import Security
from raskt.distributed.task_metadata import get_task_metadata
from raskt.distributed.wait import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    fire_and_forget,
    futures_of,
    wait,
)

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "AsCompleted",
    "Client",
    "ClosedClientError",
    "CompatibleExecutor",
    "Future",
    "FutureCancelledError",
    "FuturesCancelledError",
    "as_completed",
    "default_client",
    "fire_and_forget",
    "futures_of",
    "get_task_metadata",
    "performance_report",
    "wait",
]

no_default: Any = "__no_default__"
_open: weakref.WeakSet[Client] = weakref.WeakSet()


class Client(
    TaskMethods,
    DataMethods,
    ClusterMethods,
    WorkerMethods,
    RunMethods,
    PluginMethods,
    EventMethods,
    DatasetMethods,
    DiagnosticMethods,
):
    """Connect to a cluster, and compute on it.

    After that, :func:`raskt.compute`, ``persist`` and ``get`` run on it as well.

    Parameters
    ----------
    address : str or cluster, optional
        Where the scheduler is: ``"127.0.0.1:8786"``, a cluster object such as
        :class:`LocalCluster`, or, by default, the option ``scheduler-address``. If
        there is none, a :class:`LocalCluster` is started.
    loop : object, optional
        Accepted and ignored.
    timeout : number or str, optional
        How long connecting may take. Default: the option
        ``distributed.comm.timeouts.connect``.
    set_as_default : bool
        Run on this client what names no scheduler?
    scheduler_file : str, optional
        A file with the address of the scheduler, as the scheduler writes it.
    security : Security or bool, optional
        Certificates and keys; True makes temporary ones for a local cluster.
    asynchronous : bool
        Give coroutines instead of waiting? For use in an event loop.
    name : str, optional
        What this client is called in the cluster.
    direct_to_workers : bool, optional
        Accepted and ignored: data always goes between client and workers directly.
    heartbeat_interval, serializers, deserializers, extensions, connection_limit
        Accepted and ignored.
    **kwargs
        For :class:`LocalCluster`.

    Examples
    --------
    >>> from raskt.distributed import Client
    >>> with Client(processes=False, n_workers=1) as client:
    ...     squares = client.map(lambda x: x**2, range(10))
    ...     client.submit(sum, squares).result()
    285
    """

    def __init__(
        self,
        address: Any = None,
        loop: Any = None,
        timeout: Any = no_default,
        set_as_default: bool = True,
        scheduler_file: str | None = None,
        security: Any = None,
        asynchronous: bool = False,
        name: str | None = None,
        heartbeat_interval: Any = None,
        serializers: Any = None,
        deserializers: Any = None,
        extensions: Any = {},  # noqa: B006 - as Dask's; it is not changed
        direct_to_workers: bool | None = None,
        connection_limit: int = 512,
        **kwargs: Any,
    ):
        if timeout is no_default:
            timeout = config.get("distributed.comm.timeouts.connect", "30s")
        self._timeout = seconds(timeout)
        self._asynchronous = asynchronous
        self._set_as_default = set_as_default
        self._user_loop: Any = None
        self._set_config: Any = None
        self._token: Any = None
        self._native: Any = None
        self._status = "newly-created"
        self.name = name or f"Client-{uuid.uuid4()}"
        self.direct_to_workers = direct_to_workers
        self.scheduler_file = scheduler_file
        self.extensions = dict(extensions)
        self.cluster = None
        self._secret: str | None = None
        self._owns_cluster = False
        self._start_arg = self._destination(address, kwargs)
        self.security = self._security(security, kwargs)
        self._cluster_kwargs = kwargs
        self._init_events()
        if not asynchronous:
            self._do(self._start())

    # --- beginning and end --------------------------------------------------------

    def _destination(self, address: Any, kwargs: dict) -> str | None:
        """Give the address that the arguments name, or None for a new cluster."""
        if self.scheduler_file is not None:
            found = json.loads(Path(self.scheduler_file).read_text(encoding="utf-8"))
            self._secret = found.get("secret")
            return found["address"]
        if hasattr(address, "scheduler_address"):
            self.cluster = address
            return None
        if hasattr(address, "address") and not isinstance(address, str):
            address = address.address
        if address is None and not kwargs:
            address = config.get("scheduler-address", None)
        if address is None:
            return None
        if not isinstance(address, str):
            raise TypeError(
                "Scheduler address must be a string or a Cluster instance, got "
                f"{type(address)}"
            )
        if kwargs:
            raise ValueError(f"Unexpected keyword arguments: {sorted(kwargs)}")
        return address

    def _security(self, security: Any, kwargs: dict) -> Security:
        own = getattr(self.cluster, "security", None)
        if security is None and isinstance(own, Security):
            return own
        if security is True:
            security = kwargs["security"] = Security.temporary()
        elif isinstance(security, Security) and self._start_arg is None:
            kwargs.setdefault("security", security)
        elif isinstance(security, dict):
            security = Security(**security)
        if security is None and isinstance(self._start_arg, str):
            security = _loaded_security(self._start_arg)
        if security is not None and not isinstance(security, Security):
            raise TypeError("security must be a Security object")
        return security or Security()

    async def _start(self) -> Client:
        if self.status != "newly-created":
            return self
        self._status = "connecting"
        if self._asynchronous:
            import asyncio

            self._user_loop = asyncio.get_running_loop()
        address = self._start_arg or await self._cluster_address()
        scheme = "tls" if self.security.require_encryption else None
        options = self.security.get_connection_args("client")
        secret = self._secret or getattr(self.cluster, "_secret", None)
        if secret:
            options["secret"] = secret
        try:
            self._native = await off_loop(
                self._connected, with_scheme(address, scheme), options
            )
        except BaseException:
            await self._close()
            raise
        self._status = "running"
        _open.add(self)
        self._listen()
        if self._set_as_default:
            _current.remember(self)
            self._set_config = config.set(scheduler="distributed")
        return self

    def _connected(self, address: str, options: dict) -> Any:
        self.security.check(address)
        return _native.ClusterClient(
            address,
            name=self.name,
            timeout=self._timeout,
            security=options,
            owner=self,
        )

    async def _cluster_address(self) -> str:
        if self.cluster is None:
            from raskt.distributed.deploy import LocalCluster

            self._owns_cluster = True
            if self._asynchronous:
                self._cluster_kwargs["asynchronous"] = True
                self.cluster = await LocalCluster(**self._cluster_kwargs)
            else:
                self.cluster = LocalCluster(**self._cluster_kwargs)
        elif self._asynchronous and getattr(self.cluster, "asynchronous", False):
            await self.cluster
        return self.cluster.scheduler_address

    def start(self, **kwargs: Any) -> Any:
        """Connect; needed only for an asynchronous client that is not awaited."""
        return self._do(self._start())

    async def _close(self) -> None:
        if self.status in ("closing", "closed"):
            return
        self._status = "closing"
        _open.discard(self)
        _current.forget(self)
        if self._set_config is not None:
            self._set_config.__exit__(None, None, None)
            self._set_config = None
        if self._native is not None:
            await off_loop(self._native.close, 5.0)
        if self._owns_cluster and self.cluster is not None:
            closing = self.cluster.close()
            if closing is not None:
                await closing
        self._status = "closed"

    def close(self, timeout: Any = no_default) -> Any:
        """End the connection, and the cluster if this client started it.

        Results that nobody else keeps are dropped.
        """
        return self._do(self._close())

    async def _shutdown(self) -> None:
        if self.cluster is not None:
            self._owns_cluster = True
        elif self.status == "running":
            with contextlib.suppress(OSError):
                await self._request("shutdown")
        await self._close()

    def shutdown(self) -> Any:
        """End the scheduler and all workers, and then this client."""
        return self._do(self._shutdown())

    def __enter__(self) -> Client:
        if self._asynchronous:
            raise TypeError(
                "an asynchronous client is used with `async with Client(...)`"
            )
        if self._set_as_default:
            self._token = _current._current.set(self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._token is not None:
            # It belongs to another context if the block was entered in one.
            with contextlib.suppress(ValueError):
                _current._current.reset(self._token)
            self._token = None
        self.close()

    async def __aenter__(self) -> Client:
        return await self._start()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    def __await__(self) -> Generator[Any, Any, Client]:
        return self._start().__await__()

    # --- how operations are done --------------------------------------------------

    def _do(
        self, operation: Coroutine[Any, Any, Any], asynchronous: bool | None = None
    ) -> Any:
        """Do an operation and give its result; or give it, to be awaited."""
        if self.asynchronous if asynchronous is None else asynchronous:
            return operation
        return run_blocking(operation)

    async def _request(self, question: str, **fields: Any) -> Any:
        """Ask the scheduler something, and pause until there is an answer."""
        reply = self._connection.request(question, **fields)
        await until(reply)
        return reply.result()

    @property
    def _connection(self) -> Any:
        """The native client, if this one is running."""
        if self.status not in ("running", "closing"):
            raise ClosedClientError(
                f"the client {self.name} is not running (status: {self.status})"
                + ("; await it first" if self.status == "newly-created" else "")
            )
        return self._native

    @property
    def status(self) -> str:
        """``newly-created``, ``connecting``, ``running``, ``closing`` or ``closed``."""
        if self._status == "running" and self._native.status == "closed":
            return "closed"
        return self._status

    @property
    def asynchronous(self) -> bool:
        """Whether methods give coroutines, called from here."""
        return self._asynchronous and not in_foreign_loop(self._user_loop)

    @property
    def loop(self) -> Any:
        """The event loop of an asynchronous client; None for others."""
        return self._user_loop

    def sync(
        self,
        func: Any,
        *args: Any,
        asynchronous: bool | None = None,
        callback_timeout: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Call a coroutine function and wait for it; or give what is to be awaited.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> async def answer():
        ...     return 42
        >>> with Client(processes=False, n_workers=1) as client:
        ...     client.sync(answer)
        42
        """
        operation = func(*args, **kwargs)
        if self.asynchronous if asynchronous is None else asynchronous:
            return operation
        return run_anywhere(operation, seconds(callback_timeout))

    # --- what it is -----------------------------------------------------------------

    @property
    def id(self) -> str:
        """What the scheduler knows this client by."""
        return self._native.id if self._native is not None else self.name

    @property
    def scheduler(self) -> Any:
        """The scheduler: its ``address``."""
        return None if self._native is None else _SchedulerPlace(self._native.address)

    def as_current(self) -> contextlib.AbstractContextManager[Client]:
        """Let this client be the one that is meant, for a while.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1, set_as_default=False) as client:
        ...     with client.as_current():
        ...         Client.current() is client
        True
        """
        return _current.as_current(self)

    @classmethod
    def current(cls, allow_global: bool = True) -> Client:
        """Give the client that is meant here.

        Parameters
        ----------
        allow_global : bool
            Also the default client, if none was made current?

        Raises
        ------
        ValueError
            If there is none.
        """
        client = _current.last_default() if allow_global else _current.current_only()
        if client is not None:
            return client
        if not allow_global:
            raise ValueError("Not running inside the `as_current` context manager")
        return default_client()

    def get_executor(self, **kwargs: Any) -> ClientExecutor:
        """Give an executor of the standard library's kind that runs on the cluster.

        Parameters
        ----------
        **kwargs
            For :meth:`submit`: ``pure``, ``workers``, ``resources``, ``retries``,
            ``priority``, ``allow_other_workers``.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     with client.get_executor() as executor:
        ...         list(executor.map(abs, [-1, -2]))
        [1, 2]
        """
        return ClientExecutor(self, **kwargs)

    def __repr__(self) -> str:
        if self.status != "running":
            place = self._start_arg or "no scheduler"
            return f"<Client: {place!r}, status: {self.status}>"
        if self.asynchronous:
            return f"<Client: {self._native.address!r}>"
        try:
            info = self.scheduler_info()
        except OSError:
            return f"<Client: {self._native.address!r}, scheduler not connected>"
        from raskt.utils import format_bytes

        workers = info["workers"].values()
        text = (
            f"<Client: {info['address']!r} processes={len(workers)} "
            f"threads={sum(w['nthreads'] for w in workers)}"
        )
        memory = [w["memory_limit"] for w in workers]
        if all(memory):
            text += f", memory={format_bytes(sum(memory))}"
        return text + ">"


class _SchedulerPlace:
    """Where the scheduler of a client is."""

    def __init__(self, address: str):
        self.address = address

    def __repr__(self) -> str:
        return f"<Scheduler {self.address!r}>"


def _loaded_security(address: str) -> Security | None:
    """Give what the function that the option ``client.security-loader`` names gives."""
    name = config.get("distributed.client.security-loader", None)
    if not name:
        return None
    from raskt.distributed._imports import import_term

    loader = import_term(name)
    security = loader({"address": address})
    if not isinstance(security, Security | None):
        raise TypeError(f"{name} must give a Security object or None, not {security!r}")
    return security


def CompatibleExecutor(*args: Any, **kwargs: Any) -> None:
    """Refuse: it is replaced by :meth:`Client.get_executor`."""
    raise Exception("This has been moved to the Client.get_executor() method.")


@atexit.register
def _close_all() -> None:
    """Close the clients that the program left open, newest first."""
    for client in sorted(_open, key=id, reverse=True):
        client._asynchronous = False
        with contextlib.suppress(Exception):
            client.close()
