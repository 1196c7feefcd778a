"""Everything that a tariff charges beside the prices of its rates, in words."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from wattledger import show

MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
ALL_MONTHS = 4095
_NETTING = {
    "none": "what is sold and what is bought are billed apart",
    "interval": "in each interval only the difference is bought or sold",
    "month": "over the billing period only the difference is bought or sold",
}
_CARRY = {
    "none": "",
    "money": "; a credit waits for the next bill",
    "kwh": "; surplus kWh wait for the next period",
}
_MODES = {
    "chronological": "the tier reached when the energy is used",
    "prorata": "each rate has the tiers in the same shares",
    "per_rate": "each rate has the tiers for itself",
}
_PER = {"period": "per billing period", "day": "x days of the period", "kw": "x kW of the peak"}


def terms(data: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """data of a compiled tariff -> yields (what, in words, price with unit)."""
    money = data["currency"]
    names = [rate["name"] for rate in data["rates"]]
    yield from _tiers(data, names)
    yield from _dynamic(data, money)
    if data["exports"][0]["prices"] != [0] or data["netting"]["mode"] != "none":
        netting = data["netting"]
        yield "feed-in", _NETTING[netting["mode"]] + _CARRY[netting["carry"]], ""
    yield from _demand(data["demand"], names, money)
    yield from _limiter(data["limiter"], names)
    if data["reactive"]:
        free = _plain(data["reactive"]["free"], 9)
        text = f"Q1 + Q2 beyond {free} kvarh per kWh"
        yield "reactive", text, f"{show.price(data['reactive']['price'])} {money}/kvarh"
    for name, nano, per in data["fixed"]:
        yield "fixed", name, f"{show.price(nano)} {money} per {per}"
    if data["minimum"]:
        nano, per, kinds = data["minimum"]
        yield "minimum", f"of {', '.join(kinds)}", f"{show.price(nano)} {money} per {per}"
    for name, ppm, kinds in data["taxes"]:
        percent = _plain(ppm, 4)
        yield "tax", f"{name} on {', '.join(kinds)}", f"{percent} %"


def _tiers(data: dict[str, Any], names: list[str]) -> Iterator[tuple[str, str, str]]:
    for index, made in enumerate(data["tiers"]):
        bounds = " / ".join(_plain(bound, 6) for bound in made["bounds"])
        rates = [name for name, rate in zip(names, data["rates"], strict=True)
                 if rate["tiers"] == index]  # fmt: skip
        of = "all rates" if len(rates) == len(names) else ", ".join(rates)
        yield "tiers", f"{of}: {_MODES[made['mode']]}", f"{bounds} kWh {_PER[made['per']]}"


def _dynamic(data: dict[str, Any], money: str) -> Iterator[tuple[str, str, str]]:
    for rate in data["rates"] + data["exports"]:
        if rate["dynamic"]:
            ppm, add = rate["dynamic"]
            factor = _plain(ppm, 6)
            over = data["dynamic"]["settlement"]
            text = f"{rate['name']}: price of each {over}; {show.price(rate['prices'][0])} without"
            yield "dynamic", text, f"{factor} x price + {show.price(add)} {money}/kWh"


def _demand(
    demand: dict[str, Any] | None, names: list[str], money: str
) -> Iterator[tuple[str, str, str]]:
    for charge in demand["charges"] if demand else ():
        assert demand
        minutes = demand["window_s"] // 60
        parts = demand["parts"]
        window = (
            f"{minutes} min" if parts == 1 else f"{minutes} min sliding by {minutes / parts:g}"
        )
        text = f"{charge['name']}: highest {window}"
        if charge["highest"] > 1:
            text = f"{charge['name']}: mean of the {charge['highest']} highest days, {window}"
        if charge["rates"]:
            text += f" in {', '.join(names[rate] for rate in charge['rates'])}"
        if charge["months"] != ALL_MONTHS:
            text += "; " + " ".join(
                name for month, name in enumerate(MONTHS) if charge["months"] >> month & 1
            )
        if charge["ratchet"]:
            ppm, months = charge["ratchet"]
            text += f"; at least {_plain(ppm, 4)} % of the {months} periods before"
        price = " / ".join(show.price(nano) for nano in charge["prices"])
        if charge["bounds"]:
            price += " up to " + " / ".join(_plain(bound, 6) for bound in charge["bounds"])
            price += " kW / above"
        yield "demand", text, f"{price} {money}/kW"


def _limiter(limiter: dict[str, Any] | None, names: list[str]) -> Iterator[tuple[str, str, str]]:
    for level in limiter["levels"] if limiter else ():
        assert limiter
        does = {
            "remind": "a reminder",
            "reprice": f"all import counts as {names[level['rate']]}",
            "shed": "the load is switched off" + (", on again by hand" if level["manual"] else ""),
        }
        text = (
            f"{level['name']}: {does[level['action']]} after {level['over']} x"
            f" {limiter['window_s'] / 60:g} min above, until {level['under']} x at or below"
            f" {_plain(level['release_mw'], 6)}"
        )
        yield "limiter", text, f"{_plain(level['threshold_mw'], 6)} kW"


def _plain(units: int, decimals: int) -> str:
    """An exact decimal without zeros that say nothing."""
    text = f"{Decimal(units).scaleb(-decimals):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
