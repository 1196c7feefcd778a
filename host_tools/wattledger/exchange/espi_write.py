"""Green Button: a history as an Atom feed of ESPI, whole mWh, element order as in espi.xsd.

The identifiers follow from the data, so the same history gives the same bytes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape

import numpy as np

from meter.civil import DAY_S, EPOCH, date, days_in_month
from wattledger.analysis.history import History
from wattledger.analysis.slices import days_of
from wattledger.exchange.espi_codes import (
    DELTA,
    ELECTRICITY,
    ENERGY,
    FLOWS,
    MULTIPLIER_MILLI,
    NO_DST,
    REFERENCE_DAY,
    VALID,
    Flow,
)

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">\n'
)
_YEARS_COMPARED = 12  # a weekday falls on the fourth and last week of a month in most years
_FIRST, _LAST = 2, 7  # operators of a rule: the first of a weekday in a month ... the last
_POINT = "/espi/1_1/resource/UsagePoint/1"
_TYPE = "/espi/1_1/resource/ReadingType/"


def feed(history: History) -> str:
    """-> the document. Import always, the other energies where there are any."""
    updated = _iso(int(history.end[-1]))
    flows = [flow for flow in FLOWS if flow is FLOWS[0] or getattr(history, flow.column).any()]
    entries = [_usage_point(history, len(flows)), _local_time(history)]
    for number, flow in enumerate(flows, 1):
        entries += _flow(history, flow, number)
    made = "".join(_entry(history, updated, *entry) for entry in entries)
    title = f"<title>{_text(history.name)}</title>\n<updated>{updated}</updated>\n"
    return f"{_HEAD}<id>{_id(history, '')}</id>\n{title}{made}</feed>\n"


def _entry(history: History, updated: str, title: str, links: str, content: str) -> str:
    return (
        f"<entry>\n<id>{_id(history, links)}</id>\n{links}<title>{_text(title)}</title>\n"
        f'<content type="application/xml">{content}</content>\n'
        f"<published>{updated}</published>\n<updated>{updated}</updated>\n</entry>\n"
    )


def _usage_point(history: History, flows: int) -> tuple[str, str, str]:
    kind = _element("ServiceCategory", _element("kind", ELECTRICITY))
    links = _links(f"{_POINT}", "/espi/1_1/resource/UsagePoint")
    links += _related(f"{_POINT}/MeterReading", "/espi/1_1/resource/LocalTimeParameters/1")
    links += _related(*(f"{_POINT}/MeterReading/{n}" for n in range(1, flows + 1)))
    return history.name, links, _element("UsagePoint", kind)


def _local_time(history: History) -> tuple[str, str, str]:
    zone = history.zone
    start, end = (_dst_rule(history, is_start) for is_start in (True, False))
    fields = (
        _element("dstEndRule", end)
        + _element("dstOffset", zone.summer_s - zone.standard_s if start != NO_DST else 0)
        + _element("dstStartRule", start)
        + _element("tzOffset", zone.standard_s)
    )
    path = "/espi/1_1/resource/LocalTimeParameters"
    return "Local time", _links(f"{path}/1", path), _element("LocalTimeParameters", fields)


def _flow(history: History, flow: Flow, number: int) -> Iterator[tuple[str, str, str]]:
    reading = f"{_POINT}/MeterReading/{number}"
    links = _links(reading, f"{_POINT}/MeterReading")
    links += _related(f"{reading}/IntervalBlock", f"{_TYPE}{number}")
    yield flow.title, links, _element("MeterReading", "")
    kind = (
        ("accumulationBehaviour", DELTA), ("commodity", 1), ("defaultQuality", VALID),
        ("flowDirection", flow.direction), ("intervalLength", history.interval_s),
        ("kind", ENERGY), ("phase", 0), ("powerOfTenMultiplier", MULTIPLIER_MILLI),
        ("timeAttribute", 0), ("uom", flow.uom),
    )  # fmt: skip
    fields = "".join(_element(name, value) for name, value in kind)
    yield flow.title, _links(f"{_TYPE}{number}", _TYPE[:-1]), _element("ReadingType", fields)
    for block, day in enumerate(days_of(history), 1):
        blocks = f"{reading}/IntervalBlock"
        yield flow.title, _links(f"{blocks}/{block}", blocks), _block(history, flow, day)


def _block(history: History, flow: Flow, day: slice) -> str:
    starts, ends = history.start[day].tolist(), history.end[day].tolist()
    values, estimated = getattr(history, flow.column)[day].tolist(), history.estimated[day]
    quality = _element("ReadingQuality", _element("quality", REFERENCE_DAY))
    readings = "".join(
        _element(
            "IntervalReading",
            (quality if guessed else "")
            + _period("timePeriod", start, end)
            + _element("value", value),
        )
        for start, end, value, guessed in zip(starts, ends, values, estimated, strict=True)
    )
    return _element("IntervalBlock", _period("interval", starts[0], ends[-1]) + readings)


def _dst_rule(history: History, is_start: bool) -> str:
    """-> DstRuleType of the zone: month, operator, weekday and time of day, as 8 digits.

    The same rule for a dozen years; what it cannot say is "no correction". Readings are in UTC
    and need none.
    """
    zone = history.zone
    found: list[int] = []
    t = int(history.start[0]) - EPOCH
    while len(found) < _YEARS_COMPARED:
        change = zone.next_transition(t)
        if change is None:
            return NO_DST
        before, after = zone.offset_at(change - 1), zone.offset_at(change)
        if (after > before) == is_start:
            found.append(change + before)
        t = change
    months, weekdays, weeks, lasts, times = set(), set(), set(), set(), set()
    for local_s in found:
        year, month, day, weekday = date(local_s // DAY_S)
        months.add(month)
        weekdays.add(weekday + 1)
        weeks.add((day - 1) // 7)
        lasts.add(day + 7 > days_in_month(year, month))
        times.add(local_s % DAY_S)
    if max(map(len, (months, weekdays, times))) > 1 or (len(weeks) > 1 and lasts != {True}):
        return NO_DST
    operator = _LAST if lasts == {True} else _FIRST + weeks.pop()
    hours, seconds = divmod(times.pop(), 3600)
    rule = months.pop() << 28 | operator << 25 | weekdays.pop() << 17 | hours << 12 | seconds
    return f"{rule:08X}"


def _period(name: str, start: int, end: int) -> str:
    return _element(name, _element("duration", end - start) + _element("start", start))


def _element(name: str, content: str | int) -> str:
    return f"<espi:{name}>{content}</espi:{name}>"


def _links(itself: str, above: str) -> str:
    return f'<link rel="self" href="{itself}"/>\n<link rel="up" href="{above}"/>\n'


def _related(*paths: str) -> str:
    return "".join(f'<link rel="related" href="{path}"/>\n' for path in paths)


def _id(history: History, part: str) -> str:
    edges = f"{history.start[0]}/{history.end[-1]}/{np.sum(history.import_mwh)}"
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{history.name}/{edges}/{part}')}"


def _text(words: str) -> str:
    """Escaped, and without what XML cannot hold at all."""
    return escape("".join(c if c.isprintable() else "?" for c in words))


def _iso(unix_s: int) -> str:
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%dT%H:%M:%SZ}"
