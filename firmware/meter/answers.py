"""Answers about the bill, and to who changes the contract or the clock: loaded on demand.

Each takes (Meter, identity, args dict) and gives what goes under "ok".
"""

from meter import codes
from meter.civil import EPOCH
from meter.compat import const, forget
from meter.readings import hex_or_none, seal_name
from meter.service import Refused

_UTC_MAX = const(4102444800)  # 2100; what a record can hold ends in 2106
_SALT_MAX = const(0xFFFFFFFF)
_AHEAD_MAX_S = const(5 * 366 * 86400)  # each billing period on the way closes with a record
_SLEW_S = const(4)  # less than a clock that is behind is waited for


def bill(meter, identity, args):
    """One line of the bill of a period, the number of lines, and the total."""
    contract = meter.contract
    period = args.get("period") or contract.w.period
    if meter.broken:
        raise Refused("blocked", "bill: rates and total differ: see the events")
    from meter import statement

    current, opening, closing, lines = statement.lines(meter, period)
    wanted, found, due, n = args.get("line", 0), None, 0, 0
    for line in lines:
        if n == wanted:
            found = line.as_dict()
        due += line.rounded
        n += 1
    return {
        "period": period,
        "start": opening.utc + EPOCH,
        "end": closing.utc + EPOCH,
        "open": period == contract.w.period,
        "seal": seal_name(meter),
        "digest": current.digest,
        "lines": n,
        "line": found,
        "total": due,
        "demand": _filled(contract.w.demand) if period == contract.w.period else [],
    }


def quality(meter, identity, args):
    """Power quality and tamper: counters, and what holds now."""
    if meter.quality is None:
        raise Refused("state", "quality: this board does not watch it: see its board.py")
    from meter import quality_answer

    return quality_answer.answer(meter.quality)


def tariff(meter, identity, args):
    """Make a tariff file the next one."""
    digest, when = args["digest"], args.get("when", "period")
    if meter.state != "ready":
        raise Refused("state", "tariff: the journal is " + meter.state + ": format it first")
    if len(digest) != 64 or not (when in ("now", "period") or isinstance(when, int)):
        raise Refused("arguments", "tariff: digest, 64 digits, and when now|period|Unix seconds")
    _need_order(meter, "tariff", digest + " " + str(when), args)
    meter.affirm()
    live = meter.live
    t = max(live.t, meter.ports.clock.now() - EPOCH)
    at = meter.contract.terms("schedule", digest, live, t, when)
    meter.replan()
    meter.count(meter.ports.clock.now())  # so that what is in force now is in force for the asker
    return {"digest": digest, "at": at}


def prices(meter, identity, args):
    """Put a price schedule in force, from the next profile row on."""
    digest = args["digest"]
    if meter.state != "ready" or not meter.contract.w.period:
        raise Refused("state", "prices: no tariff is in force: push one first")
    if len(digest) != 64:
        raise Refused("arguments", "prices: expected digest, 64 digits")
    _need_order(meter, "prices", digest, args)
    from meter import prices_check

    meter.affirm()
    t = max(meter.live.t, meter.ports.clock.now() - EPOCH)
    try:
        until, before = prices_check.accept(meter, digest, t)
    finally:
        if meter.pricing is None:
            forget("meter.price_schedule")
    return {"digest": digest, "until": until, "before": hex_or_none(before)}


def clock(meter, identity, args):
    """Set the clock; what is open closes, unless a reference moves it by a few seconds."""
    utc, clock = args["utc"], meter.ports.clock
    if type(utc) is not int or not EPOCH <= utc < _UTC_MAX:
        raise Refused("arguments", "clock: expected Unix seconds of 2020 to 2099")
    if meter.state == "ready" and 0 < meter.live.t < utc - EPOCH - _AHEAD_MAX_S:
        raise Refused(
            "state", "clock: more than 5 years ahead of what is counted: set it in steps"
        )
    if not args.get("reference"):
        clock.set(utc)
        meter.step_clock(utc)
        return {"utc": clock.now()}
    before, valid = clock.now(), clock.quality()
    trimmed = clock.discipline(utc)
    if (
        not valid
        or not -_SLEW_S <= utc - before <= _SLEW_S
        or utc - EPOCH < meter.live.t - _SLEW_S
    ):
        meter.step_clock(utc)
    elif utc != before:  # the ticks skip these seconds, or wait for them
        meter.events.log(codes.EVENT_CLOCK_SLEW, meter.live.t, before, utc)
    if trimmed:
        meter.events.log(codes.EVENT_CLOCK_AGING, meter.live.t, *trimmed)
    return {"utc": clock.now(), "before": before, "aging": trimmed}


def load_switch(meter, identity, args):
    """A person lets the load return that the limiter shed."""
    if args["on"] is not True:
        raise Refused("arguments", "load_switch: expected on true: only the limiter opens it")
    for rider in meter.contract.riders:
        if hasattr(rider, "reclose") and rider.reclose(meter.live.t):
            return {"on": not meter.contract.w.outputs & 1}
    raise Refused("state", "load_switch: no level of the limiter waits for it: nothing was done")


def commit(meter, identity, args):
    """Write the registers now."""
    meter.commit()
    return {"utc": meter.live.t + EPOCH}


def format(meter, identity, args):
    """Format a journal that is blank, or foreign and so named."""
    allowed = meter.state == "blank" or (meter.state == "foreign" and args.get("foreign"))
    if not allowed:
        raise Refused("state", "format: the journal is " + meter.state + ": nothing was done")
    salt = args["salt"]
    if type(salt) is not int or not 0 < salt <= _SALT_MAX:
        raise Refused("arguments", "format: expected a salt of 1 to 4294967295")
    meter.journal.format(salt)
    meter.start()
    return {"state": meter.state}


def _filled(demand):
    """-> the pairs of WState.demand up to the last that is filled."""
    until = len(demand)
    while until and not demand[until - 1]:
        until -= 2
    return demand[:until]


def _need_order(meter, kind, argument, args):
    from meter.security import orders

    orders.require(meter, kind, argument, args)
