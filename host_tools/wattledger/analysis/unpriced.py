"""Energy at a dynamic rate for which no schedule had a price, so that the rate's own counted."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from wattledger.bills import bill_units
from wattledger.reading import MeterBill


def of(bills: Sequence[MeterBill], tariff: Any) -> tuple[Fraction, Fraction]:
    """-> (mWh without a price of a schedule, all mWh at dynamic rates), bought and sold.

    tariff   of all the bills
    """
    without, whole = Fraction(), Fraction()
    for line in (line for bill in bills for line in bill.lines):
        if line["kind"] in ("energy", "export") and tariff.dynamic:
            if tariff.dynamic[tariff.rates.index(line["name"])]:
                mwh = abs(Fraction(*line["quantity"]))
                whole += mwh
                if not bill_units.is_by_interval(line, tariff):
                    without += mwh
    return without, whole


def sentence(bills: Sequence[MeterBill], tariff: Any) -> str:
    """-> how much of the energy it is, without a full stop; "": none."""
    without, whole = of(bills, tariff)
    if not without:
        return ""
    share = without * 100 / whole
    shown = bill_units.decimal(share, 1) if share >= Fraction(1, 10) else "less than 0.1"
    return (
        f"{tariff.name}: {shown} % of the energy at dynamic prices is in no price schedule and"
        " counts at the rate's own price"
    )
