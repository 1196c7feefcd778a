"""What a tariff file charges beside energy and demand: reactive, fixed, minimum, taxes."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import Any

from meter import limits
from meter.tariff_check import KINDS, Room
from wattledger.tariffs.tariff_rates import PRICE_DECIMALS, PRICE_MAX, nano
from wattledger.tariffs.toml_node import Node

SPANS = ("day", "month", "year")
TAX_PERCENT_MAX = 1000
FREE_MAX = 10  # kvarh per kWh, a power factor of 0.1
MINIMUM_KINDS = tuple(kind for kind in KINDS if kind != "minimum")


def compile_charges(at: dict[str, Node], room: Room) -> dict[str, Any]:
    """-> reactive, fixed, minimum and taxes of the canonical JSON."""
    return {
        "reactive": _reactive(at["reactive"]) if "reactive" in at else None,
        "fixed": _fixed(at["fixed"]) if "fixed" in at else [],
        "minimum": _minimum(at["minimum"], room) if "minimum" in at else None,
        "taxes": _taxes(at["taxes"]) if "taxes" in at else [],
    }


def _reactive(node: Node) -> dict[str, int]:
    at = node.fields(("price",), ("power_factor", "free_kvarh_per_kwh"))
    if ("power_factor" in at) == ("free_kvarh_per_kwh" in at):
        node.fail("give either power_factor or free_kvarh_per_kwh: what is free of charge")
    if "power_factor" in at:
        free = _tangent(at["power_factor"])
    else:
        free = at["free_kvarh_per_kwh"].scaled(PRICE_DECIMALS, 0, FREE_MAX)
    return {"price": nano(at["price"]), "free": free}


def _tangent(node: Node) -> int:
    """cos phi -> tan phi in 10^-9, half to even; the meter multiplies whole numbers."""
    millionths = node.scaled(6, 0, 1)
    if millionths < 100_000:
        node.fail(f"{node.value}: expected a power factor from 0.1 to 1")
    with localcontext(prec=50):
        cosine = Decimal(millionths).scaleb(-6)
        tangent = (1 - cosine * cosine).sqrt() / cosine
        return int(tangent.scaleb(PRICE_DECIMALS).to_integral_value(ROUND_HALF_EVEN))


def _fixed(node: Node) -> list[list[Any]]:
    if isinstance(node.value, dict) and "price" in node.value:
        node.fail("a fixed charge has a name, which is on the bill: write [fixed.NAME]")
    fixed: list[list[Any]] = []
    for name, entry in node.named(limits.NAME_CHARS, limits.FIXED).items():
        at = entry.fields(("price", "per"))
        fixed.append([name, nano(at["price"]), at["per"].choice(SPANS)])
    return fixed


def _minimum(node: Node, room: Room) -> list[Any]:
    at = node.fields(("price", "per", "covers"))
    per = at["per"].choice(SPANS)
    if per == "year" and not room.wide:
        at["per"].fail("a meter knows its open period only: day or month (simulate can do a year)")
    price = at["price"].scaled(PRICE_DECIMALS, 0, PRICE_MAX)
    return [price, per, _kinds(at["covers"], MINIMUM_KINDS)]


def _taxes(node: Node) -> list[list[Any]]:
    taxes: list[list[Any]] = []
    for tax in node.elements(limits.TAXES):
        at = tax.fields(("name", "percent", "on"))
        kinds = _kinds(at["on"], KINDS)
        ppm = at["percent"].scaled(4, 0, TAX_PERCENT_MAX)
        taxes.append([at["name"].text(limits.NAME_CHARS), ppm, kinds])
    return taxes


def _kinds(node: Node, allowed: tuple[str, ...]) -> list[str]:
    kinds = [kind.choice(allowed) for kind in node.elements(len(allowed))]
    if len(set(kinds)) < len(kinds):
        node.fail("a kind of line is named twice: name it once")
    return kinds
