"""Rules at work: the load of each group, interval by interval, and what follows from it."""

from collections.abc import Callable

from wattledger.errors import ToolError
from wattledger.headend import rules
from wattledger.headend.audit import Audit
from wattledger.headend.commands import Commands
from wattledger.headend.intake import Intake
from wattledger.headend.key_source import KeySource
from wattledger.headend.rules import END, Decision, Rule, State
from wattledger.prices.prices_import import PriceFile

SLOTS_MAX = 8  # of those that are late; older ones say nothing about now


class Ruling:
    """now: Unix s; interval_s: of the profile. `look` is called every few seconds."""

    def __init__(
        self,
        given: list[Rule],
        intake: Intake,
        keys: KeySource,
        commands: Commands,
        audit: Audit,
        now: Callable[[], float],
        interval_s: int,
    ) -> None:
        self._intake, self._keys, self._commands = intake, keys, commands
        self._audit, self._now, self._interval_s = audit, now, interval_s
        self.states = [State(rule) for rule in given]
        self._done: dict[str, int] = {}  # by rule, the last interval that was looked at
        self._owed: dict[str, tuple[PriceFile, list[str]]] = {}  # meters that have not got it yet

    async def look(self) -> None:
        """Tell each rule the intervals that are complete, and do what it decides."""
        for state in self.states:
            rule = state.rule
            for utc in self._slots(rule):
                self._done[rule.name] = utc
                mw, counted, of = self.load(rule.group, utc)
                decision = state.decide(utc, mw, counted, of, self._interval_s)
                if decision:
                    await self._do(rule, decision, counted, of)
            await self._again(rule)

    def load(self, group: str, utc: int) -> tuple[int, int, int]:
        """-> (mW of all meters that told the interval that ends then, how many, of how many)"""
        serials = self._keys.group(group)
        told = [
            interval.mw
            for serial in serials
            if serial in self._intake.meters
            for interval in self._intake.meters[serial].intervals
            if interval.utc == utc
        ]
        return sum(told), len(told), len(serials)

    def _slots(self, rule: Rule) -> list[int]:
        """-> ends of the intervals to look at now: all meters told it, or its time is over."""
        step_s, now = self._interval_s, int(self._now())
        newest = max((m.utc for m in self._intake.meters.values()), default=0)
        last = min(newest, now + step_s)
        last -= last % step_s
        first = (
            max(self._done.get(rule.name, last - 2 * step_s), last - SLOTS_MAX * step_s) + step_s
        )
        found = []
        for utc in range(first, last + 1, step_s):
            _, counted, of = self.load(rule.group, utc)
            if counted < of and now < utc + step_s and utc == last:
                break
            found.append(utc)
        return found

    async def _do(self, rule: Rule, decision: Decision, counted: int, of: int) -> None:
        self._audit.note(
            "rule",
            rule=rule.name,
            group=rule.group,
            decision=decision.what,
            load_mw=decision.mw,
            above_kw=rule.above_kw,
            below_kw=rule.below_kw,
            meters=f"{counted} of {of}",
            start=decision.start,
            end=decision.end,
        )
        self._owed.pop(rule.name, None)
        if decision.what == END:
            return
        try:
            prices = rules.schedule(rule, decision.start, decision.end)
            outcomes = await self._commands.prices(rule.group, prices)
        except ToolError as error:
            self._audit.note("rule not carried out", rule=rule.name, text=str(error))
            return
        left = [serial for serial, outcome in outcomes.items() if outcome.problem]
        if left:
            self._owed[rule.name] = prices, left

    async def _again(self, rule: Rule) -> None:
        """Those that were away get it when they are back."""
        if rule.name not in self._owed:
            return
        prices, left = self._owed[rule.name]
        back = [s for s in left if s in self._intake.meters and self._intake.meters[s].online]
        if not back:
            return
        outcomes = await self._commands.prices(rule.group, prices, back)
        left = [s for s in left if s not in outcomes or outcomes[s].problem]
        if left:
            self._owed[rule.name] = prices, left
        else:
            del self._owed[rule.name]
