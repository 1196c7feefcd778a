"""Unit rates as Octopus Energy publishes them: JSON, pence per kWh, the newest first.

{"results": [{"value_exc_vat", "value_inc_vat", "valid_from", "valid_to", "payment_method"}]};
valid_to is not included, and null while no end is known.
"""

from decimal import Decimal
from typing import Any

from wattledger.prices.prices_series import Reader, Series, Slot, ordered

CURRENCY = "GBP"
PENCE = Decimal(100)
VAT = ("inc", "exc")


def is_octopus(document: Any) -> bool:
    return isinstance(document, dict) and "results" in document


def read(document: Any, file: str, vat: str | None, payment_method: str | None) -> Series:
    """document: the parsed JSON. ToolError: names the entry, what is there, and the cure.

    vat              "inc" or "exc": with or without value added tax; never guessed
    payment_method   which one, where prices depend on it
    """
    reader = Reader(file)
    if vat not in VAT:
        reader.fail("", "prices with and without VAT: say --vat inc or --vat exc")
    entries = reader.entries(document["results"], "results")
    method = _method(reader, entries, payment_method)
    slots, notes = [], []
    for where, entry in entries:
        if _method_of(entry) not in (None, method):
            continue
        start = reader.instant(reader.get(entry, "valid_from", where), f"{where}.valid_from")
        end = entry.get("valid_to")
        price = reader.number(reader.get(entry, f"value_{vat}_vat", where), where) / PENCE
        end_s = None if end is None else reader.instant(end, f"{where}.valid_to")
        slots.append(Slot(start, end_s, price, where))
    if len(slots) < len(entries):
        notes.append(f"{file}: {len(entries) - len(slots)} entries of other payment methods")
    return Series(file, CURRENCY, ordered(reader, slots, notes), notes=notes)


def _method(reader: Reader, entries: list[tuple[str, Any]], asked: str | None) -> str | None:
    methods = sorted({_method_of(entry) for _, entry in entries} - {None})
    if asked is not None and asked not in methods and methods:
        reader.fail("", f"payment method {asked}: there are {', '.join(methods)}")
    if asked is None and len(methods) > 1:
        reader.fail("", f"payment methods {', '.join(methods)}: choose with --payment-method")
    return asked or (methods[0] if methods else None)


def _method_of(entry: Any) -> Any:
    return entry.get("payment_method") if isinstance(entry, dict) else None
