"""When loads that can wait should run: the cheapest plan under a tariff and its limiter.

A model proposes (planner_model), the tariff's own bill decides: each plan is billed with all that
the period has had before, and what it costs is the difference of two such bills.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, cast

import numpy as np

from wattledger.analysis import planner_cost, planner_greedy, planner_model, planner_room
from wattledger.analysis.planner_greedy import charged
from wattledger.analysis.planner_horizon import Horizon
from wattledger.analysis.planner_loads import STEP_MW, LoadFile
from wattledger.analysis.planner_room import Room
from wattledger.analysis.planner_tasks import Charging, Heating, Task, of
from wattledger.bills import bill_units
from wattledger.engine.load import COUNTS_PER_MWH, Ints
from wattledger.errors import ToolError

_SHED, _BOTH = ("shed",), ("shed", "reprice")


@dataclass(frozen=True)
class Plan:
    """
    by_load    int64 (n) by name: counts (mW s) in each slot
    cost       what the bill is higher by, in units of 10^-decimals of the currency
    modelled   what the model's objective is, in units of the currency (planner_cost)
    """

    by_load: dict[str, Ints]
    cost: int
    modelled: Fraction

    @property
    def total(self) -> Ints:
        return cast(Ints, sum(self.by_load.values()))


@dataclass(frozen=True)
class Plans:
    """
    best      the cheapest that was found
    doubt     how much less, in units of the currency, a plan could cost by the model; 0.0: none
    at_once   each load as early as it may; greedy: in the slots that cost least, load after
              load. None: so the loads do not find room
    """

    horizon: Horizon
    best: Plan
    doubt: float
    at_once: Plan | None
    greedy: Plan | None


def plan(file: LoadFile, horizon: Horizon) -> Plans:
    """ToolError: names the load that cannot be served, and why."""
    tasks = of(file.loads, horizon)
    room = planner_room.of(horizon, _SHED)
    solved = planner_model.solve(horizon, tasks, room, is_priced=True)
    if solved is None:
        raise ToolError(_why(tasks, room, horizon))
    judge = _Judge(horizon, tasks)
    first = range(len(horizon.bought))
    at_once = judge.plan(planner_greedy.place(tasks, room, first))
    greedy = judge.plan(planner_greedy.place(tasks, room, keys(horizon)))
    found = [at_once, greedy, judge.plan(solved[0])]  # of equal ones the simplest
    below = planner_room.of(horizon, _BOTH)
    if not below.holds([sum(column) for column in zip(*solved[0], strict=True)]):
        # A limiter holds for longer than the model knows: it may be best not to wake it.
        careful = planner_model.solve(horizon, tasks, below, is_priced=False)
        found.append(judge.plan(careful[0] if careful else None))
    best = min((p for p in found if p), key=lambda plan: (plan.cost, plan.modelled))
    return Plans(horizon, best, solved[1], at_once, greedy)


def keys(horizon: Horizon) -> list[int]:
    """-> by slot: what the first kWh costs there, for greedy."""
    bought, fed_in = horizon.prices
    found: list[int] = np.where(horizon.sold > 0, fed_in, bought).tolist()
    return found


class _Judge:
    """Bills plans."""

    def __init__(self, horizon: Horizon, tasks: Sequence[Task]) -> None:
        self._horizon, self._tasks = horizon, tasks
        self._base = sum(bill.total for bill in horizon.base_bills)

    @cached_property
    def _added(self) -> Any:
        return planner_cost.added(self._horizon)

    def plan(self, placed: list[list[int]] | None) -> Plan | None:
        if placed is None:
            return None
        by_load: dict[str, Ints] = {}
        for task, counts in zip(self._tasks, placed, strict=True):
            _check(task, counts, self._horizon)
            column = np.array(counts, dtype=np.int64)
            by_load[task.name] = by_load.get(task.name, 0) + column
        total = cast(Ints, sum(by_load.values()))
        cost = sum(bill.total for bill in self._horizon.bills(total)) - self._base
        return Plan(by_load, cost, self._added(total))


def _check(task: Task, counts: list[int], horizon: Horizon) -> None:
    """What came out of a solver in floats gives the task what it needs, to the last count."""
    inside = counts[task.first : task.last]
    assert sum(inside) == sum(counts), f"{task.name}: power outside of its window"
    slot_s = horizon.tariff.interval_s
    if isinstance(task, Charging):
        whole, step = task.need * STEP_MW * slot_s, STEP_MW * slot_s
        allowed = {0, *range(task.least * step, task.most * step + 1, step)}
    elif isinstance(task, Heating):
        whole, allowed = task.need * task.power_mw * slot_s, {0, task.power_mw * slot_s}
    else:
        whole, allowed = sum(task.counts), {0, *task.counts}
    assert sum(inside) == whole, f"{task.name}: not its energy"
    assert allowed.issuperset(inside), f"{task.name}: a power that it has not"


def _why(tasks: Sequence[Task], room: Room, horizon: Horizon) -> str:
    """-> which load cannot be served, in words."""
    first = range(len(horizon.bought))
    level = f" below the {room.bounds[0].level} limit" if room.bounds else ""
    for task in tasks:
        if planner_greedy.place([task], room, first) is None:
            span = f"in the {task.last - task.first} intervals of its window{level}"
            if isinstance(task, Charging):
                need = task.need * STEP_MW * horizon.tariff.interval_s
                return (
                    f"{task.name}: {_kwh(need)} wanted, at most {_kwh(charged(task, room))}"
                    f" possible {span}:"
                    " give it more time, more power, or less energy"
                )
            return f"{task.name}: does not fit {span}: give it more time"
    for i, task in enumerate(tasks):
        others = [*tasks[:i], *tasks[i + 1 :]]
        if planner_model.solve(horizon, others, room, is_priced=True) is not None:
            return f"{task.name}: no room{level} beside the other loads: give them more time"
    return f"{', '.join(task.name for task in tasks)}: no room{level}: give them more time"


def _kwh(counts: int) -> str:
    return f"{bill_units.trimmed(Fraction(counts, COUNTS_PER_MWH * 10**6), 3)} kWh"
