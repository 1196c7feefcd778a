"""Runs a case, and makes one that fails smaller: fewer weeks, then fewer operations."""

import time
from dataclasses import dataclass, replace

from tests.sim.decades_ops import WEEK_S, week_of
from tests.sim.decades_run import START, Run

_BUDGET_S = 120
_YEAR_WEEKS = 52
_NAMES_SHOWN = 60  # of operations in a command; with more the whole weeks are as good


@dataclass(frozen=True)
class Case:
    """until: Unix s of the world, or None; only: names of operations, None is all of them;
    without: kinds left out."""

    seed: int
    first: int
    weeks: int
    until: int | None = None
    only: frozenset | None = None
    without: frozenset = frozenset()

    def keeps(self, op):
        return op.kind not in self.without and (self.only is None or op.name in self.only)

    def until_failure(self, run):
        """-> the same, stopped just behind the failure."""
        end_s = run.world.ms // 1000 + 1
        weeks = (end_s - START) // WEEK_S + 1 - self.first
        return replace(self, until=end_s, weeks=weeks)

    def command(self):
        years = (self.weeks + 0.4) * 7 / 365.25
        parts = [f"--seed {self.seed} --years {years:.3f}"]
        if self.first:
            parts.append(f"--first {self.first}")
        if self.until:
            parts.append(f"--until {self.until}")
        if self.only is not None and len(self.only) <= _NAMES_SHOWN:
            parts.append("--only " + (",".join(sorted(self.only, key=_place)) or "none"))
        if self.without:
            parts.append("--without " + ",".join(sorted(self.without)))
        return "python -m tests.sim.decades " + " ".join(parts)


def attempt(case, show=False):
    """-> (Run, what failed or None)"""
    until_ms = case.until * 1000 if case.until else None
    run = Run(case.seed, case.first, case.keeps, until_ms)
    try:
        for week in range(case.weeks):
            run.go(1)
            if show and week % _YEAR_WEEKS == _YEAR_WEEKS - 1:
                print(f"  year {week // _YEAR_WEEKS + 1} holds", flush=True)
            if run.is_over:
                break
        run.finish()
    except Exception as error:
        return run, error
    return run, None


def shrink(case, failure):
    """-> the smallest Case found within two minutes that fails in the same manner."""
    ends = time.monotonic() + _BUDGET_S
    wanted = _kind(failure)

    def fails(smaller):
        return time.monotonic() < ends and _kind(attempt(smaller)[1]) == wanted

    last = case.first + case.weeks - 1
    for weeks in (1, 2, 4, 8, 16, 32, 64):
        smaller = replace(case, first=last + 1 - weeks, weeks=weeks)
        if weeks < case.weeks and fails(smaller):
            case = smaller
            break
    ops = [op for op in _ops(case) if case.keeps(op)]
    for kind in sorted({op.kind for op in ops}):
        fewer = [op for op in ops if op.kind != kind]
        if fails(_only(case, fewer)):
            ops = fewer
    size = (len(ops) + 1) // 2
    while size:
        for at in range(len(ops) - size, -size, -size):
            fewer = ops[: max(0, at)] + ops[at + size :]
            if fails(_only(case, fewer)):
                ops = fewer
        size = (size + 1) // 2 if size > 1 else 0
    return _only(case, ops)


def _only(case, ops):
    return replace(case, only=frozenset(op.name for op in ops))


def _ops(case):
    """-> every Op up to the end of the case."""
    return [
        op
        for week in range(case.first, case.first + case.weeks)
        for op in week_of(case.seed, week)
        if START + week * WEEK_S + op.at_ms // 1000 <= case.until
    ]


def _kind(failure):
    """What makes two failures the same: the type, and the text without its numbers."""
    if failure is None:
        return None
    text = "".join(c for c in str(failure) if not c.isdigit())
    return type(failure), text[:48]


def _place(name):
    week, index = name.split(".")
    return int(week), int(index)
