"""What `wattledger watch` shows: the meter at this moment, as one table."""

from decimal import Decimal
from typing import Any

from rich.console import Group

from meter import obis
from wattledger import show

ACTIONS = {"remind": "reminder", "reprice": "re-priced to {rate}", "shed": "load switched off"}
_DEMANDS = ((obis.DEMAND_NOW, "running"), (obis.DEMAND_LAST, "last"), (obis.DEMAND_MAX, "highest"))


def screen(info: dict[str, Any], live: dict[str, int], tariff: Any) -> Group:
    """info, live: answers of these names; tariff: meter.tariff.Tariff in force.

    What the tariff has not got, or the meter does not know, is left out.
    """
    zone = tariff.calendar.zone if info["tariff"]["active"] else None
    lines = show.table("", "")
    lines.add_row("power", _power(live))
    lines.add_row("rate now", f"{info['rate']}, tier {info['tier'] + 1}")
    if obis.PRICE_NOW in live:
        price = show.price(live[obis.PRICE_NOW])
        lines.add_row("price now", f"{price} {tariff.currency}/kWh")
    if obis.COST in live:
        cost = show.money(live[obis.COST], tariff.decimals)
        lines.add_row("cost so far", f"{cost} {tariff.currency}")
    if tariff.demand:
        lines.add_row("demand", _demand(live))
    if tariff.limiter:
        for text in limiter(live.get(obis.LIMITER, 0), tariff):
            lines.add_row("limiter", text)
    lines.add_row("alerts", ", ".join(info["alerts"]) or "none")
    return show.titled(show.instant(info["utc"], zone), lines)


def limiter(state: int, tariff: Any) -> list[str]:
    """-> a line for each level. state: bit i set: level i has tripped."""
    lines = []
    for i, level in enumerate(tariff.limiter[1]):
        name, action, threshold_mw, rate = level[0], level[1], level[2], level[6]
        said = "within"
        if state >> i & 1:
            said = ACTIONS[action].format(rate=tariff.rates[rate])
        lines.append(f"{name}, {kilowatts(threshold_mw)}: {said}")
    return lines


def kilowatts(mw: int) -> str:
    return f"{Decimal(mw).scaleb(-6).normalize():f} kW"


def _power(live: dict[str, int]) -> str:
    sold = live[obis.POWER_OUT]
    watts = f"{Decimal(sold or live[obis.POWER]).scaleb(-3):,.1f} W"
    return watts + (" to the grid" if sold else "")


def _demand(live: dict[str, int]) -> str:
    known = [(name, live[code]) for code, name in _DEMANDS if code in live]
    return ", ".join(f"{name} {Decimal(mw).scaleb(-6):.3f} kW" for name, mw in known)
