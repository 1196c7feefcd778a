"""All that `wattledger analyse` finds of one history, as a document for software."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from meter.price_schedule import Schedule
from wattledger import compare, show
from wattledger.analysis import changes, choice, costs, forecast, peaks, shape, unpriced
from wattledger.analysis.changes import Change, Event
from wattledger.analysis.choice import Choice
from wattledger.analysis.costs import Cost, Costs, CouldShift
from wattledger.analysis.forecast import Forecast
from wattledger.analysis.history import History
from wattledger.analysis.peaks import Peak
from wattledger.analysis.shape import MONTHS, DurationCurve, LoadCurve
from wattledger.bills import bill_units
from wattledger.errors import ToolError
from wattledger.reading import MeterBill

PEAKS = 3
EXCEEDED = (1, 10, 50, 90)  # per cent of the time
KINDS = ("energy", "export", "demand")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Findings:
    """forecast   or in words why there is none"""

    history: History
    tariff: Any
    base_mw: int
    curves: list[LoadCurve]
    duration: DurationCurve
    costs: Costs
    could_shift: CouldShift
    peaks: list[Peak]
    choice: Choice
    forecast: Forecast | str
    changes: list[Change]

    def by_time(self) -> dict[str, dict[str, Cost]]:
        """-> {"hour" | "weekday" | "month": {its name: Cost}}"""
        history, by = self.history, self.costs.by
        return {
            "hour": {f"{n:02d}": cost for n, cost in by(history.minute // 60).items()},
            "weekday": {WEEKDAYS[n]: cost for n, cost in by(history.weekday).items()},
            "month": {
                f"{MONTHS[n % 12]} {n // 12}": cost for n, cost in by(history.month).items()
            },
        }

    @property
    def unpriced(self) -> str:
        """-> what a schedule has no price of, in a sentence; "": nothing"""
        return unpriced.sentence(self.costs.bills, self.tariff)

    def rests(self) -> dict[tuple[str, str], Fraction]:
        """-> {(kind, name): currency} over all bills, of what belongs to no time."""
        found: dict[tuple[str, str], Fraction] = {}
        for rest in self.costs.rests:
            key = rest.kind, rest.name
            found[key] = found.get(key, Fraction()) + rest.amount
        return found

    def items(self) -> list[compare.Item]:
        """-> what each rate, tier and charge comes to over all bills."""
        return compare.items(self.costs.bills, self.costs.tariffs)

    def as_dict(self) -> dict[str, Any]:
        """Amounts in the currency, exact; energies in kWh, powers in W."""
        history = self.history
        zone = history.zone
        return {
            "name": history.name,
            "tariff": self.tariff.name,
            "currency": self.tariff.currency,
            "from": show.dated(int(history.start[0]), zone),
            "to": show.dated(int(history.end[-1]), zone),
            "missing_s": missing_s(history),
            "shape": self._shape(),
            "costs": {
                "total": str(self.costs.total),
                "without_price_kwh": _without_price(self.costs.bills, self.tariff),
                "lines": [item.as_dict() for item in self.items()],
                "by": {
                    name: [{name: key} | _cost(cost) for key, cost in found.items()]
                    for name, found in self.by_time().items()
                },
                "not_by_time": [
                    {"kind": kind, "name": name, "amount": str(amount)}
                    for (kind, name), amount in self.rests().items()
                ],
            },
            "could_shift": {
                "kwh": bill_units.kilo(self.could_shift.mwh),
                "of_kwh": bill_units.kilo(self.could_shift.of_mwh),
                "at_most": str(self.could_shift.at_most),
            },
            "peaks": [_peak(peak, zone) for peak in self.peaks],
            "choice": self._choice(),
            "forecast": self._forecast(),
            "changes": [
                {**change._asdict(), "start": show.dated(change.start, zone),
                 "end": show.dated(change.end, zone)}
                for change in self.changes
            ],
        }  # fmt: skip

    def _shape(self) -> dict[str, Any]:
        return {
            "base_load_w": self.base_mw / 1000,
            "exceeded_w": {n: self.duration.exceeded_mw(n / 100) / 1000 for n in EXCEEDED},
            "curves": [
                {"name": curve.name, "days": curve.days, "step_s": curve.step_s,
                 "mean_w": [None if w != w else round(w, 1) for w in curve.mean_w.tolist()]}
                for curve in self.curves
            ],
        }  # fmt: skip

    def _choice(self) -> dict[str, Any]:
        found = self.choice
        return {
            "days": found.days,
            "is_year": found.is_year,
            "best": found.best.name,
            "candidates": [
                {"tariff": one.name, "total": str(one.total),
                 "yearly": str(found.yearly(one.total)),
                 "saving_a_year": str(found.saving(one)),
                 "without_price_kwh": _without_price(one.bills, one.tariff)}
                for one in found.candidates
            ],
        }  # fmt: skip

    def _forecast(self) -> dict[str, Any]:
        found = self.forecast
        if isinstance(found, str):
            return {"error": found}
        total, zone = found.bill.total, self.history.zone
        misses = [trial.misses[found.model].units for trial in found.trials]
        interval = None
        if found.half_units is not None:
            interval = [self._money(total + sign * found.half_units) for sign in (-1, 1)]
        return {
            "model": found.model,
            "from": show.dated(found.start, zone),
            "measured_until": show.dated(found.until, zone),
            "to": show.dated(found.end, zone),
            "total": self._money(total),
            "interval_80": interval,
            "so_far": self._money(found.so_far_units),
            "measured_kwh": bill_units.kilo(found.measured_mwh),
            "predicted_kwh": bill_units.kilo(found.predicted_mwh),
            "without_price_kwh": _without_price([found.bill], self.tariff),
            "trials": len(found.trials),
            "held": forecast.held(misses)[0],
            "mean_absolute_error": [
                {"model": score.model, "amount": score.units / 10**self.tariff.decimals,
                 "kwh": score.mwh / 10**6, "power_w": score.power_w}
                for score in (forecast.scores(found.trials) if found.trials else ())
            ],
        }  # fmt: skip

    def _money(self, units: int) -> str:
        return bill_units.decimal(Fraction(units, 10**self.tariff.decimals), self.tariff.decimals)


def of(
    history: History,
    tariff: Any,
    candidates: Sequence[tuple[str, Any]],
    schedules: Sequence[Schedule] = (),
    tick: Callable[[], None] = lambda: None,
    known: History | None = None,
    events: Sequence[Event] = (),
) -> Findings:
    """candidates: (name, tariff), the one in force first; tick: called now and then.

    schedules   prices by interval, as in simulate.bills_of
    known   the history with what came before it, which the forecast learns from
    events  of the meter, which say more of what changed

    ToolError: the history is too short for its shape, or the currencies differ
    """
    chosen = choice.of(history, candidates, schedules)
    base_mw = shape.base_load(history)
    spread = costs.of(history, [tariff], schedules)
    tick()
    highest = peaks.highest(history, tariff, PEAKS, schedules)
    tick()
    try:
        coming: Forecast | str = forecast.of(known or history, tariff, schedules, tick)
    except ToolError as error:
        coming = str(error)
    return Findings(
        history=history,
        tariff=tariff,
        base_mw=base_mw,
        curves=shape.load_curves(history),
        duration=shape.duration_curve(history),
        costs=spread,
        could_shift=costs.could_shift(spread, base_mw),
        peaks=highest,
        choice=chosen,
        forecast=coming,
        changes=changes.find(history, events),
    )


def missing_s(history: History) -> int:
    """-> seconds between its beginning and its end that no interval covers."""
    return int(history.end[-1] - history.start[0] - history.duration_s.sum())


def _without_price(bills: Sequence[MeterBill], tariff: Any) -> str:
    """-> kWh at a dynamic rate for which no schedule had a price."""
    return bill_units.kilo(unpriced.of(bills, tariff)[0])


def _cost(cost: Cost) -> dict[str, str]:
    return {
        "import_kwh": bill_units.kilo(cost.import_mwh),
        "export_kwh": bill_units.kilo(cost.export_mwh),
        **{kind: str(cost.amounts.get(kind, Fraction())) for kind in KINDS},
    }


def _peak(peak: Peak, zone: Any) -> dict[str, Any]:
    return {
        "from": show.dated(peak.start, zone),
        "to": show.dated(peak.end, zone),
        "kw": bill_units.kilo(peak.mw),
        "next_kw": bill_units.kilo(peak.next_mw),
        "shaved_kwh": bill_units.kilo(peak.saved_mwh),
        "saved": str(peak.saved),
        "of_it_demand": str(peak.demand_saved),
    }
