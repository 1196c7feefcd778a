"""Demand of a tariff file: charges on the highest average power of a billing period."""

from collections.abc import Iterable
from typing import Any

from meter import limits
from meter.tariff_check import Room
from wattledger.tariffs.tariff_calendar import DAY_MIN, clock
from wattledger.tariffs.tariff_rates import nano, steps
from wattledger.tariffs.toml_node import Node

MONTHS = range(1, 13)
ALL_MONTHS = (1 << 12) - 1
WINDOWS_MIN = tuple(
    n for n in range(limits.WINDOWS_S[0] // 60, limits.WINDOWS_S[1] // 60 + 1) if DAY_MIN % n == 0
)
LOOK_BACK = range(1, limits.HISTORY + 1)  # periods
SUB_WINDOWS = range(1, 13)
HIGHEST = range(1, limits.DEMAND_SLOTS + 1)
KW_MAX = 0xFFFFFFFF // 10**6  # a peak is stored in 32 bits of mW


def compile_demand(
    at: dict[str, Node],
    rates: list[str],
    tiers: list[dict[str, Any]],
    days: dict[str, Any],
    room: Room,
) -> dict[str, Any] | None:
    """-> demand of the canonical JSON.

    tiers   a set with bounds per kW needs the peak, so a charge without a price may be added
    days    switches by name of the day, for the windows must not straddle one
    """
    per_kw = any(made["per"] == "kw" for made in tiers)
    if "demand" not in at:
        if per_kw:
            at["tiers"].fail("kWh per kW of what peak? Add [demand] with window_min")
        return None
    node = at["demand"]
    inner = node.fields(("window_min",), ("sub_windows", "charges"))
    minutes = inner["window_min"].integer(
        WINDOWS_MIN, f"minutes that divide a day: {', '.join(map(str, WINDOWS_MIN))}"
    )
    parts = 1
    if "sub_windows" in inner:
        allowed = [n for n in SUB_WINDOWS if 60 * minutes % n == 0]
        parts = inner["sub_windows"].integer(
            allowed, f"1 (block), or parts of a sliding window: {', '.join(map(str, allowed[1:]))}"
        )
    if parts == 1:
        check_grid(at["days"], days, 60 * minutes, "demand.window_min")
    charges = _charges(inner["charges"], rates, room) if "charges" in inner else []
    if per_kw and not any(_is_whole_peak(charge) for charge in charges):
        charges.append(_charge(_new_name(charges), [], ALL_MONTHS, 1, [], [0], None))
    if not charges:
        node.fail("no charge: add [demand.charges.NAME]")
    slots = sum(charge["highest"] for charge in charges)
    if slots > room.demand_slots:
        node.fail(f"{slots} peaks to keep, all `highest` together: {room.demand_slots} at most")
    return {"window_s": 60 * minutes, "parts": parts, "charges": charges}


def check_grid(node: Node, days: dict[str, Any], step_s: int, key: str) -> None:
    """Refuses a day that switches inside a window or interval, which could be of two rates."""
    for name, switches in days.items():
        for minute, _ in switches:
            if 60 * minute % step_s:
                node.fail(
                    f"{name} switches at {clock(minute)}, inside the {step_s // 60} minutes of"
                    f" {key}: move it to a border"
                )


def _charges(node: Node, rates: list[str], room: Room) -> list[dict[str, Any]]:
    charges = []
    for name, entry in node.named(limits.NAME_CHARS, room.demand_slots).items():
        at = entry.fields(
            (), ("price", "prices", "up_to_kw", "rates", "months", "highest", "ratchet")
        )
        limit, prices = _kw_prices(entry, at, room)
        highest = (
            at["highest"].integer(HIGHEST, f"1 to {limits.DEMAND_SLOTS}") if "highest" in at else 1
        )
        indexes, months = [], ALL_MONTHS
        if "rates" in at:
            parts = at["rates"].elements(len(rates))
            indexes = _once(at["rates"], (part.reference(rates, "rate") for part in parts))
        if "months" in at:
            parts = at["months"].elements(len(MONTHS))
            numbers = _once(at["months"], (part.integer(MONTHS, "1 to 12") for part in parts))
            months = sum(1 << number - 1 for number in numbers)
        ratchet = _ratchet(at["ratchet"]) if "ratchet" in at else None
        charges.append(_charge(name, indexes, months, highest, limit, prices, ratchet))
    return charges


def _charge(
    name: str,
    rates: list[int],
    months: int,
    highest: int,
    bounds: list[int],
    prices: list[int],
    ratchet: list[int] | None,
) -> dict[str, Any]:
    return {
        "name": name,
        "rates": rates,
        "months": months,
        "highest": highest,
        "bounds": bounds,
        "prices": prices,
        "ratchet": ratchet,
    }


def _kw_prices(entry: Node, at: dict[str, Node], room: Room) -> tuple[list[int], list[int]]:
    if ("price" in at) == ("prices" in at) or ("prices" in at) != ("up_to_kw" in at):
        entry.fail("give either price, or prices and up_to_kw with one for each tier")
    if "price" in at:
        return [], [nano(at["price"])]
    limit = steps(at["up_to_kw"], room.tiers, "kW", KW_MAX)
    prices = [nano(price) for price in at["prices"].elements(room.tiers)]
    if len(prices) != len(limit) + 1:
        at["prices"].fail(f"{len(prices)} prices for {len(limit) + 1} tiers: give one for each")
    return limit, prices


def _ratchet(node: Node) -> list[int]:
    at = node.fields(("percent", "months"))
    ppm = at["percent"].scaled(4, 0, 100)
    return [ppm, at["months"].integer(LOOK_BACK, f"1 to {limits.HISTORY} periods before")]


def _is_whole_peak(charge: dict[str, Any]) -> bool:
    whole = not charge["rates"] and charge["months"] == ALL_MONTHS
    return bool(whole and charge["highest"] == 1)


def _new_name(charges: list[dict[str, Any]]) -> str:
    names = [charge["name"] for charge in charges]
    return next(name for name in ("peak", "peak_of_all", "peak_for_tiers") if name not in names)


def _once(node: Node, indexes: Iterable[int]) -> list[int]:
    found = sorted(indexes)
    if len(set(found)) < len(found):
        node.fail("one is named twice: name it once")
    return found
