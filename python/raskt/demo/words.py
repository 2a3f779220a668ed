"""Counting words in text files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import raskt

WORD = re.compile(r"[^\W\d_]+")

# Enough for a task to be worth the trip to another process.
BATCH_BYTES = 500_000


@raskt.delayed(pure=True)
def count_words(paths: Iterable[Path]) -> Counter:
    """Count the words of some files."""
    counts: Counter = Counter()
    for path in paths:
        counts.update(words_of(path))
    return counts


@raskt.delayed(pure=True)
def merge(counts: Iterable[Counter]) -> Counter:
    """Add up counts."""
    return added(counts)


def counted(batches: Sequence[Sequence[Path]], at_once: int = 8) -> Any:
    """Give the lazy count of all words: batch by batch, and merged in a tree."""
    counts = [count_words(batch) for batch in batches]
    while len(counts) > 1:
        counts = [
            merge(counts[start : start + at_once])
            for start in range(0, len(counts), at_once)
        ]
    return counts[0]


def counted_serially(paths: Iterable[Path]) -> Counter:
    """Count all words in plain Python."""
    counts: Counter = Counter()
    for path in paths:
        counts.update(words_of(path))
    return counts


def words_of(path: Path) -> list[str]:
    """Give the words of a file in lower case."""
    return WORD.findall(path.read_text(encoding="utf-8", errors="replace").lower())


def added(counts: Iterable[Counter]) -> Counter:
    """Add up counts."""
    total: Counter = Counter()
    for one in counts:
        total.update(one)
    return total


def in_batches(paths: Iterable[Path]) -> list[list[Path]]:
    """Put files together until there is enough to do."""
    batches: list[list[Path]] = [[]]
    size = 0
    for path in paths:
        if size >= BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(path)
        size += path.stat().st_size
    return batches


def most_frequent(counts: Counter, n: int) -> list[tuple[str, int]]:
    """Give the most frequent words; equally frequent ones by the alphabet."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
