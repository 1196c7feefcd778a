"""What advice starts from: a history with its bills, and changes that are tried on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from meter.price_schedule import Schedule
from wattledger import simulate
from wattledger.analysis import marginal_prices
from wattledger.analysis.choice import Choice
from wattledger.analysis.history import History
from wattledger.analysis.marginal_prices import Prices
from wattledger.engine import called, timeline
from wattledger.engine.account import Counted
from wattledger.engine.timeline import Timeline
from wattledger.simulate import of_counted


@dataclass(frozen=True)
class Case:
    """A history under the tariff in force.

    choice   of the tariffs, the one in force first, by name; of the same schedules
    """

    history: History
    choice: Choice
    schedules: Sequence[Schedule]

    @property
    def tariff(self) -> Any:
        return self.choice.candidates[0].tariff

    @cached_property
    def counted(self) -> Counted:
        return simulate.counted([self.tariff], self.history.load(), self.schedules)

    @cached_property
    def unlimited(self) -> Timeline:
        """-> the rates of the calendar and of price events, whatever the limiter did."""
        limited = self.counted.timeline
        planned = timeline.plan([self.tariff], limited.start, limited.end)
        return called.call(planned, self.schedules)

    @cached_property
    def prices(self) -> Prices:
        bills = of_counted(self.counted)
        return marginal_prices.of(self.tariff, self.unlimited, bills, self.schedules)

    def saving(self, changed: History) -> Fraction:
        """-> units of the currency that the bills are lower by."""
        bills = simulate.bills_of([self.tariff], changed.load(), self.schedules)
        due = sum(bill.total for bill in bills)
        return self.choice.candidates[0].total - Fraction(due, 10**self.tariff.decimals)


@dataclass(frozen=True)
class Idea:
    """A change before it is known what it saves. does: what the sentence begins with."""

    kind: str
    does: str
    assumption: str
    changed: History
