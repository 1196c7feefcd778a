"""OpenEI URDB rate sheets (apps.openei.org/USURDB, CC0) -> tariff files for people.

A sheet says neither time zone nor currency, and its words on netting and tiers do not settle a
bill: the caller chooses. What cannot be billed is refused with its entry, or noted.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_text
from wattledger.urdb import urdb_demand, urdb_energy, urdb_fixed, urdb_plan, urdb_sheet, urdb_text
from wattledger.urdb.urdb_demand import Demand
from wattledger.urdb.urdb_energy import Energy
from wattledger.urdb.urdb_fixed import Fixed
from wattledger.urdb.urdb_sheet import Sheet, plain

TIER_MODES = ("chronological", "prorata", "per_rate")
NETTINGS = ("none", "interval", "month")
CARRIES = ("none", "money", "kwh")
SAM_ZONE = "UTC"
SAM_DAYS = 365
_WORDS = (
    *("uri", "source", "description"),
    *("basicinformationcomments", "energycomments", "demandcomments"),
)
_DOLLARS = {"USA": "USD", "CAN": "CAD"}


@dataclass(frozen=True)
class Choices:
    """What a sheet does not say. ToolError names the one that is missing.

    sam       the calendar of NREL's SAM: UTC, a day's charge is 365/12 of it each month
    label     of the sheet, if the file has several
    """

    tier_mode: str | None = None
    netting: str | None = None
    carry: str | None = None
    timezone: str | None = None
    currency: str | None = None
    billing_day: int = 1
    interval_min: int = 15
    window_min: int | None = None
    assume_zero: bool = False
    round_prices: bool = False
    sam: bool = False
    label: str | None = None


@dataclass(frozen=True)
class Imported:
    """text: the TOML; notes: what was assumed, left out, or is not billed."""

    text: str
    notes: list[str]
    fits_meter: bool


def import_text(text: str, file: str, choices: Choices) -> Imported:
    """text: JSON of one sheet, of several, or an answer of the API; file: named in errors."""
    sheet = Sheet(file, urdb_sheet.choose(text, file, choices.label), choices.round_prices)
    energy = urdb_energy.read(sheet, choices.assume_zero, choices.tier_mode == "per_rate")
    demand = urdb_demand.read(sheet, choices.assume_zero)
    _asked(sheet, choices, energy)
    per_kw = any(block.unit.startswith("kwh/kw") for block in energy.blocks.values())
    window_min = 0
    if not demand.is_empty or per_kw:
        window_min = urdb_demand.window_min(sheet, choices.window_min)
    if any(b.unit == "kwh/kw daily" and b.bounds for b in energy.blocks.values()):
        sheet.note("energyratestructure", "kWh/kW daily is reckoned for a February of 28 days")
    fixed = urdb_fixed.fixed(sheet)
    minimum = urdb_fixed.minimum(sheet)
    urdb_fixed.remarks(sheet)
    if choices.sam:
        fixed, minimum = _in_sam_days(sheet, fixed, minimum)
    parts = _Parts(sheet, choices, energy, demand, window_min, fixed, minimum)
    return parts.best()


@dataclass(frozen=True)
class _Parts:
    sheet: Sheet
    choices: Choices
    energy: Energy
    demand: Demand
    window_min: int
    fixed: Fixed | None
    minimum: Fixed | None

    def best(self) -> Imported:
        """As the sheet has it; if that is too large for a meter, with equal periods as one."""
        reason = ""
        for merge in (False, True):
            plan = urdb_plan.plan(self.energy, self.demand, self.choices.tier_mode, merge)
            why_not = self._too_large(self._toml(plan, []))
            if not why_not:
                notes = list(self.sheet.notes)
                if merge:
                    notes.append("rates: periods that cost the same are one, to fit a meter")
                return Imported(self._toml(plan, notes), notes, True)
            reason = reason or why_not
        plan = urdb_plan.plan(self.energy, self.demand, self.choices.tier_mode, merge=False)
        notes = [*self.sheet.notes, f"for simulation only, no meter takes it: {reason}"]
        text = self._toml(plan, notes)
        compile_text(text, f"{self.sheet.file} (imported)", wide=True)
        return Imported(text, notes, False)

    def _too_large(self, text: str) -> str:
        try:
            compile_text(text, self.sheet.file)
        except ToolError as error:
            return str(error).removeprefix(f"{self.sheet.file}: ")
        return ""

    def _toml(self, plan: urdb_plan.Plan, notes: list[str]) -> str:
        choices, sheet = self.choices, self.sheet
        netting = choices.netting or "", choices.carry or "none"
        lines = [
            *_head(sheet, notes),
            "schema = 1",
            f"name = {urdb_text.short(_title(sheet))}",
            f"source = {urdb_text.short(_source(sheet))}",
            f"currency = {urdb_text.quoted(choices.currency or '')}",
            f"timezone = {urdb_text.quoted(SAM_ZONE if choices.sam else choices.timezone or '')}",
            *(["decimals = 9         # SAM does not round"] if choices.sam else []),
            f"billing_day = {choices.billing_day}",
            f"interval_min = {choices.interval_min}",
            f'fallback = "{plan.fallback}"         # the one of most hours',
            *urdb_text.energy(plan, netting, sheet.text("dgrules")),
            *urdb_text.calendar(plan),
            *urdb_text.demand(self.demand, plan, self.window_min),
            *urdb_text.charges(self.fixed, self.minimum),
        ]
        return "\n".join(lines) + "\n"


def _asked(sheet: Sheet, choices: Choices, energy: Energy) -> None:
    """Refuses what was not chosen: engines bill it differently, and the sheet does not say."""
    tiers = any(block.bounds for block in energy.blocks.values())
    rules = sheet.get("dgrules")
    said = f' (the sheet says "{rules}")' if rules else " (the sheet says nothing)"
    country = sheet.text("country")
    near = _DOLLARS.get(country.upper(), "USD")
    if tiers:
        _one_of(sheet, "--tier-mode", choices.tier_mode, TIER_MODES, "tiers over several rates")
    _one_of(sheet, "--netting", choices.netting, NETTINGS, f"what is fed in{said}")
    if choices.netting == "month":
        _one_of(sheet, "--carry", choices.carry, CARRIES, "what is left of a month")
        if tiers and choices.tier_mode == "chronological":
            sheet.fail(
                "--netting",
                "a month that is netted at its end has no order for --tier-mode chronological:"
                " choose prorata or per_rate",
            )
    if not choices.currency:
        sheet.fail("--currency", f'missing: "{country}" in the sheet: give one such as {near}')
    if choices.sam and choices.timezone not in (None, SAM_ZONE):
        sheet.fail("--timezone", f"{choices.timezone}: SAM's calendar is in UTC: leave it out")
    if not choices.sam and not choices.timezone:
        sheet.fail("--timezone", "missing: give an IANA name such as America/Los_Angeles")


def _one_of(
    sheet: Sheet, option: str, value: str | None, options: tuple[str, ...], what: str
) -> None:
    if value not in options:
        seen = "missing" if value is None else f'"{value}"'
        sheet.fail(option, f"{seen}: bills differ by {what}: choose {', '.join(options)}")


def _in_sam_days(
    sheet: Sheet, fixed: Fixed | None, minimum: Fixed | None
) -> tuple[Fixed | None, Fixed | None]:
    """A charge by the day is 365/12 of it in each month, as in a year without its months."""
    if fixed and fixed.per == "day":
        fixed = Fixed(fixed.price * SAM_DAYS, "year")
    if minimum and minimum.per == "day":
        month = (minimum.price * SAM_DAYS / 12).quantize(Decimal("1e-9"))
        if month * 12 != minimum.price * SAM_DAYS:
            sheet.note("mincharge", f"{plain(minimum.price)} x 365/12 is rounded to {month}")
        minimum = replace(minimum, price=month, per="month")
    return fixed, minimum


def _head(sheet: Sheet, notes: list[str]) -> list[str]:
    lines = urdb_text.comment(f"Imported from OpenEI URDB: {_title(sheet)}")
    for name in _WORDS:
        if sheet.text(name):
            lines += urdb_text.comment(f"{name}: {sheet.text(name)}")
    for name in ("startdate", "enddate"):
        day = _date(sheet.get(name))
        if day:
            lines += urdb_text.comment(f"{name}: {day}")
    lines += urdb_text.comment("A sheet of URDB has no holidays: add [[special_days]].")
    if notes:
        lines += ["#", "# What the importer says:"]
        for note in notes:
            lines += urdb_text.remark(note)
    return [*lines, ""]


def _title(sheet: Sheet) -> str:
    parts = [sheet.text("utility"), sheet.text("name")]
    return ": ".join(part for part in parts if part) or "a rate sheet without a name"


def _source(sheet: Sheet) -> str:
    label = sheet.text("label")
    return f"OpenEI URDB {label}" if label else "OpenEI URDB"


def _date(value: Any) -> str:
    """Unix seconds, or the dump's {"$date": ...} -> the day in UTC."""
    if isinstance(value, dict):
        value = value.get("$date")
    if type(value) is int:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}"
    return value[:10] if isinstance(value, str) else ""
