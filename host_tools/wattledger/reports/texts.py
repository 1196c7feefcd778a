"""Numbers and times as a report writes them: exact ones with what they stand for."""

from fractions import Fraction

from meter.civil import EPOCH, Zone, date
from wattledger import show
from wattledger.analysis.shape import MONTHS
from wattledger.bills import bill_units
from wattledger.html_page import Number

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NARROW = "\u202f"  # between the digits of thousands


def money(amount: Fraction, decimals: int) -> Number:
    """amount: units of the currency"""
    return Number(_grouped(bill_units.decimal(amount, decimals)), str(amount))


def kilo(milli: int) -> Number:
    """mWh -> kWh, mW -> kW"""
    return quantity(Fraction(milli, 10**6))


def quantity(value: Fraction, decimals: int = show.KWH_DECIMALS) -> Number:
    """Of a bill line, in its unit"""
    return Number(_grouped(bill_units.decimal(value, decimals)), str(value))


def mean(value: float) -> str:
    """Of a statistic, with two decimals"""
    return f"{value:,.2f}".replace(",", _NARROW)


def percent(part: Fraction | int, whole: Fraction | int) -> str:
    """-> "12.3 %", "" of nothing"""
    return f"{bill_units.decimal(Fraction(part) * 100 / whole, 1)} %" if whole else ""


def units(count: int, decimals: int) -> Fraction:
    """Units of the bill's rounding -> of the currency"""
    return Fraction(count, 10**decimals)


def power(milliwatts: int) -> str:
    """-> "182 W", "5.36 kW", rounded"""
    if milliwatts < 10**6:
        return f"{bill_units.decimal(Fraction(milliwatts, 1000), 0)} W"
    decimals = 2 if milliwatts < 10**7 else 1
    return f"{_grouped(bill_units.trimmed(Fraction(milliwatts, 10**6), decimals))} kW"


def day_of(number: int) -> str:
    """number: meter.civil.days -> "2 Feb 2007" """
    year, month, day, _ = date(number)
    return f"{day} {MONTHS[month - 1]} {year}"


def day(unix_s: int, zone: Zone) -> str:
    """-> "2 Feb 2007\""""
    core = unix_s - int(EPOCH)
    return day_of((core + zone.offset_at(core)) // 86400)


def moment(unix_s: int, zone: Zone) -> str:
    """-> "Fri 2 Feb 2007 18:00\""""
    core = unix_s - int(EPOCH)
    local = core + zone.offset_at(core)
    weekday = _DAYS[(local // 86400 + 2) % 7]
    return f"{weekday} {day(unix_s, zone)} {local % 86400 // 3600:02d}:{local % 3600 // 60:02d}"


def last_day(end: int, zone: Zone) -> str:
    """-> the day of a span's last second"""
    return day(end - 1, zone)


def _grouped(text: str) -> str:
    whole, point, part = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):,}".replace(",", _NARROW) + point + part
