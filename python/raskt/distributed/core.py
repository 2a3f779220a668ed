"""What all nodes have in common: states, and the parts of Dask's that are not ours."""

from __future__ import annotations

from enum import Enum
from typing import Any

from raskt.distributed.exceptions import CommClosedError

__all__ = ["CommClosedError", "Status", "connect", "rpc"]


class Status(Enum):
    """What a node is doing.

    Examples
    --------
    >>> Status.running == Status["running"]
    True
    """

    undefined = None
    created = "created"
    init = "init"
    starting = "starting"
    running = "running"
    paused = "paused"
    stopping = "stopping"
    stopped = "stopped"
    closing = "closing"
    closing_gracefully = "closing_gracefully"
    closed = "closed"
    failed = "failed"
    dont_reply = "dont_reply"


def connect(
    addr: str,
    timeout: Any = None,
    deserialize: bool = True,
    handshake_overrides: Any = None,
    **connection_args: Any,
) -> Any:
    """Refuse: nodes speak a language of their own. See :class:`Client`.

    Raises
    ------
    NotImplementedError
        Always.
    """
    raise NotImplementedError(
        "messages between nodes are not open to programs; use a Client"
    )


class rpc:
    """Refuse: nodes speak a language of their own. See :class:`Client`.

    Raises
    ------
    NotImplementedError
        Always.
    """

    def __init__(
        self,
        arg: Any = None,
        comm: Any = None,
        deserialize: bool = True,
        timeout: Any = None,
        connection_args: Any = None,
        serializers: Any = None,
        deserializers: Any = None,
    ):
        raise NotImplementedError(
            "messages between nodes are not open to programs; use a Client"
        )
