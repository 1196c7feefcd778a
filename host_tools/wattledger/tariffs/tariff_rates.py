"""The energy part of a tariff file: rates, export rates, tiers, dynamic prices and netting."""

from typing import Any

from meter import limits
from meter.tariff_check import MODES, Room
from wattledger.tariffs.toml_node import Node

PRICE_DECIMALS = 9  # nano-units of the currency
PRICE_MAX = limits.PRICE_NANO_MAX // 10**PRICE_DECIMALS
MULTIPLY_MAX = 10
KWH_MAX = limits.REGISTER_MAX // 10**6
NO_TIERS = "none"
NETTED_EXPORTS = 2  # energy that is carried over has this many places in a ledger record


def compile_rates(at: dict[str, Node], room: Room) -> dict[str, Any]:
    """-> rates, exports, tiers, dynamic and netting of the canonical JSON."""
    sets = _tier_sets(at["tiers"], room) if "tiers" in at else {}
    exports = _exports(at.get("exports"), room.rates - 1)
    rates = _rates(at["rates"], exports, sets, room.rates - len(exports))
    for index, name in enumerate(sets):
        if not any(rate["tiers"] == index for rate in rates):
            at["tiers"].fail(f'{name} has no rate: add tiers = "{name}" to one, or remove it')
    return {
        "rates": rates,
        "exports": exports,
        "tiers": list(sets.values()),
        "dynamic": _dynamic(at, rates + exports),
        "netting": _netting(at, rates, exports, sets),
    }


def nano(node: Node) -> int:
    """A price -> nano-units, exactly."""
    return node.scaled(PRICE_DECIMALS, -PRICE_MAX, PRICE_MAX)


def steps(node: Node, count_max: int, unit: str, unit_max: int) -> list[int]:
    """Ascending upper bounds in kWh or kW, the last "rest" -> the others in milli-units."""
    parts = node.elements(count_max)
    if parts[-1].value != "rest":
        parts[-1].fail('what is above the last tier would have no price: add "rest" after it')
    bounds: list[int] = []
    for part in parts[:-1]:
        if part.value == "rest":
            part.fail('"rest" can only be the last tier: put it there')
        bounds.append(part.scaled(6, 0, unit_max))
        if bounds[-1] <= (bounds[-2] if len(bounds) > 1 else 0):
            part.fail(f"{part.value} {unit} is not above the tier before it: put them in order")
    if not bounds:
        node.fail("a single tier: leave it out")
    return bounds


def _tier_sets(node: Node, room: Room) -> dict[str, dict[str, Any]]:
    if isinstance(node.value, dict) and not isinstance(node.value.get("mode", {}), dict):
        node.fail("tiers have a name, so that rates can choose them: write [tiers.all]")
    sets = {}
    for name, entry in node.named(limits.NAME_CHARS, room.tier_sets).items():
        if name == NO_TIERS:
            entry.fail(f'"{NO_TIERS}" means a rate without tiers: choose another name')
        at = entry.fields(("mode", "up_to_kwh"), ("per",))
        mode = at["mode"].choice(MODES)
        per = at["per"].choice(("period", "day", "kw")) if "per" in at else "period"
        if per == "kw" and mode == "chronological" and not room.wide:
            at["mode"].fail(
                "per kW of a peak that is known at the end only, a meter cannot tell the tier"
                ' while energy is used: choose "prorata" or "per_rate"'
            )
        sets[name] = {
            "mode": mode,
            "per": per,
            "bounds": steps(at["up_to_kwh"], room.tiers, "kWh", KWH_MAX),
        }
    return sets


def _rates(
    node: Node, exports: list[dict[str, Any]], sets: dict[str, Any], count_max: int
) -> list[dict[str, Any]]:
    """count_max: imports and exports share the registers"""
    names = [export["name"] for export in exports]
    rates = []
    for name, rate in node.named(limits.NAME_CHARS, count_max).items():
        at = rate.fields((), ("price", "prices", "tiers", "export", "dynamic"))
        index = _tier_set_of(rate, at.get("tiers"), list(sets))
        if "dynamic" in at and index >= 0:
            rate.fail(f'a dynamic rate has no tiers: add tiers = "{NO_TIERS}"')
        tiers = len(list(sets.values())[index]["bounds"]) + 1 if index >= 0 else 1
        rates.append(
            {
                "name": name,
                "export": at["export"].reference(names, "export rate") if "export" in at else 0,
                "prices": prices_of(rate, at, tiers),
                "tiers": index,
                "dynamic": _formula(at),
            }
        )
    return rates


def prices_of(node: Node, at: dict[str, Node], tiers: int) -> list[int]:
    """`price`, or `prices` with one for each tier -> nano-units."""
    if ("price" in at) == ("prices" in at):
        node.fail("give either price, or prices with one for each tier")
    if "price" in at:
        return [nano(at["price"])]
    prices = [nano(price) for price in at["prices"].elements(max(tiers, limits.TIERS))]
    if len(prices) not in (1, tiers):
        at["prices"].fail(
            f"{len(prices)} prices for {tiers} tiers: give 1 or {tiers}"
            if tiers > 1
            else f"{len(prices)} prices, but no tiers: give one price"
        )
    return prices


def _tier_set_of(rate: Node, node: Node | None, sets: list[str]) -> int:
    """-> index of the rate's tier set, or -1."""
    if node is not None:
        return -1 if node.value == NO_TIERS else node.reference(sets, "tier set")
    if len(sets) > 1:
        rate.fail(f'tiers is missing, and there are {", ".join(sets)}: name one, or "{NO_TIERS}"')
    return 0 if sets else -1


def _exports(node: Node | None, count_max: int) -> list[dict[str, Any]]:
    if node is None:
        return [{"name": "export", "prices": [0], "dynamic": None}]
    exports = []
    for name, export in node.named(limits.NAME_CHARS, count_max).items():
        at = export.fields(("price",), ("dynamic",))
        exports.append({"name": name, "prices": [nano(at["price"])], "dynamic": _formula(at)})
    return exports


def _formula(at: dict[str, Node]) -> list[int] | None:
    """-> [parts per million, nano-units] that turn the price of an interval into the rate's."""
    if "dynamic" not in at:
        return None
    if "prices" in at:
        at["prices"].fail("a dynamic rate has one price, for when there is no schedule: give it")
    inner = at["dynamic"].fields(("multiply", "add"))
    return [inner["multiply"].scaled(6, -MULTIPLY_MAX, MULTIPLY_MAX), nano(inner["add"])]


def _dynamic(at: dict[str, Node], rates: list[dict[str, Any]]) -> dict[str, str] | None:
    name = next((rate["name"] for rate in rates if rate["dynamic"]), None)
    if "dynamic" not in at:
        if name:
            at["rates"].fail(
                f"{name} is dynamic, and it is not said over what a price holds:"
                ' add [dynamic] with settlement = "interval" or "hour"'
            )
        return None
    inner = at["dynamic"].fields(("settlement",))
    if name is None:
        at["dynamic"].fail("no rate is dynamic: give one dynamic = { multiply, add }")
    return {"settlement": inner["settlement"].choice(("interval", "hour"))}


def _netting(
    at: dict[str, Node], rates: list[Any], exports: list[Any], sets: dict[str, Any]
) -> dict[str, str]:
    if "netting" not in at:
        if "exports" in at:
            at["exports"].fail(
                "netting is missing, and bills differ by it: add [netting] with mode ="
                ' "none", "interval" or "month", and carry = "none", "money" or "kwh"'
            )
        return {"mode": "none", "carry": "none"}
    inner = at["netting"].fields(("mode", "carry"))
    mode = inner["mode"].choice(("none", "interval", "month"))
    carry = inner["carry"].choice(("none", "money", "kwh"))
    if carry == "kwh" and mode != "month":
        inner["carry"].fail(f'"kwh" is kept from month to month: not with mode = "{mode}"')
    if carry == "kwh" and len(exports) > NETTED_EXPORTS:
        inner["carry"].fail(
            f"{len(exports)} export rates: a meter carries the energy of {NETTED_EXPORTS}:"
            " use fewer, or carry money"
        )
    for name, made in sets.items():
        if mode != "none" and made["mode"] == "chronological":
            inner["mode"].fail(
                f"what is netted later has no order for tiers.{name}:"
                ' choose "prorata" or "per_rate" there'
            )
    for rate in rates + exports:
        if mode == "month" and rate["dynamic"]:
            inner["mode"].fail(
                f"{rate['name']} is priced interval by interval: choose"
                ' "interval" for netting too, or "none"'
            )
    return {"mode": mode, "carry": carry}
