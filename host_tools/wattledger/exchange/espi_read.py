"""Green Button in: interval data of one usage point, whoever exported it -> History.

What is asked of a file is only what the numbers need: which reading type a block has, its unit
and power of ten, and each reading's period. Whether it also keeps the schema, see espi_schema.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from meter import limits
from meter.civil import Zone
from wattledger.analysis.history import ESTIMATED, History, of_intervals
from wattledger.errors import ToolError
from wattledger.exchange import espi_codes as codes
from wattledger.exchange.espi_codes import ATOM, ESPI
from wattledger.exchange.tables import TIME_MAX
from wattledger.profile import Interval

_COLUMN = {
    (codes.WH, codes.NONE): 0,
    (codes.WH, codes.FORWARD): 0,
    (codes.WH, codes.NET): 0,
    (codes.WH, codes.REVERSE): 1,
    (codes.VARH, codes.Q1_AND_Q2): 2,
    (codes.VARH, codes.Q3_AND_Q4): 3,
}
_MILLI = 3


@dataclass(frozen=True)
class _Entry:
    """content: the ESPI resource in it; itself, above, related: its links."""

    content: Element
    itself: str
    above: str
    related: frozenset[str]


@dataclass(frozen=True)
class _Type:
    column: int
    power: int  # of ten, of mWh
    interval_s: int
    quality: int


def history(root: Element, path: Path, zone: Zone) -> History:
    """ToolError: no feed, no interval data, or what cannot be told exactly."""
    if root.tag != f"{ATOM}feed":
        raise ToolError(f"{path.name}: {_local(root)}: expected an Atom feed of Green Button")
    entries = list(_entries(root))
    points = _of(entries, "UsagePoint")
    if len(points) > 1:
        raise ToolError(f"{path.name}: {len(points)} usage points: give a file of one of them")
    kind = points[0].content.find(f"{ESPI}ServiceCategory/{ESPI}kind") if points else None
    if kind is not None and _int(kind, path) != codes.ELECTRICITY:
        raise ToolError(f"{path.name}: service kind {kind.text}: only electricity (0) is read")
    found: dict[tuple[int, int], _Sum] = {}
    for block in _of(entries, "IntervalBlock"):
        kind_of = _type(_type_of(block, entries, path), path)
        if kind_of is not None:
            for start, end, value, quality in _readings(block.content, kind_of, path):
                one = found.setdefault((start, end), _Sum())
                one.add(kind_of, value, quality in codes.ESTIMATES, f"{path.name}: {start}")
    if not found:
        raise ToolError(f"{path.name}: no energy by interval in it: ask for interval data")
    rows = [one.interval(n, *times) for n, (times, one) in enumerate(sorted(found.items()), 1)]
    return of_intervals(rows, zone, path.stem)


class _Sum:
    """One interval: by column what was read, in mWh or mvarh."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._estimated = False

    def add(self, kind: _Type, value: int, is_estimate: bool, where: str) -> None:
        """ToolError: the interval is there already, with another value."""
        if kind.power < 0 and value % 10**-kind.power:
            raise ToolError(f"{where}: {value} x 10^{kind.power} mWh: finer than a mWh: round it")
        exact = value * 10**kind.power if kind.power >= 0 else value // 10**-kind.power
        if abs(exact) > limits.REGISTER_MAX:
            raise ToolError(f"{where}: {value}: more than a register holds: check the unit")
        if self._seen.setdefault(kind.column, exact) != exact:
            raise ToolError(f"{where}: two values, {self._seen[kind.column]} and {exact} mWh")
        self._estimated |= is_estimate

    def interval(self, seq: int, start: int, end: int) -> Interval:
        """A negative import flowed out, a negative export in."""
        bought, sold, plus, minus = (self._seen.get(column, 0) for column in range(4))
        energies = (
            max(bought, 0) + max(-sold, 0), max(sold, 0) + max(-bought, 0),
            max(plus, 0) + max(-minus, 0), max(minus, 0) + max(-plus, 0),
        )  # fmt: skip
        return Interval(
            seq, start, end, *energies, 0, 0, 0, 0, ESTIMATED if self._estimated else 0
        )


def _entries(root: Element) -> Iterator[_Entry]:
    for entry in root.iterfind(f"{ATOM}entry"):
        content = entry.find(f"{ATOM}content")
        if content is None or not len(content):
            continue
        links: dict[str, list[str]] = {"self": [], "up": [], "related": []}
        for link in entry.iterfind(f"{ATOM}link"):
            links.setdefault(link.get("rel", ""), []).append(link.get("href", "").rstrip("/"))
        itself, above = ("".join(links[rel][:1]) for rel in ("self", "up"))
        for resource in content:
            yield _Entry(resource, itself, above, frozenset(links["related"]))


def _of(entries: list[_Entry], name: str) -> list[_Entry]:
    return [entry for entry in entries if entry.content.tag == ESPI + name]


def _type_of(block: _Entry, entries: list[_Entry], path: Path) -> Element:
    """By the links of its meter reading; a file with one reading type needs none."""
    types = _of(entries, "ReadingType")
    if len(types) == 1:
        return types[0].content
    for reading in _of(entries, "MeterReading"):
        if reading.itself == block.above or {block.above, block.itself} & reading.related:
            for one in types:
                if one.itself in reading.related:
                    return one.content
    raise ToolError(
        f"{path.name}: {block.itself or 'an interval block'}: no link to one of"
        f" {len(types)} reading types: export it again"
    )


def _type(content: Element, path: Path) -> _Type | None:
    """None: it is no energy of intervals."""

    def code(name: str, default: int = 0) -> int:
        found = content.find(ESPI + name)
        return default if found is None else _int(found, path)

    column = _COLUMN.get((code("uom"), code("flowDirection")))
    accumulates = code("accumulationBehaviour") in (codes.NO_ACCUMULATION, codes.DELTA)
    if column is None or not accumulates or code("commodity", 1) not in codes.COMMODITY:
        return None
    power = code("powerOfTenMultiplier") + _MILLI
    if abs(power) > 12:
        raise ToolError(f"{path.name}: power of ten {power - _MILLI}: expected -12 to 9")
    return _Type(column, power, code("intervalLength"), code("defaultQuality"))


def _readings(block: Element, kind: _Type, path: Path) -> Iterator[tuple[int, int, int, int]]:
    """Yields (start, end, value, quality); one without a period follows the one before."""
    first = block.find(f"{ESPI}interval/{ESPI}start")
    at = None if first is None else _int(first, path)
    for reading in block.iterfind(f"{ESPI}IntervalReading"):
        start = reading.find(f"{ESPI}timePeriod/{ESPI}start")
        length = reading.find(f"{ESPI}timePeriod/{ESPI}duration")
        value = reading.find(f"{ESPI}value")
        begin = at if start is None else _int(start, path)
        length_s = kind.interval_s if length is None else _int(length, path)
        if begin is None or length_s <= 0:
            raise ToolError(f"{path.name}: a reading without a time: export it again")
        at = begin + length_s
        if begin < 0 or at > TIME_MAX:
            raise ToolError(f"{path.name}: a reading at {begin}: expected a Unix time, seconds")
        if value is not None:
            quality = reading.find(f"{ESPI}ReadingQuality/{ESPI}quality")
            code = kind.quality if quality is None else _int(quality, path)
            yield begin, at, _int(value, path), code


def _int(element: Element, path: Path) -> int:
    text = (element.text or "").strip()
    if not text.removeprefix("-").isdecimal() or len(text) > 20:
        raise ToolError(f"{path.name}: {_local(element)} {text[:20]!r}: expected a whole number")
    return int(text)


def _local(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]
