"""Objects as bytes, with large buffers left where they are."""

from __future__ import annotations

import pickle
from typing import Any


def dumps(obj: Any) -> tuple[bytes, list[memoryview]]:
    """Write ``obj``: a pickle, and the buffers that it refers to.

    What pickle cannot write (lambdas, what was defined in ``__main__``) is left to
    cloudpickle.
    """
    buffers: list[pickle.PickleBuffer] = []
    try:
        data = pickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
        if b"__main__" in data:
            raise pickle.PicklingError("defined in __main__")
    except Exception:
        import cloudpickle

        buffers.clear()
        data = cloudpickle.dumps(obj, protocol=5, buffer_callback=buffers.append)
    return data, [buffer.raw() for buffer in buffers]


def dumps_function(function: Any) -> bytes:
    """Write a function, with all that it needs in other processes."""
    try:
        data = pickle.dumps(function, protocol=5)
        if b"__main__" not in data:
            return data
    except Exception:
        pass
    import cloudpickle

    return cloudpickle.dumps(function, protocol=5)


def loads(data: bytes, buffers: list[Any]) -> Any:
    """Read what :func:`dumps` wrote."""
    return pickle.loads(data, buffers=buffers)
