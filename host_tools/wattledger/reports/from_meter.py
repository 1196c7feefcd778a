"""A report of what a meter holds: the bill is the meter's own, with all that proves it."""

import json
from typing import Any

from meter import codes
from meter.price_schedule import Schedule
from wattledger import profile
from wattledger.analysis import history as histories
from wattledger.bills import bill_document
from wattledger.bills.bill_document import Verdict
from wattledger.errors import ToolError
from wattledger.reports.subject import Subject
from wattledger.verification.evidence import Evidence


def subject(
    evidence: Evidence, period: int | None, others: list[tuple[str, Any]], verdict: Verdict
) -> Subject:
    """period   its number, None: the newest with rows in the profile
    others   tariffs to compare with; verdict: what `verify` said of the evidence
    ToolError: no such bill, no profile of it
    """
    rows = profile.intervals(evidence.records("profile"))
    by_age = sorted(evidence.bills, reverse=True)
    wanted = [n for n in by_age if n == period] if period is not None else by_age
    for number in wanted:
        bill = evidence.bills[number]
        if not any(bill.start <= row.start < row.end <= bill.end for row in rows):
            continue
        tariff = evidence.tariff(bill.digest)
        name = f"meter {evidence.info['serial']}"
        before = [row for row in rows if row.end <= bill.end]
        known = histories.of_intervals(before, tariff.calendar.zone, name)
        return Subject(
            name=name,
            source="its profile, registers and events",
            history=known.between(bill.start, bill.end),
            known=known,
            tariffs=[(tariff.name, tariff), *others],
            bills=[bill],
            schedules=[Schedule(json.loads(text)) for text in evidence.schedules.values()],
            events=[e for e in _events(evidence) if bill.start <= e.utc <= bill.end],
            document=bill_document.make(bill, evidence, verdict),
        )
    what = f"of period {period} " if period is not None else ""
    raise ToolError(f"report: the meter holds no bill {what}with a profile: meter a day first")


def _events(evidence: Evidence) -> list[Any]:
    return [event for group in codes.GROUPS for event in evidence.records(group)]
