"""A bill as a document: every line with what it rests on, for people's software to keep.

The document is a dict of JSON values that schema/bill-1.json describes (JSON Schema, draft
2020-12). Exact numbers are strings: fractions as "n/d", decimals with a point.
"""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from importlib import resources
from typing import Any

from meter import codes, obis
from wattledger import show
from wattledger.bills import bill_rests, bill_units, daily_use
from wattledger.bills.bill_account import Part, part_of
from wattledger.reading import MeterBill
from wattledger.verification.evidence import Evidence
from wattledger.verification.heads import CHAINED, Head

VERSION = 1
NOT_CHECKED = "not checked"
_QUANTITY_DECIMALS = 9
_REASONS = {codes.START: "start", codes.PERIOD: "period", codes.TARIFF: "tariff"}


@dataclass(frozen=True)
class Verdict:
    """What `verify` said: state "verified", "different" or "not checked"."""

    state: str = NOT_CHECKED
    checks: list[str] = field(default_factory=list)
    difference: str | None = None


def schema() -> dict[str, Any]:
    """-> the published JSON Schema of a document."""
    text = resources.files("wattledger").joinpath("schema/bill-1.json").read_text("utf-8")
    return dict(json.loads(text))


def make(bill: MeterBill, evidence: Evidence, verdict: Verdict | None = None) -> dict[str, Any]:
    """-> the document of one bill of the evidence.

    ToolError: the ledger or the tariff of that part is not in the evidence.
    """
    part = part_of(evidence, bill)
    verdict = verdict or Verdict()
    tariff, info = part.tariff, evidence.info
    return {
        "document": "wattledger-bill",
        "version": VERSION,
        "meter": {
            "serial": info["serial"],
            "board": info["board"],
            "firmware": info["versions"]["firmware"],
            "software": _software(part, info),
            "seal": bill.seal,
        },
        "period": _period(bill, part),
        "tariff": _tariff(part),
        "lines": _lines(bill, part),
        "total": _money(bill.total, tariff),
        "registers": _registers(part),
        "demands": _demands(part),
        "carry": _carry(part),
        "rests_on": bill_rests.of_part(part),
        "chain": {
            "keyed": bool(info["keyed"]),
            "heads": [{"ring": h.ring, "seq": h.seq, "tag": h.tag} for h in _heads(evidence)],
        },
        "verification": {
            "state": verdict.state,
            "checks": verdict.checks,
            "difference": verdict.difference,
        },
        "daily": daily_use.of_part(part),
    }


def _heads(evidence: Evidence) -> list[Head]:
    """-> of each chained ring the head that was seen last."""
    newest = {head.ring: head for head in evidence.seen}
    return [newest[ring] for ring in CHAINED if ring in newest]


def _software(part: Part, info: dict[str, Any]) -> str:
    """The digest of the legally relevant software that closed the part, or runs now."""
    noted = part.closing_record.software if part.closing_record else b""
    return noted.hex() if any(noted) else str(info["software"])


def _period(bill: MeterBill, part: Part) -> dict[str, Any]:
    zone = part.tariff.calendar.zone
    reason = part.closing_record.reason if part.closing_record else None
    return {
        "number": bill.period,
        "state": "open" if bill.open else "closed",
        "closed_by": _REASONS.get(reason) if reason is not None else None,
        "start": show.dated(bill.start, zone),
        "end": show.dated(bill.end, zone),
        "days": part.tariff.calendar.days(part.opening.utc, part.closing.utc),
    }


def _tariff(part: Part) -> dict[str, Any]:
    tariff, source = part.tariff, part.source
    zone, since = tariff.calendar.zone, source.get("valid_from", 0)
    return {
        "name": tariff.name,
        "source": source.get("source", ""),
        "digest": tariff.digest,
        "valid_from": show.dated(since, zone) if since else None,
        "currency": tariff.currency,
        "decimals": tariff.decimals,
        "rounding": tariff.rounding,
        "timezone": source.get("zone_name", ""),
    }


def _lines(bill: MeterBill, part: Part) -> list[dict[str, Any]]:
    rests = bill_rests.of_lines(bill.lines, part)
    return [
        _line(number, line, part.tariff, rest)
        for number, (line, rest) in enumerate(zip(bill.lines, rests, strict=True), 1)
    ]


def _line(number: int, line: dict[str, Any], tariff: Any, rest: Any) -> dict[str, Any]:
    units = bill_units.of_line(line, tariff)
    quantity, amount = bill_units.quantity(line, tariff), bill_units.amount(line)
    price: dict[str, str] | None = None
    if units.price_unit and not bill_units.is_by_interval(line, tariff):
        value = bill_units.price(line, tariff)
        price = {"value": value, "unit": units.price_unit}
    return {
        "number": number,
        "kind": line["kind"],
        "name": line["name"],
        "tier": line["tier"] + 1 if bill_units.is_tiered(line, tariff) else None,
        "quantity": {
            "value": bill_units.decimal(quantity, _QUANTITY_DECIMALS),
            "exact": str(quantity),
            "unit": units.unit,
        },
        "price": price,
        "amount": {
            "value": bill_units.decimal(amount, bill_units.AMOUNT_DECIMALS),
            "exact": str(amount),
        },
        "rounded": _money(line["rounded"], tariff),
        "rests_on": rest,
    }


def _money(units: int, tariff: Any) -> dict[str, Any]:
    """units of rounding -> {"units", "value"}"""
    value = bill_units.decimal(Fraction(units, 10**tariff.decimals), tariff.decimals)
    return {"units": units, "value": value}


def _registers(part: Part) -> list[dict[str, str]]:
    """Totals and the rates of this tariff at both ends of the part."""
    tariff, shown = part.tariff, []
    for channel, code in enumerate(obis.TOTALS):
        ends = (part.opening.registers[channel], part.closing.registers[channel])
        shown.append(_register(code, show.TOTAL_NAMES[code], *ends))
    for rate, name in enumerate(tariff.rates):
        register = tariff.register(rate)
        ends = (part.opening.rates[register], part.closing.rates[register])
        shown.append(_register(obis.of_rate(tariff, rate), name, *ends))
    return shown


def _register(code: str, name: str, opening: int, closing: int) -> dict[str, str]:
    values = {"opening": opening, "closing": closing, "difference": closing - opening}
    texts = {key: bill_units.kilo(n) for key, n in values.items()}
    return {"obis": f"1-0:{code}", "name": name, "unit": show.unit_of(code), **texts}


def _demands(part: Part) -> list[dict[str, Any]]:
    """The maxima that demand charges rest on, in the order of their slots."""
    zone, shown = part.tariff.calendar.zone, []
    for charge, mw, ended in part.demands():
        value = bill_units.kilo(mw)
        shown.append({"charge": charge, "kw": value, "ended": show.dated(ended, zone)})
    return shown


def _carry(part: Part) -> dict[str, Any] | None:
    """Credits taken over from the part before, and left for the next one (None: still open)."""
    if part.tariff.carry == "none":
        return None
    closing = part.closing_record
    return {
        "opening": _credit(part.opening_record.money),
        "closing": _credit(closing.money) if closing else None,
    }


def _credit(money: Any) -> dict[str, Any]:
    units, _, *kwh = money
    value = Fraction(units, 10**bill_units.AMOUNT_DECIMALS)
    return {
        "money": bill_units.decimal(value, bill_units.AMOUNT_DECIMALS),
        "kwh": [bill_units.kilo(n) for n in kwh],
    }
