"""``span``: a name for the tasks of a block of code."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from raskt import annotate, get_annotations

__all__ = ["span"]


@contextmanager
def span(*tags: str) -> Iterator[str]:
    """Mark tasks that are made meanwhile with tags, as an annotation.

    Parameters
    ----------
    *tags : str
        One or more. Spans may be within spans.

    Yields
    ------
    str
        An identifier, unlike any other.

    Examples
    --------
    >>> import raskt
    >>> from raskt.distributed import span
    >>> with span("load"), span("read"):
    ...     raskt.get_annotations()["span"]["name"]
    ('load', 'read')
    """
    if not tags:
        raise ValueError("Must specify at least one span tag")
    outer = get_annotations().get("span", {"name": (), "ids": ()})
    own = uuid.uuid4().hex
    annotation = {"name": (*outer["name"], *tags), "ids": (*outer["ids"], own)}
    with annotate(span=annotation):
        yield own
