"""python tests/bench/planner.py [cases]: plans against every other plan, and against greedy.

Random small cases (tests/analysis/plan_cases.py): the model's objective beside the least of all
plans, both exact; what greedy costs more; where a limiter re-prices, which no linear model says
exactly, the bill of the plan beside the least bill of all plans. Then the time for one evening.
"""

import itertools
import sys
import time
from fractions import Fraction

import numpy as np

from meter.civil import DAY_S, days
from wattledger import bundle
from wattledger.analysis import (
    planner,
    planner_cost,
    planner_horizon,
    planner_loads,
    planner_model,
    planner_room,
    planner_tasks,
)
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_file

sys.path.insert(0, str(bundle.root() / "tests/analysis"))
import plan_cases

CASES = 200
WAYS_MAX = 400  # of a case whose every plan is billed
SLOT_COUNTS = 1000 * plan_cases.SLOT_S  # of 1 W
EVENINGS = ("three-prices-two-seasons", "market-price", "capacity-and-limiter", "commercial")


def main(cases):
    equal = infeasible = strictly = 0
    plan_cost = greedy_cost = Fraction()
    repriced, least_bill, excess = 0, 0, Fraction()
    for seed in range(cases):
        case = plan_cases.draw(seed)
        least = plan_cases.best(case)
        try:
            found = planner.plan(case.file, case.horizon)
        except ToolError:
            infeasible += 1
            equal += least is None
            continue
        equal += least is not None and objective(case) == least
        if found.greedy:
            plan_cost += found.best.cost
            greedy_cost += found.greedy.cost
            strictly += found.best.cost < found.greedy.cost
            assert found.best.cost <= found.greedy.cost, seed
        ways = np.prod([len(ways) for ways in case.options])
        if case.limit and case.limit[0] == "reprice" and ways <= WAYS_MAX:
            bill = cheapest_bill(case)
            repriced += 1
            least_bill += found.best.cost == bill
            excess = max(excess, Fraction(found.best.cost - bill, abs(bill) or 1))
    print(f"{cases} cases: {equal} equal to brute force, {infeasible} of them have no plan")
    print(
        f"greedy: dearer in {strictly}, never cheaper;"
        f" over all it costs {float(greedy_cost / plan_cost - 1):.1%} more"
    )
    print(
        f"a limiter that re-prices: the least bill of all in {least_bill} of {repriced},"
        f" at most {float(excess):.1%} above it"
    )
    return equal == cases


def objective(case):
    """-> EUR of what the model alone chooses."""
    tasks = planner_tasks.of(case.file.loads, case.horizon)
    room = planner_room.of(case.horizon, ("shed",))
    by_task, _ = planner_model.solve(case.horizon, tasks, room, True)
    return planner_cost.added(case.horizon)(np.sum(by_task, axis=0))


def cheapest_bill(case):
    base = sum(bill.total for bill in case.horizon.base_bills)
    bills = []
    for ways in itertools.product(*case.options):
        planned = np.zeros(len(case.horizon.bought), dtype=np.int64)
        for way in ways:
            for slot, watts in way.items():
                planned[slot] += watts * SLOT_COUNTS
        bills.append(sum(bill.total for bill in case.horizon.bills(planned)))
    return min(bills) - base


def evenings():
    docs = bundle.root() / "docs"
    file = planner_loads.read(docs / "plans/evening.toml")
    for name in EVENINGS:
        tariff = compile_file(docs / f"tariffs/{name}.toml").tariff()
        start = tariff.calendar.zone.to_utc(days(2026, 10, 5) * DAY_S + 18 * 3600)
        begun = time.process_time()
        found = planner.plan(file, planner_horizon.of(tariff, start, file.days))
        spent_s = time.process_time() - begun
        greedy, once = (other and other.cost for other in (found.greedy, found.at_once))
        print(
            f"{name}: {found.best.cost / 100:.2f} {tariff.currency}, greedy {greedy / 100:.2f},"
            f" at once {once / 100:.2f}, doubt {found.doubt:.4f}, {spent_s:.1f} s"
        )


if __name__ == "__main__":
    is_exact = main(int(sys.argv[1]) if len(sys.argv) > 1 else CASES)
    evenings()
    sys.exit(not is_exact)
