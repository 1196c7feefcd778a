"""What would cost less, in plain sentences: each with its number, its assumption, its saving.

A saving is the difference of two runs of the bill: the history as it is, and as it would have
been. That second history comes with the advice, so that anybody can bill it again. Each advice
stands for itself: two of them together save less than their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from meter.price_schedule import Schedule
from wattledger.analysis import advice_ideas, advice_words, choice
from wattledger.analysis.advice_case import Case, Idea
from wattledger.analysis.choice import Candidate
from wattledger.analysis.history import History
from wattledger.exchange import files


@dataclass(frozen=True)
class Advice:
    """
    kind        "shift", "base", "peak", "limiter", "reactive", "away" or "tariff"
    sentence    what to do and what a year of it saves
    assumption  what the number rests on
    saving      over the history, units of the currency, exact; yearly: for a year
    tariff      name of the tariff that `history` is billed with
    history     as it would have been
    """

    kind: str
    sentence: str
    assumption: str
    saving: Fraction
    yearly: Fraction
    tariff: str
    history: History

    def csv(self, path: Path) -> None:
        """Write the history for `wattledger tariff simulate`. ToolError: it cannot be written."""
        files.write(self.history, path)


def advise(
    history: History, tariffs: Sequence[tuple[str, Any]], schedules: Sequence[Schedule] = ()
) -> list[Advice]:
    """-> the advice that saves something, the most first.

    tariffs   (name, meter.tariff.Tariff), the one in force first, then others to choose from
    schedules   prices by interval, as in simulate.bills_of
    ToolError: more than one currency.
    """
    case = Case(history, choice.of(history, tariffs, schedules), schedules)
    found = [_of_idea(case, idea) for make in advice_ideas.ALL for idea in make(case)]
    found += _other_tariff(case)
    useful = [advice for advice in found if advice.saving > 0]
    return sorted(useful, key=lambda advice: advice.yearly, reverse=True)


def _of_idea(case: Case, idea: Idea) -> Advice:
    current = case.choice.candidates[0]
    saving = case.saving(idea.changed)
    return _told(case, idea.kind, idea.does, idea.assumption, saving, current, idea.changed)


def _other_tariff(case: Case) -> list[Advice]:
    best, current = case.choice.best, case.choice.candidates[0]
    does = f"Changing from {current.name} to {best.name}"
    assumption = "the same use at the same times"
    saving = current.total - best.total
    return [_told(case, "tariff", does, assumption, saving, best, case.history)]


def _told(
    case: Case,
    kind: str,
    does: str,
    assumption: str,
    saving: Fraction,
    billed: Candidate,
    changed: History,
) -> Advice:
    yearly = case.choice.yearly(saving)
    money = advice_words.money(yearly, case.choice.currency, case.tariff.decimals)
    if not case.choice.is_year:
        assumption += f"; a year is reckoned from {case.choice.days} days, blind to other seasons"
    for one in case.choice.candidates:
        if one in (case.choice.candidates[0], billed) and one.unpriced:
            assumption += f"; {one.unpriced}"
    sentence = f"{does} saves {money} a year."
    return Advice(kind, sentence, assumption, saving, yearly, billed.name, changed)
