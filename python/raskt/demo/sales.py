"""A report of many tables of sales: parse, clean, join, aggregate, merge."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import raskt
from raskt.demo.data import Tables

AT_ONCE = 8


@dataclass
class Totals:
    """What is known of some tables. Money is in cents, so that sums are exact."""

    rows: int = 0
    broken: int = 0
    # For each month and category: orders, units, cents.
    groups: dict[tuple[str, str], tuple[int, int, int]] = field(default_factory=dict)


@dataclass
class Orders:
    """The rows of a table that make sense: month, product, quantity, cents."""

    good: list[tuple[str, str, int, int]]
    broken: int


@raskt.delayed(pure=True)
def totals_of(path: Path, products: Mapping[str, str]) -> Totals:
    """Give the totals of one table."""
    return join(clean(parse(path)), products)


@raskt.delayed(pure=True)
def merge_totals(parts: Iterable[Totals]) -> Totals:
    """Put totals together."""
    return merge(parts)


def report(tables: Tables) -> Any:
    """Give the lazy totals of all tables."""
    products = raskt.delayed(read_products, pure=True)(tables.products)
    parts = [totals_of(path, products) for path in tables.orders]
    while len(parts) > 1:
        parts = [
            merge_totals(parts[start : start + AT_ONCE])
            for start in range(0, len(parts), AT_ONCE)
        ]
    return parts[0]


def report_serially(tables: Tables) -> Totals:
    """Give the totals of all tables in plain Python."""
    products = read_products(tables.products)
    return merge(join(clean(parse(path)), products) for path in tables.orders)


def read_products(path: Path) -> dict[str, str]:
    """Read the category of each product."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["product"]: row["category"] for row in csv.DictReader(file)}


def parse(path: Path) -> list[list[str]]:
    """Read the rows of a table."""
    with path.open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    return rows


def clean(rows: Iterable[list[str]]) -> Orders:
    """Keep the rows that make sense, with numbers for their texts."""
    orders = Orders([], 0)
    for row in rows:
        try:
            _, date, product, quantity_text, price_text = row
            year, month, _ = date.split("-")
            quantity = int(quantity_text)
            euros, cents = price_text.split(".")
            if len(year) != 4 or quantity < 1 or not product:
                raise ValueError
            amount = quantity * (100 * int(euros) + int(cents))
        except ValueError:
            orders.broken += 1
        else:
            orders.good.append((f"{year}-{month}", product, quantity, amount))
    return orders


def join(orders: Orders, products: Mapping[str, str]) -> Totals:
    """Look up categories, and add up each month and category."""
    totals = Totals(len(orders.good) + orders.broken, orders.broken)
    for month, product, quantity, amount in orders.good:
        category = products.get(product)
        if category is None:
            totals.broken += 1
        else:
            _add(totals, (month, category), (1, quantity, amount))
    return totals


def merge(parts: Iterable[Totals]) -> Totals:
    """Put totals together."""
    totals = Totals()
    for part in parts:
        totals.rows += part.rows
        totals.broken += part.broken
        for group, numbers in part.groups.items():
            _add(totals, group, numbers)
    return totals


def _add(totals: Totals, group: tuple[str, str], more: tuple[int, int, int]) -> None:
    orders, units, cents = totals.groups.get(group, (0, 0, 0))
    totals.groups[group] = orders + more[0], units + more[1], cents + more[2]


def summary(totals: Totals) -> dict[str, Any]:
    """Give the most important numbers."""
    orders, units, cents = (
        sum(numbers[place] for numbers in totals.groups.values()) for place in range(3)
    )
    revenue: dict[str, int] = {}
    for (_, category), numbers in sorted(totals.groups.items()):
        revenue[category] = revenue.get(category, 0) + numbers[2]
    return {
        "rows": totals.rows,
        "broken": totals.broken,
        "orders": orders,
        "units": units,
        "revenue": cents / 100,
        "months": len({month for month, _ in totals.groups}),
        "revenue of categories": {name: c / 100 for name, c in revenue.items()},
    }


def write_table(totals: Totals, path: Path) -> None:
    """Write the totals as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["month", "category", "orders", "units", "revenue"])
        for (month, category), (orders, units, cents) in sorted(totals.groups.items()):
            writer.writerow([month, category, orders, units, f"{cents / 100:.2f}"])
