"""Small things that programs import from here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from raskt.distributed._loop import run_anywhere
from raskt.distributed._waiting import seconds
from raskt.distributed.exceptions import CancelledError, TimeoutError
from raskt.utils import format_bytes, key_split, parse_bytes, parse_timedelta

__all__ = [
    "CancelledError",
    "TimeoutError",
    "format_bytes",
    "get_ip",
    "get_ip_interface",
    "key_split",
    "parse_bytes",
    "parse_timedelta",
    "sync",
]


def sync(
    loop: Any,
    func: Callable[..., Awaitable[Any]],
    *args: Any,
    callback_timeout: Any = None,
    **kwargs: Any,
) -> Any:
    """Run a coroutine function on a loop of this process, and wait for its result.

    Parameters
    ----------
    loop : object
        Accepted and ignored: there is one loop for this.
    func : callable
        Gives a coroutine.
    *args, **kwargs
        For the function.
    callback_timeout : number or str, optional
        How long to wait, in seconds.

    Examples
    --------
    >>> async def answer():
    ...     return 42
    >>> sync(None, answer)
    42
    """

    async def run() -> Any:
        return await func(*args, **kwargs)

    return run_anywhere(run(), seconds(callback_timeout))


def get_ip(host: str = "8.8.8.8", port: int = 80) -> str:
    """Give the address of this machine, as others reach it."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, port))
            return probe.getsockname()[0]
        except OSError:
            return "127.0.0.1"


def get_ip_interface(ifname: str) -> str:
    """Give the address of a network interface."""
    from raskt.distributed.addressing import interface_ip

    return interface_ip(ifname)
