"""Price documents of others -> one price schedule: the canonical JSON that a meter takes.

A schedule has steps of one length on the UTC grid, the longest of 15, 30 and 60 minutes that
each price lies on, and integer nano-units of the currency per kWh. Nothing is rounded.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from meter import limits, prices_check
from meter.errors import MeterError
from wattledger.errors import ToolError
from wattledger.prices import prices_entsoe, prices_octopus, prices_openadr
from wattledger.prices.prices_series import Reader, Series, Slot, ordered, utc
from wattledger.tariffs.tariff_file import dump

DECIMALS = 9
FILE_BYTES_MAX = 4_000_000
_IDS = 65535  # price ids of a profile row; 0 is for a row without


@dataclass(frozen=True)
class Choices:
    """What a document leaves open; None is refused where it matters.

    vat              "inc" or "exc", of Octopus prices
    payment_method   of Octopus prices that depend on it
    sequence         number of the auction, of ENTSO-E prices
    currency         that the prices are in, where the document does not say
    """

    vat: str | None = None
    payment_method: str | None = None
    sequence: int | None = None
    currency: str | None = None


@dataclass(frozen=True)
class PriceFile:
    """text: the canonical JSON; digest: its SHA-256, 64 hex digits; data: what is in it."""

    text: bytes
    digest: str
    data: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def end(self) -> int:
        """Unix second at which the last price or event is over."""
        ends = [end for _, end, _ in self.data["events"]]
        if self.data["import"]:
            ends.append(self.data["start"] + len(self.data["import"]) * self.data["step_s"])
        return int(max(ends))


def read_document(path: Path, choices: Choices) -> Series:
    """A document in any of the known forms -> its prices. ToolError: none of them, or wrong."""
    text = read_bytes(path)
    file = path.name
    if prices_entsoe.is_entsoe(text):
        return prices_entsoe.read(text, file, choices.sequence)
    try:
        document = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise ToolError(f"{file}: neither XML nor JSON: {error}: get it again") from None
    if prices_octopus.is_octopus(document):
        return prices_octopus.read(document, file, choices.vat, choices.payment_method)
    if prices_openadr.is_openadr(document):
        return prices_openadr.read(document, file)
    raise ToolError(
        f"{file}: no known price document: expected Octopus unit rates, an ENTSO-E"
        " Publication_MarketDocument or OpenADR 3 events"
    )


def is_document(text: bytes) -> bool:
    """Whether this is a document with prices, in any of the known forms."""
    if prices_entsoe.is_entsoe(text):
        return True
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return prices_octopus.is_octopus(document) or prices_openadr.is_openadr(document)


def read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable file") from None
    if len(text) > FILE_BYTES_MAX:
        raise ToolError(f"{path}: over {FILE_BYTES_MAX} bytes: expected a few days of prices")
    return text


def schedule(
    imports: list[Series],
    exports: list[Series],
    choices: Choices,
    start: int | None = None,
    end: int | None = None,
    events: Iterable[tuple[int, int, str]] = (),
) -> PriceFile:
    """One schedule of documents that follow one another.

    exports     documents whose prices are for energy fed in; without any, what the import
                documents say of it, else the import prices hold for both
    start, end  Unix seconds: leave out what is before or after; end is that of an open slot, too
    events      (from, to, name of an import rate)
    """
    notes = [note for series in imports + exports for note in series.notes]
    bought = _joined(imports, [slot for series in imports for slot in series.imports], notes)
    if exports:
        sold = _joined(exports, [slot for series in exports for slot in series.imports], notes)
    else:
        sold = _joined(imports, [slot for series in imports for slot in series.exports], notes)
    currency = _currency(imports + exports, choices.currency)
    bought, sold = _cut(bought, start, end), _cut(sold, start, end)
    step_s = _step_s(bought + sold)
    first = bought[0].start
    prices = _steps(bought, step_s)
    if sold and (sold[0].start, sold[-1].end) != (first, bought[-1].end):
        raise ToolError(
            f"export prices: {utc(sold[0].start)} to {_end(sold)}, import prices {utc(first)} to"
            f" {_end(bought)}: expected the same: cut them with --from and --until"
        )
    return made(
        {
            "schema": prices_check.SCHEMA,
            "kind": "prices",
            # So that the same step has the same id in schedules that overlap.
            "id": first // step_s % _IDS,
            "currency": currency,
            "start": first,
            "step_s": step_s,
            "import": prices,
            "export": _steps(sold, step_s),
            "events": [list(event) for event in sorted(events)],
        },
        notes,
    )


def only_events(currency: str, events: Iterable[tuple[int, int, str]]) -> PriceFile:
    """A schedule without prices: critical peaks of a tariff whose prices are its own."""
    found = sorted(events)
    if not found:
        raise ToolError("prices: neither a document nor an event: give one of them")
    data = {"schema": prices_check.SCHEMA, "kind": "prices", "id": 0, "currency": currency}
    data |= {"start": found[0][0] // 3600 * 3600, "step_s": 3600, "import": [], "export": []}
    return made(data | {"events": [list(event) for event in found]}, [])


def made(data: dict[str, Any], notes: list[str]) -> PriceFile:
    """-> the file of checked data. ToolError: a meter would not take it."""
    text = dump(data)
    try:
        prices_check.load(text)
    except MeterError as error:
        raise ToolError(str(error)) from None
    return PriceFile(text, prices_check.digest(text), data, notes)


def read_file(path: Path) -> PriceFile:
    """A schedule that `schedule` made. ToolError: not one, or its bytes are not canonical."""
    text = read_bytes(path).strip()
    try:
        prices_check.load(text)
    except MeterError as error:
        raise ToolError(f"{path.name}: {error}") from None
    data = json.loads(text)
    if dump(data) != text:
        raise ToolError(f"{path.name}: not as prices import writes it: import it again")
    return PriceFile(text, prices_check.digest(text), data)


def _joined(documents: list[Series], slots: list[Slot], notes: list[str]) -> list[Slot]:
    return ordered(Reader(", ".join(d.file for d in documents)), slots, notes)


def _currency(documents: list[Series], said: str | None) -> str:
    found = {series.currency or said or "" for series in documents}
    for series in documents:
        if series.currency is None and said is None:
            raise ToolError(f"{series.file}: no currency in it: say --currency")
        if said is not None and series.currency not in (None, said):
            raise ToolError(f"{series.file}: prices in {series.currency}, expected {said}")
    if len(found) != 1:
        raise ToolError(f"prices in {' and '.join(sorted(found))}: expected one currency")
    return found.pop()


def _cut(slots: list[Slot], start: int | None, end: int | None) -> list[Slot]:
    """The slots from start to end, one without an end up to there."""
    kept = []
    for slot in slots:
        from_s = slot.start if start is None else max(slot.start, start)
        if slot.end is None and end is None:
            raise ToolError(f"{slot.where}: no end is known: say --until")
        ends = [t for t in (slot.end, end) if t is not None]
        if from_s < min(ends):
            kept.append(Slot(from_s, min(ends), slot.price, slot.where))
    if slots and not kept:
        raise ToolError(f"prices: {utc(slots[0].start)} to {_end(slots)}: none in what was asked")
    if kept and end is not None and kept[-1].end != end:
        raise ToolError(f"prices: they end at {_end(kept)}, asked until {utc(end)}: get the rest")
    if kept and start is not None and kept[0].start != start:
        raise ToolError(f"prices: they begin at {utc(kept[0].start)}, asked from {utc(start)}")
    return kept


def _step_s(slots: list[Slot]) -> int:
    """-> the longest step that all of them lie on."""
    for step_s in sorted(prices_check.STEPS_S, reverse=True):
        if all(slot.start % step_s == 0 and _end_s(slot) % step_s == 0 for slot in slots):
            return int(step_s)
    odd = next(s for s in slots if s.start % 900 or _end_s(s) % 900)
    raise ToolError(
        f"{odd.where}: {utc(odd.start)} to {utc(_end_s(odd))}: expected steps of 15, 30 or 60"
        " minutes that begin with the hour"
    )


def _steps(slots: list[Slot], step_s: int) -> list[int]:
    prices = []
    for slot in slots:
        prices += [_nano(slot)] * ((_end_s(slot) - slot.start) // step_s)
    if len(prices) > limits.PRICE_STEPS:
        raise ToolError(
            f"prices: {len(prices)} steps of {step_s // 60} min: a meter keeps"
            f" {limits.PRICE_STEPS}: cut them with --from and --until"
        )
    return prices


def _nano(slot: Slot) -> int:
    nano = slot.price.scaleb(DECIMALS)
    if nano != nano.to_integral_value():
        raise ToolError(f"{slot.where}: {slot.price:f} per kWh: at most {DECIMALS} decimals")
    if abs(nano) > limits.PRICE_NANO_MAX:
        raise ToolError(f"{slot.where}: {slot.price:f} per kWh: too much: is the unit right?")
    return int(nano)


def _end_s(slot: Slot) -> int:
    assert slot.end is not None  # cut
    return slot.end


def _end(slots: list[Slot]) -> str:
    return "further notice" if slots[-1].end is None else utc(slots[-1].end)
