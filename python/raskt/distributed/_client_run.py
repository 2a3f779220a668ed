"""The part of a client that asks the programs of workers, beside the tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from raskt.distributed import _payload
from raskt.distributed._client_base import ClientPart, names_of_workers, one_or_many
from raskt.distributed._waiting import seconds

__all__ = ["RunMethods"]


class RunMethods(ClientPart):
    """``run``, ``call_stack``, ``profile``, ``get_versions``, ``get_worker_logs``."""

    async def _ask(self, op: str, content: Any, workers: list[str]) -> dict[str, Any]:
        """Ask workers; give what each said, which may be an exception."""
        answers = await self._request(
            "ask", workers=workers, op=op, payload=_payload.dumps(content)
        )
        return {
            address: answer if isinstance(answer, BaseException) else _read(answer)
            for address, answer in answers.items()
        }

    async def _asked(self, op: str, content: Any, workers: Any = None) -> dict:
        """Ask workers; raise the first error."""
        answers = await self._ask(op, content, names_of_workers(workers))
        for answer in answers.values():
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def _run(
        self, content: tuple, workers: Any, wait: bool, on_error: str
    ) -> Any:
        names = names_of_workers(workers)
        answers = await self._ask("run", (*content, wait), names)
        if not wait:
            return None
        kept = {}
        for address, answer in answers.items():
            if isinstance(answer, BaseException):
                if on_error == "raise":
                    raise answer
                if on_error == "ignore":
                    continue
            kept[address] = answer
        only = isinstance(workers, str) and len(kept) == 1
        return next(iter(kept.values())) if only else kept

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        workers: Any = None,
        wait: bool = True,
        nanny: bool = False,
        on_error: str = "raise",
        **kwargs: Any,
    ) -> Any:
        """Call a function in the program of each worker, beside its tasks.

        Parameters
        ----------
        function : callable
            What to call; a coroutine function is awaited. If it has a parameter
            ``dask_worker``, it gets the :class:`Worker`.
        *args, **kwargs
            With what.
        workers : str or list of str, optional
            On which workers; on all by default.
        wait : bool
            Wait for what it gives?
        nanny : bool
            Accepted: a nanny has no interpreter of its own, so its worker is asked.
        on_error : str
            ``"raise"`` an error, ``"return"`` it as the answer of its worker, or
            ``"ignore"`` that worker.

        Returns
        -------
        dict
            What each worker gave, by address.

        Examples
        --------
        >>> from raskt.distributed import Client
        >>> with Client(processes=False, n_workers=1) as client:
        ...     list(client.run(lambda x: x + 1, 1).values())
        [2]
        """
        if on_error not in ("raise", "return", "ignore"):
            raise ValueError(
                f"on_error must be 'raise', 'return', or 'ignore'; got {on_error!r}"
            )
        asynchronous = kwargs.pop("asynchronous", None)
        content = (function, args, kwargs)
        return self._do(self._run(content, workers, wait, on_error), asynchronous)

    def run_on_scheduler(
        self, function: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Call a function beside the scheduler.

        That works only if the scheduler runs in this process, which may read what this
        process wrote. Any other scheduler reads no pickles.

        Parameters
        ----------
        function : callable
            What to call. If it has a parameter ``dask_scheduler``, it gets the
            :class:`Scheduler`.
        *args, **kwargs
            With what.

        Raises
        ------
        PermissionError
            If the scheduler is another process, or does not allow it.
        """
        return self._do(self._run_on_scheduler(function, args, kwargs))

    async def _run_on_scheduler(
        self, function: Callable[..., Any], args: tuple, kwargs: dict
    ) -> Any:
        from raskt.distributed.scheduler import own_scheduler

        scheduler = own_scheduler(self._connection.address, "run_on_scheduler")
        return await scheduler.run(function, args, kwargs)

    async def _call_stack(self, keys: list | None) -> dict[str, Any]:
        stacks = await self._asked("call-stack", keys)
        return {address: stack for address, stack in stacks.items() if stack}

    def call_stack(self, futures: Any = None, keys: Any = None) -> Any:
        """Tell where the functions of running tasks are.

        Parameters
        ----------
        futures : futures, or collections of them, optional
            Which tasks; all that run by default.
        keys : list, optional
            Or their keys.

        Returns
        -------
        dict
            For each worker the lines of the stack of each task.
        """
        from raskt.distributed.wait import futures_of

        wanted = list(one_or_many(keys))
        if futures is not None:
            wanted += [future.key for future in futures_of(futures)]
        everything = futures is None and keys is None
        return self._do(self._call_stack(None if everything else wanted))

    async def _profile(
        self, key: Any, start: Any, stop: Any, workers: Any, merge_workers: bool
    ) -> dict[str, Any]:
        from raskt.distributed.profile import merge

        states = await self._asked("profile", (key, start, stop), workers)
        return merge(*states.values()) if merge_workers else states

    def profile(
        self,
        key: Any = None,
        start: Any = None,
        stop: Any = None,
        workers: Any = None,
        merge_workers: bool = True,
        plot: bool = False,
        filename: str | None = None,
        server: bool = False,
        scheduler: bool = False,
    ) -> Any:
        """Tell where tasks spent their time, from samples of their stacks.

        Parameters
        ----------
        key : str, optional
            Only tasks whose name this is.
        start, stop : number, optional
            From when to when, in seconds since 1970.
        workers : str or list of str, optional
            On which workers; on all by default.
        merge_workers : bool
            Give one profile for all?
        plot : bool or str
            ``"save"``, or a ``filename``: write a page.
        server, scheduler : bool
            Accepted: schedulers and servers are native and have no Python stack, so
            their profile is empty.

        Returns
        -------
        dict
            A tree: ``count``, ``description``, ``children``.
        """
        from raskt.distributed import profile

        if scheduler or server:
            return self._do(_given(profile.create()))
        start = None if start is None else seconds(start)
        stop = None if stop is None else seconds(stop)
        operation = self._profile(key, start, stop, workers, merge_workers)
        if plot or filename:
            operation = profile.written(operation, filename or "dask-profile.html")
        return self._do(operation)

    async def _get_versions(self, check: bool, packages: list[str]) -> dict[str, Any]:
        from raskt.distributed import versions

        own = versions.get_versions(packages)
        workers = await self._ask("versions", packages, [])
        scheduler = own if versions.is_here(self._connection.address) else None
        found = {"scheduler": scheduler, "workers": workers, "client": own}
        if check:
            versions.check(found)
        return found

    def get_versions(self, check: bool = False, packages: Any = None) -> Any:
        """Tell the versions of Python and packages here and on the workers.

        Parameters
        ----------
        check : bool
            Raise an error if they differ?
        packages : list of str, optional
            More packages to tell the versions of.

        Returns
        -------
        dict
            For ``scheduler``, ``workers`` (by address) and ``client``. A scheduler in
            a process of its own has no packages: None.
        """
        return self._do(self._get_versions(check, list(packages or [])))

    async def _get_worker_logs(
        self, n: int | None, workers: Any
    ) -> dict[str, tuple[tuple[str, str], ...]]:
        return await self._asked("logs", n, workers)

    def get_worker_logs(
        self, n: int | None = None, workers: Any = None, nanny: bool = False
    ) -> Any:
        """Give the last messages of the logs of workers.

        Parameters
        ----------
        n : int, optional
            How many; all that are kept by default.
        workers : str or list of str, optional
            Of which workers; of all by default.
        nanny : bool
            Accepted: nannies log to their standard error only.

        Returns
        -------
        dict
            Pairs of level and message, newest first, by address.
        """
        return self._do(self._get_worker_logs(n, workers))

    def get_scheduler_logs(self, n: int | None = None) -> Any:
        """Give the last messages of the log of a scheduler in this process.

        Parameters
        ----------
        n : int, optional
            How many; all that are kept by default.
        """
        return self._do(self._get_scheduler_logs(n))

    async def _get_scheduler_logs(self, n: int | None) -> tuple:
        from raskt.distributed.scheduler import own_scheduler

        scheduler = own_scheduler(self._connection.address, "get_scheduler_logs")
        return scheduler.get_logs(n)

    def benchmark_hardware(self) -> Any:
        """Measure memory, disk and network of the workers.

        Returns
        -------
        dict
            Bytes a second by size, for ``"memory"``, ``"disk"`` and ``"network"``.
        """
        from raskt.distributed import hardware

        return self._do(hardware.measured(self))


async def _given(value: Any) -> Any:
    return value


def _read(answer: bytes) -> Any:
    try:
        return _payload.loads(answer)
    except Exception as error:
        return error
