"""Messages between a worker process and the process that started it.

A message is a kind and parts: a pickle, then buffers, each read into memory of its own,
so that arrays are neither joined nor taken apart. The parent asks and the worker
answers, one message at a time.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any

BEGIN, TASK, RESULT, RAISED = range(4)
"""The kinds of messages: what the parent asks for, and what the worker answers."""

_HEAD = struct.Struct("<BI")
_LENGTH = struct.Struct("<Q")
_SMALL = 1 << 16
_LARGE = 1 << 20
# Linux takes at most so many parts in one call.
_MOST_PARTS = 1024


class Channel:
    """One end of the connection."""

    __slots__ = ("socket",)

    def __init__(self, end: socket.socket):
        self.socket = end

    def send(self, kind: int, parts: Sequence[Any]) -> None:
        """Send a message. OSError if the other side is gone."""
        lengths = [_LENGTH.pack(len(part)) for part in parts]
        head = b"".join([_HEAD.pack(kind, len(parts)), *lengths])
        if sum(map(len, parts)) <= _SMALL:
            self.socket.sendall(b"".join([head, *parts]))
        else:
            self._send_each([head, *parts])

    def _send_each(self, parts: list[Any]) -> None:
        left = deque(memoryview(part) for part in parts if len(part))
        while left:
            sent = self.socket.sendmsg(islice(left, _MOST_PARTS))
            while left and sent >= len(left[0]):
                sent -= len(left.popleft())
            if sent:
                left[0] = left[0][sent:]

    def receive(self) -> tuple[int, list[Any]]:
        """Wait for a message. EOFError or OSError if the other side is gone."""
        data = self.socket.recv(_SMALL)
        data = self._at_least(_HEAD.size, data)
        kind, count = _HEAD.unpack_from(data)
        place = _HEAD.size + count * _LENGTH.size
        data = self._at_least(place, data)
        parts = []
        for (length,) in _LENGTH.iter_unpack(data[_HEAD.size : place]):
            there = data[place : place + length]
            place += len(there)
            parts.append(self._filled(there, length))
        return kind, parts

    def _at_least(self, size: int, data: bytes) -> bytes:
        if not data:
            raise EOFError
        if len(data) >= size:
            return data
        return b"".join([data, self._filled(b"", size - len(data))])

    def _filled(self, start: bytes, length: int) -> bytearray | mmap.mmap:
        """Give ``start`` and as many bytes after it as make ``length``."""
        if len(start) == length:
            return bytearray(start)
        # Memory that the system has just given is not written twice.
        buffer = bytearray(length) if length < _LARGE else mmap.mmap(-1, length)
        buffer[: len(start)] = start
        left = memoryview(buffer)[len(start) :]
        while left:
            count = self.socket.recv_into(left, 0, socket.MSG_WAITALL)
            if not count:
                raise EOFError
            left = left[count:]
        return buffer
