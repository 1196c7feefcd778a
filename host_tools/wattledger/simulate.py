"""Bills without a meter: a profile or a load through the meter's own accounts and billing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from meter import billing
from meter.accounts import Accounts
from meter.billing import Reading
from meter.civil import EPOCH
from meter.sample import IMPORT
from wattledger.reading import MeterBill

COUNTS_PER_MWH = 3_600_000  # a count is 1 mW for 1 ms: any load in whole mW stays exact


@dataclass(frozen=True)
class Span:
    """Energy in counts from start to end, core seconds; spread evenly where it is split."""

    start: int
    end: int
    imported: int
    exported: int


class _Simulation:
    def __init__(self, tariff: Any, t: int) -> None:
        self._tariff = tariff
        self._accounts = Accounts(1, COUNTS_PER_MWH)
        self._accounts.move(t)
        self._counts: list[Any] = [0, 0, None, None, None, None, None]
        self.bills: list[MeterBill] = []
        self._open(t)

    @property
    def _live(self) -> Any:
        return self._accounts.live

    def add(self, span: Span) -> None:
        self._idle(span.start)
        self._counts[0] += span.imported
        self._counts[1] += span.exported
        counts, tariff = tuple(self._counts), self._tariff
        while self._live.t < span.end:
            segment_end, rate = tariff.calendar.segment(self._live.t)
            until = min(segment_end, self._period_end, span.end)
            self._accounts.advance(
                *(counts, span.end, until),
                *(tariff.register(rate), tariff.register(tariff.export_of[rate])),
                self._bound_mwh(),
            )
            self._settle()

    def finish(self) -> list[MeterBill]:
        if self._live.t > self._opening.utc:
            self._bill(is_open=True)
        return self.bills

    def _idle(self, t: int) -> None:
        """Without energy to t, closing what ends on the way."""
        while self._live.t < t:
            self._accounts.move(min(t, self._period_end))
            self._settle()

    def _settle(self) -> None:
        bound = self._bound_mwh()
        if bound is not None and self._live.registers[IMPORT] >= bound:
            self._crossings.append(Reading(self._live.t, self._live.rates))
        if self._live.t >= self._period_end:
            self._bill(is_open=False)
            self._open(self._live.t)

    def _open(self, t: int) -> None:
        self._opening = Reading(t, self._live.rates)
        self._base_mwh = self._live.registers[IMPORT]
        self._crossings: list[Any] = []
        tariff = self._tariff
        self._period_end = tariff.calendar.period_end(t, tariff.billing_day)
        self._bounds = tariff.tier_bounds(t, self._period_end)

    def _bound_mwh(self) -> int | None:
        crossed = len(self._crossings)
        if self._tariff.tier_mode != "chronological" or crossed >= len(self._bounds):
            return None
        return int(self._base_mwh + self._bounds[crossed])

    def _bill(self, is_open: bool) -> None:
        closing = Reading(self._live.t, self._live.rates)
        lines = list(billing.lines(self._tariff, self._opening, closing, self._crossings))
        bill = MeterBill(
            period=len(self.bills) + 1,
            start=self._opening.utc + EPOCH,
            end=closing.utc + EPOCH,
            open=is_open,
            digest=self._tariff.digest,
            lines=[line.as_dict() for line in lines],
            total=billing.total(lines),
        )
        self.bills.append(bill)


def bills(tariff: Any, spans: Iterable[Span]) -> list[MeterBill]:
    """-> one bill for each billing period that the spans touch; the last may be open.

    tariff   meter.tariff.Tariff
    spans    ascending, without overlap
    """
    simulation = None
    for span in spans:
        if simulation is None:
            simulation = _Simulation(tariff, span.start)
        simulation.add(span)
    return simulation.finish() if simulation else []
