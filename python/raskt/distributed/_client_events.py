"""The part of a client for metadata, topics, and logs that come from workers."""

from __future__ import annotations

import inspect
import json
import logging
import sys
import weakref
from collections.abc import Callable
from typing import Any

from raskt.distributed import _payload
from raskt.distributed._client_base import ClientPart, one_or_many
from raskt.distributed._registry import HIDDEN
from raskt.distributed.future import _callback_thread

__all__ = ["EventMethods"]

logger = logging.getLogger(__name__)
no_default: Any = "__no_default__"


def _read(payload: bytes) -> Any:
    """Read a message: the scheduler's own are JSON, those of clients are pickles."""
    return json.loads(payload) if payload[:1] == b"{" else _payload.loads(payload)


class EventMethods(ClientPart):
    """``get_metadata``, ``log_event``, ``subscribe_topic``, ``forward_logging`` ..."""

    _user_loop: Any
    register_plugin: Callable[..., Any]
    unregister_worker_plugin: Callable[..., Any]

    def _init_events(self) -> None:
        self._topic_handlers: dict[str, Callable[[Any], Any]] = {
            "print": _print_here,
            "warn": _warn_here,
        }

    def _listen(self) -> None:
        """Begin to hear of topics."""
        heard = weakref.WeakMethod(self._heard)

        def tell(topic: str, time: float, payload: Any) -> None:
            method = heard()
            if method is not None:
                method(topic, time, payload)

        self._native.on_event(tell)
        for topic in self._topic_handlers:
            self._native.request("listen", topic=topic, on=True)

    def _heard(self, topic: str, time: float, payload: Any) -> None:
        if topic == "__closed__":
            if self.status == "running":
                logger.warning("the scheduler is gone: %s", payload)
            return
        handler = self._topic_handlers.get(topic)
        if handler is None:
            return
        event = (time, _read(payload))
        _callback_thread().submit(self._handle, handler, topic, event)

    def _handle(self, handler: Callable, topic: str, event: Any) -> None:
        from raskt.distributed._loop import loop_thread

        try:
            result = handler(event)
            if inspect.iscoroutine(result):
                import asyncio

                loop = self._user_loop or loop_thread()
                asyncio.run_coroutine_threadsafe(result, loop)
        except Exception:
            logger.exception("the handler of the topic %r failed", topic)

    # --- metadata -------------------------------------------------------------------

    async def _get_metadata(self, path: list[str], default: Any) -> Any:
        try:
            found = await self._request("metadata_get", path=path)
        except KeyError:
            found = []
        if isinstance(found, bytes):
            return _payload.loads(found)
        tree = _tree(found)
        if tree or not path:
            return tree
        if default is no_default:
            raise KeyError(path[0] if len(path) == 1 else tuple(path))
        return default

    def get_metadata(self, keys: Any, default: Any = no_default) -> Any:
        """Give what was noted with :meth:`set_metadata`.

        Parameters
        ----------
        keys : str or list of str
            A name, or a path of names.
        default : object, optional
            What to give if there is nothing.

        Raises
        ------
        KeyError
            If there is nothing, and no default.
        """
        return self._do(self._get_metadata(_path(keys), default))

    async def _set_metadata(self, path: list[str], value: Any) -> None:
        if isinstance(value, dict) and value:
            for name, part in value.items():
                await self._set_metadata([*path, str(name)], part)
            return
        payload = _payload.dumps(value)
        await self._request("metadata_set", path=path, payload=payload)

    def set_metadata(self, key: Any, value: Any) -> Any:
        """Note something at the scheduler, for all clients.

        Parameters
        ----------
        key : str or list of str
            A name, or a path of names.
        value : object
            Something small.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     client.set_metadata(["x", "y"], 123)
        ...     client.get_metadata("x")
        {'y': 123}
        """
        return self._do(self._set_metadata(_path(key), value))

    # --- topics ---------------------------------------------------------------------

    async def _log_event(self, topics: list[str], msg: Any) -> None:
        payload = _payload.dumps(msg)
        for topic in topics:
            await self._request("event_log", topic=topic, payload=payload)

    def log_event(self, topic: Any, msg: Any) -> Any:
        """Add a message to a topic.

        Parameters
        ----------
        topic : str or list of str
            Which topic, or topics.
        msg : object
            The message.
        """
        return self._do(self._log_event(one_or_many(topic), msg))

    async def _get_events(self, topic: str | None) -> Any:
        if topic is None:
            topics = await self._request("topics")
            return {name: await self._get_events(name) for name in topics}
        try:
            events = await self._request("events_of", topic=topic)
        except KeyError:
            return ()
        return tuple((time, _read(data)) for time, data in events)

    def get_events(self, topic: str | None = None) -> Any:
        """Give the last messages of a topic: pairs of time and message.

        Parameters
        ----------
        topic : str, optional
            Which topic; by default a dict of all is given.
        """
        return self._do(self._get_events(topic))

    def subscribe_topic(self, topic: str, handler: Callable[[Any], Any]) -> Any:
        """Call a function for each new message of a topic.

        Parameters
        ----------
        topic : str
            Which topic.
        handler : callable
            Gets a pair of time and message. There is one for each topic.
        """
        self._topic_handlers[topic] = handler
        return self._do(self._request("listen", topic=topic, on=True))

    def unsubscribe_topic(self, topic: str) -> Any:
        """Listen to a topic no more.

        Raises
        ------
        ValueError
            If nobody listens to it here.
        """
        if self._topic_handlers.pop(topic, None) is None:
            raise ValueError(f"No event handler known for topic {topic}.")
        return self._do(self._request("listen", topic=topic, on=False))

    # --- logs -----------------------------------------------------------------------

    def forward_logging(
        self, logger_name: str | None = None, level: int = logging.NOTSET
    ) -> Any:
        """Have what workers log appear here, under the loggers of the same names.

        Parameters
        ----------
        logger_name : str, optional
            Which logger on the workers; the root by default.
        level : int or str
            Only what is at least as severe.
        """
        from raskt.distributed._forwarding import TOPIC, ForwardLogging, handle_record

        self._topic_handlers[TOPIC] = handle_record
        self._native.request("listen", topic=TOPIC, on=True)
        plugin = ForwardLogging(logger_name, level)
        return self.register_plugin(plugin, name=plugin.name)

    def unforward_logging(self, logger_name: str | None = None) -> Any:
        """Undo :meth:`forward_logging`."""
        from raskt.distributed._forwarding import ForwardLogging

        return self.unregister_worker_plugin(ForwardLogging(logger_name).name)


def _path(keys: Any) -> list[str]:
    return [str(key) for key in one_or_many(keys)]


def _tree(found: list[bytes]) -> dict[str, Any]:
    """Build nested dicts of paths, as JSON, and values in turn."""
    tree: dict[str, Any] = {}
    for path, payload in zip(found[::2], found[1::2], strict=True):
        *parents, name = json.loads(path)
        if (parents or [name])[0] == HIDDEN:
            continue
        level = tree
        for parent in parents:
            level = level.setdefault(parent, {})
        level[name] = _payload.loads(payload)
    return tree


def _print_here(event: Any) -> None:
    """Print what a task printed with :func:`raskt.distributed.print`."""
    message = event[1]
    if not isinstance(message, dict):
        print(message)
        return
    stream = {1: sys.stdout, 2: sys.stderr}.get(message.get("file"), sys.stdout)
    print(
        *message["args"],
        sep=message.get("sep", " "),
        end=message.get("end", "\n"),
        file=stream,
        flush=message.get("flush", False),
    )


def _warn_here(event: Any) -> None:
    """Warn of what a task warned of with :func:`raskt.distributed.warn`."""
    import warnings

    message = event[1]
    if isinstance(message, dict):
        warnings.warn(message["message"], message.get("category") or UserWarning)
    else:
        warnings.warn(message)
