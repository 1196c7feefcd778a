"""What the fault campaign has done, counted, and the table that it prints."""

from collections import Counter
from dataclasses import dataclass, field

from journal_rings import NAMES
from rich.table import Table


@dataclass
class Result:
    """counts   by (what was done, how, column); a column that begins with "most" is a maximum"""

    counts: Counter = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, what, how, column, number=1):
        key = what, how, column
        most = column.startswith("most")
        self.counts[key] = max(self.counts[key], number) if most else self.counts[key] + number

    def merge(self, other):
        for (what, how, column), number in other.counts.items():
            self.add(what, how, column, number)
        self.failed += other.failed

    def total(self, column, *whats):
        return sum(n for (what, _, c), n in self.counts.items() if c == column and what in whats)

    @property
    def cuts(self):
        return self.total("cuts", "cut", "chain", "same again", *NAMES)

    @property
    def chains(self):
        return self.total("trials", "chain", "same again")


def table(result):
    """-> what was done, a row each, and what came of it."""
    shown = Table("what", "how", "trials", "cut points", "besides", box=None, pad_edge=False)
    for column in shown.columns:
        column.no_wrap = True
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for (what, how, column), number in result.counts.items():
        rows.setdefault((what, how or "a start"), {})[column] = number
    for (what, how), row in sorted(rows.items()):
        trials, made = row.pop("trials", None), row.pop("cuts", None)
        numbers = [f"{n:,}" if n is not None else "" for n in (trials, made)]
        besides = ", ".join(f"{name} {number:,}" for name, number in row.items())
        shown.add_row(what, how, *numbers, besides)
    return shown
