"""What a price document says, whoever published it: prices per kWh over spans of UTC time."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from wattledger.errors import ToolError

DIGITS_MAX = 20  # so that no division by 100 or 1,000 rounds
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_SCALES_S = (86400, 3600, 60, 1)


@dataclass(frozen=True)
class Slot:
    """One price. start, end: Unix seconds, the end not included, None: until further notice;
    price: units of the currency per kWh, exact; where: its spot in the document, for errors."""

    start: int
    end: int | None
    price: Decimal
    where: str


@dataclass
class Series:
    """A document's prices. exports: what is paid for energy fed in, [] if it does not say.

    currency   ISO 4217; None: the document does not say
    notes      what was passed over, for people
    """

    file: str
    currency: str | None
    imports: list[Slot]
    exports: list[Slot] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reader:
    """Reads the values of one document. Each getter refuses with `file: where: text`."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fail(self, where: str, text: str) -> NoReturn:
        raise ToolError(": ".join(part for part in (self.file, where, text) if part))

    def get(self, table: Any, key: str, where: str) -> Any:
        if not isinstance(table, dict) or table.get(key) is None:
            self.fail(where, f"{key} is missing: get the whole document again")
        return table[key]

    def entries(self, value: Any, where: str) -> list[tuple[str, Any]]:
        """-> (spot, entry) of a list that is not empty."""
        if not isinstance(value, list) or not value:
            self.fail(where, "expected a list with entries: get the whole document again")
        return [(f"{where}[{n}]", entry) for n, entry in enumerate(value)]

    def instant(self, text: Any, where: str) -> int:
        """An ISO time with its zone -> Unix seconds; whole seconds from 2020 on."""
        try:
            moment = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            self.fail(where, f"{text}: expected an ISO time such as 2026-10-01T22:00Z")
        if moment.tzinfo is None:
            self.fail(where, f"{text}: a time without a zone: expected Z or an offset")
        if moment.year < 2020 or moment.microsecond:
            self.fail(where, f"{text}: expected whole seconds from 2020 on")
        return int(moment.timestamp())

    def duration(self, text: Any, where: str) -> int:
        """An ISO duration of days, hours, minutes, seconds -> seconds, above 0."""
        match = _DURATION.fullmatch(text) if isinstance(text, str) else None
        parts = [int(part or 0) for part in match.groups()] if match else []
        seconds = sum(n * scale for n, scale in zip(parts, _SCALES_S, strict=False))
        if not seconds:
            self.fail(where, f"{text}: expected a duration such as PT15M or PT1H")
        return seconds

    def number(self, value: Any, where: str) -> Decimal:
        """An exact number, from a text or from JSON read with parse_float=Decimal."""
        try:
            number = Decimal(value) if not isinstance(value, bool | float) else None
        except (ArithmeticError, TypeError, ValueError):
            number = None
        if number is None or not number.is_finite():
            self.fail(where, f"{value}: expected a number")
        if len(number.as_tuple().digits) > DIGITS_MAX:
            self.fail(where, f"{value}: at most {DIGITS_MAX} digits")
        return number


def ordered(reader: Reader, slots: list[Slot], notes: list[str]) -> list[Slot]:
    """Sort them by time. ToolError: two of them hold at once, or none does in between.

    The same slot with the same price twice is one.
    """
    slots = sorted(slots, key=lambda slot: slot.start)
    kept: list[Slot] = []
    for slot in slots:
        if kept and (slot.start, slot.end) == (kept[-1].start, kept[-1].end):
            if slot.price != kept[-1].price:
                reader.fail(
                    slot.where,
                    f"{utc(slot.start)} has two prices, {kept[-1].price} and {slot.price}:"
                    " choose one series",
                )
            notes.append(f"{slot.where}: {utc(slot.start)} is there twice: one was dropped")
            continue
        if slot.end is not None and slot.end <= slot.start:
            reader.fail(slot.where, f"ends at {utc(slot.end)}, before it starts: correct it")
        if kept:
            _neighbours(reader.fail, kept[-1], slot)
        kept.append(slot)
    return kept


def _neighbours(fail: Callable[[str, str], NoReturn], before: Slot, slot: Slot) -> None:
    if before.end is None or before.end > slot.start:
        end = "without end" if before.end is None else f"to {utc(before.end)}"
        fail(
            slot.where,
            f"overlap: starts at {utc(slot.start)}, and {before.where} holds {end}:"
            " choose one series",
        )
    if before.end < slot.start:
        fail(
            slot.where,
            f"gap: no price from {utc(before.end)} to {utc(slot.start)}: get the whole document",
        )


def utc(unix_s: int) -> str:
    """ "2026-10-01T22:00Z" """
    moment = datetime.fromtimestamp(unix_s, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ" if moment.second else "%Y-%m-%dT%H:%MZ")
