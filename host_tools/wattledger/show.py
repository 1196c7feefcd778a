"""Readings as tables: lines and colour on a terminal, plain columns in a pipe."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from meter import codes, obis
from meter.civil import EPOCH, Zone, date
from wattledger import quality_words
from wattledger.bills import bill_units
from wattledger.event_names import NAMES
from wattledger.reading import MeterBill

KWH_DECIMALS = 3
# Of a line on the screen; others are shown as they are, to the fourth.
QUANTITY_DECIMALS = {"energy": 3, "export": 3, "demand": 3, "reactive": 3}
CLOCK_QUALITY = ("invalid", "running, not synchronised", "good")
UNITS = {"1.8.0": "kWh", "2.8.0": "kWh", "9.8.0": "kVAh"}
TOTAL_NAMES = dict(
    zip(
        obis.TOTALS,
        ("import", "export", *(f"reactive Q{n}" for n in range(1, 5)), "apparent"),
        strict=True,
    )
)
_DOUBTS = (codes.EVENT_CHIP_RESET, codes.EVENT_GLITCH, codes.EVENT_SATURATED)
_DIGESTS = (
    codes.EVENT_TARIFF,
    codes.EVENT_SCHEDULE,
    codes.EVENT_PRICES,
    codes.EVENT_PRICES_EXPIRED,
    codes.EVENT_CALIBRATION,
)
_TIMES = (
    0x101,
    0x102,
    0x103,
    0x104,
    0x105,
    0x107,
    0x201,
    0x202,
    0x303,
)  # events whose before and after are instants
STATUS_NAMES = {
    codes.POWER_FAIL: "power failed",
    codes.CLOCK_INVALID: "clock invalid",
    codes.CLOCK_STEP: "clock stepped",
    codes.GLITCH: "read in doubt",
    codes.CHIP_RESET: "IC reset",
    codes.SATURATED: "IC register full",
    codes.GAP: "gap",
    codes.PARTIAL: "partial",
    codes.RATE_SWITCH: "rate switch",
    codes.CROSSING: "tier crossed",
    codes.TARIFF_LOST: "tariff file lost",
    codes.TARIFF_CHANGE: "tariff change",
    codes.RESTART: "restart",
    codes.LIMITED: "limited",
    codes.PRICE_EVENT: "price event",
}


def table(*columns: str) -> Table:
    """Columns whose name starts with ">" are numbers: to the right."""
    plain = not sys.stdout.isatty()
    shown = Table(
        box=None if plain else box.SIMPLE_HEAD,
        pad_edge=False,
        header_style="" if plain else "cyan",
        show_header=any(columns),
    )
    for column in columns:
        shown.add_column(column.lstrip(">"), justify="right" if column[:1] == ">" else "left")
    return shown


def titled(title: str, below: RenderableType) -> Group:
    return Group(Text(title, style="bold"), below)


def instant(unix_s: int, zone: Zone | None = None) -> str:
    """ "2026-10-01 00:00:00 +02:00" in the zone, "... UTC" without one."""
    offset = zone.offset_at(unix_s - EPOCH) if zone else 0
    local = unix_s - EPOCH + offset
    year, month, day, _ = date(local // 86400)
    second = local % 86400
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    minutes = abs(offset) // 60
    sign = "-" if offset < 0 else "+"
    where = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}" if zone else "UTC"
    return f"{year}-{month:02d}-{day:02d} {clock} {where}"


def dated(unix_s: int, zone: Zone | None) -> dict[str, Any]:
    """-> {"unix", "local"}: ISO 8601 with its offset, for documents."""
    day, clock, offset = instant(unix_s, zone).split(" ")
    return {"unix": unix_s, "local": f"{day}T{clock}{offset}"}


def unit_of(code: str) -> str:
    """-> the unit of a register by its OBIS code"""
    return UNITS.get(code) or ("kWh" if code[:3] in ("1.8", "2.8") else "kvarh")


def kilo(milli: int, decimals: int = KWH_DECIMALS) -> str:
    """mWh -> kWh, cut, never rounded up: a register shows what is complete."""
    return f"{Decimal(milli // 10 ** (6 - decimals)).scaleb(-decimals):,.{decimals}f}"


def energy(mwh: int) -> str:
    """Of an interval or a bill, mWh -> kWh, rounded as a bill line shows its quantity."""
    return f"{Decimal(bill_units.decimal(Fraction(mwh, 10**6), KWH_DECIMALS)):,}"


def money(units: int, decimals: int) -> str:
    return f"{Decimal(units).scaleb(-decimals):,.{decimals}f}"


def info(shown: dict[str, Any], zone: Zone | None) -> Table:
    """shown: the answer to `info`, that to the public too."""
    lines = table("", "")
    rows = [
        ("serial", shown["serial"]),
        ("board", shown["board"]),
        ("firmware", f"{shown['versions']['firmware']}, software {shown['software'][:16]}"),
        ("journal", shown["state"]),
        ("clock", f"{instant(shown['utc'], zone)}, {CLOCK_QUALITY[shown['clock']]}"),
        *(_contract(shown, zone) if "tariff" in shown else []),
        ("evidence", f"{'keyed' if shown['keyed'] else 'unkeyed'}, seal {shown['seal']}"),
        ("alerts", _alerts(shown)),
    ]
    for name, value in rows:
        lines.add_row(name, value)
    return lines


def _contract(shown: dict[str, Any], zone: Zone | None) -> list[tuple[str, str]]:
    tariff, period = shown["tariff"], shown["period"]
    return [
        ("tariff", _tariff_line(tariff, zone)),
        ("billing period", _period_line(period, zone)),
        ("rate now", f"{shown['rate']}, tier {shown['tier'] + 1}"),
        ("power", f"{Decimal(shown['power_mw']).scaleb(-3):.1f} W"),
        ("voltage", ", ".join(f"{Decimal(v).scaleb(-3):.1f} V" for v in shown["v_mv"] if v)),
        ("current", ", ".join(f"{Decimal(i).scaleb(-3):.3f} A" for i in shown["i_ma"] if i)),
        ("frequency", f"{Decimal(shown['freq_mhz']).scaleb(-3):.2f} Hz"),
    ]


def _alerts(shown: dict[str, Any]) -> str:
    if "alerts" in shown:
        return ", ".join(shown["alerts"]) or "none"
    return f"{shown['alert_count']}; give --keys to see more than everybody may"


def registers(shown: dict[str, Any], zone: Zone | None) -> Group:
    lines = table("OBIS", "register", ">value", "")
    names = {**TOTAL_NAMES, **shown["names"]}
    for code in sorted(shown["registers"], key=lambda code: (code not in TOTAL_NAMES, code)):
        value = shown["registers"][code]
        lines.add_row(f"1-0:{code}", names.get(code, ""), kilo(value), unit_of(code))
    return titled(f"Registers, {instant(shown['utc'], zone)}", lines)


def bill(shown: MeterBill, tariff: Any) -> Group:
    """tariff: meter.tariff.Tariff of shown.digest."""
    zone = tariff.calendar.zone
    state = "open" if shown.open else "closed"
    title = (
        f"Bill of period {shown.period} ({state}), {tariff.name}\n"
        f"{instant(shown.start, zone)} to {instant(shown.end, zone)}"
    )
    if shown.seal == "broken":
        title += "\nThe seal of the meter is broken"
    lines = table("", ">tier", ">quantity", "", ">price", ">" + tariff.currency)
    for row in bill_rows(shown, tariff):
        lines.add_row(*row)
    lines.add_section()
    lines.add_row("total", "", "", "", "", money(shown.total, tariff.decimals), style="bold")
    return titled(title, lines)


def bill_rows(shown: MeterBill, tariff: Any) -> Iterator[tuple[str, ...]]:
    """Yields (item, tier, quantity, unit, price, amount) of each line."""
    for line in shown.lines:
        tier = str(line["tier"] + 1) if bill_units.is_tiered(line, tariff) else ""
        due = money(line["rounded"], tariff.decimals)
        yield (bill_units.item(line), tier, *_quantity(line, tariff), due)


def events(records: list[Any], zone: Zone | None) -> Table:
    lines = table("time", "group", "event", ">count", "before", "after")
    for row in event_rows(records, zone):
        lines.add_row(*row)
    return lines


def event_rows(records: list[Any], zone: Zone | None) -> list[tuple[str, ...]]:
    """-> event_row of each, oldest first"""
    ordered = sorted(records, key=lambda r: (r.utc, r.group, r.seq))
    return [event_row(record, zone) for record in ordered]


def event_row(record: Any, zone: Zone | None) -> tuple[str, ...]:
    """-> (time, group, event, count, before, after)"""
    code = record.group << 8 | record.code
    name, group = NAMES.get(code, f"code {code:#05x}"), str(codes.GROUPS[record.group])
    values = _values(code, record.before, record.after, zone)
    return (instant(record.utc, zone), group, name, str(record.count), *values)


def _values(code: int, before: int, after: int, zone: Zone | None) -> tuple[str, str]:
    """-> what the two values of an event say"""
    values = (before, after)
    if code in _TIMES:
        first, last = (instant(v, zone) if v > EPOCH else "" for v in values)
    elif code in _DIGESTS:
        first, last = (f"{v:014x}" if v else "none" for v in values)
    elif code in (codes.EVENT_LIMIT, codes.EVENT_LIMIT_END):
        first = f"{kilo(before)} kW" if before >= 0 else "its tariff ended"
        last = f"level {after + 1}"
    elif code in quality_words.EVENTS:
        first, last = quality_words.of_event(code, *values)
    elif code in _DOUBTS:
        first, last = "", f"at most {kilo(after, 6)} kWh in doubt"
    else:
        first, last = (str(v) if any(values) else "" for v in values)
    return first, last


def price(nano: int) -> str:
    """Nano-units -> units with all decimals that count, four at least."""
    return bill_units.trimmed(Fraction(nano, 10**9), 9, 4)


def volts(deci: int) -> str:
    return "" if deci in (0, 0xFFFF) else f"{Decimal(deci).scaleb(-1):.1f}"


def status(bits: int) -> str:
    return ", ".join(name for bit, name in STATUS_NAMES.items() if bits & bit)


def _quantity(line: dict[str, Any], tariff: Any) -> tuple[str, str, str]:
    """-> (quantity, unit, price) of a bill line"""
    units = bill_units.of_line(line, tariff)
    decimals = QUANTITY_DECIMALS.get(line["kind"], 4)
    quantity = bill_units.quantity(line, tariff)
    text = bill_units.decimal(quantity, decimals)
    if line["kind"] not in QUANTITY_DECIMALS:
        text = bill_units.trimmed(quantity, decimals)
    return text, units.unit, bill_units.price(line, tariff)


def _tariff_line(tariff: dict[str, Any], zone: Zone | None) -> str:
    if not tariff["active"]:
        return "none: push one with wattledger tariff push"
    text = f"{tariff['active'][:16]} since {instant(tariff['since'], zone)}"
    if tariff["passive"]:
        text += f", {tariff['passive'][:16]} from {instant(tariff['at'], zone)}"
    return text


def _period_line(period: dict[str, Any], zone: Zone | None) -> str:
    if not period["end"]:
        return "none"
    start, end = (instant(period[key], zone) for key in ("start", "end"))
    return f"{period['number']}, {start} to {end}"
