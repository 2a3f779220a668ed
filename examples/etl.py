"""Read many CSV files, leave out broken rows, add up groups: with a progress bar."""

import csv
import random
import tempfile
from collections import Counter
from pathlib import Path

import raskt
from raskt.diagnostics import ProgressBar


def make_files(folder, count=50, rows=400):
    """Write tables of sales; now and then an amount is missing."""
    chance = random.Random(1)
    for number in range(count):
        with (folder / f"{number:02}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["city", "amount"])
            for _ in range(rows):
                amount = chance.choice([chance.randint(1, 100), "?"])
                writer.writerow([chance.choice(["Oslo", "Bergen", "Tromsø"]), amount])


@raskt.delayed
def load(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@raskt.delayed
def clean(rows):
    return [(row["city"], int(row["amount"])) for row in rows if row["amount"] != "?"]


@raskt.delayed
def totals(rows):
    sums = Counter()
    for city, amount in rows:
        sums[city] += amount
    return sums


@raskt.delayed
def merge(parts):
    return sum(parts, Counter())


with tempfile.TemporaryDirectory() as folder:
    make_files(Path(folder))
    report = merge(
        [totals(clean(load(path))) for path in sorted(Path(folder).iterdir())]
    )
    with ProgressBar():
        result = report.compute()
for city, amount in sorted(result.items()):
    print(f"{city:10} {amount:10,}")
