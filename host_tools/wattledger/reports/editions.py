"""Which sections a report has, for whom."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from wattledger.exchange import files
from wattledger.reports import (
    page,
    sections_advice,
    sections_bill,
    sections_cost,
    sections_trust,
    sections_use,
    study,
)
from wattledger.reports.study import Study
from wattledger.reports.subject import Subject


class Edition(StrEnum):
    HOUSEHOLD = "household"
    UTILITY = "utility"


_SECTIONS: dict[Edition, tuple[page.Write, ...]] = {
    Edition.HOUSEHOLD: (
        *(sections_bill.bill, sections_bill.to_come, sections_use.days, sections_cost.rates),
        *(sections_cost.hours, sections_use.demand, sections_advice.advice),
        *(sections_bill.tariffs, sections_advice.changes, sections_trust.events),
        sections_trust.quality,
    ),
    Edition.UTILITY: (
        *(sections_bill.bill, sections_trust.registers, sections_trust.proof),
        *(sections_trust.quality, sections_trust.runs, sections_trust.events),
        *(sections_advice.change_table, sections_use.days, sections_use.demand),
        *(sections_use.reactive, sections_cost.rates, sections_cost.hours),
        *(sections_cost.months, sections_bill.tariffs, sections_bill.to_come),
    ),
}


def write(
    subject: Subject, edition: Edition, out: Path, tick: Callable[[], None] = lambda: None
) -> None:
    """Work out, draw and write an HTML file, whole or not at all. tick: called now and then.

    ToolError: the history is too short, a package is missing, the file cannot be written
    """
    text = render(study.of(subject, tick), edition)
    files.whole(out, lambda new: _write(new, text))


def render(of: Study, edition: Edition) -> str:
    """-> HTML of the report"""
    return page.render(of, edition, _SECTIONS[edition])


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
