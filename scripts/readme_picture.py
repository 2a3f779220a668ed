"""Draw the picture of the README: a word count of four files.

python scripts/readme_picture.py
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import raskt

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "wordcount.svg"


@raskt.delayed
def read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


@raskt.delayed
def count(text: str) -> Counter:
    return Counter(text.split())


@raskt.delayed
def merge(counts: list[Counter]) -> Counter:
    return sum(counts, Counter())


@raskt.delayed
def top(words: Counter) -> list[tuple[str, int]]:
    return words.most_common(10)


if __name__ == "__main__":
    counts = [count(read(f"{name}.txt")) for name in "abcd"]
    top(merge(counts)).visualize(PICTURE, rankdir="LR")
