"""When and how much: heat map, mean day, peaks, reactive energy."""

import math

import numpy as np

from wattledger.analysis.shape import MONTHS
from wattledger.html_page import Cell
from wattledger.reports import figures_use, parts, texts
from wattledger.reports.parts import Section
from wattledger.reports.study import Study


def days(study: Study) -> Section:
    """The heat map and the mean day."""
    history, found = study.subject.history, study.found
    heat = figures_use.heat_map(history)
    curve = figures_use.load_curve(found.curves, found.base_mw)
    return parts.section(
        "days", "When it is used", parts.beside(parts.picture(heat), parts.picture(curve))
    )


def demand(study: Study) -> Section:
    """The duration curve, and the highest peaks with what they cost."""
    found, tariff = study.found, study.subject.tariff
    zone = study.subject.history.zone
    rows: list[list[Cell]] = []
    for peak in found.peaks:
        less = [peak.saved, peak.demand_saved] if tariff.demand else [peak.saved]
        rows.append(
            [
                texts.moment(peak.start, zone),
                *(texts.kilo(n) for n in (peak.mw, peak.next_mw)),
                *(texts.money(amount, tariff.decimals) for amount in less),
            ]
        )
    columns = ["from", ">kW", ">next kW", f">{tariff.currency} less"]
    columns += [">of it demand"] if tariff.demand else []
    caption = "Peaks, and what all bills lose if everything above the next one is shaved"
    made = parts.table(caption, columns, rows)
    drawn = parts.picture(figures_use.duration_curve(found.duration))
    return parts.section("demand", "How much at once", parts.beside(drawn, made))


def reactive(study: Study) -> Section | None:
    """By month; the power factor is that of the active energy bought."""
    history = study.subject.history
    if not history.lagging_mvarh.any() and not history.leading_mvarh.any():
        return None
    rows: list[list[Cell]] = []
    for month in np.unique(history.month).tolist():
        here = history.part(history.month == month)
        sums = (here.import_mwh, here.export_mwh, here.lagging_mvarh, here.leading_mvarh)
        bought, sold, lag, lead = (int(energy.sum()) for energy in sums)
        apparent = math.hypot(bought, lag)
        factor = f"{bought / apparent:.3f}" if apparent else ""
        numbers = [texts.kilo(n) for n in (bought, sold, lag, lead)]
        rows.append([f"{MONTHS[month % 12]} {month // 12}", *numbers, factor])
    columns = ("month", ">kWh", ">sold kWh", ">kvarh lagging", ">kvarh leading", ">power factor")
    return parts.section(
        "reactive", "Reactive energy", parts.table("Energy by month", columns, rows)
    )
