"""ADE7953 single-phase metering IC over SPI: counts, not policy.

The energy comes out of it in ade7953_intake. It is signed: what flows both ways between two reads
cancels in the chip, and import and export are the two signs of what is left. "DS" is the
datasheet, revision C (docs/sources.md).
"""

from drivers.ade7953_intake import (
    ACTIVE_A,
    ACTIVE_B,
    APPARENT_A,
    APPARENT_B,
    REACTIVE_A,
    REACTIVE_B,
    WINDOW,
    Intake,
    signed,
)
from drivers.ade7953_link import Link
from meter.compat import const, forget
from meter.sample import GLITCH, RESET

# DS register table; what is configured stands in ade7953_setup
_PERIOD = const(0x10E)  # line period, 223.75 kHz
_AP_NOLOAD = const(0x203)
_AWATT = const(0x212)  # active power of A, then B; signed
_IRMSA = const(0x21A)  # then B
_VRMS = const(0x21C)
_IRQSTATA = const(0x22D)
_CRC = const(0x37F)  # of all configuration
_RESET = const(1 << 20)  # bit of IRQSTATA

_TICKS_MASK = const(0x3FFFFFFF)  # period of time.ticks_ms on 32-bit ports
_DT_S_MAX = const(65535)
_NOTHING = const(-1)


class Ade7953:
    """The chip port for an ADE7953.

    spi          mode 0, at most 2 MHz; `write(buf)`, `write_readinto(out, in)`
    cs           callable pin, 0 selects
    sleep_ms     callable
    imp_per_kwh  pulses on CF1, behind the transformers; a count is 1/CF1DEN of one
    line_hz      50 or 60; the chip finds out by itself
    wiring       "1p" (channel A), "1pn" (the same, and B shows the current of the neutral) or
                 "2c" (two circuits on A and B, one voltage: what is billed is their sum)
    ct_ratio vt_ratio   (primary, secondary), ints; of both channels
    pmax_w       most that can flow, primary; bounds what an unconfirmed transfer may claim
    start_mw     starting power as the chip sees it; half of it is no-load, per channel
    pga          PGA_V, PGA_IA, PGA_IB
    full_scale   (mV, mA), rms, that bring an input to full scale, behind the transformers
    ticks_ms     callable like time.ticks_ms; None: a late read is not noticed

    energy_ratio   (num, den): mWh = counts * num / den, primary
    window_counts  counts at which a register rolls over
    pmax_w         as given
    status         IRQSTATA of the last read

    Transfers of a read: 9 for energy with one channel, 18 with two, 2 for the configuration, and
    3 or 5 for the rest: voltage, and current and power of a channel, or the frequency, by turns.
    Calls raise OSError (bus) and MeterError.
    """

    window_counts = WINDOW

    def __init__(
        self,
        spi,
        cs,
        sleep_ms,
        imp_per_kwh=3200,
        line_hz=50,
        wiring="1p",
        ct_ratio=(1, 1),
        vt_ratio=(1, 1),
        pmax_w=15000,
        start_mw=4600,
        pga=(0, 0, 0),
        full_scale=(310350, 100000),
        ticks_ms=None,
    ):
        self._sleep_ms, self._ticks_ms = sleep_ms, ticks_ms
        self._settings = (imp_per_kwh, line_hz, wiring, pga, start_mw, full_scale)
        self._calibration = {}  # type: dict[str, int]
        from drivers import ade7953_setup

        ade7953_setup.configuration(*self._settings, self._calibration)  # is it one?
        scales = ade7953_setup.scales(imp_per_kwh, wiring, full_scale, ct_ratio, vt_ratio, pmax_w)
        forget("drivers.ade7953_setup")
        self.energy_ratio, self._counts_per_s_max, self._v, self._i, self._p = scales[:5]
        self._two, self._shown = scales[5:]
        self.pmax_w = pmax_w

        self._registers = self._values = ()  # what every register must hold
        self._link = Link(spi, cs)
        self._get = self._link.get
        self._intake = Intake(self._link, self._two)
        self._counts = (0,) * 7
        self._exporting = False
        self._ready = False  # configured by us, to the end
        self._busy = False  # a read has begun and has not ended
        self._since_ms = None  # ticks at the start of the last whole read
        self._crc = b"\xff\xff\xff\xff"  # as it is while the chip holds the configuration
        self._check_index = 0
        self._turn = _NOTHING

    @property
    def status(self):
        return self._intake.status

    def start(self, calibration):
        """Make the chip meter; one that is configured as we want keeps its energy.

        calibration   {datasheet name: register value}, of gains, phases and offsets
        MeterError: names the stage that failed.
        """
        self._start(calibration, 0)

    def _restart(self):
        if self._ready:
            self._intake.flags |= GLITCH  # if all is as it should be, it was the bus
        self._start(self._calibration, RESET)

    def _start(self, calibration, flag):
        """flag   raised when something has to be written"""
        from drivers import ade7953_setup

        rows = ade7953_setup.configuration(*self._settings, calibration)
        self._intake.recover()
        self._ready = False
        self._calibration = calibration
        self._registers, self._values, _ = zip(*rows)
        self._crc = ade7953_setup.play(self._intake, rows, flag, self._sleep_ms)
        forget("drivers.ade7953_setup")
        self._since_ms = None
        self._ready = True

    def ok(self):
        """-> bool: the chip still holds the configuration of `start`, by read-back."""
        self._intake.recover()
        if not self._ready or self._link.agreed(_IRQSTATA) & _RESET:
            return False
        return self._holds(0, len(self._registers))

    def read(self, sample):
        """Fill a `meter.sample.Sample`. May be broken off anywhere; the next one mends it.

        Reactive counts go to quadrants by the sign of the active ones of the same read, or by
        the last sign when there were none.
        A chip that lost its configuration is started again: RESET. MeterError: it stays lost.
        """
        now_ms = self._ticks_ms() if self._ticks_ms else 0
        intake = self._intake
        intake.limit = self._plausible_counts(now_ms)
        intake.recover()
        if self._busy:
            intake.in_doubt("sync")
        self._busy = True
        if not self._ready:
            self._restart()
        if intake.limit >= WINDOW:
            intake.in_doubt("look_for_overflows")
        intake.take()
        # After the energy: a reset that came between has taken some of it.
        if not intake.settled() or not self._holds_next():
            self._restart()
        self._sort()
        sample.counts = self._counts
        self._live(sample)
        self._since_ms = now_ms
        sample.flags = intake.flags
        intake.flags = 0
        self._busy = False

    def _sort(self):
        """Make the counts of the port from the registers; what is in `_counts` is done."""
        imported, exported, q1, q2, q3, q4, apparent = self._counts
        raw = self._intake.raw
        active = raw[ACTIVE_A] + raw[ACTIVE_B] - imported + exported
        if active > 0:
            imported += active
            self._exporting = False
        elif active:
            exported -= active
            self._exporting = True
        reactive = raw[REACTIVE_A] + raw[REACTIVE_B] - q1 - q2 + q3 + q4
        if reactive > 0:
            if self._exporting:
                q2 += reactive
            else:
                q1 += reactive
        elif reactive:
            if self._exporting:
                q3 -= reactive
            else:
                q4 -= reactive
        apparent = max(apparent, raw[APPARENT_A] + raw[APPARENT_B])
        self._counts = (imported, exported, q1, q2, q3, q4, apparent)

    def _plausible_counts(self, now_ms):
        if self._ticks_ms is None or self._since_ms is None:
            return WINDOW
        dt_s = ((now_ms - self._since_ms) & _TICKS_MASK) // 1000 + 1
        return self._counts_per_s_max * min(dt_s, _DT_S_MAX)

    # configuration

    def _holds_next(self):
        """-> bool: the CRC, or one register, in turn, is what it must be."""
        index = self._check_index
        self._check_index = index + 1 if index + 1 < 2 * len(self._registers) else 0
        if index & 1:
            held = self._holds(index >> 1, (index >> 1) + 1)
            if self._registers[index >> 1] == _AP_NOLOAD:
                self._intake.caught(_AP_NOLOAD)
            return held
        if self._link.holds(_CRC, self._crc) or self._link.holds(_CRC, self._crc):
            return True
        if not self._holds(0, len(self._registers)):
            return False
        # It is of something that is not ours; garbled, it has all be looked at once more.
        self._crc = self._link.raw(_CRC)
        return True

    def _holds(self, index, end):
        while index < end:
            if not self._link.reads(self._registers[index], self._values[index]):
                return False
            index += 1
        return True

    # live values

    def _live(self, sample):
        """Voltage at each read; current and power of a channel, or the frequency, by turns."""
        sample.v_mv[0] = self._rms(_VRMS, self._v)
        if self._two:
            sample.v_mv[1] = sample.v_mv[0]
        turns = self._shown
        if self._turn < 0:  # the first time all of it
            for turn in range(turns):
                self._live_turn(sample, turn)
            self._turn = turns
        self._live_turn(sample, self._turn)
        self._turn = self._turn + 1 if self._turn < turns else 0

    def _live_turn(self, sample, turn):
        if turn == self._shown:
            period = self._get(_PERIOD)
            mhz = 223750000 // (period + 1)
            sample.freq_mhz = mhz if 40000 < mhz < 70000 else 0  # no voltage, no period
            return
        sample.i_ma[turn] = self._rms(_IRMSA + turn, self._i)
        power = signed(self._get(_AWATT + turn))
        if turn == 0 or self._two:
            sample.p_mw[turn] = power * self._p[0] // self._p[1]

    def _rms(self, register, ratio):
        """-> mV or mA. A bit from here is an energy register: look whether it was one."""
        code = self._get(register)
        self._intake.caught(register)
        return (code * ratio[0] + ratio[1] // 2) // ratio[1]
