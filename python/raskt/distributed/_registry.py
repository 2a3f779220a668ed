"""The plugins of workers, as the scheduler keeps them for workers that come later.

They lie among the metadata under a name of our own, which users do not see.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = [
    "HIDDEN",
    "NANNY",
    "WORKER",
    "forget_plugin",
    "keep_plugin",
    "kept_plugins",
    "plugins_in",
]

HIDDEN = "__raskt__"
WORKER = "worker"
NANNY = "nanny"

_removed = b""


async def keep_plugin(client: Any, kind: str, name: str, data: bytes) -> None:
    """Keep a plugin for workers that come later."""
    await client._request("metadata_set", path=[HIDDEN, kind, name], payload=data)


async def forget_plugin(client: Any, kind: str, name: str) -> None:
    """Keep a plugin no more."""
    await client._request("metadata_set", path=[HIDDEN, kind, name], payload=_removed)


async def kept_plugins(client: Any, kind: str) -> dict[str, bytes]:
    """Give the pickles of the plugins of a kind, by name."""
    try:
        found = await client._request("metadata_get", path=[HIDDEN, kind])
    except KeyError:
        return {}
    return plugins_in(found)


def plugins_in(found: Any) -> dict[str, bytes]:
    """Read the plugins from an answer: paths and values in turn."""
    if isinstance(found, bytes):
        return {}
    plugins = {}
    for path, data in zip(found[::2], found[1::2], strict=True):
        if data != _removed:
            plugins[json.loads(path)[-1]] = data
    return plugins
