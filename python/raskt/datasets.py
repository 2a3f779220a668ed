"""Made-up data to try things with."""

from __future__ import annotations

import functools
import random
from typing import TYPE_CHECKING, Any

from raskt._inspect import import_required

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["make_people", "timeseries"]


def timeseries(
    start: str = "2000-01-01",
    end: str = "2000-01-31",
    freq: str = "1s",
    partition_freq: str = "1D",
    dtypes: Mapping[str, Any] | None = None,
    seed: int | None = None,
    **kwargs: Any,
) -> Any:
    """Make a frame of random values over time.

    Parameters
    ----------
    start, end
        The first time, and the one before which it ends.
    freq
        Time from row to row, as pandas writes it.
    partition_freq
        Time that one partition covers.
    dtypes
        Types of columns by their names. By default there are ``name`` (text), ``id``
        (whole numbers), ``x`` and ``y``.
    seed
        With the same seed the data is the same.
    **kwargs
        Arguments for the values of single columns: ``id_lam=1000``.

    Returns
    -------
    DataFrame
        With times as its index.
    """
    from raskt.dataframe.io.demo import make_timeseries

    if dtypes is None:
        dtypes = {"name": "string", "id": int, "x": float, "y": float}
    return make_timeseries(
        start=start,
        end=end,
        freq=freq,
        partition_freq=partition_freq,
        seed=seed,
        dtypes=dict(dtypes),
        **kwargs,
    )


def make_people(
    npartitions: int = 10,
    records_per_partition: int = 1000,
    seed: int | None = None,
    locale: str = "en",
) -> Any:
    """Make a bag of invented people, each a dict of name, address, occupation, ...

    It needs the package mimesis.

    Parameters
    ----------
    npartitions
        Number of partitions.
    records_per_partition
        People in each of them.
    seed
        With the same seed the people are the same.
    locale
        The language of names and places, as mimesis calls it.

    Raises
    ------
    RuntimeError
        If mimesis is not installed.

    Returns
    -------
    Bag
        Of dicts.
    """
    import_required(
        "mimesis",
        "make_people needs mimesis. Install it with python -m pip install mimesis",
    )
    from raskt.bag import Bag
    from raskt.base import tokenize

    seeds = random.Random(seed)
    parts = [
        functools.partial(_people, records_per_partition, seeds.getrandbits(32), locale)
        for _ in range(npartitions)
    ]
    name = f"make-people-{tokenize(parts)}"
    graph = {(name, i): (part,) for i, part in enumerate(parts)}
    return Bag(graph, name, npartitions)


def _people(count: int, seed: int, locale: str) -> list[dict[str, Any]]:
    from mimesis import Address, Payment, Person
    from mimesis.locales import Locale

    language = Locale(locale)
    person = Person(language, seed=seed)
    address = Address(language, seed=seed)
    payment = Payment(seed=seed)
    return [
        {
            "age": 16 + person.random.randint(0, 64),
            "name": (person.name(), person.surname()),
            "occupation": person.occupation(),
            "telephone": person.telephone(),
            "address": {"address": address.address(), "city": address.city()},
            "credit-card": {
                "number": payment.credit_card_number(),
                "expiration-date": payment.credit_card_expiration_date(),
            },
        }
        for _ in range(count)
    ]
