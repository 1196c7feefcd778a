"""Answers to who reads the meter, but for bulk rows and the bill: loaded on demand.

Each takes (Meter, identity, args dict) and gives what goes under "ok".
"""

import json

from meter import chain, obis
from meter.civil import EPOCH
from meter.compat import const
from meter.limits import NAME_CHARS, SAVE_PERIOD_S
from meter.service import JOURNAL, PROTOCOL

_REGISTERS_BYTES = const(980)  # with the envelope a line
_ALERTS = const(3)
_ALERT_CHARS = const(64)
_INFO_BYTES = const(980)


def info(meter, identity, args):
    """Identity, versions, clock, tariff, period, live values, alerts, wear."""
    contract = meter.contract
    w, sample, clock = contract.w, meter.sample, meter.ports.clock
    current = contract.tariff
    end = contract.period_end
    answer = {
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
            "active": hex_or_none(w.active_digest),
            "since": w.active_since,
            "passive": hex_or_none(w.passive_digest),
            "at": w.passive_at,
        },
        "period": {"number": w.period, "start": w.period_start, "end": end and end + EPOCH},
        "rate": current.rates[meter.rate][:NAME_CHARS],
        "tier": contract.step() & 7,
        "interval_s": current.interval_s,
        "power_mw": sum(sample.p_mw),
        "v_mv": sample.v_mv,
        "i_ma": sample.i_ma,
        "freq_mhz": sample.freq_mhz,
        "alerts": [text[:_ALERT_CHARS] for text in _alerts(meter)[:_ALERTS]],
        "save_period_s": SAVE_PERIOD_S,
        "pmax_w": meter.ports.chip.pmax_w,
        "last_gasp": meter.ports.has_power_fail,
        "records": meter.journal.seq,
        "worn": max([ring.erases_max for ring in meter.journal.rings]),
        "erases": [ring.seq_max for ring in meter.journal.rings],
        "keyed": any(meter.key),
        "seal": seal_name(meter),
    }
    for name, value in identity["more"]() if "more" in identity else ():
        answer[name] = value
        if len(json.dumps(answer)) > _INFO_BYTES:
            del answer[name]
    return answer


def live(meter, identity, args):
    """The values of this moment by OBIS code; what the meter does not know is left out."""
    contract, sample = meter.contract, meter.sample
    power_mw = sum(sample.p_mw)
    values = {
        obis.POWER: max(power_mw, 0),
        obis.POWER_OUT: max(-power_mw, 0),
        obis.FREQUENCY: sample.freq_mhz,
    }
    for names, phases in ((obis.VOLTAGES, sample.v_mv), (obis.CURRENTS, sample.i_ma)):
        values.update(zip(names, phases))
    if contract.w.period and not contract.lost and not meter.broken:
        from meter import statement

        lines = list(statement.lines(meter, contract.w.period)[-1])
        values[obis.COST] = sum([line.rounded for line in lines])
        values[obis.PRICE_NOW] = price_nano(meter, lines)
    for rider in contract.riders:
        values.update(rider.values())
    return values


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


def _alerts(meter):
    """-> what is wrong now, and what the riders of the tariff want to be seen."""
    found = meter.alerts()
    for rider in meter.contract.riders:
        found += rider.alerts()
    if meter.quality is not None:
        from meter import quality_answer

        found += quality_answer.alerts(meter.quality)
    return found


def price_nano(meter, lines):
    """-> what the next kWh bought costs. lines: those of the open bill.

    The tier of a set that is not chronological is the highest that the bill has come to.
    """
    current, rate = meter.contract.tariff, meter.rate
    if meter.pricing:
        price_id, price_nano, _ = meter.pricing.row(rate, meter.live.status)
        if price_id and current.dynamic[rate]:
            return price_nano
    return current.price_nano(rate, tier_now(meter, rate, lines))


def tier_now(meter, rate, lines):
    """-> the tier that the next kWh of a rate counts into. lines: those of the open bill."""
    current = meter.contract.tariff
    tier, index = meter.contract.step(rate) & 7, current.tier_set(rate)
    if index >= 0 and current.tier_sets[index][0] != "chronological":
        tier = max([0] + [line.tier for line in lines if _is_of(line, current, rate)])
    return tier


def _is_of(line, current, rate):
    """Whether a line of the bill is one of this rate; prorata: of its whole set."""
    index = current.tier_set(rate)
    if line.kind != "energy":
        return False
    if current.tier_sets[index][0] == "per_rate":
        return line.name == current.rates[rate]
    return current.tier_set(current.rates.index(line.name)) == index


def seal_name(meter):
    """-> open, sealed, broken; open too without a gate"""
    return meter.gate.seal.name if meter.gate else "open"


def hex_or_none(digest):
    """-> hex of bytes, None where all are 0: there is none"""
    return None if digest == bytes(len(digest)) else digest.hex()
