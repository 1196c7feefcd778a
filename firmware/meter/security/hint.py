"""A time that nobody vouches for, as SNTP brings it: loaded on demand.

Only a clock that is not right takes it, once a start, and stays "not right": TLS can then look at
dates of certificates, and nothing else goes by it (docs/security.md, R21).
"""

from meter import codes
from meter.civil import EPOCH
from meter.compat import const

_OLDEST_S = const(1704067200)  # 2024-01-01 UTC
_AHEAD_MAX_S = const(5 * 366 * 86400)
NAME = "hint"  # in the vault: the module's clock has a time of this kind


def take(meter, utc):
    """-> text, what became of it. utc: Unix seconds

    The mark is kept before the clock is touched: a reset leaves the time, and would have it
    taken for one that was set.
    """
    clock, gate, counted_to = meter.ports.clock, meter.gate, meter.live.t + EPOCH
    if clock.quality():
        return "not needed"
    if clock.doubted:
        return "had one"
    if meter.state != "ready":
        return "journal " + meter.state
    # Not before what is counted, or a time at which the seal was open would come back.
    if not max(counted_to, _OLDEST_S) <= utc < max(counted_to, _OLDEST_S) + _AHEAD_MAX_S:
        return "not believed: " + str(utc)
    meter.locked = True
    try:
        before = clock.now()
        gate.vault.store(NAME, b"\x01")
        clock.hint(utc)
        gate.moved(before, clock.now())
        meter.events.log(codes.EVENT_CLOCK_HINT, meter.live.t, before, utc)
    finally:
        meter.locked = False
    return "for TLS only"
