"""Tariff files: TOML that people write -> the canonical JSON that a meter runs.

docs/tariffs.md describes every key. The JSON holds only ints, strings and lists, sorted and
without spaces, so the same tariff has the same bytes and the same digest everywhere.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meter import limits, tariff_check
from meter.errors import MeterError
from wattledger import tariff_calendar, zones
from wattledger.errors import ToolError
from wattledger.toml_node import Node, parse

PRICE_DECIMALS = 9  # nano-units of the currency
PRICE_MAX = limits.PRICE_NANO_MAX // 10**PRICE_DECIMALS
TEXT_CHARS = 64  # of the tariff's name and source
SIMULATED_RATES = 200  # without a meter more rates than its registers are possible

_REQUIRED = (
    "schema",
    "name",
    "currency",
    "timezone",
    "billing_day",
    "fallback",
    "rates",
    "seasons",
    "weeks",
    "days",
)
_OPTIONAL = (
    "source",
    "decimals",
    "rounding",
    "interval_min",
    "tiers",
    "exports",
    "special_days",
    "fixed",
    "taxes",
)


@dataclass(frozen=True)
class Compiled:
    """text: the canonical JSON; digest: its SHA-256, 64 hex digits; data: what is in it."""

    text: bytes
    digest: str
    data: dict[str, Any]

    def tariff(self, rates_max: int = limits.RATES) -> Any:
        """-> meter.tariff.Tariff, as the meter would run it."""
        try:
            return tariff_check.load(self.text, rates_max)
        except MeterError as error:
            raise ToolError(str(error)) from None


def compile_file(path: Path, rates_max: int = limits.RATES) -> Compiled:
    """A TOML file -> Compiled. ToolError: names the key, what stands there, and the cure."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable tariff file") from None
    except UnicodeDecodeError as error:
        raise ToolError(f"{path}: byte {error.start} is not UTF-8: save it as UTF-8") from None
    return compile_text(text, path.name, rates_max)


def compile_text(text: str, file: str, rates_max: int = limits.RATES) -> Compiled:
    """`file` is the name that errors show."""
    data = _data(parse(text, file), rates_max)
    canonical = dump(data)
    if len(canonical) > limits.TARIFF_BYTES:
        raise ToolError(
            f"{file}: {len(canonical)} bytes when compiled: a meter takes"
            f" {limits.TARIFF_BYTES}: use fewer or shorter names"
        )
    compiled = Compiled(canonical, tariff_check.digest(canonical), data)
    compiled.tariff(rates_max)
    return compiled


def dump(data: dict[str, Any]) -> bytes:
    """-> the canonical bytes."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii")


def _data(file: Node, rates_max: int) -> dict[str, Any]:
    at = file.fields(_REQUIRED, _OPTIONAL)
    at["schema"].integer(
        (tariff_check.SCHEMA,), f"{tariff_check.SCHEMA}, the version this tool knows"
    )
    tiers = (
        _tiers(at["tiers"]) if "tiers" in at else {"mode": "none", "per": "period", "bounds": []}
    )
    exports = _exports(at.get("exports"), rates_max - 1)
    rates = _rates(at["rates"], exports, len(tiers["bounds"]) + 1, rates_max)
    rate_names = [rate["name"] for rate in rates]
    return {
        "schema": tariff_check.SCHEMA,
        "name": at["name"].text(TEXT_CHARS),
        "source": at["source"].text(TEXT_CHARS) if "source" in at else "",
        "currency": _currency(at["currency"]),
        "decimals": at["decimals"].integer(range(10), "0 to 9") if "decimals" in at else 2,
        "rounding": at["rounding"].choice(tariff_check.ROUNDINGS)
        if "rounding" in at
        else "half_up",
        "zone": _zone(at["timezone"]),
        "zone_name": at["timezone"].value,
        "billing_day": _billing_day(at["billing_day"]),
        "interval_s": _interval_s(at.get("interval_min")),
        "rates": rates,
        "exports": exports,
        "tiers": tiers,
        **tariff_calendar.compile_calendar(at, rate_names),
        "fixed": _fixed(at["fixed"]) if "fixed" in at else None,
        "taxes": _taxes(at["taxes"]) if "taxes" in at else [],
        "fallback": at["fallback"].reference(rate_names, "rate"),
    }


def _currency(node: Node) -> str:
    code = node.text(3)
    if len(code) != 3 or not (code.isascii() and code.isupper()):
        node.fail(f'"{code}": expected three capital letters (ISO 4217), such as "EUR"')
    return code


def _zone(node: Node) -> str:
    try:
        return zones.posix_rule(node.text(TEXT_CHARS))
    except ToolError as error:
        node.fail(str(error))


def _billing_day(node: Node) -> int:
    if node.value == "last":
        return 0
    return node.integer(range(1, 29), '1 to 28, or "last" for the last day of the month')


def _interval_s(node: Node | None) -> int:
    if node is None:
        return 900
    minutes = [seconds // 60 for seconds in limits.INTERVALS_S]
    return 60 * node.integer(minutes, f"one of {', '.join(map(str, minutes))} minutes")


def _tiers(node: Node) -> dict[str, Any]:
    at = node.fields(("mode", "up_to_kwh"), ("per",))
    steps = at["up_to_kwh"].elements(limits.TIERS)
    if steps[-1].value != "rest":
        steps[-1].fail('energy above the last tier would have no price: add "rest" after it')
    bounds: list[int] = []
    for step in steps[:-1]:
        if step.value == "rest":
            step.fail('"rest" can only be the last tier: put it there')
        bounds.append(step.scaled(6, 0, limits.REGISTER_MAX // 10**6))
        if bounds[-1] <= (bounds[-2] if len(bounds) > 1 else 0):
            step.fail(f"{step.value} kWh is not above the tier before it: put them in order")
    if not bounds:
        at["up_to_kwh"].fail("a single tier: leave [tiers] out")
    per = at["per"].choice(("period", "day")) if "per" in at else "period"
    return {"mode": at["mode"].choice(tariff_check.MODES[1:]), "per": per, "bounds": bounds}


def _rates(node: Node, exports: list[dict[str, Any]], tiers: int, rates_max: int) -> list[Any]:
    rates = []
    room = rates_max - len(exports)  # imports and exports share the registers
    for name, rate in node.named(limits.NAME_CHARS, room).items():
        at = rate.fields((), ("price", "prices", "export"))
        if ("price" in at) == ("prices" in at):
            rate.fail("give either price, or prices with one for each tier")
        if "price" in at:
            prices = [_nano(at["price"])]
        else:
            prices = [_nano(price) for price in at["prices"].elements(limits.TIERS)]
            if len(prices) not in (1, tiers):
                at["prices"].fail(f"{len(prices)} prices for {tiers} tiers: give 1 or {tiers}")
        names = [export["name"] for export in exports]
        export = at["export"].reference(names, "export rate") if "export" in at else 0
        rates.append({"name": name, "prices": prices, "export": export})
    return rates


def _exports(node: Node | None, count_max: int) -> list[dict[str, Any]]:
    if node is None:
        return [{"name": "export", "prices": [0]}]
    return [
        {"name": name, "prices": [_nano(export.fields(("price",))["price"])]}
        for name, export in node.named(limits.NAME_CHARS, count_max).items()
    ]


def _fixed(node: Node) -> list[Any]:
    at = node.fields(("price", "per"))
    return [_nano(at["price"]), at["per"].choice(("day", "month"))]


def _taxes(node: Node) -> list[list[Any]]:
    taxes: list[list[Any]] = []
    for tax in node.elements(limits.TAXES):
        at = tax.fields(("name", "percent", "on"))
        kinds = [
            kind.choice(tariff_check.KINDS) for kind in at["on"].elements(len(tariff_check.KINDS))
        ]
        if len(set(kinds)) < len(kinds):
            at["on"].fail("a kind of line is named twice: name it once")
        taxes.append([at["name"].text(limits.NAME_CHARS), at["percent"].scaled(4, 0, 1000), kinds])
    return taxes


def _nano(node: Node) -> int:
    return node.scaled(PRICE_DECIMALS, -PRICE_MAX, PRICE_MAX)
