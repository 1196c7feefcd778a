"""The state of one meter as a head-end's store has it: that of its newest interval."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meter.price_schedule import Schedule
from wattledger import show, simulate
from wattledger.analysis import marginal_prices, unpriced
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.headend import manifest
from wattledger.live import facts
from wattledger.live.meter_source import EVENTS
from wattledger.live.state import UTC, Day, Now
from wattledger.reading import MeterBill

_LATE = 3  # intervals after which the newest one is stale
_NO_TARIFF = "The store does not say which tariff is in force: give --tariff."


@dataclass(frozen=True)
class _Read:
    """What one state of the store gives. numbers: of the newest file and of how many there are."""

    numbers: tuple[int, int]
    history: History
    events: tuple[Any, ...]
    facts: facts.Facts
    bill: MeterBill | None
    alerts: tuple[str, ...]


class StoreSource:
    """A Source. tariff: meter.tariff.Tariff in force, None: not known.

    schedules   prices by interval, for dynamic rates
    serial   None: of the only meter in the store. ToolError: it has others, or no such store.
    """

    every_s = 5.0

    def __init__(
        self,
        folder: Path,
        serial: str | None,
        tariff: Any = None,
        schedules: Sequence[Schedule] = (),
    ) -> None:
        self._folder, self._tariff, self._schedules = folder, tariff, schedules
        self._zone = tariff.calendar.zone if tariff else UTC
        self._read: _Read | None = None
        self.name = serial or self._only()

    def close(self) -> None:
        self._read = None

    def now(self) -> Now:
        read = self._newest()
        end = int(read.history.end[-1])
        return Now(
            utc=end,
            zone=self._zone,
            facts=read.facts,
            alerts=read.alerts,
            measured_s=min(float(end), time.time()),
            stale_after_s=_LATE * read.history.interval_s,
            edition=read.numbers,
        )

    def day(self) -> Day:
        read = self._newest()
        return Day(
            utc=int(read.history.end[-1]) - 1,  # at midnight the day that it ended
            zone=self._zone,
            history=read.history,
            tariff=self._tariff,
            bill=read.bill,
            no_bill="" if read.bill else _NO_TARIFF,
            events=read.events,
        )

    def history(self) -> History:
        return self._newest().history

    def tariff(self) -> Any:
        return self._tariff

    def schedules(self) -> Sequence[Schedule]:
        return self._schedules

    def _newest(self) -> _Read:
        """-> what the store has now, read again only if it has got something."""
        files, number = manifest.read(self._folder)
        numbers = number, len(files)
        if self._read is None or self._read.numbers != numbers:
            history, events = self._has()
            bill, rate, price_nano = self._billed(history)
            told = self._facts(history, bill, rate, price_nano)
            without = unpriced.sentence([bill], self._tariff) if bill else ""
            alerts = (f"{without}.",) if without else ()
            self._read = _Read(numbers, history, events, told, bill, alerts)
        return self._read

    def _billed(self, history: History) -> tuple[MeterBill | None, int, int]:
        """-> (the open bill, rate and price of the newest interval), (None, 0, 0): no tariff is
        known"""
        if self._tariff is None:
            return None, 0, 0
        counted = simulate.counted([self._tariff], history.load(), self._schedules)
        bills = simulate.of_counted(counted)
        timeline = counted.timeline
        prices = marginal_prices.of(self._tariff, timeline, bills, self._schedules)
        return bills[-1], int(timeline.rates[-1]), int(prices.bought[-1])

    def _facts(
        self, history: History, bill: MeterBill | None, rate: int, price_nano: int
    ) -> facts.Facts:
        last = history.part(slice(-1, None))
        mw = int(((last.import_mwh - last.export_mwh) * 3600 // last.duration_s)[0])
        start, end = (show.instant(int(t[0]), self._zone)[11:16] for t in (last.start, last.end))
        found = [(facts.POWER, facts.power(mw)), ("average of", f"{start} to {end}")]
        if bill:
            found.append((facts.RATE, self._tariff.rates[rate]))
            if self._schedules or not self._tariff.dynamic:
                found.append((facts.PRICE, facts.price(price_nano, self._tariff)))
            found.append((facts.COST, facts.cost(bill.total, self._tariff)))
        return tuple(found)

    def _has(self) -> tuple[History, tuple[Any, ...]]:
        """-> (history, events newest first)"""
        from wattledger.headend import one_meter

        history, events = one_meter.read(self._folder, self.name, self._zone)
        return history, tuple(events[: -EVENTS - 1 : -1])

    def _only(self) -> str:
        from wattledger.headend import catalogue

        found = catalogue.query(self._folder, "SELECT DISTINCT serial FROM intervals")[1]
        if len(found) != 1:
            raise ToolError(
                f"{self._folder}: {len(found)} meters in this store: name one with --serial"
            )
        return str(found[0][0])
