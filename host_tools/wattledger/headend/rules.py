"""Rules: the real-time load of a group against a threshold -> a price event, or a price step.

A rule is told the load of each interval, and says what is to be done. No I/O, no clock.
docs/headend.md, "Rules".
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from wattledger.errors import ToolError
from wattledger.prices import prices_import
from wattledger.prices.prices_import import PriceFile

STEP_S = 900  # events and steps begin and end on these borders
RAISE, EXTEND, END = "raise", "extend", "end"
_KINDS = {
    "name": str,
    "group": str,
    "above_kw": int,
    "below_kw": int,
    "over_intervals": int,
    "min_min": int,
    "max_min": int,
    "rest_min": int,
    "coverage_percent": int,
    "rate": str,
    "step": str,
    "currency": str,
    "prices": str,
}
_NEEDED = ("name", "group", "above_kw", "below_kw", "currency")


@dataclass(frozen=True)
class Rule:
    """above_kw    so much in `over_intervals` in a row raises it
    below_kw    as long as there is so much, it is extended, `max_min` at most
    min_min     it lasts at least so long; rest_min: then it is not raised for so long
    coverage_percent   of the group's meters must have told an interval, or it does not count
    rate        an import rate of the tariff that counts meanwhile; or
    step        per kWh, added to the prices of the schedule in the file `prices`
    """

    name: str
    group: str
    above_kw: int
    below_kw: int
    currency: str
    over_intervals: int = 1
    min_min: int = 60
    max_min: int = 240
    rest_min: int = 0
    coverage_percent: int = 80
    rate: str | None = None
    step: Decimal | None = None
    prices: Path | None = None


@dataclass(frozen=True)
class Decision:
    """what: RAISE, EXTEND or END; start, end: Unix s; mw: the load that decided it."""

    what: str
    start: int
    end: int
    mw: int


class State:
    """One rule as it goes along."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.active: tuple[int, int] | None = None  # Unix s, from and to
        self._over, self._rest_until = 0, 0

    def decide(self, utc: int, mw: int, counted: int, of: int, interval_s: int) -> Decision | None:
        """Told once for each interval, in order. utc: its END, Unix s; counted, of: meters."""
        rule, decision = self.rule, None
        seen = counted * 100 >= rule.coverage_percent * of > 0
        if self.active is not None and utc >= self.active[1]:
            start, end = self.active
            self.active, self._over = None, 0
            self._rest_until = end + rule.rest_min * 60
            decision = Decision(END, start, end, mw)
        if not seen:
            self._over = 0
            return decision
        if self.active is not None:
            return self._extended(utc, mw, interval_s) or decision
        self._over = self._over + 1 if mw > rule.above_kw * 1_000_000 else 0
        if self._over >= rule.over_intervals and utc >= self._rest_until and decision is None:
            start = utc + -utc % STEP_S + STEP_S  # the running step is over before they know it
            self.active, self._over = (start, start + _steps_s(rule.min_min)), 0
            return Decision(RAISE, *self.active, mw)
        return decision

    def _extended(self, utc: int, mw: int, interval_s: int) -> Decision | None:
        assert self.active is not None
        start, end = self.active
        later = min(end + interval_s + -interval_s % STEP_S, start + _steps_s(self.rule.max_min))
        is_due = utc + 2 * interval_s >= end
        if mw < self.rule.below_kw * 1_000_000 or later <= end or not is_due:
            return None
        self.active = start, later
        return Decision(EXTEND, start, later, mw)


def _steps_s(minutes: int) -> int:
    seconds = minutes * 60
    return seconds + -seconds % STEP_S


def schedule(rule: Rule, start: int, end: int) -> PriceFile:
    """-> what the group's meters get: the rule's schedule with the event, or with the step.

    ToolError: it is no schedule, or its prices do not hold all of that time.
    """
    base = prices_import.read_file(rule.prices).data if rule.prices else None
    if rule.rate is not None:
        event = (start, end, rule.rate)
        if base is None:
            return prices_import.only_events(rule.currency, [event])
        events = sorted([*map(tuple, base["events"]), event])
        return prices_import.made({**base, "events": [list(e) for e in events]}, [])
    assert base is not None
    assert rule.step is not None
    step_s, nano = base["step_s"], int(rule.step.scaleb(prices_import.DECIMALS))
    last = base["start"] + len(base["import"]) * step_s
    if start < base["start"] or end > last or not base["import"]:
        raise ToolError(f"{rule.prices}: no prices for all of {rule.name}: import newer ones")
    prices = [
        price + (nano if start <= base["start"] + n * step_s < end else 0)
        for n, price in enumerate(base["import"])
    ]
    return prices_import.made({**base, "import": prices}, [])


def load(path: Path) -> list[Rule]:
    """ToolError: names the rule, the entry, and what is expected there."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ToolError(f"{path}: {error}: correct it") from None
    entries = data.get("rules")
    if not isinstance(entries, list) or not entries or set(data) != {"rules"}:
        raise ToolError(f"{path}: expected [[rules]]")
    rules = [_rule(path, number, entry) for number, entry in enumerate(entries, 1)]
    for rule in rules:
        if [other.group for other in rules].count(rule.group) > 1:
            raise ToolError(f"{path}: two rules for {rule.group}: a meter has one price schedule")
    return rules


def _rule(path: Path, number: int, entry: dict[str, Any]) -> Rule:
    where = f"{path}: rule {number}"
    for name, value in entry.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise ToolError(f"{where}: {name}: expected one of {', '.join(_KINDS)}")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ToolError(f"{where}: {name} = {value!r}: expected {kind.__name__}")
    missing = [name for name in _NEEDED if name not in entry]
    if missing:
        raise ToolError(f"{where}: {missing[0]} is missing")
    found = dict(entry)
    if "prices" in found:
        found["prices"] = path.parent / found["prices"]
    if ("rate" in found) == ("step" in found):
        raise ToolError(f"{where}: expected rate or step, one of the two")
    if "step" in found:
        found["step"] = _decimal(where, found["step"])
        if "prices" not in found:
            raise ToolError(f"{where}: step: expected prices, the schedule that it is added to")
    rule = Rule(**found)
    if not 0 <= rule.below_kw <= rule.above_kw:
        raise ToolError(f"{where}: below_kw {rule.below_kw}: expected 0 to above_kw")
    if not 0 < rule.min_min <= rule.max_min or rule.over_intervals < 1 or rule.rest_min < 0:
        raise ToolError(f"{where}: expected over_intervals from 1, min_min up to max_min")
    if not 0 < rule.coverage_percent <= 100:
        raise ToolError(f"{where}: coverage_percent {rule.coverage_percent}: expected 1 to 100")
    return rule


def _decimal(where: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ToolError(f'{where}: step = "{text}": expected a price per kWh') from None
    if not value.is_finite() or value != round(value, prices_import.DECIMALS):
        raise ToolError(f'{where}: step = "{text}": at most {prices_import.DECIMALS} decimals')
    return value
