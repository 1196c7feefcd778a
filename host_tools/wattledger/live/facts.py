"""What a meter says of this moment, in words."""

from decimal import Decimal
from typing import Any

from meter import obis
from wattledger import show

POWER, RATE, PRICE, COST = "power", "rate now", "price now", "cost so far"
ACTIONS = {"remind": "reminder", "reprice": "re-priced to {rate}", "shed": "load switched off"}
_DEMANDS = ((obis.DEMAND_NOW, "running"), (obis.DEMAND_LAST, "last"), (obis.DEMAND_MAX, "highest"))

Facts = tuple[tuple[str, str], ...]


def of_answers(info: dict[str, Any], live: dict[str, int], tariff: Any) -> Facts:
    """info, live: answers of these names; tariff: meter.tariff.Tariff in force.

    What the tariff has not got, or the meter does not know, is left out.
    """
    sold = live[obis.POWER_OUT]
    found = [
        (POWER, power(live[obis.POWER] - sold)),
        (RATE, f"{info['rate']}, tier {info['tier'] + 1}"),
    ]
    if obis.PRICE_NOW in live:
        found.append((PRICE, price(live[obis.PRICE_NOW], tariff)))
    if obis.COST in live:
        found.append((COST, cost(live[obis.COST], tariff)))
    if tariff.demand:
        found.append(("demand", _demand(live)))
    if tariff.limiter:
        found += [("limiter", text) for text in _limiter(live.get(obis.LIMITER, 0), tariff)]
    return tuple(found)


def power(mw: int) -> str:
    """mw: negative to the grid."""
    return f"{Decimal(abs(mw)).scaleb(-3):,.1f} W" + (" to the grid" if mw < 0 else "")


def price(nano: int, tariff: Any) -> str:
    return f"{show.price(nano)} {tariff.currency}/kWh"


def cost(units: int, tariff: Any) -> str:
    return f"{show.money(units, tariff.decimals)} {tariff.currency}"


def _limiter(state: int, tariff: Any) -> list[str]:
    """-> a text for each level. state: bit i set: level i has tripped."""
    found = []
    for i, level in enumerate(tariff.limiter[1]):
        name, action, threshold_mw, rate = level[0], level[1], level[2], level[6]
        said = "within"
        if state >> i & 1:
            said = ACTIONS[action].format(rate=tariff.rates[rate])
        found.append(f"{name}, {_kilowatts(threshold_mw)}: {said}")
    return found


def _kilowatts(mw: int) -> str:
    return f"{Decimal(mw).scaleb(-6).normalize():f} kW"


def _demand(live: dict[str, int]) -> str:
    known = [(name, live[code]) for code, name in _DEMANDS if code in live]
    return ", ".join(f"{name} {Decimal(mw).scaleb(-6):.3f} kW" for name, mw in known)
