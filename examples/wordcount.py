"""Count the words of many files with a bag, and once more with delayed functions."""

import sys
from collections import Counter
from pathlib import Path

import raskt
import raskt.bag as rb


def words_of(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    return (word for word in text.lower().split() if word.isalpha())


@raskt.delayed
def count(path):
    return Counter(words_of(path))


@raskt.delayed
def merge(counts):
    return sum(counts, Counter())


def with_delayed(paths):
    """Count file by file, and merge four counts at a time until one is left."""
    counts = [count(path) for path in paths]
    while len(counts) > 1:
        counts = [merge(counts[i : i + 4]) for i in range(0, len(counts), 4)]
    return counts[0]


def with_bag(paths):
    """Say what is wanted; how to merge is the bag's business."""
    return rb.from_sequence(paths, npartitions=8).map(words_of).flatten().frequencies()


# The files in the folder given, or next to this one.
folder = Path(sys.argv[1] if len(sys.argv) > 1 else __file__)
folder = folder if folder.is_dir() else folder.parent
paths = sorted(path for path in folder.glob("*") if path.is_file())

counts, pairs = raskt.compute(with_delayed(paths), with_bag(paths), scheduler="threads")
assert counts == Counter(dict(pairs))
for word, n in counts.most_common(8):
    print(f"{n:6} {word}")
