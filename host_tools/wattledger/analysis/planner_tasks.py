"""What each load asks of the slots of a plan, and how much room the limiter leaves for it."""

from dataclasses import dataclass

from meter.civil import DAY_S
from wattledger.analysis.planner_horizon import Horizon
from wattledger.analysis.planner_loads import STEP_MW, Charge, Flexible, Heat
from wattledger.engine.load import COUNTS_PER_MWH
from wattledger.errors import ToolError


@dataclass(frozen=True)
class Charging:
    """`need` steps of energy in slots first..last - 1; in each none, or least..most of them.

    A step is STEP_MW for the length of a slot.
    """

    name: str
    first: int
    last: int
    need: int
    least: int
    most: int


@dataclass(frozen=True)
class Heating:
    """On in `need` slots, each time for `block` of them at the least."""

    name: str
    first: int
    last: int
    need: int
    block: int
    power_mw: int


@dataclass(frozen=True)
class Running:
    """counts: mW s in each slot from its start on."""

    name: str
    first: int
    last: int
    counts: tuple[int, ...]


Task = Charging | Heating | Running


def of(loads: tuple[Flexible, ...], horizon: Horizon) -> list[Task]:
    """-> one task for each load, of heat one for each window. ToolError: no window, no time."""
    return [task for load in loads for task in _tasks(load, horizon)]


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _tasks(load: Flexible, horizon: Horizon) -> list[Task]:
    spans = _windows(load, horizon)
    slot_s = horizon.tariff.interval_s
    if isinstance(load, Charge):
        step_counts = STEP_MW * slot_s
        need = -(-load.energy_mwh * COUNTS_PER_MWH // step_counts)
        least, most = load.min_mw // STEP_MW, load.max_mw // STEP_MW
        # No number of slots reaches less than this, if the least of each is much.
        need = max(need, -(-need // most) * least)
        return [Charging(load.name, *spans[0], need, least, most)]
    if isinstance(load, Heat):
        block = -(-load.block_s // slot_s)
        need = max(block, -(-load.energy_mwh * COUNTS_PER_MWH // (load.power_mw * slot_s)))
        return [Heating(load.name, *span, need, block, load.power_mw) for span in spans]
    counts = [0] * -(-len(load.profile_mw) * load.step_s // slot_s)
    for i, power_mw in enumerate(load.profile_mw):
        at = i * load.step_s
        while at < (i + 1) * load.step_s:
            until = min((i + 1) * load.step_s, (at // slot_s + 1) * slot_s)
            counts[at // slot_s] += power_mw * (until - at)
            at = until
    return [Running(load.name, *spans[0], tuple(counts))]


def _windows(load: Flexible, horizon: Horizon) -> list[tuple[int, int]]:
    """-> (first slot, last slot + 1) of each of its windows that ends within the plan."""
    times, zone = horizon.times.tolist(), horizon.tariff.calendar.zone
    today = (times[0] + zone.offset_at(times[0])) // DAY_S
    days = (times[-1] - times[0]) // DAY_S + 2
    found = []
    for day in range(today - 1, today + days):
        opens = zone.to_utc(day * DAY_S + 60 * load.opens)
        over = load.closes <= load.opens
        closes = zone.to_utc((day + over) * DAY_S + 60 * load.closes)
        inside = [i for i, t in enumerate(times[:-1]) if opens <= t and times[i + 1] <= closes]
        if closes <= times[-1] and inside:
            found.append((inside[0], inside[-1] + 1))
    if not found:
        raise ToolError(
            f"{load.name}: no window {clock(load.opens)}-{clock(load.closes)} ends within the"
            " plan: plan more days, or begin earlier"
        )
    return found
