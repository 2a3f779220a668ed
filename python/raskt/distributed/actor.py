"""Actors: objects that stay on a worker and keep their state there."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from raskt.distributed import _current, _payload
from raskt.distributed._waiting import Pending, run_blocking, seconds, until
from raskt.utils import funcname

__all__ = ["Actor", "ActorFuture", "ActorMaker", "BaseActorFuture", "EagerActorFuture"]


class ActorMaker:
    """What the task of an actor calls: makes the object, and gives a proxy of it."""

    def __init__(self, make: Callable[..., Any], key: Any):
        self.make = make
        self.key = key
        self.__name__ = funcname(make)

    def __call__(self, *args: Any, **kwargs: Any) -> Actor:
        """Make the object, in a task of the worker that is to have it."""
        worker = _current.worker_here()
        instance = self.make(*args, **kwargs)
        actor = Actor(type(instance), worker.address, self.key, worker)
        actor._instance = instance
        worker.actors[self.key] = actor
        return actor

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.make, self.key)


class Actor:
    """An object on a worker, as others see it.

    Its methods give an :class:`ActorFuture` at once; its attributes are fetched.
    Calls of one client or task happen in their order, one at a time, without asking the
    scheduler. What is lost with the worker cannot be made again.

    Actors are made by ``client.submit(cls, ..., actor=True)``.

    Parameters
    ----------
    cls : type
        What it is.
    address : str
        The worker where it is.
    key : str
        The key of its task.
    worker : Worker, optional
        The worker, if it is in this process.

    Examples
    --------
    >>> from raskt.distributed import Client
    >>> class Counter:
    ...     n = 0
    ...     def add(self, x):
    ...         self.n += x
    ...         return self.n
    >>> with Client(processes=False, n_workers=1) as client:
    ...     counter = client.submit(Counter, actor=True).result()
    ...     _ = counter.add(1).result()
    ...     counter.add(2).result(), counter.n
    (3, 3)
    """

    # Set on the worker where the object is, which lives as long as the result there.
    _instance: Any = None

    def __init__(self, cls: type, address: str, key: Any, worker: Any = None):
        self._cls = cls
        self._address = address
        self.key = key
        self._worker = worker
        self._future: Any = None

    @property
    def client(self) -> Any:
        """The client through which others are asked."""
        client = _current.default()
        return client if client is not None else _current.default_client()

    def _here(self) -> Any:
        """Give the object itself, called on its worker; else None."""
        if self._instance is not None:
            worker = _current.worker_here()
            if worker is not None and worker.address == self._address:
                return self._instance
        return None

    def _ask(self, kind: str, name: str, args: tuple = (), kwargs: Any = None) -> Any:
        payload = _payload.dumps((self.key, kind, name, args, kwargs or {}))
        reply = self.client._connection.request(
            "ask", workers=[self._address], op="actor", payload=payload
        )
        return ActorFuture(reply, functools.partial(self._answer, name))

    def _answer(self, name: str, reply: Any) -> Any:
        from raskt.distributed.exceptions import LostDataError

        try:
            answers = reply.result()
        except (OSError, KeyError, ValueError) as error:
            raise LostDataError(
                f"{self!r} is lost: its worker {self._address} is gone"
            ) from error
        if not answers:
            raise LostDataError(f"{self!r} is lost: its worker {self._address} is gone")
        (answer,) = answers.values()
        if isinstance(answer, BaseException):
            raise answer
        return _payload.loads(answer)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        known = getattr(self._cls, name, None)
        here = self._here()
        if not callable(known):
            if here is not None:
                return getattr(here, name)
            found = self._ask("get", name)
            return found if self.client.asynchronous else found.result()

        @functools.wraps(known)
        def method(*args: Any, **kwargs: Any) -> BaseActorFuture:
            if here is None:
                return self._ask("call", name, args, kwargs)
            result = getattr(here, name)(*args, **kwargs)
            if inspect.iscoroutine(result):
                result = self._worker.run_coroutine(result)
            return EagerActorFuture(result)

        return method

    def __dir__(self) -> list[str]:
        own = set(super().__dir__())
        return sorted(own | {name for name in dir(self._cls) if name[0] != "_"})

    def __repr__(self) -> str:
        return f"<Actor: {self._cls.__name__}, key={self.key}>"

    def __reduce__(self) -> tuple[Any, ...]:
        _payload.note_key(self.key)
        return _rebuilt, (self._cls, self._address, self.key)


def _rebuilt(cls: type, address: str, key: Any) -> Actor:
    """Give a proxy, which keeps the object for as long as it is there itself."""
    worker = _current.worker_here()
    if worker is not None:
        home = worker.actors.get(key) if worker.address == address else None
        return home if home is not None else Actor(cls, address, key)
    actor = Actor(cls, address, key)
    client = _current.default()
    if client is not None and client.status == "running":
        actor._future = client._native.future(key)
    return actor


class BaseActorFuture(ABC, Awaitable):
    """What a method of an actor will give."""

    @abstractmethod
    def result(self, timeout: Any = None) -> Any:
        """Wait for it, and give it, or raise what the method raised.

        Raises
        ------
        TimeoutError
            If it is not there in time.
        """

    @abstractmethod
    def done(self) -> bool:
        """Tell whether it is there."""

    def __repr__(self) -> str:
        return "<ActorFuture>"


class EagerActorFuture(BaseActorFuture):
    """What a method has given already."""

    def __init__(self, result: Any):
        self._result = result

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._result
        yield

    def result(self, timeout: Any = None) -> Any:
        """Give it."""
        return self._result

    def done(self) -> bool:
        """Tell that it is there."""
        return True


class ActorFuture(BaseActorFuture):
    """What a method of an actor on another worker will give.

    Parameters
    ----------
    reply : Pending
        The answer of the worker.
    read : callable
        Gives the result for it, or raises the error.
    """

    def __init__(self, reply: Pending, read: Callable[[Any], Any]):
        self._reply = reply
        self._read = read

    async def _resolved(self, timeout: float | None) -> Any:
        if not await until(self._reply, timeout):
            raise TimeoutError(f"the actor did not answer within {timeout} s")
        return self._read(self._reply)

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._resolved(None).__await__()

    def result(self, timeout: Any = None) -> Any:
        """Wait for it, and give it, or raise what the method raised."""
        return run_blocking(self._resolved(seconds(timeout)))

    def done(self) -> bool:
        """Tell whether it is there."""
        return self._reply.wait(0.0)
