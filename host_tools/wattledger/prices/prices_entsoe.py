"""Day-ahead prices of the ENTSO-E transparency platform: Publication_MarketDocument, XML.

IEC 62325-451-3; a price is in currency per MWh, times are UTC. A period has `position` 1 to n of
one resolution; curve type A03 leaves out a position whose price is that of the one before.
"""

from collections.abc import Iterator
from decimal import Decimal
from xml.etree.ElementTree import Element

from wattledger import safe_xml
from wattledger.prices.prices_series import Reader, Series, Slot, ordered, utc

MWH = Decimal(1000)
DAY_AHEAD = "A01"  # contract_MarketAgreement.type
EVERY_POSITION, REPEATS = "A01", "A03"  # curveType
_SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
_RESOLUTIONS_S = {"PT15M": 900, "PT30M": 1800, "PT60M": 3600, "PT1H": 3600}


def is_entsoe(text: bytes) -> bool:
    return text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def read(text: bytes, file: str, sequence: int | None) -> Series:
    """ToolError: names the series, what is there, and the cure.

    sequence   which auction, where a zone publishes several for the same hours
    """
    reader = Reader(file)
    root = _root(reader, text)
    notes: list[str] = []
    found = list(_series(reader, root, notes))
    sequences = sorted({number for _, _, number in found if number is not None})
    if sequence is not None:
        if sequences and sequence not in sequences:
            reader.fail("", f"sequence {sequence}: there are {', '.join(map(str, sequences))}")
        found = [entry for entry in found if entry[2] in (None, sequence)]
    elif len(sequences) > 1:
        reader.fail(
            "", f"sequences {', '.join(map(str, sequences))}: choose the auction with --sequence"
        )
    currencies = {_text(reader, series, "currency_Unit.name", where) for where, series, _ in found}
    if len(currencies) > 1:
        reader.fail("", f"currencies {', '.join(sorted(currencies))}: expected one")
    slots = [slot for where, series, _ in found for slot in _slots(reader, series, where)]
    return Series(file, currencies.pop(), ordered(reader, slots, notes), notes=notes)


def _root(reader: Reader, text: bytes) -> Element:
    root = safe_xml.parse(text, reader.file)
    name = _local(root)
    if name == "Acknowledgement_MarketDocument":
        reasons = [e.text or "" for e in root.iter() if _local(e) == "text"]
        reader.fail("", f"no prices, but a refusal: {' '.join(reasons) or 'no reason given'}")
    if name != "Publication_MarketDocument":
        reader.fail("", f"{name}: expected a Publication_MarketDocument")
    return root


def _series(
    reader: Reader, root: Element, notes: list[str]
) -> Iterator[tuple[str, Element, int | None]]:
    """Yields (spot, TimeSeries, sequence) of the day-ahead contracts."""
    count = 0
    for n, series in enumerate(_children(root, "TimeSeries"), 1):
        where = f"TimeSeries {n}"
        contract = _child(series, "contract_MarketAgreement.type")
        if contract not in (None, DAY_AHEAD):
            notes.append(f"{where}: contract type {contract}, not day-ahead: passed over")
            continue
        unit = _text(reader, series, "price_Measure_Unit.name", where)
        if unit != "MWH":
            reader.fail(where, f"unit {unit}: expected MWH")
        position = _child(series, _SEQUENCE)
        number = None if position is None else int(reader.number(position, where))
        count += 1
        yield where, series, number
    if not count:
        reader.fail("", "no day-ahead prices in it: ask for document type A44")


def _slots(reader: Reader, series: Element, where: str) -> Iterator[Slot]:
    curve = _child(series, "curveType") or EVERY_POSITION
    if curve not in (EVERY_POSITION, REPEATS):
        reader.fail(where, f"curve type {curve}: expected A01 or A03")
    for p, period in enumerate(_children(series, "Period"), 1):
        spot = f"{where}, Period {p}"
        start, end = (
            reader.instant(_text(reader, period, f"timeInterval/{name}", spot), spot)
            for name in ("start", "end")
        )
        resolution = _text(reader, period, "resolution", spot)
        step_s = _RESOLUTIONS_S.get(resolution)
        if step_s is None:
            reader.fail(spot, f"resolution {resolution}: expected PT15M, PT30M or PT60M")
        count = (end - start) // step_s
        if count < 1 or (end - start) % step_s:
            reader.fail(spot, f"{utc(start)} to {utc(end)}: not whole steps of {resolution}")
        prices = _points(reader, period, count, spot)
        for position in range(1, count + 1):
            if position not in prices:
                if curve != REPEATS or position == 1:
                    at = utc(start + (position - 1) * step_s)
                    reader.fail(spot, f"gap: no position {position}, {at}: get it again")
                prices[position] = prices[position - 1]
            at_s = start + (position - 1) * step_s
            yield Slot(at_s, at_s + step_s, prices[position], f"{spot}, position {position}")


def _points(reader: Reader, period: Element, count: int, spot: str) -> dict[int, Decimal]:
    prices: dict[int, Decimal] = {}
    for point in _children(period, "Point"):
        position = _text(reader, point, "position", spot)
        if not position.isdigit() or not 1 <= int(position) <= count:
            reader.fail(spot, f"position {position}: expected 1 to {count}")
        if int(position) in prices:
            reader.fail(spot, f"position {position} is there twice: get the document again")
        amount = _text(reader, point, "price.amount", f"{spot}, position {position}")
        prices[int(position)] = reader.number(amount, f"{spot}, position {position}") / MWH
    return prices


def _local(element: Element) -> str:
    """The name without its namespace, which carries the version of the document."""
    return element.tag.rpartition("}")[2]


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if _local(child) == name]


def _child(element: Element, path: str) -> str | None:
    """-> the text of the first element at the path, or None."""
    for name in path.split("/"):
        found = _children(element, name)
        if not found:
            return None
        element = found[0]
    return (element.text or "").strip()


def _text(reader: Reader, element: Element, path: str, where: str) -> str:
    text = _child(element, path)
    if not text:
        reader.fail(where, f"{path} is missing: get the whole document again")
    return text
