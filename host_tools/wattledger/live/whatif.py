"""What the known history would have cost under another tariff; nothing on a meter changes."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from meter.errors import MeterError
from meter.price_schedule import Schedule
from wattledger import bundle, compare, show
from wattledger.analysis import choice
from wattledger.analysis.choice import Candidate
from wattledger.analysis.history import History
from wattledger.bills import bill_units
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_text

_GAPS = "{} h of that time are not in the history and count as no energy."


def examples() -> dict[str, Path]:
    """-> tariffs of the documentation by name"""
    return {path.stem: path for path in sorted(bundle.root().glob("docs/tariffs/*.toml"))}


def compared(
    history: History, old: Any, text: str, file: str, schedules: Sequence[Schedule] = ()
) -> dict[str, Any]:
    """-> the bills of a history under the tariff in force and under another one, as texts.

    old    meter.tariff.Tariff in force, None: not known
    text   TOML of the other one; file: the name that errors show
    schedules   prices by interval, as in simulate.bills_of
    ToolError: it is no tariff, or it cannot be compared with the one in force.
    """
    try:
        new = compile_text(text, file, wide=True).tariff()
        tariffs = [old, new] if old else [new]
        currency = compare.same_currency(tariffs)
        candidates = choice.of(history, [(one.name, one) for one in tariffs], schedules).candidates
    except MeterError as error:
        raise ToolError(f"{file}: {error}") from None
    except RecursionError:
        raise ToolError(f"{file}: nested too deeply: give a tariff file") from None
    decimals = max(tariff.decimals for tariff in tariffs)
    before, after = candidates[0].items if old else [], candidates[-1].items
    first, due = compare.total(before), compare.total(after)
    return {
        "span": _span(history),
        "currency": currency,
        "old": {"name": old.name, "total": _amount(first, decimals)} if old else None,
        "new": {"name": new.name, "total": _amount(due, decimals)},
        "change": _signed(due - first, decimals) if old else "",
        "percent": _signed((due - first) * 100 / abs(first), 1) if first else "",
        "lines": [_line(row, decimals) for row in compare.difference(before, after)],
        "notes": _notes(history, candidates),
    }


def _span(history: History) -> str:
    start, end = int(history.start[0]), int(history.end[-1])
    return " to ".join(show.instant(t, history.zone)[:16] for t in (start, end))


def _line(row: dict[str, Any], decimals: int) -> list[str]:
    """-> [item, old, new, change], amounts"""
    item = f"{row['item']}, tier {row['tier']}" if row["tier"] else row["item"]
    old = "" if row["old_quantity"] is None else _amount(row["old"], decimals)
    new = "" if row["new_quantity"] is None else _amount(row["new"], decimals)
    return [item, old, new, _signed(row["change"], decimals)]


def _notes(history: History, candidates: list[Candidate]) -> list[str]:
    found = [f"{one.unpriced}." for one in candidates if one.unpriced]
    whole_s = int(history.end[-1] - history.start[0])
    missing = Fraction(whole_s - int(history.duration_s.sum()), 3600)
    return found + ([_GAPS.format(bill_units.decimal(missing, 1))] if missing else [])


def _amount(value: Fraction, decimals: int) -> str:
    return bill_units.decimal(value, decimals)


def _signed(value: Fraction, decimals: int) -> str:
    text = bill_units.decimal(value, decimals)
    return text if value <= 0 else f"+{text}"
