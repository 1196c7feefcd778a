"""What each line of a bill rests on: records of the meter, rows of its profile, other lines."""

from typing import Any

from meter.civil import EPOCH
from wattledger import show
from wattledger.bills import bill_units
from wattledger.bills.bill_account import Part

Rest = dict[str, Any]


def of_part(part: Part) -> dict[str, Any]:
    """-> {"opening", "closing", "crossings", "profile"}"""
    return {
        "opening": _record("ledger", part.opening_record, part),
        "closing": _closing(part),
        "crossings": [_record("snapshots", crossing, part) for crossing in part.crossing_records],
        "profile": _rows(part),
    }


def of_lines(lines: list[dict[str, Any]], part: Part) -> list[list[Rest]]:
    """-> for each line, what it is computed from; lines as meter.billing gives them."""
    numbered = list(enumerate(lines, 1))
    return [_of_line(line, number, numbered, part) for number, line in numbered]


def _of_line(
    line: dict[str, Any], number: int, all_lines: list[tuple[int, dict[str, Any]]], part: Part
) -> list[Rest]:
    kind, before = line["kind"], [(n, other) for n, other in all_lines if n < number]
    if kind == "tax":
        kinds = next(kinds for name, _, kinds in part.tariff.taxes if name == line["name"])
        return _lines([n for n, other in before if other["kind"] in kinds])
    if kind == "minimum":
        covered = part.tariff.minimum[2]
        return _lines([n for n, other in before if other["kind"] in covered]) + _ends(part)
    if kind == "carry":
        others = [n for n, other in all_lines if other["kind"] != "carry"]
        return [*_lines(others), {"carry": "opening"}]
    if kind == "energy":
        return _of_energy(line, part)
    rests = _ends(part)
    if part.needs_profile and kind == "export":
        rests += _profile(part)
    return rests


def _of_energy(line: dict[str, Any], part: Part) -> list[Rest]:
    """A chronological tier runs from one crossing to the next, any other one over the part."""
    tariff = part.tariff
    index = tariff.tier_set(tariff.rates.index(line["name"]))
    begin, *_, end = _ends(part)
    if index >= 0 and tariff.tier_sets[index][0] == "chronological":
        crossed = [record for record in part.crossing_records if record.tier >> 3 == index]
        marks = [begin, *(_record("snapshots", record, part) for record in crossed), end]
        here = marks[line["tier"] : line["tier"] + 2]
        begin, end = (here[0], here[-1]) if len(here) == 2 else (begin, end)
    rests = [begin, end]
    if bill_units.is_by_interval(line, tariff) or part.nets_intervals:
        rests += _profile(part)
    return rests


def _ends(part: Part) -> list[Rest]:
    return [_record("ledger", part.opening_record, part), _closing(part)]


def _closing(part: Part) -> Rest:
    if part.closing_record:
        return _record("ledger", part.closing_record, part)
    at = show.dated(part.closing.utc + EPOCH, part.tariff.calendar.zone)
    return {"ring": "registers", "instant": at}


def _record(ring: str, record: Any, part: Part) -> Rest:
    at = show.dated(record.utc, part.tariff.calendar.zone)
    return {"ring": ring, "seq": record.seq, "instant": at}


def _profile(part: Part) -> list[Rest]:
    rows = _rows(part)
    return [rows] if rows else []


def _rows(part: Part) -> Rest | None:
    if not part.rows:
        return None
    return {"ring": "profile", "first": part.rows[0].seq, "last": part.rows[-1].seq}


def _lines(numbers: list[int]) -> list[Rest]:
    return [{"lines": numbers}] if numbers else []
