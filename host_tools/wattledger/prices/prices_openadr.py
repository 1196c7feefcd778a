"""OpenADR 3 events with PRICE and EXPORT_PRICE payloads, JSON.

An event gives `intervalPeriod` {start, duration} to its intervals, one after the other; an
interval may have one of its own. `payloadDescriptors` tell units and currency.
"""

from decimal import Decimal
from typing import Any, NoReturn

from wattledger.prices.prices_series import Reader, Series, Slot, ordered

IMPORT, EXPORT = "PRICE", "EXPORT_PRICE"
_PER_KWH = {"KWH": Decimal(1), "MWH": Decimal(1000)}


def is_openadr(document: Any) -> bool:
    """One event, or a list of them as a VTN answers."""
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and "intervals" in first


def read(document: Any, file: str) -> Series:
    """document: the parsed JSON. ToolError: names the interval, what is there, and the cure."""
    reader = Reader(file)
    events = document if isinstance(document, list) else [document]
    slots: dict[str, list[Slot]] = {IMPORT: [], EXPORT: []}
    currencies: set[str] = set()
    notes: list[str] = []
    for n, event in enumerate(events):
        where = f"event {n}" if len(events) > 1 else ""
        _event(reader, event, where, slots, currencies, notes)
    if not slots[IMPORT]:
        reader.fail("", f"no {IMPORT} payload: expected prices of energy bought")
    if len(currencies) > 1:
        reader.fail("", f"currencies {', '.join(sorted(currencies))}: expected one")
    imports, exports = (ordered(reader, slots[kind], notes) for kind in (IMPORT, EXPORT))
    return Series(file, currencies.pop() if currencies else None, imports, exports, notes)


def _event(
    reader: Reader,
    event: Any,
    where: str,
    slots: dict[str, list[Slot]],
    currencies: set[str],
    notes: list[str],
) -> None:
    dot = f"{where}." if where else ""
    if not isinstance(event, dict):
        reader.fail(where, "expected an event")
    scales = _scales(reader, event, dot, currencies)
    default = event.get("intervalPeriod") or {}
    _not_random(reader, default, f"{dot}intervalPeriod")
    if event.get("duration") is not None:
        reader.fail(f"{dot}duration", "an event that repeats: give each interval its own time")
    at_s = None
    if default.get("start") is not None:
        at_s = reader.instant(default["start"], f"{dot}intervalPeriod.start")
    for spot, interval in reader.entries(event.get("intervals"), f"{dot}intervals"):
        own = reader.get(interval, "payloads", spot) and (interval.get("intervalPeriod") or {})
        _not_random(reader, own, f"{spot}.intervalPeriod")
        if own.get("start") is not None:
            at_s = reader.instant(own["start"], f"{spot}.intervalPeriod.start")
        if at_s is None:
            reader.fail(spot, "no start: expected one in intervalPeriod")
        length = own.get("duration", default.get("duration"))
        end_s = at_s + reader.duration(length, f"{spot}.intervalPeriod.duration")
        for where_price, payload in reader.entries(interval["payloads"], f"{spot}.payloads"):
            kind = reader.get(payload, "type", where_price)
            if kind not in slots:
                notes.append(f"{where_price}: {kind} is not a price: passed over")
                continue
            if kind not in scales:
                _undescribed(reader, dot, kind)
            values = reader.get(payload, "values", where_price)
            if not isinstance(values, list) or len(values) != 1:
                reader.fail(where_price, f"{values}: expected one value")
            price = reader.number(values[0], where_price) / scales[kind]
            slots[kind].append(Slot(at_s, end_s, price, spot))
        at_s = end_s


def _scales(
    reader: Reader, event: dict[str, Any], dot: str, currencies: set[str]
) -> dict[str, Decimal]:
    """-> {payload type: what its price is divided by to be per kWh}."""
    scales: dict[str, Decimal] = {}
    for n, descriptor in enumerate(event.get("payloadDescriptors") or []):
        where = f"{dot}payloadDescriptors[{n}]"
        kind = reader.get(descriptor, "payloadType", where)
        if kind not in (IMPORT, EXPORT):
            continue
        unit = reader.get(descriptor, "units", where)
        if unit not in _PER_KWH:
            reader.fail(where, f"unit {unit}: expected KWH")
        scales[kind] = _PER_KWH[unit]
        if descriptor.get("currency") is not None:
            currencies.add(str(descriptor["currency"]))
    return scales


def _undescribed(reader: Reader, dot: str, kind: str) -> NoReturn:
    reader.fail(
        f"{dot}payloadDescriptors",
        f"none for {kind}: add it with units and currency, the program has it",
    )


def _not_random(reader: Reader, period: dict[str, Any], where: str) -> None:
    if not isinstance(period, dict):
        reader.fail(where, "expected start and duration")
    random = period.get("randomizeStart")
    if random is not None and random not in ("PT0S", "PT0M", "PT0H", "P0D"):
        reader.fail(where, f"randomizeStart {random}: a price cannot start at random")
