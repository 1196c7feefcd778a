"""The rules of ESPI's schema for what interval data uses: `breaches(root)` names each one broken.

Written from NAESB's espi.xsd, REQ.21 version 4.0 of December 2023, Apache-2.0 (docs/exchange.md):
the order of elements, which are required, which come often, and the range of their values.
Its enumerations are unions with UInt16, so any UInt16 keeps them. Atom: RFC 4287, 4.1.
"""

import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from wattledger.exchange.espi_codes import ATOM, ESPI

_ONE, _MAY, _MANY = "one", "may", "many"


def _whole(low: int, high: int) -> Callable[[str], bool]:
    def is_so(text: str) -> bool:
        return bool(re.fullmatch(r"[+-]?[0-9]{1,20}", text)) and low <= int(text) <= high

    return is_so


def _hex(octets: int) -> Callable[[str], bool]:
    def is_so(text: str) -> bool:
        return bool(re.fullmatch(r"([0-9A-Fa-f]{2})*", text)) and len(text) <= 2 * octets

    return is_so


_TYPES: dict[str, Callable[[str], bool]] = {
    "UInt8": _whole(0, 255),
    "UInt16": _whole(0, 65535),
    "UInt32": _whole(0, (1 << 32) - 1),
    "Int16": _whole(-(1 << 15), (1 << 15) - 1),
    "Int48": _whole(-(1 << 47), 1 << 47),
    "TimeType": _whole(-(1 << 63), (1 << 63) - 1),
    "HexBinary16": _hex(2),
    "HexBinary32": _hex(4),
    "any": lambda text: True,
}
_OBJECT = (("extension", "any", _MANY),)
_IDENTIFIED = (*_OBJECT, ("batchItemInfo", "any", _MAY))
# resource or part -> (element, its type or part, how often), in this order
_PARTS = {
    "UsagePoint": (
        *_IDENTIFIED,
        ("roleFlags", "HexBinary16", _MAY),
        ("ServiceCategory", "ServiceCategory", _MAY),
        ("status", "UInt8", _MAY),
        *((name, "any", _MAY) for name in (
            "serviceDeliveryPoint amiBillingReady checkBilling connectionState estimatedLoad"
            " grounded isSdp isVirtual minimalUsageExpected nominalServiceVoltage outageRegion"
            " phaseCode ratedCurrent ratedPower readCycle readRoute serviceDeliveryRemark"
            " servicePriority pnodeRefs aggregateNodeRefs"
        ).split()),
    ),
    "ServiceCategory": (*_OBJECT, ("kind", "UInt16", _ONE)),
    "LocalTimeParameters": (
        *_IDENTIFIED,
        ("dstEndRule", "HexBinary32", _ONE),
        ("dstOffset", "TimeType", _ONE),
        ("dstStartRule", "HexBinary32", _ONE),
        ("tzOffset", "TimeType", _ONE),
    ),
    "MeterReading": _IDENTIFIED,
    "ReadingType": (
        *_IDENTIFIED,
        ("accumulationBehaviour", "UInt16", _MAY),
        ("commodity", "UInt16", _MAY),
        ("consumptionTier", "Int16", _MAY),
        ("currency", "UInt16", _MAY),
        ("dataQualifier", "UInt16", _MAY),
        ("defaultQuality", "UInt16", _MAY),
        ("flowDirection", "UInt16", _MAY),
        ("intervalLength", "UInt32", _MAY),
        ("kind", "UInt16", _MAY),
        ("phase", "UInt16", _MAY),
        ("powerOfTenMultiplier", "Int16", _MAY),
        ("timeAttribute", "UInt16", _MAY),
        ("tou", "Int16", _MAY),
        ("uom", "UInt16", _MAY),
        ("cpp", "Int16", _MAY),
        ("interharmonic", "any", _MAY),
        ("measuringPeriod", "UInt16", _MAY),
        ("argument", "any", _MAY),
    ),
    "IntervalBlock": (
        *_IDENTIFIED,
        ("interval", "DateTimeInterval", _MAY),
        ("IntervalReading", "IntervalReading", _MANY),
    ),
    "IntervalReading": (
        *_OBJECT,
        ("cost", "Int48", _MAY),
        ("ReadingQuality", "ReadingQuality", _MANY),
        ("timePeriod", "DateTimeInterval", _MAY),
        ("value", "Int48", _MAY),
        ("consumptionTier", "Int16", _MAY),
        ("tou", "Int16", _MAY),
        ("cpp", "Int16", _MAY),
    ),
    "ReadingQuality": (*_OBJECT, ("quality", "UInt16", _ONE)),
    "DateTimeInterval": (*_OBJECT, ("duration", "UInt32", _ONE), ("start", "TimeType", _ONE)),
}  # fmt: skip
_RESOURCES = ("UsagePoint", "LocalTimeParameters", "MeterReading", "ReadingType", "IntervalBlock")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def breaches(root: Element) -> Iterator[str]:
    """Yields "entry 3: IntervalBlock/IntervalReading: ..."; other resources are passed over."""
    if root.tag != f"{ATOM}feed":
        yield f"{root.tag}: expected an Atom feed"
        return
    yield from _atom(root, "feed", ("id", "title", "updated"))
    for number, entry in enumerate(root.iterfind(f"{ATOM}entry"), 1):
        where = f"entry {number}"
        yield from _atom(entry, where, ("id", "title", "updated", "content"))
        for content in entry.iterfind(f"{ATOM}content"):
            for resource in content:
                name = resource.tag.removeprefix(ESPI)
                if name in _RESOURCES:
                    yield from _part(resource, name, f"{where}: {name}")


def _atom(element: Element, where: str, wanted: tuple[str, ...]) -> Iterator[str]:
    for name in wanted:
        found = element.findall(ATOM + name)
        if len(found) != 1:
            yield f"{where}: {len(found)} x {name}: expected one"
        elif name == "updated" and not _STAMP.fullmatch((found[0].text or "").strip()):
            yield f"{where}: updated {found[0].text!r}: expected a time with its offset"


def _part(element: Element, name: str, where: str) -> Iterator[str]:
    rules, at = _PARTS[name], 0
    names = [rule[0] for rule in rules]
    counts = dict.fromkeys(names, 0)
    for child in element:
        local = child.tag.removeprefix(ESPI)
        if local not in counts:
            yield f"{where}: {local}: no such element"
            continue
        place = names.index(local)
        if place < at:
            yield f"{where}: {local}: after {names[at]}: expected before it"
        at = max(at, place)
        counts[local] += 1
        kind = rules[place][1]
        if kind in _PARTS:
            yield from _part(child, kind, f"{where}/{local}")
        elif not _TYPES[kind]((child.text or "").strip()):
            yield f"{where}/{local}: {(child.text or '')[:20]!r}: expected {kind}"
    for local, _, often in rules:
        if often == _ONE and not counts[local]:
            yield f"{where}: no {local}"
        elif often != _MANY and counts[local] > 1:
            yield f"{where}: {counts[local]} x {local}: expected one"
