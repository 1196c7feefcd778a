"""A mixed integer linear program, row by row, and its solution by HiGHS."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from wattledger.errors import ToolError

SECONDS_MAX = 10
_INFEASIBLE = 2  # of scipy.optimize.OptimizeResult.status
Terms = dict[int, float]  # coefficient by variable


@dataclass
class Program:
    """Variables with bounds and costs, and rows over them."""

    costs: list[float] = field(default_factory=list)
    lows: list[float] = field(default_factory=list)
    highs: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    rows: list[tuple[Terms, float, float]] = field(default_factory=list)

    def variable(self, high: float = np.inf, cost: float = 0.0, whole: bool = False) -> int:
        """-> its index. From 0 to high."""
        self.costs.append(cost)
        self.lows.append(0.0)
        self.highs.append(high)
        self.whole.append(int(whole))
        return len(self.costs) - 1

    def row(self, terms: Terms, low: float = -np.inf, high: float = np.inf) -> None:
        self.rows.append((terms, low, high))

    def pieces(self, pieces: Sequence[tuple[float, float]]) -> list[int]:
        """Variables that fill one after the other. pieces: (width, cost of one).

        Where a later one costs less, a binary keeps it empty until the one before is full.
        """
        found = [self.variable(width, cost) for width, cost in pieces]
        for i, (a, b) in enumerate(pairwise(found)):
            if pieces[i + 1][1] < pieces[i][1]:
                full = self.variable(1, whole=True)
                self.row({a: 1, full: -pieces[i][0]}, low=0)
                self.row({b: 1, full: -pieces[i + 1][0]}, high=0)
        return found

    def solve(self) -> tuple[Any, float] | None:
        """-> (value by variable, how much less the best may cost), None: nothing meets the rows.

        ToolError: no scipy; nothing was found in SECONDS_MAX.
        """
        try:
            from scipy.optimize import Bounds, LinearConstraint, milp
            from scipy.sparse import coo_array
        except ImportError:
            raise ToolError("plan: scipy is missing: pip install 'wattledger[analysis]'") from None
        entries = [
            (i, j, v) for i, (terms, _, _) in enumerate(self.rows) for j, v in terms.items()
        ]
        at, of, values = (np.array(column) for column in zip(*entries, strict=True))
        matrix = coo_array((values, (at, of)), shape=(len(self.rows), len(self.costs)))
        lows, highs = (np.array([row[i] for row in self.rows]) for i in (1, 2))
        result = milp(
            np.array(self.costs),
            integrality=np.array(self.whole),
            bounds=Bounds(np.array(self.lows), np.array(self.highs)),
            constraints=LinearConstraint(matrix.tocsr(), lows, highs),
            options={"mip_rel_gap": 0, "time_limit": SECONDS_MAX},
        )
        if result.status == _INFEASIBLE:
            return None
        if result.x is None:
            raise ToolError(f"plan: {result.message}: plan fewer days or loads")
        return result.x, 0.0 if result.success else float(result.fun - result.mip_dual_bound)
