"""Answers for what other devices go by: price, limiter, and the cheapest hours. On demand.

As in meter.readings each takes (Meter, identity, args dict) and gives what goes under "ok".
"""

from meter import readings, statement
from meter.cheapest import SLOT_S, SLOTS, Row, contiguous, split, windows
from meter.civil import EPOCH
from meter.compat import const
from meter.service import Refused

_LOAD_OPEN = const(1)  # bits of WState.outputs
_ALARM = const(2)
_NAME = const(0)  # of a limiter level
_HOUR_S = const(3600)
_WINDOWS = const(12)  # that are told as times


def control(meter, identity, args):
    """Price and rate now and until when they hold, the load switch, the levels that tripped."""
    contract = meter.contract
    current, w = contract.tariff, contract.w
    t = _now(meter)
    levels = current.limiter[1] if current.limiter else ()
    known = bool(w.period) and not contract.lost and not meter.broken
    return {
        "utc": t + EPOCH,
        "price": readings.price_nano(meter, _lines(meter)) if known else None,
        "rate": current.rates[meter.rate],
        "until": _until(meter, t) + EPOCH,
        "currency": current.currency,
        "decimals": current.decimals,
        "since": w.period_start,
        "load": not w.outputs & _LOAD_OPEN,
        "alarm": bool(w.outputs & _ALARM),
        "tripped": [x[_NAME] for i, x in enumerate(levels) if w.limiter_state >> i & 1],
        "levels": len(levels),
        "demand": current.demand is not None,
    }


def cheapest(meter, identity, args):
    """The cheapest `hours` before the Unix second `before`, in quarter hours of UTC.

    Where the price schedule does not say, it is the calendar's price, of the tier that holds now.
    """
    hours, before = args["hours"], args["before"]
    together = args.get("contiguous", False)
    if not meter.contract.w.period or meter.contract.lost:
        raise Refused("state", "cheapest: no tariff is in force: push one first")
    if not meter.ports.clock.quality():
        raise Refused("state", "cheapest: the clock is not right: set it first")
    if type(hours) is not int or type(before) is not int or type(together) is not bool:
        raise Refused("arguments", "cheapest: expected whole hours, Unix seconds, true or false")
    first = -(-_now(meter) // SLOT_S) * SLOT_S  # one that has begun is none
    count, wanted = (before - EPOCH - first) // SLOT_S, hours * _HOUR_S // SLOT_S
    if not 0 < wanted <= count <= SLOTS:
        raise Refused("arguments", "cheapest: the hours must fit before then, 2 days at most")
    row, scheduled = _row(meter, first, count)
    slots = (contiguous if together else split)(row, wanted)
    start = first + EPOCH
    marks = bytearray(b"0" * count)
    for slot in slots:
        marks[slot] = 0x31
    found = windows(slots)
    return {
        "from": start,
        "slot_s": SLOT_S,
        "slots": marks.decode(),
        "windows": [[start + a * SLOT_S, start + b * SLOT_S] for a, b in found[:_WINDOWS]],
        "mean": row.total(slots) // wanted,
        "mean_all": row.total(range(count)) // count,
        "scheduled": scheduled,
        "currency": meter.contract.tariff.currency,
    }


def _now(meter):
    return max(meter.live.t, meter.ports.clock.now() - EPOCH)


def _lines(meter):
    """-> of the open bill, if a price rests on them; they cost more than all the rest."""
    current = meter.contract.tariff
    if [mode for mode, _, _ in current.tier_sets if mode != "chronological"]:
        return list(statement.lines(meter, meter.contract.w.period)[-1])
    return ()


def _row(meter, first, count):
    """-> (Row, how many of its slots the price schedule has)"""
    current, pricing, lines = meter.contract.tariff, meter.pricing, _lines(meter)
    row, scheduled = Row(count), 0
    own, end = {}, first  # prices by rate
    rate = 0
    for slot in range(count):
        t = first + slot * SLOT_S
        if t >= end:
            end, rate = current.calendar.segment(t)
        chosen, price_nano = rate, None
        if pricing:
            chosen = pricing.rate(rate, t)
            price_nano = pricing.ahead(chosen, t)
        if price_nano is None:
            if chosen not in own:
                tier = readings.tier_now(meter, chosen, lines)
                own[chosen] = current.price_nano(chosen, tier)
            price_nano = own[chosen]
        else:
            scheduled += 1
        row.put(slot, price_nano)
    return row, scheduled


def _until(meter, t):
    """-> core second of the next switch of the calendar, or end of a row of dynamic prices"""
    current = meter.contract.tariff
    end = current.calendar.segment(t)[0]
    if meter.pricing:
        end = min(end, current.calendar.interval_end(t, current.interval_s))
    return end
