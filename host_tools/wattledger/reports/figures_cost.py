"""Pictures of money: energy by rate and day, cost by hour, the bill to come."""

from typing import Any

import numpy as np

from wattledger.analysis.costs import Cost, Costs
from wattledger.analysis.findings import KINDS
from wattledger.analysis.forecast import Forecast
from wattledger.reports import palette, texts
from wattledger.reports.drawing import Figure
from wattledger.reports.figures_use import MONTHS_DAYS, Picture, name_days
from wattledger.reports.palette import paint

_MWH_PER_KWH = 10**6
_COLOURS = {"energy": "use", "export": "sold", "demand": "other"}
WORDS = {"energy": "energy bought", "export": "energy sold", "demand": "demand charges"}


def energy_by_rate(costs: Costs, tariff: Any) -> dict[int, int]:
    """-> {rate: mWh bought}, in the order of the tariff; only those that were used"""
    made = costs.pieces
    sums = {rate: int(made.bought[made.rate == rate].sum()) for rate in range(tariff.imports)}
    return {rate: mwh for rate, mwh in sums.items() if mwh}


def rates_by_day(costs: Costs, tariff: Any) -> Picture:
    """Energy of each local day, its rates upon one another, cheap ones below; of a long time
    the mean day of each seven."""
    made, day = costs.pieces, costs.history.day
    first, days = int(day[0]), int(day[-1] - day[0]) + 1
    width = 7 if days > MONTHS_DAYS else 1
    prices = [tariff.price_nano(rate, 0) for rate in range(tariff.imports)]
    colours = palette.rate_colours(prices)
    by_rate = energy_by_rate(costs, tariff)
    used = sorted(by_rate, key=lambda rate: (prices[rate], rate))
    place = (day[made.interval] - first) // width
    edges = np.minimum(np.arange(0, days + width, width), days)
    energy = [
        np.bincount(place[made.rate == rate], made.bought[made.rate == rate], len(edges) - 1)
        for rate in used
    ]
    heights = np.cumsum(energy, axis=0) / np.diff(edges) / _MWH_PER_KWH
    figure = Figure(200)
    for rate, height in reversed(list(zip(used, heights, strict=True))):
        figure.axes.stairs(height, edges, fill=True, color=paint(colours[rate]))
    figure.axes.set(xlim=(0, days), ylabel="kWh a day")
    figure.axes.set_ylim(bottom=0)
    figure.axes.grid(False, axis="x")
    name_days(figure.axes, first, days)
    parts = [
        f"{tariff.rates[rate]} {texts.percent(by_rate[rate], sum(by_rate.values()))}"
        for rate in used
    ]
    of = "the mean day of each seven" if width > 1 else "each day"
    says = f"Energy of {of} by rate: {', '.join(parts)}."
    return Picture(figure.svg(says), says, [(colours[r], tariff.rates[r]) for r in used])


def by_hour(costs: dict[str, Cost], currency: str, decimals: int) -> Picture:
    """What each hour of the day cost over the whole time. costs: by its name"""
    kinds = [kind for kind in KINDS if any(cost.amounts.get(kind) for cost in costs.values())]
    figure = Figure(200)
    above, below = np.zeros(len(costs)), np.zeros(len(costs))
    for kind in kinds:
        height = np.array([float(cost.amounts.get(kind, 0)) for cost in costs.values()])
        under = np.where(height < 0, below, above)
        look = {"bottom": under, "color": paint(_COLOURS[kind]), "width": 0.85}
        figure.axes.bar([int(name) + 0.5 for name in costs], height, **look)
        above, below = above + np.maximum(height, 0), below + np.minimum(height, 0)
    figure.axes.set(xlim=(0, 24), ylabel=currency, xticks=range(0, 25, 6))
    figure.axes.set_xticklabels([f"{hour:02d}:00" for hour in range(0, 25, 6)])
    figure.axes.grid(False, axis="x")
    dearest = max(costs, key=lambda name: costs[name].amount)
    amount = texts.money(costs[dearest].amount, decimals).text
    says = f"The hour from {dearest}:00 costs the most, {amount} {currency} in all."
    key = [(_COLOURS[kind], WORDS[kind]) for kind in kinds] if len(kinds) > 1 else []
    return Picture(figure.svg(says), says, key)


def to_come(coming: Forecast, currency: str, decimals: int) -> Picture:
    """The open bill so far, what is forecast, and the interval of the total."""
    unit = 10**decimals
    whole = coming.bill.total / unit
    figure = Figure(70)
    look = {"height": 0.6}
    figure.axes.barh([0], [whole], color=paint("other"), **look)
    figure.axes.barh([0], [coming.so_far_units / unit], color=paint("use"), **look)
    key = [("use", "so far")] if coming.so_far_units else []
    key.append(("other", "to come"))
    if coming.half_units is not None:
        half = coming.half_units / unit
        figure.axes.plot([whole - half, whole + half], [0, 0], color=paint("ink"), linewidth=2)
        key.append(("ink", "80 % interval of the total"))
    figure.axes.set(yticks=[], ylim=(-0.5, 0.5), xlabel=currency)
    figure.axes.spines.left.set_visible(False)
    so_far, total = (
        texts.money(texts.units(n, decimals), decimals).text
        for n in (coming.so_far_units, coming.bill.total)
    )
    says = f"So far {so_far} {currency}, forecast for the whole period {total} {currency}."
    return Picture(figure.svg(says), says, key)
