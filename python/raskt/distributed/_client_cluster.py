"""The part of a client that looks at the cluster."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import Any

from raskt.distributed._client_base import ClientPart, names_of_workers, one_or_many
from raskt.utils import key_split

__all__ = ["ClusterMethods"]


class ClusterMethods(ClientPart):
    """``scheduler_info``, ``nthreads``, ``who_has``, ``has_what``, ``nbytes`` ..."""

    async def _scheduler_info(self, n_workers: int = -1) -> dict[str, Any]:
        return identity_of(await self._request("cluster"), n_workers)

    def scheduler_info(self, n_workers: int = -1, **kwargs: Any) -> Any:
        """Tell about the scheduler and its workers.

        Parameters
        ----------
        n_workers : int
            About how many workers; -1 for all.

        Returns
        -------
        dict
            ``id``, ``address``, ``workers`` (by address) and others.
        """
        return self._do(self._scheduler_info(n_workers), kwargs.get("asynchronous"))

    async def _nthreads(self, workers: Any) -> dict[str, int]:
        info = await self._scheduler_info()
        known = info["workers"]
        chosen = _chosen(known, names_of_workers(workers))
        return {address: known[address]["nthreads"] for address in chosen}

    def nthreads(self, workers: Any = None, **kwargs: Any) -> Any:
        """Give the number of threads of each worker.

        Parameters
        ----------
        workers : str or list of str, optional
            Which workers; all by default.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1, threads_per_worker=2) as client:
        ...     list(client.nthreads().values())
        [2]
        """
        return self._do(self._nthreads(workers), kwargs.get("asynchronous"))

    ncores = nthreads

    async def _who_has(self, keys: list) -> dict[Any, tuple]:
        groups = await self._request("holders", keys=keys)
        return {self._key(key): tuple(holders) for key, holders in groups.items()}

    def who_has(self, futures: Any = None, **kwargs: Any) -> Any:
        """Give the workers that hold each result.

        Parameters
        ----------
        futures : futures, or collections of them, optional
            Which results; all by default.

        Returns
        -------
        dict
            Addresses by key.
        """
        from raskt.distributed.wait import futures_of

        keys = [f.key for f in futures_of(futures)] if futures is not None else []
        if futures is not None and not keys:
            keys = one_or_many(futures)
        return self._do(self._who_has(keys), kwargs.get("asynchronous"))

    async def _has_what(self, workers: list[str]) -> dict[str, tuple]:
        groups = await self._request("contents", workers=workers)
        return {name: tuple(map(self._key, keys)) for name, keys in groups.items()}

    def has_what(self, workers: Any = None, **kwargs: Any) -> Any:
        """Give the keys of the results that each worker holds.

        Parameters
        ----------
        workers : str or list of str, optional
            Which workers; all by default.

        Returns
        -------
        dict
            Keys by address.
        """
        operation = self._has_what(names_of_workers(workers))
        return self._do(operation, kwargs.get("asynchronous"))

    async def _processing(self, workers: list[str]) -> dict[str, tuple]:
        groups = await self._request("processing", workers=workers)
        return {name: tuple(map(self._key, keys)) for name, keys in groups.items()}

    def processing(self, workers: Any = None) -> Any:
        """Give the keys of the tasks that each worker has to run.

        Parameters
        ----------
        workers : str or list of str, optional
            Which workers; all by default.
        """
        return self._do(self._processing(names_of_workers(workers)))

    async def _nbytes(self, keys: list, summary: bool) -> dict[Any, int]:
        sizes = await self._request("sizes", keys=keys)
        if not summary:
            return {self._key(key): size for key, size in sizes.items()}
        sums: dict[Any, int] = defaultdict(int)
        for key, size in sizes.items():
            sums[key_split(self._key(key))] += size
        return dict(sums)

    def nbytes(self, keys: Any = None, summary: bool = True, **kwargs: Any) -> Any:
        """Give the sizes of results.

        Parameters
        ----------
        keys : list, optional
            Which results; all by default.
        summary : bool
            Give the sum for each name, and not the size for each key?
        """
        operation = self._nbytes(_keys(keys), summary)
        return self._do(operation, kwargs.get("asynchronous"))

    def futures_of(self, futures: Any) -> list:
        """List the futures in an object. See :func:`futures_of`."""
        from raskt.distributed.wait import futures_of

        return futures_of(futures, client=self)

    @property
    def dashboard_link(self) -> str:
        """Where the web pages of the scheduler are; empty if there are none."""
        link = getattr(self.cluster, "dashboard_link", None)
        if link:
            return link
        from raskt.distributed._waiting import run_blocking

        return link_of(run_blocking(self._request("cluster"))["dashboard"])

    def _key(self, text: Any) -> Any:
        """Give a key that came as text."""
        return key_of(self._native, text)


def key_of(native: Any, text: Any) -> Any:
    """Give a key that the scheduler knows as text.

    Examples
    --------
    >>> key_of(None, "('x', 1)"), key_of(None, "inc-1")
    (('x', 1), 'inc-1')
    """
    read = getattr(native, "key", None)
    if read is not None:
        return read(text)
    if isinstance(text, str) and text.startswith("("):
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
    return text


def link_of(dashboard: str) -> str:
    """Give the link that users see, from where the pages are.

    Examples
    --------
    >>> link_of("http://127.0.0.1:8787"), link_of("")
    ('http://127.0.0.1:8787/status', '')
    """
    from raskt import config
    from raskt.distributed.addressing import host_and_port

    if not dashboard:
        return ""
    scheme = dashboard.partition("://")[0] if "://" in dashboard else "http"
    host, port = host_and_port(dashboard.rstrip("/"))
    link = config.get("distributed.dashboard.link", "{scheme}://{host}:{port}/status")
    return link.format(scheme=scheme, host=host, port=port)


def identity_of(info: dict[str, Any], n_workers: int = -1) -> dict[str, Any]:
    """Give what the scheduler says of itself, in the form that users know."""
    workers = info["workers"]
    shown = workers if n_workers < 0 else workers[:n_workers]
    return {
        "type": "Scheduler",
        "id": info["id"],
        "address": info["address"],
        "services": _services(info["dashboard"]),
        "started": info["started"],
        "n_workers": len(workers),
        "total_threads": sum(worker["nthreads"] for worker in workers),
        "total_memory": sum(worker["memory_limit"] for worker in workers),
        "clients": list(info["clients"]),
        "tasks": dict(info["tasks"]),
        "workers": {worker["address"]: _worker(worker) for worker in shown},
    }


def _worker(worker: dict[str, Any]) -> dict[str, Any]:
    name = worker["name"] or worker["address"]
    shown = {k: v for k, v in worker.items() if k not in ("dashboard", "versions")}
    return {
        **shown,
        "type": "Worker",
        "id": name,
        "name": name,
        "nanny": worker["nanny"] or None,
        "services": _services(worker["dashboard"]),
    }


def _services(dashboard: str) -> dict[str, int]:
    from raskt.distributed.addressing import host_and_port

    return {"dashboard": host_and_port(dashboard.rstrip("/"))[1]} if dashboard else {}


def _chosen(known: dict[str, Any], names: list[str]) -> list[str]:
    if not names:
        return list(known)
    return [
        address
        for address, worker in known.items()
        if address in names or str(worker["name"]) in names
    ]


def _keys(keys: Any) -> list:
    return [getattr(key, "key", key) for key in one_or_many(keys)]
