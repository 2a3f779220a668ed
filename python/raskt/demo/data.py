"""The input of the demonstration: texts that are there, and tables made of a seed."""

from __future__ import annotations

import csv
import os
import random
import shutil
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROWS_PER_TABLE = 2000

# With fewer texts than this there is little to count, and pages are made.
TEXTS_MIN = 200

TEXT_SUFFIXES = {".py", ".txt", ".md", ".rst", ".html", ".tex", ""}

PRODUCTS = {
    "books": ["atlas", "novel", "poems", "cookbook", "dictionary", "comic"],
    "garden": ["spade", "rake", "hose", "seeds", "pot", "bench", "lamp"],
    "music": ["guitar", "flute", "drum", "violin", "strings"],
    "kitchen": ["pan", "kettle", "knife", "bowl", "scale", "grater", "whisk"],
    "toys": ["kite", "puzzle", "ball", "train", "blocks"],
}


# --- texts ----------------------------------------------------------------------------


def texts(count: int, seed: int) -> list[Path]:
    """Give text files: those of this machine, and pages if there are too few."""
    found = []
    for folder in _folders():
        found += sorted(path for path in folder.rglob("*") if _is_text(path))
    found = found[:count]
    missing = min(count, TEXTS_MIN) - len(found)
    return found + (pages(missing, seed) if missing > 0 else [])


def _folders() -> list[Path]:
    """Give folders in which machines have texts."""
    folders = [Path(sysconfig.get_path("stdlib"))]
    folders += [Path("/usr/share/doc"), Path("/usr/share/common-licenses")]
    return [folder for folder in folders if folder.is_dir()]


def _is_text(path: Path) -> bool:
    return (
        path.suffix in TEXT_SUFFIXES
        and "site-packages" not in path.parts
        and path.is_file()
        and os.access(path, os.R_OK)
    )


def pages(count: int, seed: int) -> list[Path]:
    """Give pages of words that nobody has written."""

    def write(folder: Path) -> None:
        chance = random.Random(seed)
        letters = "aaabcdeeeefghiiijklmnnooopqrrsssttttuuvwxyz"
        vocabulary = [
            "".join(chance.choices(letters, k=chance.randint(2, 9)))
            for _ in range(4000)
        ]
        # As in any language, the second word is half as frequent as the first.
        weights = [1 / place for place in range(1, len(vocabulary) + 1)]
        for number in range(count):
            page = chance.choices(vocabulary, weights, k=3000)
            text = " ".join(page)
            (folder / f"page-{number:04}.txt").write_text(text, encoding="utf-8")

    return sorted(_made(f"pages-{seed}-{count}", write).iterdir())


# --- tables ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Tables:
    """Tables of orders, and the table of products."""

    orders: list[Path]
    products: Path


def tables(count: int, seed: int) -> Tables:
    """Give CSV files of orders, some rows of which are broken."""

    def write(folder: Path) -> None:
        with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["product", "category"])
            writer.writerows(
                (name, category)
                for category, names in PRODUCTS.items()
                for name in names
            )
        for number in range(count):
            chance = random.Random(f"{seed} {number}")
            name = f"orders-{number:04}.csv"
            with (folder / name).open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(["order", "date", "product", "quantity", "price"])
                writer.writerows(_rows(number, chance))

    folder = _made(f"sales-{seed}-{count}", write)
    return Tables(sorted(folder.glob("orders-*.csv")), folder / "products.csv")


def _rows(table: int, chance: random.Random) -> Iterator[list[object]]:
    products = [name for names in PRODUCTS.values() for name in names]
    for place in range(ROWS_PER_TABLE):
        date = f"2025-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        price = f"{chance.randint(1, 99)}.{chance.randint(0, 99):02}"
        row: list[object] = [
            table * ROWS_PER_TABLE + place,
            date,
            chance.choice(products),
            chance.randint(1, 9),
            price,
        ]
        yield _broken(row, chance) if chance.random() < 0.02 else row


def _broken(row: list[object], chance: random.Random) -> list[object]:
    """Give a row as it comes when something goes wrong."""
    order, date, product, quantity, price = row
    return chance.choice(
        [
            [order, date, product, quantity],
            [order, date, product, "many", price],
            [order, date, product, -1, price],
            [order, "yesterday", product, quantity, price],
            [order, date, "", quantity, price],
            [order, date, "unicorn", quantity, price],
            [order, date, product, quantity, "free"],
        ]
    )


# --- made once ------------------------------------------------------------------------


def _made(name: str, write: Callable[[Path], None]) -> Path:
    """Give a folder of the cache; it is made at the first time."""
    cache = _cache()
    folder = cache / name
    if not folder.exists():
        # Whoever looks meanwhile sees all of it, or nothing.
        unfinished = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=cache))
        try:
            write(unfinished)
            unfinished.rename(folder)
        except OSError:
            # Somebody else may have been faster.
            if not folder.exists():
                raise
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "raskt" / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(_temporary().name)
    return folder if os.access(folder, os.W_OK) else Path(_temporary().name)


@cache
def _temporary() -> tempfile.TemporaryDirectory:
    """Give a folder that is removed at the end of the program."""
    return tempfile.TemporaryDirectory(prefix="raskt-demo-")
