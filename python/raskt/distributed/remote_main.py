"""A scheduler or worker that another program started, here or over SSH.

The program writes a pickle with what to start to the standard input, and closes it to
end it. On the standard output comes one line: ``ready ADDRESS``, or ``failed WHY``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import traceback
from typing import Any

from raskt import config
from raskt.distributed import _payload
from raskt.distributed._imports import import_term

__all__ = ["main"]


def main() -> None:
    """Start what the standard input says, until that is closed."""
    size = int(sys.stdin.buffer.readline())
    order = _payload.loads(sys.stdin.buffer.read(size))
    config.update(config.config, order["config"], priority="new")
    asyncio.run(_run(order))


async def _run(order: dict[str, Any]) -> None:
    try:
        kind = import_term(order["class"])
        node = kind(*order["args"], **order["kwargs"])
        if order.get("secret"):
            node._secret = order["secret"]
        await node
    except Exception as error:
        traceback.print_exc()
        _say("failed", {"error": f"{type(error).__name__}: {error}"})
        return
    handle = getattr(node, "_handle", None)
    secret = getattr(handle, "secret", None)
    _say("ready", {"address": node.address, "secret": secret})
    ended = asyncio.ensure_future(node.finished())
    told = asyncio.ensure_future(asyncio.to_thread(sys.stdin.buffer.read))
    await asyncio.wait([ended, told], return_when=asyncio.FIRST_COMPLETED)
    await node.close()
    sys.stdout.flush()
    sys.stderr.flush()
    # The thread that reads the input may not end.
    os._exit(0)


def _say(word: str, content: dict[str, Any]) -> None:
    print(word, json.dumps(content), flush=True)


if __name__ == "__main__":
    main()
