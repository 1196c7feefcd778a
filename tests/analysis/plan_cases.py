"""Random small plans, and their cheapest solution by trying every one.

The cost here is reckoned a second time, from hours and prices as they were drawn; it shares
nothing with the planner but the words. Slots of 30 minutes, powers in steps of 10 W.
"""

import itertools
import random
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from meter.civil import DAY_S, EPOCH, Zone, days
from wattledger.analysis import planner_horizon, planner_loads
from wattledger.analysis.history import History
from wattledger.tariffs.tariff_file import compile_text

SLOT_S = 1800
STEP_W = 10
FIRST_HOUR = 20
LAST = 14  # no window of a load ends later
TARIFF = """
schema = 1
name = "Drawn"
currency = "EUR"
decimals = 9
timezone = "Etc/GMT-1"
billing_day = 1
interval_min = 30
fallback = "a"
[rates.a]
price = "{prices[0]}"
[rates.b]
price = "{prices[1]}"
[rates.c]
price = "{prices[2]}"
[rates.limit]
price = "{prices[3]}"
[exports.sold]
price = "{prices[4]}"
[netting]
mode = "none"
carry = "none"
[seasons.year]
from = "01-01"
week = "w"
[weeks.w]
mon-sun = "d"
[days.d]
{day}
[[taxes]]
name = "tax"
percent = "{tax}"
on = ["energy", "demand"]
{more}
"""
DEMAND = """
[demand]
window_min = 60
[demand.charges.peak]
price = "{price}"
highest = {highest}
"""
LIMITER = """
[limiter]
window_min = {minutes}
[limiter.levels.level]
action = "{action}"
threshold_kw = "{kw}"
{answer}
"""


@dataclass(frozen=True)
class Case:
    """by half hour of the plan: prices in 1e-4 per kWh; bought, sold of the base load in W.

    before_w   by half hour before the plan; limit: (action, minutes, threshold in W) or None
    """

    horizon: object
    file: object
    prices: list
    export_price: int
    limit_price: int
    tax_percent: int
    demand: tuple | None
    limit: tuple | None
    bought_w: list
    sold_w: list
    before_w: list
    options: list  # by load: every way to run it, {slot: W}


def draw(seed):
    """-> a Case."""
    dice = random.Random(seed)
    # All apart, so that no limiter is cheaper than the calendar and no tie hides an error.
    by_rate = dice.sample(range(500, 3000, 25), 3)
    limit_price, export_price = dice.randrange(3000, 6000, 50), dice.randrange(0, 3500, 50)
    hours = [dice.randrange(3) for _ in range(24)]
    demand = (dice.randrange(100, 900), dice.choice((1, 2))) if dice.random() < 0.5 else None
    limit = None
    if dice.random() < 0.5:
        action = dice.choice(("shed", "reprice"))
        limit = action, dice.choice((30, 60)), STEP_W * dice.randrange(5, 14)
    tax = dice.choice((0, 10))
    text = TARIFF.format(
        prices=[f"{p / 10000:.4f}" for p in (*by_rate, limit_price, export_price)],
        day=_day(hours),
        tax=tax,
        more=_more(demand, limit),
    )
    tariff = compile_text(text, "drawn.toml", wide=True).tariff()
    start = tariff.calendar.zone.to_utc(days(2026, 10, 5) * DAY_S + FIRST_HOUR * 3600)
    bought = [STEP_W * dice.randrange(1, 6) for _ in range(48)]
    sold = [STEP_W * dice.randrange(1, 6) if dice.random() < 0.15 else 0 for _ in range(48)]
    bought = [0 if s else b for b, s in zip(bought, sold, strict=True)]
    before = [STEP_W * dice.randrange(1, 10) for _ in range(24)]
    horizon = planner_horizon.of(tariff, start, 1, _history(start, before, bought, sold))
    loads, options = _loads(dice)
    file = planner_loads.of_text('schema = 1\nname = "drawn"\n' + loads, "drawn.toml")
    prices = [by_rate[hours[(FIRST_HOUR + slot // 2) % 24]] for slot in range(48)]
    return Case(
        *(horizon, file, prices, export_price, limit_price, tax, demand, limit),
        *(bought, sold, before, options),
    )


def best(case):
    """-> the least cost in EUR of all ways to run the loads, None: none is allowed."""
    costs = [
        cost(case, together)
        for ways in itertools.product(*case.options)
        if _allowed(case, together := _together(ways))
    ]
    return min(costs) - cost(case, {}) if costs else None


def cost(case, watts):
    """-> EUR with these W by slot: what they change, and what they leave as it was."""
    grid = [max(0, watts.get(i, 0) - case.sold_w[i]) for i in range(LAST)]
    tax = 100 + case.tax_percent
    money = 0  # in 1e-4 EUR, W, half hours, per cent and halves
    for i in range(LAST):
        own = min(watts.get(i, 0), case.sold_w[i])
        money += 2 * (tax * grid[i] * case.prices[i] + 100 * own * case.export_price)
    if case.limit and case.limit[0] == "reprice":
        size = case.limit[1] // 30
        for i in range(0, LAST, size):
            above = sum(case.bought_w[i : i + size]) + sum(grid[i : i + size])
            above -= case.limit[2] * size
            more = case.limit_price * size - sum(case.prices[i : i + size])
            money += 2 // size * tax * max(0, above) * max(0, more)
    due = Fraction(money, 2 * 100 * 10_000 * 2000)
    if case.demand:
        price, highest = case.demand
        before = max(case.before_w[i] + case.before_w[i + 1] for i in range(0, 24, 2))
        pairs = [sum(case.bought_w[i : i + 2]) + sum(grid[i : i + 2]) for i in range(0, 48, 2)]
        until_midnight = 24 - FIRST_HOUR
        by_day = [max(before, *pairs[:until_midnight]), max(pairs[until_midnight:])]
        power = sum(sorted(by_day)[-highest:])
        due += Fraction(tax * power * price, 2 * highest * 100 * 100 * 1000)
    return due


def _allowed(case, watts):
    if case.limit is None or case.limit[0] != "shed":
        return True
    grid = [max(0, watts.get(i, 0) - case.sold_w[i]) for i in range(LAST)]
    size = case.limit[1] // 30
    for i in range(0, LAST, size):
        more = sum(grid[i : i + size])
        if more and sum(case.bought_w[i : i + size]) + more > case.limit[2] * size:
            return False
    return True


def _together(ways):
    found = {}
    for way in ways:
        for slot, watts in way.items():
            found[slot] = found.get(slot, 0) + watts
    return found


def _loads(dice):
    """-> (TOML, [every way of each])"""
    texts, options = [], []
    kinds = dice.sample(("charge", "heat", "run"), dice.randrange(1, 4))
    for kind in kinds:
        opens, size = dice.randrange(0, 9), dice.randrange(3, 6)
        slots = range(opens, opens + size)
        text, ways = {"charge": _charge, "heat": _heat, "run": _run}[kind](dice, slots)
        between = f'between = ["{_clock(opens)}", "{_clock(opens + size)}"]'
        texts.append(f'[loads.{kind}]\nkind = "{kind}"\n{between}\n{text}\n')
        options.append(ways)
    return "\n".join(texts), options


def _charge(dice, slots):
    least, most = dice.randrange(0, 3), dice.randrange(2, 5)
    sizes = sorted({0, *range(least, most + 1)})
    every = [way for way in itertools.product(sizes, repeat=len(slots)) if any(way)]
    need = sum(dice.choice(every))
    ways = [way for way in every if sum(way) == need]
    text = f"energy_kwh = {need * 0.005:.3f}\npower_kw = [{least * 0.01:.2f}, {most * 0.01:.2f}]"
    return text, [{s: STEP_W * n for s, n in zip(slots, way, strict=True) if n} for way in ways]


def _heat(dice, slots):
    block, watts = dice.randrange(1, 3), STEP_W * dice.randrange(1, 5)
    need = dice.randrange(block, len(slots) + 1)
    ways = [
        dict.fromkeys(way, watts)
        for way in itertools.combinations(slots, need)
        if all(size >= block for size in _runs(way))
    ]
    text = f"energy_kwh = {watts * need / 2000:.3f}\npower_kw = {watts / 1000:.3f}\n"
    return text + f"block_min = {30 * block}", ways


def _run(dice, slots):
    profile = [STEP_W * dice.randrange(1, 6) for _ in range(dice.randrange(1, 4))]
    starts = range(slots[0], slots[-1] - len(profile) + 2)
    ways = [{start + i: watts for i, watts in enumerate(profile)} for start in starts]
    shown = ", ".join(f"{watts / 1000:.3f}" for watts in profile)
    return f"profile_kw = [{shown}]\nstep_min = 30", ways


def _runs(slots):
    """-> lengths of the runs of slots that follow one another."""
    groups = itertools.groupby(enumerate(slots), key=lambda pair: pair[1] - pair[0])
    return [len(list(group)) for _, group in groups]


def _clock(slot):
    minute = (FIRST_HOUR * 60 + 30 * slot) % 1440
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _day(hours):
    ranges = {}
    for hour, rate in enumerate(hours):
        ranges.setdefault("abc"[rate], []).append(f'"{hour:02d}:00-{hour + 1:02d}:00"')
    return "\n".join(f"{name} = [{', '.join(spans)}]" for name, spans in ranges.items())


def _more(demand, limit):
    text = ""
    if demand:
        text += DEMAND.format(price=f"{demand[0] / 100:.2f}", highest=demand[1])
    if limit:
        action, minutes, watts = limit
        answer = 'return = "auto"' if action == "shed" else 'rate = "limit"'
        text += LIMITER.format(
            action=action, minutes=minutes, kw=f"{watts / 1000:.3f}", answer=answer
        )
    return text


def _history(start, before, bought, sold):
    first = start + EPOCH - len(before) * SLOT_S
    count = len(before) + len(bought)
    starts = first + SLOT_S * np.arange(count, dtype=np.int64)
    none = np.zeros(count, dtype=np.int64)
    watts = before + bought, [0] * len(before) + sold
    mwh = [500 * np.array(column, dtype=np.int64) for column in watts]
    return History(
        *("drawn", Zone("<+01>-1"), starts, starts + SLOT_S, *mwh),
        *(none, none, none, none.astype(bool)),
    )
