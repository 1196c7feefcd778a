"""Tariff files: TOML that people write -> the canonical JSON that a meter runs.

docs/tariffs.md describes every key. The JSON holds only ints, strings, lists and null, sorted
and without spaces, so the same tariff has the same bytes and the same digest everywhere.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meter import limits, tariff_check
from meter.civil import DAY_S, EPOCH, Zone, days
from meter.errors import MeterError
from wattledger.errors import ToolError
from wattledger.tariffs import (
    tariff_calendar,
    tariff_charges,
    tariff_demand,
    tariff_limiter,
    tariff_rates,
    zones,
)
from wattledger.tariffs.toml_node import Node, parse

TEXT_CHARS = 64  # of the tariff's name and source

_REQUIRED = (
    *("schema", "name", "currency", "timezone", "billing_day", "fallback"),
    *("rates", "seasons", "weeks", "days"),
)
_OPTIONAL = (
    *("source", "decimals", "rounding", "interval_min", "valid_from", "special_days"),
    *("tiers", "exports", "dynamic", "netting", "demand", "limiter"),
    *("reactive", "fixed", "minimum", "taxes"),
)


@dataclass(frozen=True)
class Compiled:
    """text: the canonical JSON; digest: its SHA-256, 64 hex digits; data: what is in it.

    wide   it may be too large for a meter, and is for a simulation
    """

    text: bytes
    digest: str
    data: dict[str, Any]
    wide: bool = False

    def tariff(self) -> Any:
        """-> meter.tariff.Tariff, as the meter would run it."""
        try:
            return tariff_check.load(self.text, wide=self.wide)
        except MeterError as error:
            raise ToolError(str(error)) from None


def read_text(path: Path) -> str:
    """-> the text of a tariff file. ToolError: there is none."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable tariff file") from None
    except UnicodeDecodeError as error:
        raise ToolError(f"{path}: byte {error.start} is not UTF-8: save it as UTF-8") from None


def compile_file(path: Path, wide: bool = False) -> Compiled:
    """A TOML file -> Compiled. ToolError: names the key, what stands there, and the cure."""
    return compile_text(read_text(path), path.name, wide)


def compile_text(text: str, file: str, wide: bool = False) -> Compiled:
    """file: the name that errors show; wide: for a simulation, beyond what a meter holds."""
    data = _data(parse(text, file), tariff_check.Room(wide))
    canonical = dump(data)
    if not wide and len(canonical) > limits.TARIFF_BYTES:
        raise ToolError(
            f"{file}: {len(canonical)} bytes when compiled: a meter takes"
            f" {limits.TARIFF_BYTES}: use fewer or shorter names"
        )
    compiled = Compiled(canonical, tariff_check.digest(canonical), data, wide)
    compiled.tariff()
    return compiled


def dump(data: dict[str, Any]) -> bytes:
    """-> the canonical bytes."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode("ascii")


def _data(file: Node, room: tariff_check.Room) -> dict[str, Any]:
    at = file.fields(_REQUIRED, _OPTIONAL)
    at["schema"].integer(
        (tariff_check.SCHEMA,), f"{tariff_check.SCHEMA}, the version this tool knows"
    )
    energy = tariff_rates.compile_rates(at, room)
    rate_names = [rate["name"] for rate in energy["rates"]]
    calendar = tariff_calendar.compile_calendar(at, rate_names, room)
    interval_s = _interval_s(at.get("interval_min"))
    zone = _zone(at["timezone"])
    days_used = dict(zip(at["days"].value, calendar["days"], strict=True))
    if energy["dynamic"] or energy["netting"]["mode"] == "interval":
        tariff_demand.check_grid(at["days"], days_used, interval_s, "interval_min")
    return {
        "schema": tariff_check.SCHEMA,
        "name": at["name"].text(TEXT_CHARS),
        "source": at["source"].text(TEXT_CHARS) if "source" in at else "",
        "currency": _currency(at["currency"]),
        "decimals": at["decimals"].integer(range(10), "0 to 9") if "decimals" in at else 2,
        "rounding": at["rounding"].choice(tariff_check.ROUNDINGS)
        if "rounding" in at
        else "half_up",
        "zone": zone,
        "zone_name": at["timezone"].value,
        "valid_from": _valid_from(at.get("valid_from"), zone),
        "billing_day": _billing_day(at["billing_day"]),
        "interval_s": interval_s,
        **energy,
        **calendar,
        "demand": tariff_demand.compile_demand(at, rate_names, energy["tiers"], days_used, room),
        "limiter": tariff_limiter.compile_limiter(
            at.get("limiter"), rate_names, interval_s if energy["dynamic"] else None
        ),
        **tariff_charges.compile_charges(at, room),
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


def _valid_from(node: Node | None, zone: str) -> int:
    """-> Unix second of the date's local midnight, or 0."""
    if node is None:
        return 0
    day = node.calendar_date()
    midnight = Zone(zone).to_utc(days(day.year, day.month, day.day) * DAY_S)
    return int(midnight + EPOCH)


def _billing_day(node: Node) -> int:
    if node.value == "last":
        return 0
    return node.integer(range(1, 29), '1 to 28, or "last" for the last day of the month')


def _interval_s(node: Node | None) -> int:
    if node is None:
        return 900
    minutes = [seconds // 60 for seconds in limits.INTERVALS_S]
    return 60 * node.integer(minutes, f"one of {', '.join(map(str, minutes))} minutes")
