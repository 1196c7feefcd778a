"""What the numbers of a bill line mean: the unit of its quantity and its price, as text.

Quantities and amounts are exact fractions; text is cut or rounded only for reading, and the
exact one stands beside it where a bill is kept (wattledger.bill_document).
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

AMOUNT_DECIMALS = 15  # amounts count in 1e-15 of the currency
PRICE_DECIMALS = 9  # prices in 1e-9
_MILLI = 6  # mWh to kWh, mW to kW, mvarh to kvarh
_PPM = 4  # parts per million to per cent
_DIGITS = Context(prec=200, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Units:
    """unit       of the quantity; shift: decimals by which the line's number is larger
    price_unit   of the price, "" if it has none; price_shift: as shift
    """

    unit: str
    shift: int
    price_unit: str
    price_shift: int = PRICE_DECIMALS


def of_line(line: dict[str, Any], tariff: Any) -> Units:
    """line: as meter.billing.Line.as_dict gives it; tariff: meter.tariff.Tariff."""
    kind, currency = line["kind"], tariff.currency
    if kind in ("energy", "export"):
        return Units("kWh", _MILLI, f"{currency}/kWh")
    if kind == "demand":
        return Units("kW", _MILLI, f"{currency}/kW")
    if kind == "reactive":
        return Units("kvarh", _MILLI, f"{currency}/kvarh")
    if kind == "fixed":
        per = next(per for name, _, per in tariff.fixed if name == line["name"])
        return Units(f"{per}s", 0, f"{currency}/{per}")
    if kind == "minimum":
        per = tariff.minimum[1]
        return Units(f"{per}s", 0, f"{currency}/{per}")
    if kind == "tax":
        return Units(currency, tariff.decimals, "%", _PPM)
    return Units(currency, tariff.decimals, "")


def item(line: dict[str, Any]) -> str:
    """What a line is for, in words."""
    kind, name = line["kind"], line["name"]
    words = {"energy": "", "fixed": "", "tax": "", "export": "sold, "}.get(kind, f"{kind}, ")
    return str(name if name == kind else words + name)


def quantity(line: dict[str, Any], tariff: Any) -> Fraction:
    """-> in the unit of the line, exactly."""
    num, den = line["quantity"]
    return Fraction(num, den * 10 ** of_line(line, tariff).shift)


def amount(line: dict[str, Any]) -> Fraction:
    """-> in units of the currency, exactly."""
    num, den = line["amount"]
    return Fraction(num, den * 10**AMOUNT_DECIMALS)


def is_tiered(line: dict[str, Any], tariff: Any) -> bool:
    """Whether the tier of a line says anything."""
    if line["kind"] == "energy":
        return bool(tariff.tier_set(tariff.rates.index(line["name"])) >= 0)
    if line["kind"] == "demand":
        return any(bounds for name, *_, bounds, _, _ in tariff.demand[2] if name == line["name"])
    return False


def decimal(value: Fraction, decimals: int) -> str:
    """-> with this many decimals, half to even."""
    scaled = Fraction(value) * 10**decimals
    return f"{Decimal(round(scaled)).scaleb(-decimals, _DIGITS):.{decimals}f}"


def kilo(milli: int | Fraction) -> str:
    """-> kilo-units with all six decimals."""
    return decimal(Fraction(milli, 10**_MILLI), _MILLI)


def trimmed(value: Fraction, decimals: int, least: int = 0) -> str:
    """-> as decimal(), with no more zeros at its end than `least` decimals need."""
    whole, _, part = decimal(value, decimals).partition(".")
    part = part.rstrip("0").ljust(least, "0")
    return f"{whole}.{part}" if part else whole


def is_by_interval(line: dict[str, Any], tariff: Any) -> bool:
    """A dynamic price: each interval of the profile has its own."""
    if line["kind"] not in ("energy", "export") or line["price"] or not tariff.dynamic:
        return False
    rate = tariff.rates.index(line["name"])
    own_price = tariff.price_nano(rate, 0)
    return bool(tariff.dynamic[rate] and (line["amount"][0] or own_price))


def price(line: dict[str, Any], tariff: Any) -> str:
    """-> "0.1234", "" where a line has no price."""
    units = of_line(line, tariff)
    if not units.price_unit:
        return ""
    if is_by_interval(line, tariff):
        return "by interval"
    least = 0 if line["kind"] == "tax" else 4
    return trimmed(Fraction(line["price"], 10**units.price_shift), units.price_shift, least)
