"""One rate sheet of OpenEI's URDB: the JSON of its API, versions 3 to 8, and of its bulk dump.

Reads numbers as decimals, knows a field by each of its names, and names the entry that is wrong.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from wattledger.errors import ToolError

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
DECIMALS = 9  # of a price
NOISE = Decimal("1e-13")  # what doubles leave beyond the digits that were meant, relative
LARGE = Decimal(10) ** 12
# SAM writes "no limit" as 1e38; beyond 2^48 mWh no register of a meter counts.
BEYOND = Decimal(281_474_976)

# Names of the bulk dump and of older versions -> the name of version 8.
ALIASES = {
    "ratename": "name",
    "utilityname": "utility",
    "effectivedate": "startdate",
    "supercedes": "supersedes",
    "sourcereference": "source",
    "energyratestrux": "energyratestructure",
    "energyweekdaysched": "energyweekdayschedule",
    "energyweekendsched": "energyweekendschedule",
    "demandratestrux": "demandratestructure",
    "demandweekdaysched": "demandweekdayschedule",
    "demandweekendsched": "demandweekendschedule",
    "demandrateunits": "demandrateunit",
    "flatdemandstrux": "flatdemandstructure",
    "flatdemandunits": "flatdemandunit",
    "demandreactpwrcharge": "demandreactivepowercharge",
    "coincidentratestrux": "coincidentratestructure",
    "coincidentrateunits": "coincidentrateunit",
    "coincidentsched": "coincidentschedule",
    "coincidentrateschedule": "coincidentschedule",
    "energykeyvals": "energyattrs",
    "demandkeyvals": "demandattrs",
    "fixedkeyvals": "fixedattrs",
}
_TIER_LISTS = ("energyratetiers", "demandratetiers", "flatdemandtiers", "coincidentratetiers")


@dataclass
class Sheet:
    """fields: by the name of version 8; notes: what the importer has to say, in order."""

    file: str
    fields: dict[str, Any]
    round_prices: bool = False
    notes: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def fail(self, entry: str, text: str) -> NoReturn:
        raise ToolError(f"{self.file}: {entry}: {text}")

    def note(self, entry: str, text: str) -> None:
        line = clean(f"{entry}: {text}")
        if line not in self.notes:
            self.notes.append(line)

    def get(self, name: str) -> Any:
        """The value, or None for an absent, null or empty one; it counts as read."""
        self.read.add(name)
        value = self.fields.get(name)
        return None if value in ("", [], {}) else value

    def text(self, name: str) -> str:
        value = self.get(name)
        return value if isinstance(value, str) else ""

    def number(self, entry: str, value: Any) -> Decimal:
        """-> the number at the entry; texts of digits are numbers too."""
        if isinstance(value, str):
            try:
                value = Decimal(value.strip())
            except InvalidOperation:
                self.fail(entry, f'"{value}": expected a number: correct it')
        if type(value) is int:
            value = Decimal(value)
        if not isinstance(value, Decimal) or not value.is_finite():
            self.fail(entry, f"{shown(value)}: expected a number: correct it")
        return value

    def optional(self, name: str) -> Decimal | None:
        value = self.get(name)
        return None if value is None else self.number(name, value)

    def price(self, entry: str, value: Decimal, decimals: int = DECIMALS) -> Decimal:
        """-> the same with at most `decimals` decimals; what floats left behind is rounded."""
        if abs(value) >= LARGE:
            self.fail(entry, f"{shown(value)}: more than a tariff can hold: correct it")
        near = value.quantize(Decimal(1).scaleb(-decimals))
        if near == value:
            return near
        if abs(value - near) <= NOISE * max(Decimal(1), abs(value)):
            self.note(entry, f"{value:f} is {plain(near)} with float noise: rounded")
        elif self.round_prices:
            self.note(entry, f"{value:f} is rounded to {plain(near)}")
        else:
            exponent = value.normalize().as_tuple().exponent
            digits = -exponent if isinstance(exponent, int) else 0
            self.fail(
                entry,
                f"{value:f} has {digits} decimals: at most {decimals} are exact:"
                " --round-prices rounds it",
            )
        return near

    def periods(self, name: str) -> list[list[dict[str, Any]]] | None:
        """A rate structure, [period][tier] -> its entries with lower-case keys."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            self.fail(name, f"{shown(value)}: expected a list of periods: correct it")
        return [self._tiers(f"{name}[{p}]", period) for p, period in enumerate(value)]

    def _tiers(self, entry: str, period: Any) -> list[dict[str, Any]]:
        if isinstance(period, dict):  # the dump: {"energyRateTiers": [...]}
            inner = {key.lower(): value for key, value in period.items()}
            period = next((inner[key] for key in _TIER_LISTS if key in inner), [period])
        if not isinstance(period, list) or not period:
            self.fail(entry, "no tier: expected a list of at least one: correct it")
        tiers = []
        for t, tier in enumerate(period):
            if not isinstance(tier, dict):
                self.fail(f"{entry}[{t}]", f"{shown(tier)}: expected rate, max, unit: correct it")
            tiers.append({key.lower(): value for key, value in tier.items()})
        return tiers

    def schedule(self, name: str) -> list[list[int]] | None:
        """12 months x 24 hours -> period numbers."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 12:
            self.fail(name, f"{size(value)}: expected 12 months of 24 hours: correct it")
        table = []
        for m, row in enumerate(value):
            if not isinstance(row, list) or len(row) != 24:
                self.fail(f"{name}[{m}]", f"{size(row)}: expected 24 hours: correct it")
            table.append(
                [self._period(f"{name}[{m}][{h}]", period) for h, period in enumerate(row)]
            )
        return table

    def by_month(self, name: str) -> list[int] | None:
        """12 period numbers."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 12:
            self.fail(name, f"{size(value)}: expected 12 months: correct it")
        return [self._period(f"{name}[{m}]", period) for m, period in enumerate(value)]

    def _period(self, entry: str, value: Any) -> int:
        if isinstance(value, Decimal) and value == value.to_integral_value():
            value = int(value)
        if type(value) is not int or value < 0:
            self.fail(entry, f"{shown(value)}: expected the number of a period: correct it")
        return value


def shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    text = json.dumps(value, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."


def clean(text: str) -> str:
    """One line without control characters: sheets hold whatever was pasted into them."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def size(value: Any) -> str:
    return f"{len(value)} entries" if isinstance(value, list) else shown(value)


def plain(value: Decimal) -> str:
    """-> digits without an exponent and without zeros at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def sheets(text: str, file: str) -> Iterator[Mapping[str, Any]]:
    """The sheets in a text: one object, a list of them, or an answer of the API with items."""
    try:
        data = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except ValueError as error:
        raise ToolError(f"{file}: not JSON: {error}: save the answer of the API again") from None
    if isinstance(data, dict) and isinstance(data.get("items"), list):
        data = data["items"]
    items = data if isinstance(data, list) else [data]
    if not items or not all(isinstance(item, dict) for item in items):
        raise ToolError(f"{file}: no rate sheet in it: expected one of URDB, or its items")
    yield from items


def choose(text: str, file: str, label: str | None) -> dict[str, Any]:
    """-> the fields of the one sheet in the text, or of that with this label, by version 8."""
    found = [_fields(sheet, file) for sheet in sheets(text, file)]
    if label is not None:
        found = [sheet for sheet in found if sheet.get("label") == label]
        if not found:
            raise ToolError(f"{file}: no rate sheet with the label {label}: give one that it has")
    if len(found) > 1:
        names = ", ".join(f"{s.get('label')} ({s.get('name')})" for s in found[:5])
        raise ToolError(f"{file}: {len(found)} rate sheets: {names}: choose one with --label")
    return found[0]


def _fields(sheet: Mapping[str, Any], file: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in sheet.items():
        if key == "_id":
            fields.setdefault("label", value.get("$oid") if isinstance(value, dict) else value)
        if key.startswith("_"):
            continue
        name = ALIASES.get(key.lower(), key.lower())
        if fields.get(name) not in (None, value):
            raise ToolError(f"{file}: {key}: given twice with different values: keep one")
        fields[name] = value
    return fields


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a number")
