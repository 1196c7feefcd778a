"""Energy from chip counts into registers: exact, and safe against an interrupt anywhere.

Two copies of the state alternate. An advance works on the idle one and makes it the live
one in a single store, so whoever breaks in between two bytecodes finds the state before or
the state after, and the next advance goes on from there.
"""

from meter.civil import EPOCH
from meter.limits import RATES
from meter.sample import CHANNELS, EXPORT, IMPORT


class Live:
    """One instant of the account.

    t          core seconds up to which energy is counted
    seen       7 ints: the chip's cumulative counts that are in the registers
    registers  7 ints, mWh mvarh mVAh by channel (meter.sample)
    rates      16 ints, mWh
    carries    7 ints: counts x num not yet a whole mWh
    status, v_min_dv, v_max_dv   of the open interval; deci-volts
    """

    def __init__(self):
        self.t = 0
        self.seen = [0] * CHANNELS
        self.registers = [0] * CHANNELS
        self.rates = [0] * RATES
        self.carries = [0] * CHANNELS
        self.status = 0
        self.v_min_dv = 0xFFFF
        self.v_max_dv = 0

    def copy(self, other):
        self.t = other.t
        self.seen[:] = other.seen
        self.registers[:] = other.registers
        self.rates[:] = other.rates
        self.carries[:] = other.carries
        self.status = other.status
        self.v_min_dv, self.v_max_dv = other.v_min_dv, other.v_max_dv


class Accounts:
    """The registers of the meter.

    num, den   mWh = counts x num / den (design: chip constant x CT x VT x calibration)
    """

    def __init__(self, num, den):
        self.num, self.den = num, den
        self._pair = Live(), Live()
        self.live = self._pair[0]

    def advance(self, counts, now, until, import_register, export_register, bound_mwh):
        """Count the energy from live.t to until into one rate: the share of what came by now.

        counts     7 cumulative chip counts at now, None where the IC has no register
        now >= until >= live.t   core seconds
        bound_mwh  import total at which to stop, exactly (a tier crossing), or None; live.t
                   then is the second of the crossing
        What is not taken stays in `counts - seen`, so the pieces of a tick always add up.
        """
        old, new = self.live, self._idle()
        new.copy(old)
        span, part = now - old.t, until - old.t
        arrived = counts[IMPORT] - old.seen[IMPORT]
        taken = _share(arrived, part, span)
        if bound_mwh is not None:
            enough = self._counts_until(bound_mwh, old)
            if enough <= taken:
                taken = enough
                part = span * taken // arrived if arrived else 0
        self._count(new, IMPORT, taken, import_register, bound_mwh)
        for channel in range(1, CHANNELS):
            if counts[channel] is not None:
                taken = _share(counts[channel] - old.seen[channel], part, span)
                self._count(new, channel, taken, export_register, None)
        new.t = old.t + part
        self.live = new

    def move(self, t):
        """Go to core second t with no energy: the meter was off, or the clock stepped."""
        new = self._idle()
        new.copy(self.live)
        new.t = t
        self.live = new

    def _idle(self):
        return self._pair[1] if self.live is self._pair[0] else self._pair[0]

    def restore(self, e):
        """Take the registers of a committed records.EState; its counts are all seen."""
        new = self._idle()
        new.t = e.utc - EPOCH
        new.seen[:] = [0] * CHANNELS
        new.registers[:], new.rates[:], new.carries[:] = e.registers, e.rates, e.carries
        new.status, new.v_min_dv, new.v_max_dv = e.interval_status, e.v_min_dv, e.v_max_dv
        self.live = new

    def save(self, e):
        """Show the registers to a records.EState that is about to be committed."""
        live = self.live
        e.utc = live.t + EPOCH
        e.registers, e.rates, e.carries = live.registers, live.rates, live.carries
        e.interval_status, e.v_min_dv, e.v_max_dv = live.status, live.v_min_dv, live.v_max_dv

    def imbalance(self, export_mask):
        """-> (total, sum of its rates) of the first direction that breaks promise 2, or None.

        export_mask   bit r set: rate register r counts export
        """
        live = self.live
        for channel in (IMPORT, EXPORT):
            rest = total = live.registers[channel]
            for register in range(RATES):
                energy = live.rates[register]
                if energy and export_mask >> register & 1 == channel:
                    rest -= energy
            if rest:
                return total, total - rest
        return None

    def _count(self, new, channel, counts, register, bound_mwh):
        units = new.carries[channel] + counts * self.num
        mwh = units // self.den
        if bound_mwh is not None and new.registers[channel] + mwh > bound_mwh:
            mwh = bound_mwh - new.registers[channel]
        new.carries[channel] = units - mwh * self.den
        new.registers[channel] += mwh
        if channel <= EXPORT:
            new.rates[register] += mwh
        new.seen[channel] += counts

    def _counts_until(self, bound_mwh, old):
        missing = (bound_mwh - old.registers[IMPORT]) * self.den - old.carries[IMPORT]
        return (missing + self.num - 1) // self.num if missing > 0 else 0


def _share(counts, part, span):
    return counts if part == span else counts * part // span
