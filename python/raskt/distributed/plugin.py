"""What plugins are: :class:`WorkerPlugin`, :class:`NannyPlugin`, ...

Those that come with raskt are in :mod:`raskt.distributed._plugins`.
"""

from __future__ import annotations

from typing import Any

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


class WorkerPlugin:
    """Extends workers: something is done when they start and end.

    Subclasses override what they need; methods may be coroutines.

    Examples
    --------
    >>> from raskt.distributed import Client, WorkerPlugin
    >>> class Hello(WorkerPlugin):
    ...     def setup(self, worker):
    ...         worker.greeting = "hello"
    >>> with Client(processes=False, n_workers=1) as client:
    ...     _ = client.register_plugin(Hello())
    ...     list(client.run(lambda dask_worker: dask_worker.greeting).values())
    ['hello']
    """

    idempotent: bool = False
    """Is a plugin not added if there is one of its name?"""

    def setup(self, worker: Any) -> Any:
        """Begin: the worker starts, or has just got the plugin."""

    def teardown(self, worker: Any) -> Any:
        """End: the worker ends, or loses the plugin."""

    def transition(self, key: Any, start: str, finish: str, **kwargs: Any) -> None:
        """Hear that a task of the worker went from one state to another."""


class NannyPlugin:
    """Extends what is around workers: it is there before a worker joins.

    It runs in the process of the worker, before the first task; ``nanny`` is the
    worker, with ``nanny.env``, the environment of the process.
    """

    idempotent: bool = False
    """Is a plugin not added if there is one of its name?"""

    restart: bool = False
    """Must workers that run already be started anew?"""

    def setup(self, nanny: Any) -> Any:
        """Begin: a worker is about to join, or has just got the plugin."""

    def teardown(self, nanny: Any) -> Any:
        """End: the worker ends, or loses the plugin."""


class SchedulerPlugin:
    """Hears what happens at a scheduler in this process.

    Subclasses override what they need; methods may be coroutines.
    """

    idempotent: bool = False
    """Is a plugin not added if there is one of its name?"""

    async def start(self, scheduler: Any) -> None:
        """Begin: the plugin was added."""

    async def before_close(self) -> None:
        """Hear that the scheduler is about to end."""

    async def close(self) -> None:
        """End: the scheduler has ended."""

    def update_graph(
        self,
        scheduler: Any,
        *,
        client: str,
        keys: set,
        tasks: list,
        annotations: dict,
        priority: dict,
        stimulus_id: str,
        **kwargs: Any,
    ) -> None:
        """Not called: a graph never is in Python at the scheduler."""

    def restart(self, scheduler: Any) -> None:
        """Hear that the cluster was restarted."""

    def transition(
        self,
        key: Any,
        start: str,
        finish: str,
        *args: Any,
        stimulus_id: str,
        **kwargs: Any,
    ) -> None:
        """Not called: tasks change their state in native code. See ``Client.story``."""

    def add_worker(self, scheduler: Any, worker: str) -> Any:
        """Hear that a worker has joined."""

    def remove_worker(
        self, scheduler: Any, worker: str, *, stimulus_id: str, **kwargs: Any
    ) -> Any:
        """Hear that a worker has gone."""

    def add_client(self, scheduler: Any, client: str) -> None:
        """Not called."""

    def remove_client(self, scheduler: Any, client: str) -> None:
        """Not called."""

    def log_event(self, topic: str, msg: Any) -> None:
        """Hear of a message of a topic."""

    def valid_workers_downscaling(self, scheduler: Any, workers: list) -> list:
        """Not called: the scheduler chooses which workers may go."""
        return workers


from raskt.distributed._plugins import (  # noqa: E402 - they are made of the above
    CondaInstall,
    Environ,
    ForwardOutput,
    InstallPlugin,
    PipInstall,
    UploadDirectory,
    UploadFile,
)
