"""What a worker's program answers beside its tasks: functions, plugins, actors."""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from raskt.distributed import _current, _payload
from raskt.distributed._calls import called, has_parameter
from raskt.distributed._client_cluster import key_of
from raskt.distributed._loop import is_on_loop_thread, loop_thread
from raskt.distributed._registry import NANNY, WORKER, plugins_in

__all__ = ["Asks"]

logger = logging.getLogger(__name__)


class Asks:
    """Answers questions of clients for the program of a worker.

    Each kind of question is a method. Questions come in order; what may take long is
    answered from another thread: actors on one of their own, so that their calls stay
    in order, functions on a few.
    """

    _handle: Any
    address: Any
    actors: Any

    def _init_asks(self) -> None:
        self.plugins: dict[str, Any] = {}
        self._nanny_plugins: dict[str, Any] = {}
        self._in_order = ThreadPoolExecutor(1, "raskt-plugins")
        self._actor_thread = ThreadPoolExecutor(1, "raskt-actors")
        self._functions = ThreadPoolExecutor(16, "raskt-functions")

    def _end_asks(self) -> None:
        for pool in (self._in_order, self._actor_thread, self._functions):
            pool.shutdown(wait=False, cancel_futures=True)

    def ask(self, op: str, payload: bytes, reply: Any) -> None:
        """Answer a question: called in order on one thread, and returns at once."""
        if op == "actor":
            pool = self._actor_thread
        elif op.startswith("plugin"):
            pool = self._in_order
        else:
            pool = self._functions
        pool.submit(self._answer, op, payload, reply)

    def _answer(self, op: str, payload: bytes, reply: Any) -> None:
        try:
            with _current.inside(self):
                content = _payload.loads(payload)
                answer = getattr(self, f"_on_{op.replace('-', '_')}")(content)
                if inspect.iscoroutine(answer):
                    self._answer_later(answer, reply)
                    return
                data = _payload.dumps(answer)
        except BaseException as error:
            reply.fail(error)
            return
        reply(data)

    def _answer_later(self, coroutine: Any, reply: Any) -> None:
        """Answer when a coroutine has ended; meanwhile others go on."""
        future = asyncio.run_coroutine_threadsafe(
            self._within(coroutine), loop_thread()
        )

        def tell(_: Any) -> None:
            try:
                data = _payload.dumps(future.result())
            except BaseException as error:
                reply.fail(error)
                return
            reply(data)

        future.add_done_callback(tell)

    async def _within(self, coroutine: Any) -> Any:
        with _current.inside(self):
            return await coroutine

    def run_coroutine(self, coroutine: Any) -> Any:
        """Run a coroutine on the loop of this process, and give its result."""
        if is_on_loop_thread():
            raise RuntimeError("an asynchronous function must be awaited here")
        operation = self._within(coroutine)
        return asyncio.run_coroutine_threadsafe(operation, loop_thread()).result()

    # --- kinds of questions ---------------------------------------------------------

    def _on_run(self, content: tuple) -> Any:
        function, args, kwargs, _ = content
        if has_parameter(function, "dask_worker"):
            kwargs["dask_worker"] = self
        return function(*args, **kwargs)

    def _on_actor(self, content: tuple) -> Any:
        key, kind, name, args, kwargs = content
        actor = self.actors.get(key)
        if actor is None:
            from raskt.distributed.exceptions import LostDataError

            raise LostDataError(
                f"there is no actor {key!r} on the worker {self.address}"
            )
        if kind == "get":
            return getattr(actor._instance, name)
        return getattr(actor._instance, name)(*args, **kwargs)

    def _on_call_stack(self, keys: list | None) -> dict[Any, list[str]]:
        from raskt.distributed.profile import call_stack

        return {
            key: call_stack(frame)
            for key, frame in self.running_frames().items()
            if keys is None or key in keys
        }

    def _on_profile(self, content: tuple) -> dict[str, Any]:
        from raskt.distributed import profile

        sampler = getattr(self, "_sampler", None)
        return profile.create() if sampler is None else sampler.tree(*content)

    def _on_versions(self, packages: list[str]) -> dict[str, Any]:
        from raskt.distributed.versions import get_versions

        return get_versions(packages)

    def _on_logs(self, n: int | None) -> tuple:
        from raskt.distributed._logs import kept_logs

        return kept_logs(n)

    def running_frames(self) -> dict[Any, Any]:
        """Give the stack of each task that runs, by key."""
        frames = sys._current_frames()
        executing = getattr(self._handle, "executing", None)
        running = {} if executing is None else executing()
        return {
            key_of(None, key): frames[ident]
            for key, ident in running.items()
            if ident in frames
        }

    # --- plugins --------------------------------------------------------------------

    def _on_plugin_add(self, content: tuple) -> dict[str, str]:
        kind, name, data = content
        self.add_plugin(_payload.loads(data), name, kind)
        return {"status": "OK"}

    def _on_plugin_remove(self, content: tuple) -> dict[str, str]:
        kind, name = content
        plugin = self._plugins_of(kind).pop(name, None)
        if plugin is not None:
            self._called(getattr(plugin, "teardown", None))
        return {"status": "OK"}

    def _plugins_of(self, kind: str) -> dict[str, Any]:
        return self._nanny_plugins if kind == NANNY else self.plugins

    def add_plugin(self, plugin: Any, name: str, kind: str = WORKER) -> None:
        """Add a plugin; it takes the place of one of the same name."""
        plugins = self._plugins_of(kind)
        old = plugins.pop(name, None)
        if old is not None:
            if getattr(plugin, "idempotent", False):
                plugins[name] = old
                return
            self._called(getattr(old, "teardown", None))
        plugins[name] = plugin
        self._called(getattr(plugin, "setup", None))

    def _called(self, method: Callable[..., Any] | None) -> Any:
        """Call a method of a plugin with this worker; wait if it is a coroutine."""
        if method is None:
            return None
        kind = inspect.iscoroutinefunction(method)
        word = next(iter(inspect.signature(method).parameters), "worker")
        if kind:
            return self.run_coroutine(called(method, **{word: self}))
        result = method(**{word: self})
        return self.run_coroutine(result) if inspect.iscoroutine(result) else result

    def _add_kept_plugins(self) -> None:
        """Add the plugins that were registered before this worker came."""
        from raskt.distributed._registry import HIDDEN

        for kind in (NANNY, WORKER):
            try:
                found = self._handle.request("metadata_get", path=[HIDDEN, kind])
            except KeyError:
                continue
            for name, data in plugins_in(found).items():
                try:
                    self.add_plugin(_payload.loads(data), name, kind)
                except Exception:
                    logger.exception("the plugin %r could not be set up", name)

    @property
    def watches_transitions(self) -> bool:
        """Whether a plugin wants to hear of the states of tasks."""
        from raskt.distributed.plugin import WorkerPlugin

        return any(
            getattr(type(plugin), "transition", None) is not WorkerPlugin.transition
            for plugin in self.plugins.values()
            if hasattr(plugin, "transition")
        )

    def transition(self, key: Any, start: str, finish: str) -> None:
        """Tell plugins that a task went from one state to another."""
        for plugin in list(self.plugins.values()):
            if hasattr(plugin, "transition"):
                try:
                    plugin.transition(key, start, finish)
                except Exception:
                    logger.exception("the transition of a plugin failed")
