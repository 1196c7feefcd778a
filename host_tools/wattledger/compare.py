"""One load under several tariffs: what each of them costs, and what a change costs by line."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rich.table import Table

from wattledger import show
from wattledger.bills import bill_units
from wattledger.errors import ToolError
from wattledger.reading import MeterBill

_KINDS = ("energy", "export", "demand", "reactive", "fixed", "minimum", "carry", "tax")
_QUANTITY_DECIMALS = 3


@dataclass(frozen=True)
class Item:
    """What one line comes to over all bills of a load.

    item, tier   as on the bill; tier 0: none
    quantity     in unit, exact; amount: units of the currency, of the rounded lines
    """

    kind: str
    item: str
    tier: int
    unit: str
    quantity: Fraction
    amount: Fraction

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.kind, self.item, self.tier, self.unit

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "item": self.item,
            "tier": self.tier,
            "quantity": str(self.quantity),
            "unit": self.unit,
            "amount": bill_units.trimmed(self.amount, 9),
        }


def items(bills: Sequence[MeterBill], tariffs: dict[str, Any]) -> list[Item]:
    """-> the lines of all bills added up, in the order of a bill. tariffs: by digest."""
    found: dict[tuple[str, str, int, str], Item] = {}
    for bill in bills:
        tariff = tariffs[bill.digest]
        for line in bill.lines:
            tier = line["tier"] + 1 if bill_units.is_tiered(line, tariff) else 0
            item = Item(
                line["kind"],
                bill_units.item(line),
                tier,
                bill_units.of_line(line, tariff).unit,
                bill_units.quantity(line, tariff),
                Fraction(line["rounded"], 10**tariff.decimals),
            )
            before = found.get(item.key)
            if before:
                quantity, amount = before.quantity + item.quantity, before.amount + item.amount
                item = Item(*item.key, quantity, amount)
            found[item.key] = item
    names = [item.item for item in found.values()]
    return sorted(
        found.values(), key=lambda i: (_KINDS.index(i.kind), names.index(i.item), i.tier)
    )


def total(found: Sequence[Item]) -> Fraction:
    return sum((item.amount for item in found), Fraction())


def same_currency(tariffs: Sequence[Any]) -> str:
    """-> its code. ToolError: amounts that cannot be compared."""
    codes = sorted({tariff.currency for tariff in tariffs})
    if len(codes) > 1:
        raise ToolError(f"tariffs in {' and '.join(codes)}: expected one currency: convert one")
    return str(codes[0])


def difference(old: Sequence[Item], new: Sequence[Item]) -> list[dict[str, Any]]:
    """-> for each line of either: kind, item, tier, unit, and old, new, change of its amount."""
    before, after = ({item.key: item for item in found} for found in (old, new))
    keys = [item.key for item in new]
    keys += [item.key for item in old if item.key not in after]
    keys.sort(key=lambda key: _KINDS.index(key[0]))
    found = []
    for key in keys:
        a, b = before.get(key), after.get(key)
        costs = [item.amount if item else Fraction() for item in (a, b)]
        found.append(
            {
                **dict(zip(("kind", "item", "tier", "unit"), key, strict=True)),
                "old_quantity": a.quantity if a else None,
                "new_quantity": b.quantity if b else None,
                "old": costs[0],
                "new": costs[1],
                "change": costs[1] - costs[0],
            }
        )
    return found


def overview(rows: Sequence[tuple[str, list[Item]]], currency: str, decimals: int) -> Table:
    """A table of one row for each tariff: what each kind of line comes to, total, difference
    from the first. rows: (name, items)."""
    kinds = [kind for kind in _KINDS if any(i.kind == kind for _, found in rows for i in found)]
    lines = show.table("tariff", *(f">{kind}" for kind in kinds), f">{currency}", ">change", ">%")
    first = total(rows[0][1])
    for name, found in rows:
        sums = [sum((i.amount for i in found if i.kind == kind), Fraction()) for kind in kinds]
        due = total(found)
        lines.add_row(
            name,
            *(bill_units.decimal(amount, decimals) for amount in sums),
            bill_units.decimal(due, decimals),
            *(_change(first, due, decimals) if name != rows[0][0] else ("", "")),
        )
    return lines


def changes(found: Sequence[dict[str, Any]], currency: str, decimals: int) -> Table:
    """A table of what `difference` found, and the total."""
    lines = show.table("", ">tier", ">old", ">new", "", ">old", ">new", f">change in {currency}")
    for row in found:
        quantities = (row["old_quantity"], row["new_quantity"])
        lines.add_row(
            row["item"],
            str(row["tier"] or ""),
            *("" if q is None else bill_units.decimal(q, _QUANTITY_DECIMALS) for q in quantities),
            row["unit"],
            *(bill_units.decimal(row[key], decimals) for key in ("old", "new", "change")),
        )
    lines.add_section()
    sums = [sum((row[key] for row in found), Fraction()) for key in ("old", "new", "change")]
    shown = [bill_units.decimal(amount, decimals) for amount in sums]
    lines.add_row("total", "", "", "", "", *shown, style="bold")
    return lines


def _change(first: Fraction, due: Fraction, decimals: int) -> tuple[str, str]:
    change = bill_units.decimal(due - first, decimals)
    return change, bill_units.decimal((due - first) * 100 / abs(first), 1) if first else ""
