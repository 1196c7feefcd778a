"""The answer to a question, for people and for programs: one of it, shown in three ways."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from meter.civil import date
from wattledger import show
from wattledger.bills import bill_units


@dataclass(frozen=True)
class Table:
    """Columns whose name starts with ">" are numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Answer:
    """notes: sentences; data: what --json prints, with exact decimals as texts"""

    title: str
    notes: list[str]
    tables: list[Table]
    data: dict[str, Any] = field(default_factory=dict)

    def shown(self) -> RenderableType:
        parts: list[RenderableType] = [Text(self.title, style="bold")]
        parts += [Text(note) for note in self.notes]
        for table in self.tables:
            made = show.table(*table.columns)
            for row in table.rows:
                made.add_row(*(Text(cell) for cell in row))
            parts += [Text(""), Text(table.caption), made]
        return Group(*parts)


def money(units: int, decimals: int) -> str:
    """-> exact, without separators of thousands."""
    return bill_units.decimal(Fraction(units, 10**decimals), decimals)


def day(number: int) -> str:
    """number: as meter.civil.days -> YYYY-MM-DD"""
    year, month, in_month, _ = date(number)
    return f"{year}-{month:02d}-{in_month:02d}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def named(serials: Sequence[str], most: int = 5) -> str:
    """-> the first of them, and how many more."""
    more = f" and {len(serials) - most} more" if len(serials) > most else ""
    return ", ".join(serials[:most]) + more
