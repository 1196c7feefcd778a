"""Rounding of whole columns of amounts, to the unit what meter.billing_line does to one.

int64 while every step fits, else Python's integers in arrays of objects: slower, as exact.
"""

from typing import Any

import numpy as np

from meter.billing_line import ONE
from wattledger.engine.load import Ints
from wattledger.errors import ToolError

_FITS = 1 << 62


class Rounder:
    """Rounds amounts in 1e-15 of the currency to the units of a tariff's lines."""

    def __init__(self, tariff: Any) -> None:
        self.unit = int(ONE) // 10**tariff.decimals
        self._rule = tariff.rounding

    def product(self, quantity: Ints, price: int) -> Ints:
        """-> rounded quantity x price."""
        return self.fraction(times(quantity, price), 1)

    def fraction(self, num: Any, den: Any) -> Ints:
        """-> num / den in units of rounding. den: positive ints or an array of them."""
        divisor = np.asarray(times(np.asarray(den), self.unit))
        size = np.asarray(np.abs(num))
        fits = _largest(divisor) * 2 < _FITS and _largest(size) < _FITS
        kind = np.int64 if fits else object
        size, divisor = size.astype(kind), divisor.astype(kind)
        whole = size // divisor
        rest = size - whole * divisor
        if self._rule != "down":
            above = 2 * rest - divisor
            odd = (above == 0) & ((whole & 1 == 1) | (self._rule == "half_up"))
            whole = whole + ((above > 0) | odd)
        if not fits and _largest(whole) >= _FITS:
            raise ToolError("fleet: a line of 2^62 units or more: give the tariff fewer decimals")
        signed: Ints = np.where(np.asarray(num) < 0, -whole, whole).astype(np.int64)
        return signed


def times(values: Any, factor: Any) -> Any:
    """-> values x factor, exact."""
    if _largest(values) * _largest(factor) >= _FITS:
        return _as_objects(values) * _as_objects(factor)
    return values * factor


def _largest(values: Any) -> int:
    if isinstance(values, int):
        return abs(values)
    if not values.size:
        return 0
    return max(abs(int(values.max())), abs(int(values.min())))


def _as_objects(values: Any) -> Any:
    return values if isinstance(values, int) else values.astype(object)
