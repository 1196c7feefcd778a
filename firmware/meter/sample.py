"""What a metering IC hands to the core in one read."""

from meter.compat import const

IMPORT = const(0)
EXPORT = const(1)
Q1 = const(2)
Q2 = const(3)
Q3 = const(4)
Q4 = const(5)
APPARENT = const(6)
CHANNELS = const(7)

# flags of one read
RESET = const(1)  # the IC had lost its configuration since the read before
GLITCH = const(2)  # a transfer could not be confirmed; its counts are in doubt
SATURATED = const(4)  # an energy register was full: the true energy may be more


class Sample:
    """Filled by `chip.read(sample)`.

    counts    tuple of 7 ints (or None where the IC has no such register): import, export,
              reactive quadrants 1..4 (IEC 62053-23), apparent; in chip counts, cumulative
              since the driver was made, never falling, replaced in one store
    v_mv i_ma p_mw   lists of 3 ints by phase; 0 for an absent phase; power is signed
    freq_mhz  line frequency
    flags     RESET | GLITCH | SATURATED
    """

    def __init__(self):
        self.counts = (0,) * CHANNELS
        self.v_mv = [0, 0, 0]
        self.i_ma = [0, 0, 0]
        self.p_mw = [0, 0, 0]
        self.freq_mhz = 0
        self.flags = 0
