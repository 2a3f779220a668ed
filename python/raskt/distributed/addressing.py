"""Addresses: ``tcp://host:port`` and their parts."""

from __future__ import annotations

import socket
from typing import Any

__all__ = ["host_and_port", "interface_ip", "with_scheme"]


def with_scheme(address: str, scheme: str | None = None, port: int = 8786) -> str:
    """Give an address with everything that may be left out.

    Examples
    --------
    >>> with_scheme("127.0.0.1:8000"), with_scheme("here"), with_scheme("tls://x:1")
    ('tcp://127.0.0.1:8000', 'tcp://here:8786', 'tls://x:1')
    """
    from raskt import config

    kind, separator, rest = address.partition("://")
    if not separator:
        default = config.get("distributed.comm.default-scheme", "tcp")
        kind, rest = scheme or default, address
    if kind in ("tcp", "tls") and _has_no_port(rest):
        rest = f"{rest}:{port}"
    return f"{kind}://{rest}"


def _has_no_port(rest: str) -> bool:
    return ":" not in rest.rpartition("]")[2]


def host_and_port(address: str) -> tuple[str, int]:
    """Give the two parts of an address.

    Examples
    --------
    >>> host_and_port("tcp://127.0.0.1:8786"), host_and_port("tls://[::1]:80")
    (('127.0.0.1', 8786), ('::1', 80))
    """
    rest = address.partition("://")[2] or address
    host, _, port = rest.rpartition(":")
    return host.strip("[]"), int(port)


def interface_ip(interface: str) -> str:
    """Give the address of a network interface, such as ``eth0``.

    Raises
    ------
    ValueError
        If there is no such interface, or it has no IPv4 address.

    Examples
    --------
    >>> interface_ip("lo")
    '127.0.0.1'
    """
    import fcntl
    import struct

    names = [name for _, name in socket.if_nameindex()]
    if interface not in names:
        raise ValueError(
            f"{interface!r} is not a valid network interface. Valid network "
            f"interfaces are: {names}"
        )
    request = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # 0x8915: SIOCGIFADDR
            answer = fcntl.ioctl(probe.fileno(), 0x8915, request)
        except OSError as error:
            raise ValueError(
                f"the network interface {interface!r} has no IPv4 address"
            ) from error
    return socket.inet_ntoa(answer[20:24])


def chosen_host(host: Any, interface: Any) -> str | None:
    """Give the host to listen on, from the options ``host`` and ``interface``."""
    if host and interface:
        raise ValueError("Can not specify both interface and host")
    return interface_ip(interface) if interface else host or None
