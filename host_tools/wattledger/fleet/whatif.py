"""A new tariff on a whole fleet: who pays more, who less, and what comes in."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from wattledger import compare
from wattledger.engine.load import Ints
from wattledger.fleet import billing
from wattledger.fleet.billing import Billed
from wattledger.fleet.store import Store

QUANTILES = (0, 10, 25, 50, 75, 90, 100)


@dataclass(frozen=True)
class WhatIf:
    """Of meters that have a bill under both; amounts in units of 10^-decimals of the currency.

    old, new   int64 (meters): what is to be paid in all
    """

    serials: list[str]
    old: Ints
    new: Ints
    currency: str
    decimals: int

    @property
    def change(self) -> Ints:
        found: Ints = self.new - self.old
        return found

    @property
    def quantiles(self) -> dict[int, int]:
        """-> percent: the change that so many do not exceed; nearest rank, so somebody's."""
        ordered = np.sort(self.change)
        ranks = [-(-percent * len(ordered) // 100) for percent in QUANTILES]
        return {p: int(ordered[max(r, 1) - 1]) for p, r in zip(QUANTILES, ranks, strict=True)}

    @property
    def winners(self) -> int:
        """-> how many pay less."""
        return int((self.change < 0).sum())

    @property
    def losers(self) -> int:
        return int((self.change > 0).sum())


def compare_tariffs(store: Store, old: Any, new: Any, start: int, end: int) -> WhatIf:
    """ToolError: two currencies, or nobody has both bills."""
    currency = compare.same_currency([old, new])
    decimals = max(old.decimals, new.decimals)
    before, after = (billing.bill(store, tariff, start, end) for tariff in (old, new))
    both = sorted(set(before.serials) & set(after.serials))
    sums = [
        _totals(billed, both) * 10 ** (decimals - tariff.decimals)
        for billed, tariff in ((before, old), (after, new))
    ]
    return WhatIf(both, sums[0], sums[1], currency, decimals)


def _totals(billed: Billed, serials: list[str]) -> Ints:
    """-> int64 (meters): over all parts."""
    place = np.searchsorted(np.array(billed.serials), np.array(serials))
    found: Ints = billed.totals[place].sum(axis=1)
    return found
