"""What `wattledger analyse` found, as tables; all of the import from the grid."""

from collections.abc import Iterator
from fractions import Fraction

from rich.console import RenderableType
from rich.table import Table

from wattledger import compare, show
from wattledger.analysis import findings, forecast, unpriced
from wattledger.analysis.costs import Cost
from wattledger.analysis.findings import EXCEEDED, KINDS, Findings
from wattledger.analysis.forecast import Forecast
from wattledger.analysis.shape import Floats, LoadCurve
from wattledger.bills import bill_units

_HOUR_S = 3600


def everything(found: Findings) -> Iterator[RenderableType]:
    """Yields one section after the other."""
    history, zone = found.history, found.history.zone
    begin, end = (show.instant(int(t), zone) for t in (history.start[0], history.end[-1]))
    missing = findings.missing_s(history)
    yield f"{history.name}, {begin} to {end}, under {found.tariff.name}" + (
        f"; {missing / _HOUR_S:.1f} h of it are missing" if missing else ""
    )
    if found.unpriced:
        yield found.unpriced
    yield show.titled("Power", _power(found))
    yield show.titled("Mean day, W", _mean_day(found))
    yield show.titled("Cost by rate and tier", _by_line(found))
    for name, costs in found.by_time().items():
        yield show.titled(f"Cost by {name}", _by_time(found, name, costs))
    yield show.titled(
        "Peaks, and what all bills lose if all above the next is shaved", _peaks(found)
    )
    yield _could_shift(found)
    if len(found.choice.candidates) > 1:
        yield from _choice(found)
    if isinstance(found.forecast, str):
        yield f"No forecast: {found.forecast}"
    else:
        yield show.titled("Forecast", _forecast(found, found.forecast))
        if found.forecast.trials:
            yield _scores(found, found.forecast)
    if found.changes:
        lines = show.table("")
        for change in found.changes:
            lines.add_row(change.sentence)
        yield show.titled("What changed: reasons to look, no proofs", lines)


def _power(found: Findings) -> Table:
    lines = show.table("", ">W")
    lines.add_row(
        "base load: the lower quartile of the lowest hours of all days", _watts(found.base_mw)
    )
    for percent in EXCEEDED:
        power_mw = found.duration.exceeded_mw(percent / 100)
        lines.add_row(f"reached or exceeded in {percent} % of the time", _watts(power_mw))
    return lines


def _mean_day(found: Findings) -> Table:
    curves = [c for c in found.curves if c.name in ("all days", "working days", "weekends")]
    lines = show.table("hour", *(f">{curve.name}" for curve in curves))
    columns = [_hourly(curve) for curve in curves]
    for hour in range(24):
        powers = (column[hour] for column in columns)
        lines.add_row(f"{hour:02d}", *("" if w != w else f"{w:,.0f}" for w in powers))
    return lines


def _hourly(curve: LoadCurve) -> Floats:
    found: Floats = curve.mean_w.reshape(24, -1).mean(axis=1)
    return found


def _by_line(found: Findings) -> Table:
    decimals, total = found.tariff.decimals, found.costs.total
    lines = show.table("", ">tier", ">quantity", "", f">{found.tariff.currency}", ">%")
    for item in found.items():
        lines.add_row(
            *(item.item, str(item.tier or ""), bill_units.decimal(item.quantity, 3), item.unit),
            *(bill_units.decimal(item.amount, decimals), _percent(item.amount, total)),
        )
    lines.add_section()
    lines.add_row("total", "", "", "", bill_units.decimal(total, decimals), "", style="bold")
    return lines


def _by_time(found: Findings, name: str, costs: dict[str, Cost]) -> Table:
    """One row for each key, then what belongs to no time, then the bills' total: rows add up."""
    decimals, total = found.tariff.decimals, found.costs.total
    used = [k for k in KINDS if any(k in cost.amounts for cost in costs.values())]
    used = used if len(used) > 1 else []  # else it is the sum again
    lines = show.table(
        *(name, ">kWh", *(f">{kind}" for kind in used), f">{found.tariff.currency}", ">%")
    )
    for key, cost in costs.items():
        amounts = [cost.amounts.get(kind, Fraction()) for kind in used]
        lines.add_row(
            *(key, show.energy(cost.import_mwh)),
            *(bill_units.decimal(amount, decimals) for amount in (*amounts, cost.amount)),
            _percent(cost.amount, total),
        )
    blank = [""] * (len(used) + 1)
    for (kind, item), amount in found.rests().items():
        label = item if kind in (item, "fixed", "tax") else f"{kind}, {item}"
        lines.add_row(label, *blank, bill_units.decimal(amount, decimals), _percent(amount, total))
    lines.add_section()
    lines.add_row("total", *blank, bill_units.decimal(total, decimals), "", style="bold")
    return lines


def _peaks(found: Findings) -> Table:
    currency, decimals, zone = found.tariff.currency, found.tariff.decimals, found.history.zone
    lines = show.table(
        *("from", ">kW", ">next, kW", ">kWh less", f">{currency} less", ">of it demand")
    )
    for peak in found.peaks:
        lines.add_row(
            show.instant(peak.start, zone),
            *(show.kilo(n) for n in (peak.mw, peak.next_mw, peak.saved_mwh)),
            *(bill_units.decimal(n, decimals) for n in (peak.saved, peak.demand_saved)),
        )
    return lines


def _could_shift(found: Findings) -> str:
    shift, tariff = found.could_shift, found.tariff
    most = bill_units.decimal(shift.at_most, tariff.decimals)
    return (
        f"Could shift: {show.energy(shift.mwh)} of {show.energy(shift.of_mwh)} kWh"
        f" ({_percent(Fraction(shift.mwh), Fraction(shift.of_mwh))} %) are above the base load"
        f" at a price above the cheapest of their day; at that they cost {most}"
        f" {tariff.currency} less, before tiers, demand and tax"
    )


def _choice(found: Findings) -> Iterator[RenderableType]:
    choice = found.choice
    decimals = max(candidate.tariff.decimals for candidate in choice.candidates)
    rows = [(candidate.name, candidate.items) for candidate in choice.candidates]
    yield show.titled("Tariffs", compare.overview(rows, choice.currency, decimals))
    yield from filter(None, (one.unpriced for one in choice.candidates[1:]))
    best = choice.best
    saved = bill_units.decimal(choice.saving(best), decimals)
    of_days = "" if choice.is_year else f", in proportion from {choice.days} days: no other season"
    if best is choice.candidates[0]:
        yield f"The cheapest is the one in force, {best.name}"
        return
    yield f"The cheapest is {best.name}: {saved} {choice.currency} less a year{of_days}"
    yield compare.changes(choice.changes(best), choice.currency, decimals)


def _forecast(found: Findings, coming: Forecast) -> Table:
    decimals, zone = found.tariff.decimals, found.history.zone
    lines = show.table("", "")
    total = show.money(coming.bill.total, decimals)
    rows = [
        ("period", f"{show.instant(coming.start, zone)} to {show.instant(coming.end, zone)}"),
        (
            "measured",
            f"{show.energy(coming.measured_mwh)} kWh until {show.instant(coming.until, zone)}",
        ),
        ("to come", f"{show.energy(coming.predicted_mwh)} kWh by {coming.model}"),
        ("so far", f"{show.money(coming.so_far_units, decimals)} {found.tariff.currency}"),
        ("bill", f"{total} {found.tariff.currency}"),
    ]
    if found.tariff.dynamic:
        without = unpriced.sentence([coming.bill], found.tariff)
        rows.append(("prices to come", without or "as a week before where none is announced"))
    if coming.half_units is None:
        why = f"{len(coming.trials)} earlier periods to try it on, {forecast.TRIALS_MIN} needed"
        rows.append(("80 % interval", f"none: {why}"))
    else:
        low, high = (coming.bill.total + sign * coming.half_units for sign in (-1, 1))
        held, of = forecast.held([t.misses[coming.model].units for t in coming.trials])
        shown = f"{show.money(low, decimals)} to {show.money(high, decimals)}"
        rows.append(("80 % interval", f"{shown}; it held in {held} of {of} earlier periods"))
    for row in rows:
        lines.add_row(*row)
    return lines


def _scores(found: Findings, coming: Forecast) -> Table:
    currency, decimals = found.tariff.currency, found.tariff.decimals
    lines = show.table(
        f"mean absolute error of {len(coming.trials)} periods", f">{currency}", ">kWh", ">W"
    )
    for score in forecast.scores(coming.trials):
        lines.add_row(
            score.model,
            f"{score.units / 10**decimals:,.2f}",
            f"{score.mwh / 10**6:,.1f}",
            f"{score.power_w:,.0f}",
        )
    return lines


def _watts(power_mw: int) -> str:
    return f"{power_mw / 1000:,.0f}"


def _percent(part: Fraction, whole: Fraction) -> str:
    return bill_units.decimal(part * 100 / whole, 1) if whole else ""
