"""Sums over some ticks of what the IC measures, for somebody who compares with a reference.

Loaded on demand; it lives as long as somebody measures.
"""

from meter.compat import const
from meter.sample import CHANNELS

_TICKS_MAX = const(3600)
_SKIPPED = const(6)  # the driver reads phases by turns: these may be from before


class Measuring:
    """ticks    how many to add up, 1 to 3600, after some that are skipped

    done      ticks added so far
    began ended   Unix s of the tick before the first one, and of the last one
    v_mv i_ma p_mw   sums by phase
    freq_mhz  sum
    counts    what the channels gained between the two, in chip counts; None where there is none
    """

    def __init__(self, ticks):
        self.ticks = max(1, min(ticks, _TICKS_MAX))
        self.done = -_SKIPPED - 1
        self.began = self.ended = 0
        self.v_mv, self.i_ma, self.p_mw, self.freq_mhz = [0] * 3, [0] * 3, [0] * 3, 0
        self.counts = [0] * CHANNELS
        self._first = None

    def add(self, sample, now):
        """A tick at Unix second `now` has read `sample`."""
        if self.done >= self.ticks:
            return
        self.done += 1
        if self.done <= 0:
            self._first, self.began = sample.counts, now
            return
        for phase in range(3):
            self.v_mv[phase] += sample.v_mv[phase]
            self.i_ma[phase] += sample.i_ma[phase]
            self.p_mw[phase] += sample.p_mw[phase]
        self.freq_mhz += sample.freq_mhz
        self.ended = now
        for channel in range(CHANNELS):
            value = sample.counts[channel]
            self.counts[channel] = None if value is None else value - self._first[channel]
