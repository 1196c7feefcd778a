"""All answers that a store gives with what is known: prices, another tariff, feeders."""

from collections.abc import Iterator
from typing import Any

from wattledger.errors import ToolError
from wattledger.fleet import answers_grid, answers_money, answers_use, billing, shapes, suspects
from wattledger.fleet.answer import Answer
from wattledger.fleet.losses import balances
from wattledger.fleet.roster import Roster
from wattledger.fleet.store import Store
from wattledger.fleet.whatif import compare_tariffs


def answers(
    store: Store,
    customers: Store,
    tariff: Any,
    new: Any,
    roster: Roster | None,
    start: int,
    end: int,
) -> Iterator[Answer]:
    """Yields them one after the other.

    store      with the feeders' own meters; customers: without
    new        another tariff, or None; roster: with feeders, or None
    """
    yield answers_money.bill(billing.bill(customers, tariff, start, end), tariff)
    if new is not None:
        found = compare_tariffs(customers, tariff, new, start, end)
        yield answers_money.whatif(found, tariff, new)
    try:
        yield answers_use.shapes(shapes.find(customers, tariff, start, end))
    except ToolError as error:
        yield Answer("Kinds of days", [f"Left out: {error}"], [])
    if roster is not None and roster.feeders:
        yield answers_grid.losses(balances(store, roster, start, end), tariff)
        yield answers_grid.suspects(suspects.find(store, tariff, roster, start, end))
