"""The plan as a mixed integer linear program, solved by HiGHS through scipy.optimize.milp.

Energies count in steps of STEP_MW for a slot, so what is chosen is small integers; the answer is
turned back into integers and checked against the loads before it is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from wattledger.analysis.planner_cost import Charge, Excess, Piece, charges, energy, excesses
from wattledger.analysis.planner_horizon import Horizon
from wattledger.analysis.planner_loads import STEP_MW
from wattledger.analysis.planner_program import Program, Terms
from wattledger.analysis.planner_room import Room
from wattledger.analysis.planner_tasks import Charging, Heating, Running, Task

_LATER = 1e-6  # of the dearest energy, for each slot: of equal plans the earlier one


def solve(
    horizon: Horizon, tasks: Sequence[Task], room: Room, is_priced: bool
) -> tuple[list[list[int]], float] | None:
    """-> (by task: counts by slot, how much less the best may cost), None: there is no plan.

    The doubt is in units of the currency, 0.0 where the search came to its end.

    is_priced   what is above the threshold of a level that re-prices has its price
    """
    model = _Model(horizon, tasks, room)
    placed = [model.task(task) for task in tasks]
    model.grid(placed)
    model.bounds()
    for charge in charges(horizon):
        model.charge(charge)
    for excess in excesses(horizon) if is_priced else []:
        model.excess(excess)
    solved = model.program.solve()
    if solved is None:
        return None
    values, doubt = solved
    return [_counts(one, values, horizon) for one in placed], doubt / float(model.unit)


@dataclass(frozen=True)
class _Placed:
    """by_slot: what a variable adds to a slot, mW s: [(slot, variable, counts of one), ...]"""

    by_slot: list[tuple[int, int, int]]


class _Model:
    def __init__(self, horizon: Horizon, tasks: Sequence[Task], room: Room) -> None:
        self.program = Program()
        self._horizon, self._tasks, self._room = horizon, tasks, room
        self._step: int = STEP_MW * horizon.tariff.interval_s
        self._durations = horizon.duration_s.tolist()
        self._energy = energy(horizon)
        self._bought: list[int] = []  # variable by slot: steps bought beside the base load
        dearest = max(abs(price) for pieces in self._energy for _, price in pieces)
        self.unit = Fraction(1) / (dearest * self._step) if dearest else Fraction(1)
        base = int(horizon.bought.max())
        if horizon.demand is not None:
            base = max(base, int(horizon.demand.base.max()))
        # More than any slot or window can have, so that every piece has an end.
        self._most = (base + sum(map(self._highest, tasks))) / self._step

    def _highest(self, task: Task) -> int:
        if isinstance(task, Charging):
            return task.most * self._step
        return max(task.counts if isinstance(task, Running) else _block(task, self._horizon))

    def task(self, task: Task) -> _Placed:
        if isinstance(task, Charging):
            return self._charging(task)
        return self._heating(task) if isinstance(task, Heating) else self._running(task)

    def _charging(self, task: Charging) -> _Placed:
        program, found = self.program, []
        for slot in range(task.first, task.last):
            later = _LATER * (slot - task.first)
            steps = program.variable(task.most, later, whole=True)
            found.append((slot, steps, STEP_MW * self._durations[slot]))
            if task.least:
                on = program.variable(1, whole=True)
                program.row({steps: 1, on: -task.least}, low=0)
                program.row({steps: 1, on: -task.most}, high=0)
        program.row({steps: 1 for _, steps, _ in found}, task.need, task.need)
        return _Placed(found)

    def _heating(self, task: Heating) -> _Placed:
        """A slot that is on had its start among the last `block` ones or has one before it on."""
        program, slots = self.program, range(task.first, task.last)
        on = {slot: program.variable(1, whole=True) for slot in slots}
        starts = {slot: program.variable(slot + task.block <= task.last) for slot in slots}
        for slot in slots:
            before = {on[slot - 1]: -1.0} if slot > task.first else {}
            program.row({on[slot]: 1, starts[slot]: -1, **before}, high=0)
            lately = range(max(task.first, slot - task.block + 1), slot + 1)
            program.row({**{starts[s]: 1.0 for s in lately}, on[slot]: -1}, high=0)
        program.row({on[slot]: 1 for slot in slots}, task.need, task.need)
        return _Placed([(s, on[s], task.power_mw * self._durations[s]) for s in slots])

    def _running(self, task: Running) -> _Placed:
        program, found = self.program, []
        starts = range(task.first, task.last - len(task.counts) + 1)
        variables = [program.variable(1, whole=True) for _ in starts]
        for start, variable in zip(starts, variables, strict=True):
            found += [(start + i, variable, counts) for i, counts in enumerate(task.counts)]
        program.row(dict.fromkeys(variables, 1.0), 1, 1)
        return _Placed(found)

    def grid(self, placed: list[_Placed]) -> None:
        """What all loads take in a slot is what was fed in until then, and what is bought."""
        loads: list[Terms] = [{} for _ in self._energy]
        for one in placed:
            for slot, variable, counts in one.by_slot:
                loads[slot][variable] = loads[slot].get(variable, 0) + counts / self._step
        for terms, pieces in zip(loads, self._energy, strict=True):
            sources = self.program.pieces(self._scaled(pieces, self._step))
            self.program.row({**terms, **dict.fromkeys(sources, -1.0)}, 0, 0)
            self._bought.append(sources[-1])

    def bounds(self) -> None:
        for bound in self._room.bounds:
            self.program.row(self._window(bound.slots), high=bound.most / self._step)

    def charge(self, charge: Charge) -> None:
        """The sum of the N highest of some numbers is the least N * t + sum(what is above t)."""
        windows = self._horizon.demand
        assert windows is not None
        days, power = [], STEP_MW * windows.window_s
        for of_day in charge.days:
            day = self.program.variable()
            days.append(day)
            still = max((int(windows.base[w]) for w in of_day if not windows.slots[w]), default=0)
            self.program.row({day: 1}, low=still / power)
            for window in of_day:
                if windows.slots[window]:
                    bought = self._window(windows.slots[window])
                    terms = {v: -c * self._step / power for v, c in bought.items()}
                    self.program.row({day: 1, **terms}, low=int(windows.base[window]) / power)
        highest = min(charge.highest, len(days))
        level = self.program.variable()
        mean: Terms = {level: 1.0}
        for day in days:
            above = self.program.variable()
            self.program.row({above: 1, level: 1, day: -1}, low=0)
            mean[above] = 1 / highest
        for task in self._tasks:  # what the search would find last: no task can be below itself
            self.program.row(mean, low=_least(task, charge, self._horizon) / (power * highest))
        tiers = self.program.pieces(self._scaled(charge.pieces, STEP_MW))
        self.program.row({**dict.fromkeys(tiers, 1.0), **{v: -c for v, c in mean.items()}}, low=0)

    def excess(self, excess: Excess) -> None:
        windows = self._horizon.limited
        assert windows is not None
        for window, slots in enumerate(windows.slots):
            if slots and excess.prices[window]:
                price = float(excess.prices[window] * self._step * self.unit)
                above = self.program.variable(cost=price)
                terms = {v: -c for v, c in self._window(slots).items()}
                left = excess.threshold_mw * windows.window_s - int(windows.base[window])
                self.program.row({above: 1, **terms}, low=-left / self._step)

    def _window(self, slots: tuple[tuple[int, int], ...]) -> Terms:
        """-> steps of a slot's length that are bought in a window."""
        return {self._bought[i]: s / self._durations[i] for i, s in slots}

    def _scaled(self, pieces: Sequence[Piece], of_one: int) -> list[tuple[float, float]]:
        """of_one: how many of the piece's units are one of the program's."""
        return [
            (self._most if width is None else width / of_one, float(price * of_one * self.unit))
            for width, price in pieces
        ]


def _least(task: Task, charge: Charge, horizon: Horizon) -> float:
    """-> counts (mW s) that a window of a charge has at least, wherever the task runs."""
    windows = horizon.demand
    if isinstance(task, Charging) or windows is None:
        return 0.0
    shape = task.counts if isinstance(task, Running) else _block(task, horizon)
    of_slot: list[list[tuple[int, float]]] = [[] for _ in horizon.bought]
    for window in (window for day in charge.days for window in day):
        for slot, seconds in windows.slots[window]:
            of_slot[slot].append((window, seconds / int(horizon.duration_s[slot])))
    found = []
    for start in range(task.first, task.last - len(shape) + 1):
        bought: dict[int, float] = {}
        for slot, counts in enumerate(shape, start):
            more = max(0, counts - int(horizon.sold[slot]))
            for window, share in of_slot[slot]:
                before = bought.get(window, float(windows.base[window]))
                bought[window] = before + share * more
        found.append(max(bought.values(), default=0.0))
    return min(found, default=0.0)


def _block(task: Heating, horizon: Horizon) -> tuple[int, ...]:
    return (task.power_mw * horizon.tariff.interval_s,) * task.block


def _counts(placed: _Placed, values: Any, horizon: Horizon) -> list[int]:
    found = [0] * len(horizon.bought)
    for slot, variable, counts in placed.by_slot:
        found[slot] += round(values[variable]) * counts
    return found
