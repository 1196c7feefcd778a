"""What changed in a history, told without weather: one finding for each change.

Each detector is the simple rule that won on faults planted in real loads (tests/bench/anomalies;
docs/vee.md has the figures); a finding is a reason to look, never a proof.
"""

from collections.abc import Sequence
from typing import NamedTuple

from meter import quality_codes
from meter.civil import EPOCH, Zone, date
from wattledger.analysis import change_runs, change_steps
from wattledger.analysis.change_runs import Run
from wattledger.analysis.change_steps import Step
from wattledger.analysis.history import History

SHARE_LOST, ALWAYS_ON, VACATION, STOPPED = "A1", "A2", "A3", "A4"
WORDS = {
    SHARE_LOST: "a share of all use vanished",
    ALWAYS_ON: "what is always on rose",
    VACATION: "nobody at home, or no shift",
    STOPPED: "the register stood still",
}
_NEAR_S = 14 * 86400  # an event explains a change that it is this near to
_CODES: dict[str, int] = dict(quality_codes.KINDS)
_DEAD = {_CODES["phase lost"], _CODES["neutral fault"]}
_TAMPER = {_CODES[words] for words in ("energy reversed", "cover open", "magnet near")}


class Event(NamedTuple):
    """What the meter itself noted: Unix s, and the code of meter.codes or quality_codes."""

    utc: int
    code: int


class Change(NamedTuple):
    """
    start, end   Unix s; a step lasts until the history ends
    size         of a step: share of before, negative for a fall; else hours / 24
    power_mw     how much more or less than before, on average
    confidence   0..1: how alike all parts of the use changed
    """

    rule: str
    start: int
    end: int
    size: float
    power_mw: int
    confidence: float
    sentence: str


def find(history: History, events: Sequence[Event] = ()) -> list[Change]:
    """-> by time. A history shorter than four weeks has no steps."""
    found = [_lost(history, step, events) for step in change_steps.shares_lost(history)]
    found += [_rose(history, step) for step in change_steps.base_rises(history)]
    found += [_away(history, run) for run in change_runs.vacations(history)]
    found += [_stood(history, run) for run in change_runs.stopped(history)]
    return sorted(found, key=lambda change: (change.start, change.rule))


def _lost(history: History, step: Step, events: Sequence[Event]) -> Change:
    near = {event.code for event in events if abs(event.utc - step.at) <= _NEAR_S}
    if near & _TAMPER:
        cause = "The meter noted tampering within two weeks of it: suspect a bypass."
    elif near & _DEAD:
        cause = "The meter noted a lost phase or neutral within two weeks of it."
    else:
        cause = (
            "Base load and peaks fell alike: a dead phase (a third), a load taken off,"
            " or a bypass. The meter noted nothing that explains it."
            if events
            else "Base load and peaks fell alike: a dead phase (a third), a load taken off,"
            " or a bypass."
        )
    sentence = (
        f"From {_day(step.at, history.zone)} on, {-step.size:.0%} of all use is missing"
        f" ({_watts(step.power_mw)} on average). {cause}"
    )
    return _step(history, SHARE_LOST, step, sentence)


def _rose(history: History, step: Step) -> Change:
    sentence = (
        f"From {_day(step.at, history.zone)} on, what is always on is {_watts(step.power_mw)}"
        f" more than before ({step.size:+.0%}): look for what was left on or is defective."
    )
    return _step(history, ALWAYS_ON, step, sentence)


def _step(history: History, rule: str, step: Step, sentence: str) -> Change:
    end = int(history.end[-1])
    return Change(rule, step.at, end, step.size, step.power_mw, step.alike, sentence)


def _away(history: History, run: Run) -> Change:
    sentence = (
        f"From {_day(run.start, history.zone)}, {_days(run)} with half the usual peaks or less"
        f" ({_watts(run.power_mw)} lower than on such weekdays): nobody there?"
    )
    return Change(
        *(VACATION, run.start, run.end, _length(run), -run.power_mw, run.confidence, sentence)
    )


def _stood(history: History, run: Run) -> Change:
    seen = "reactive energy flowed meanwhile" if run.confidence > 0.5 else "it may be an outage"
    when = f"From {_day(run.start, history.zone)}, for {_days(run)}"
    sentence = f"{when}, the register did not move: {seen}."
    return Change(
        *(STOPPED, run.start, run.end, _length(run), -run.power_mw, run.confidence, sentence)
    )


def _length(run: Run) -> float:
    return (run.end - run.start) / 86400


def _days(run: Run) -> str:
    hours = (run.end - run.start) // 3600
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"


def _watts(power_mw: int) -> str:
    watts = abs(power_mw) / 1000
    return f"{watts / 1000:.1f} kW" if watts >= 10_000 else f"{watts:.0f} W"


def _day(unix_s: int, zone: Zone) -> str:
    core = unix_s - EPOCH
    year, month, day, _ = date(int(core + zone.offset_at(core)) // 86400)
    return f"{year}-{month:02d}-{day:02d}"
