"""Answers to the requests of meter.service, but for bulk rows: loaded on demand.

Each takes (Meter, identity, args dict) and gives what goes under "ok".
"""

import json

from meter import chain, obis, statement
from meter.civil import EPOCH
from meter.compat import const
from meter.limits import NAME_CHARS, SAVE_PERIOD_S
from meter.service import JOURNAL, PROTOCOL, Refused

_REGISTERS_BYTES = const(980)  # with the envelope a line
_ALERTS = const(3)
_ALERT_CHARS = const(64)


def info(meter, identity, args):
    """Identity, versions, clock, tariff, period, live values, alerts, wear."""
    contract = meter.contract
    w, sample, clock = contract.w, meter.sample, meter.ports.clock
    current = contract.tariff
    end = contract.period_end
    return {
        "serial": identity["serial"],
        "board": identity["board"],
        "versions": {
            "firmware": identity["firmware"],
            "journal": JOURNAL,
            "protocol": PROTOCOL,
        },
        "software": identity["software"],
        "state": meter.state,
        "utc": clock.now(),
        "clock": clock.quality(),
        "counted_to": meter.live.t + EPOCH,
        "tariff": {
            "name": current.name[:NAME_CHARS],
            "active": _hex(w.active_digest),
            "since": w.active_since,
            "passive": _hex(w.passive_digest),
            "at": w.passive_at,
        },
        "period": {"number": w.period, "start": w.period_start, "end": end and end + EPOCH},
        "rate": current.rates[meter.rate][:NAME_CHARS],
        "tier": w.tier,
        "interval_s": current.interval_s,
        "power_mw": sum(sample.p_mw),
        "v_mv": sample.v_mv,
        "i_ma": sample.i_ma,
        "freq_mhz": sample.freq_mhz,
        "alerts": [text[:_ALERT_CHARS] for text in meter.alerts()[:_ALERTS]],
        "save_period_s": SAVE_PERIOD_S,
        "pmax_w": meter.ports.chip.pmax_w,
        "last_gasp": meter.ports.has_power_fail,
        "records": meter.journal.seq,
        "worn": max([ring.erases_max for ring in meter.journal.rings]),
        "erases": [ring.seq_max for ring in meter.journal.rings],
        "keyed": any(meter.key),
        "seal": "broken",
    }


def registers(meter, identity, args):
    """All registers by OBIS code, the names of the rates, and the heads of the chains."""
    current = meter.contract.tariff
    live = meter.live
    names, values = {}, {}
    for code, value in zip(obis.TOTALS, live.registers):
        values[code] = value
    for rate, name in enumerate(current.rates):
        code = obis.of_rate(current, rate)
        names[code] = name
        values[code] = live.rates[current.register(rate)]
    heads = [[seq, tag[:8].hex()] for seq, tag in map(chain.head, meter.journal.rings[3:])]
    answer = {
        "utc": live.t + EPOCH,
        "status": live.status,
        "registers": values,
        "heads": heads,
        "names": names,
    }
    if len(json.dumps(answer)) > _REGISTERS_BYTES:
        answer["names"] = {}
    return answer


def bill(meter, identity, args):
    """One line of the bill of a period, the number of lines, and the total."""
    contract = meter.contract
    period = args.get("period") or contract.w.period
    if meter.broken:
        raise Refused("blocked", "bill: rates and total differ: see the events")
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
        "digest": current.digest,
        "lines": n,
        "line": found,
        "total": due,
    }


def tariff(meter, identity, args):
    """Make a tariff file the next one."""
    digest, when = args["digest"], args.get("when", "period")
    if meter.state != "ready":
        raise Refused("state", "tariff: the journal is " + meter.state + ": format it first")
    if len(digest) != 64 or when not in ("now", "period"):
        raise Refused("arguments", "tariff: expected digest, 64 digits, and when now|period")
    meter.affirm()
    live = meter.live
    t = max(live.t, meter.ports.clock.now() - EPOCH)
    at = meter.contract.schedule(digest, live, t, when == "now")
    meter.replan()
    meter.count(meter.ports.clock.now())  # so that what is in force now is in force for the asker
    return {"digest": digest, "at": at}


def clock(meter, identity, args):
    """Set the clock; what is open closes."""
    utc, clock = args["utc"], meter.ports.clock
    if not isinstance(utc, int) or utc < EPOCH:
        raise Refused("arguments", "clock: expected Unix seconds after 2019")
    clock.set(utc)
    meter.step_clock(utc)
    return {"utc": clock.now()}


def commit(meter, identity, args):
    """Write the registers now."""
    meter.commit()
    return {"utc": meter.live.t + EPOCH}


def format(meter, identity, args):
    """Format a journal that is blank, or foreign and so named."""
    allowed = meter.state == "blank" or (meter.state == "foreign" and args.get("foreign"))
    if not allowed:
        raise Refused("state", "format: the journal is " + meter.state + ": nothing was done")
    meter.journal.format(args["salt"])
    meter.start()
    return {"state": meter.state}


def _hex(digest):
    return None if digest == bytes(len(digest)) else digest.hex()
