"""Fixed and minimum charges of a URDB sheet, and what of it cannot be billed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from wattledger.urdb.urdb_sheet import Sheet, plain, shown

PER = {"$/day": "day", "$/month": "month", "$/year": "year"}

# What a sheet is, and where it is from: no bill depends on it.
DESCRIPTION = set(
    "label uri eiaid utility name sector servicetype approved is_default startdate enddate"
    " supersedes revisions country description source sourceparent basicinformationcomments"
    " demandcomments energycomments energytoulabels demandtoulabels demandlabels demandunits"
    " states latest_update".split()
)
# Words of the sheet's author, which may hide a charge.
ATTRIBUTES = ("energyattrs", "demandattrs", "fixedattrs")
# Whom it is for.
CONDITIONS = set(
    "peakkwcapacitymin peakkwcapacitymax peakkwcapacityhistory peakkwhusagemin peakkwhusagemax"
    " peakkwhusagehistory voltageminimum voltagemaximum voltagecategory phasewiring mindemand"
    " maxdemand minenergy maxenergy demandmin demandmax demandhist energymin energymax energyhist"
    " servicemin servicemax voltagemin voltagemax".split()
)
# Charges that a tariff file has no words for; zeros are no charge.
CHARGES = {
    "demandreactivepowercharge": "a price per kvar of demand",
    "coincidentratestructure": "a charge on the demand at the system's peak",
    "demandratchetpercentage": "a ratchet of the old form",
    "fueladjustmentsmonthly": "an adjustment of each month's energy",
    "fixedchargeeaaddl": "a charge for each further meter",
}
_BESIDE = {  # without their charge these say nothing
    "coincidentschedule": "coincidentratestructure",
    "coincidentrateunit": "coincidentratestructure",
    "lookbackrange": "lookbackpercent",
    "lookbackmonths": "lookbackpercent",
    "demandrateunit": "demandratestructure",
    "flatdemandunit": "flatdemandstructure",
    "demandwindow": "demandratestructure",
}


@dataclass(frozen=True)
class Fixed:
    """price per "day", "month" or "year"."""

    price: Decimal
    per: str


def fixed(sheet: Sheet) -> Fixed | None:
    return _charge(sheet, "fixedchargefirstmeter", "fixedchargeunits", "fixedmonthlycharge")


def minimum(sheet: Sheet) -> Fixed | None:
    charge = _charge(sheet, "mincharge", "minchargeunits", "minmonthlycharge")
    annual = sheet.optional("annualmincharge")
    if not annual:
        return charge
    sheet.note("annualmincharge", "the old name of a mincharge in $/year: taken so")
    if charge is not None:
        sheet.fail("annualmincharge", f"{plain(annual)} a year beside another minimum: keep one")
    return Fixed(sheet.price("annualmincharge", annual), "year")


def _charge(sheet: Sheet, name: str, unit_name: str, old_name: str) -> Fixed | None:
    value, old = sheet.optional(name), sheet.optional(old_name)
    unit = sheet.get(unit_name)
    if value is None and old is not None:
        if old:
            sheet.note(old_name, f"the old name of a {name} in $/month: taken so")
        name, value, unit = old_name, old, "$/month"
    elif old is not None and old != value:
        sheet.note(old_name, f"ignored: {name} is given too")
    if not value:
        return None
    if unit is None:
        sheet.note(unit_name, f"missing: {name} taken in $/month")
        unit = "$/month"
    key = unit.replace(" ", "").lower() if isinstance(unit, str) else ""
    if key not in PER:
        sheet.fail(unit_name, f"{shown(unit)}: expected {', '.join(PER)}: correct it")
    return Fixed(sheet.price(name, value), PER[key])


def remarks(sheet: Sheet) -> None:
    """Notes what nothing has read: charges that are not billed, conditions, unknown fields."""
    _ratchet(sheet)
    for name, what in CHARGES.items():
        if _says_something(sheet.get(name)):
            sheet.note(name, f"NOT BILLED: {what}")
    rules = sheet.get("dgrules") or sheet.get("usenetmetering")
    if rules:
        sheet.note("dgrules", f"{shown(rules)}: netting is as asked")
    for name in ATTRIBUTES:
        words = sheet.get(name)
        if words:
            sheet.note(name, f"not read, see whether it is a charge: {_words(words)}")
    conditions = [name for name in sheet.fields if name in CONDITIONS and sheet.get(name)]
    if conditions:
        values = ", ".join(f"{name} {shown(sheet.fields[name])}" for name in sorted(conditions))
        sheet.note("conditions", f"who may have this tariff is not checked: {values}")
    for name in sorted(set(sheet.fields) - sheet.read - DESCRIPTION - CONDITIONS):
        if name in _BESIDE and sheet.get(_BESIDE[name]) is None:
            continue
        if sheet.get(name) is not None:
            sheet.note(name, "ignored: no rule of this importer reads it")


def _ratchet(sheet: Sheet) -> None:
    percent, months = sheet.optional("lookbackpercent"), sheet.optional("lookbackrange")
    which = sheet.get("lookbackmonths")
    if not percent:
        return
    whole = plain(percent * 100 if percent <= 1 else percent)
    sheet.note(
        "lookbackpercent",
        f"NOT BILLED: a ratchet of {whole} % over {plain(months or Decimal(0))} months"
        f"{' of ' + shown(which) if which else ''}: the sheet does not say for which charge:"
        f' add ratchet = {{percent = "{whole}", months = ...}} to it',
    )


def _words(attributes: Any) -> str:
    """[{"Power-Factor-Adjustment": "0.00005"}, {"key": .., "val": ..}] -> one line of text."""
    found = []
    for part in attributes if isinstance(attributes, list) else [attributes]:
        if isinstance(part, dict) and set(part) == {"key", "val"}:
            part = {part["key"]: part["val"]}
        pairs = part.items() if isinstance(part, dict) else [(part, "")]
        found += [f"{key} {value}".strip() for key, value in pairs]
    return ", ".join(found)


def _says_something(value: Any) -> bool:
    """Anything but zeros."""
    if isinstance(value, list):
        return any(_says_something(part) for part in value)
    if isinstance(value, dict):
        return any(
            _says_something(part) for key, part in value.items() if key not in ("unit", "max")
        )
    return bool(value)
