"""What a sealed meter tells the public, and a reader of the load profile: loaded on demand."""

from meter import service
from meter.civil import EPOCH
from meter.compat import const
from meter.service import Refused

_NOTHING = const(0)
_TOTALS = const(1)
_DAY_S = const(86400)
_PUBLIC = (
    "serial board versions software state utc clock counted_to save_period_s last_gasp keyed seal"
).split()


def info(meter, identity, args):
    """Which meter this is and whether it is well: nothing of its load or its contract."""
    from meter import readings

    found = readings.info(meter, identity, args)
    shown = {name: found[name] for name in _PUBLIC}
    shown["alert_count"] = len(meter.alerts())  # a limiter that trips tells of the load
    return shown


def registers(meter, identity, args):
    """The totals by OBIS code, or all registers, or nothing: as the request `view` chose."""
    public = meter.gate.view()[0]
    if public == _NOTHING:
        raise Refused("role", "registers: not for the public here: ask as reader")
    from meter import obis, readings

    found = readings.registers(meter, identity, args)
    if public == _TOTALS:
        registers = found["registers"]
        found["registers"] = {code: registers[code] for code in obis.TOTALS if code in registers}
        found["names"], found["status"] = {}, None
    return found


def rows(meter, identity, args):
    """As service.rows, but of the profile a reader gets the newest days only."""
    days, ring = meter.gate.view()[1], meter.journal.profile
    if not days or args["ring"] != "profile":
        return service.rows(meter, args)
    since_utc = meter.live.t + EPOCH - days * _DAY_S
    first = _first_since(ring, since_utc)
    args["from_seq"] = max(args["from_seq"], first)
    found = service.rows(meter, args, since_utc)
    found["first"] = max(found["first"], first)
    return found


def _first_since(ring, utc):
    """-> seq of the first row since then, if the clock was never set back; else a row near it."""
    low, high = max(ring.first_seq, 1), ring.last_seq + 1
    while low < high:
        middle = (low + high) // 2
        if ring.read(middle, ring.slot) and int.from_bytes(ring.slot[4:8], "little") < utc:
            low = middle + 1
        else:
            high = middle
    return low
