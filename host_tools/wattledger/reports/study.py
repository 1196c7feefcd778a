"""What a report says of its subject: everything that is worked out, before anything is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from wattledger.analysis import advice, findings
from wattledger.analysis.advice import Advice
from wattledger.analysis.changes import Event
from wattledger.analysis.findings import Findings
from wattledger.reports.subject import Subject
from wattledger.vee import layer
from wattledger.vee.layer import Layer


@dataclass(frozen=True)
class Study:
    """layer   of the history: what would be estimated of it; the report itself is of raw data"""

    subject: Subject
    found: Findings
    advice: list[Advice]
    layer: Layer

    @property
    def beyond(self) -> Fraction:
        """-> units of the currency that the bills hold and their history alone does not give:
        what earlier periods left, rows that are lost, switches inside a row."""
        return self.subject.total - self.found.costs.total


def of(subject: Subject, tick: Callable[[], None] = lambda: None) -> Study:
    """tick: called now and then. ToolError: the history is too short, or currencies differ"""
    history, tariffs, schedules = subject.history, subject.tariffs, subject.schedules
    noted = [Event(e.utc, e.group << 8 | e.code) for e in subject.events or ()]
    found = findings.of(history, subject.tariff, tariffs, schedules, tick, subject.known, noted)
    return Study(
        subject=subject,
        found=found,
        advice=advice.advise(history, tariffs, schedules),
        layer=layer.of(history),
    )
