"""Locks that tasks can carry with them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Hashable


class SerializableLock:
    """A lock that can be pickled; its copies in one process are the same lock.

    Copies in different processes know nothing of each other.

    Parameters
    ----------
    token
        The lock's name; locks of one name are the same. By default a new one.

    Examples
    --------
    >>> import pickle
    >>> lock = SerializableLock()
    >>> copy = pickle.loads(pickle.dumps(lock))
    >>> with lock:
    ...     copy.locked()
    True
    """

    _locks: ClassVar[WeakValueDictionary[Hashable, Any]] = WeakValueDictionary()
    _naming: ClassVar[Any] = threading.Lock()

    token: Hashable
    lock: threading.Lock

    def __init__(self, token: Hashable | None = None) -> None:
        if token is None:
            from uuid import uuid4

            token = str(uuid4())
        self.token = token
        with self._naming:
            lock = self._locks.get(token) or threading.Lock()
            self._locks[token] = self.lock = lock

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        """Take the lock, as :meth:`threading.Lock.acquire` does.

        Parameters
        ----------
        *args, **kwargs
            Its arguments: blocking and timeout.
        """
        return self.lock.acquire(*args, **kwargs)

    def release(self) -> None:
        """Give the lock back."""
        self.lock.release()

    def locked(self) -> bool:
        """Whether somebody holds the lock."""
        return self.lock.locked()

    def __enter__(self) -> bool:
        return self.lock.acquire()

    def __exit__(self, *error: object) -> None:
        self.lock.release()

    def __reduce__(self) -> tuple[Any, ...]:
        return SerializableLock, (self.token,)

    def __repr__(self) -> str:
        return f"<SerializableLock: {self.token}>"


def get_scheduler_lock(collection: Any = None, scheduler: Any = None) -> Any:
    """Return a lock that all tasks of the scheduler in use share.

    Parameters
    ----------
    collection
        The collection to be computed, whose default scheduler counts.
    scheduler
        The scheduler to be used, by name or as given to compute.
    """
    from raskt.base import get_scheduler

    collections = None if collection is None else [collection]
    get = get_scheduler(collections=collections, scheduler=scheduler)
    owner = type(getattr(get, "__self__", None)).__name__
    module = getattr(get, "__module__", None) or ""
    if "Client" in owner:
        from raskt.distributed import Lock

        return Lock()
    if module.endswith(".multiprocessing"):
        from raskt.multiprocessing import get_context

        return get_context().Manager().Lock()
    return SerializableLock()
