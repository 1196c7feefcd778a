"""The best of several tariffs on the same history, and what it saves in a year, by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from meter.civil import DAY_S
from meter.price_schedule import Schedule
from wattledger import compare, simulate
from wattledger.analysis import unpriced
from wattledger.analysis.history import History
from wattledger.compare import Item
from wattledger.reading import MeterBill

_YEAR_DAYS = 365


@dataclass(frozen=True)
class Candidate:
    """name: of the tariff; bills: of the history."""

    name: str
    tariff: Any
    bills: list[MeterBill]

    @cached_property
    def items(self) -> list[Item]:
        """-> its lines over all bills"""
        return compare.items(self.bills, {self.tariff.digest: self.tariff})

    @property
    def total(self) -> Fraction:
        """-> their sum, units of the currency"""
        return compare.total(self.items)

    @property
    def unpriced(self) -> str:
        """-> what a schedule has no price of, in a sentence; "": nothing"""
        return unpriced.sentence(self.bills, self.tariff)


@dataclass(frozen=True)
class Choice:
    """candidates   the first is the one in force
    days   of the history, from its beginning to its end
    """

    candidates: list[Candidate]
    days: int
    currency: str

    @property
    def is_year(self) -> bool:
        """Whether the totals are those of a year as they stand."""
        return self.days in (_YEAR_DAYS, _YEAR_DAYS + 1)

    @property
    def best(self) -> Candidate:
        """-> the cheapest; of equals the earlier."""
        return min(self.candidates, key=lambda candidate: candidate.total)

    def yearly(self, amount: Fraction) -> Fraction:
        """-> an amount of the history for a year: as it is if the history is one, else in
        proportion to its days, blind to the seasons that are not in it."""
        return amount if self.is_year else amount * _YEAR_DAYS / self.days

    def saving(self, candidate: Candidate) -> Fraction:
        """-> currency a year by which it is cheaper than the one in force."""
        return self.yearly(self.candidates[0].total - candidate.total)

    def changes(self, candidate: Candidate) -> list[dict[str, Any]]:
        """-> compare.difference of the lines from the one in force to it, over the history."""
        return compare.difference(self.candidates[0].items, candidate.items)


def of(
    history: History, tariffs: Sequence[tuple[str, Any]], schedules: Sequence[Schedule] = ()
) -> Choice:
    """tariffs: (name, tariff), the one in force first; schedules: as in simulate.bills_of.

    ToolError: more than one currency.
    """
    currency = compare.same_currency([tariff for _, tariff in tariffs])
    load = history.load()
    found = [
        Candidate(name, tariff, simulate.bills_of([tariff], load, schedules))
        for name, tariff in tariffs
    ]
    days = max(1, round((load.end - load.start) / DAY_S))
    return Choice(found, days, currency)
