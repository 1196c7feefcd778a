"""BL0942 single-phase metering IC over SPI: counts, not policy. Its UART is not supported.

The count (CF_CNT, 24 bits) runs freely in algebraic mode: up for import, down for export, around
at its ends; no read clears it, so a read that was broken off or garbled is made again and nothing
is lost. What was counted last, the base, is kept in the chip too: I_FAST_RMS_TH and 3 bits of
I_FAST_RMS_CYC, whose alarm is wired to no pin. So a processor that starts anew goes on where the
last one stopped, and a chip that was reset, whose count would look like one that has gone around,
is found at each read by the base that it has lost.

Import and export between two reads cancel. There is no reactive and no apparent energy: None. A
pulse is coarse, 187 mWh (5350 a kWh) with 1 mohm and 1950 k / 510 ohm: a load of 10 W gives one
in 67 s, so energy comes in steps of that size; nothing is lost, the rest stays in the chip.
More in docs/bl0942.md.
"""

from drivers.bl0942_link import Link
from meter.compat import const, forget
from meter.sample import GLITCH, RESET, SATURATED

# DS register table; what is configured stands in bl0942_setup
_I_RMS = const(0x03)
_V_RMS = const(0x04)
_WATT = const(0x06)  # signed
_CF_CNT = const(0x07)  # pulses of active energy
_FREQ = const(0x08)  # line period in us
_I_FAST_RMS_TH = const(0x15)  # low 16 bits of the base
_I_FAST_RMS_CYC = const(0x16)  # 3 bits more

_BASE_RESET = const(0xFFFF)  # I_FAST_RMS_TH of a chip that was reset
_COUNT_MASK = const(0xFFFFFF)
_HALF = const(0x800000)
_NEAR = const(4)  # pulses that can come between two reads on end
_TRIES = const(4)
_UNITY_BITS = const(15)
_TICKS_MASK = const(0x3FFFFFFF)  # period of time.ticks_ms on 32-bit ports
_TURNS = const(6)


class Bl0942:
    """The chip port for a BL0942.

    spi          mode 1, at most 900 kHz; `write(buf)`, `write_readinto(out, in)`
    cs           callable pin, 0 selects
    sleep_ms     callable
    shunt_uohm   between the pins of the current channel
    divider_ohm  (top, bottom) of the voltage channel
    line_hz      50 or 60
    ct_ratio vt_ratio   (primary, secondary), ints
    pmax_w       most that can flow, primary; more than that and a quarter is not believed
    start_mw     starting power as the chip sees it; half of it is no load
    ticks_ms     callable like time.ticks_ms; None: only the window bounds a count

    energy_ratio   (num, den): mWh = counts * num / den, primary; a count is a pulse
    window_counts  pulses either way after which the count is ambiguous
    pmax_w         as given

    Transactions of a read: 4, and 2 more when energy has flowed. `read` gives fresh voltages;
    current, power or frequency by turns. Calls raise OSError (bus) and MeterError.
    """

    window_counts = _HALF - 1

    def __init__(
        self,
        spi,
        cs,
        sleep_ms,
        shunt_uohm=1000,
        divider_ohm=(1950000, 510),
        line_hz=50,
        ct_ratio=(1, 1),
        vt_ratio=(1, 1),
        pmax_w=6900,
        start_mw=4600,
        ticks_ms=None,
    ):
        self._sleep_ms, self._ticks_ms = sleep_ms, ticks_ms
        self._calibration = {}  # type: dict[str, int]
        from drivers import bl0942_setup

        scales = bl0942_setup.scales(shunt_uohm, divider_ohm, ct_ratio, vt_ratio)
        self._mv, self._ma, self._mw, self.energy_ratio = scales
        nominal = bl0942_setup.scales(shunt_uohm, divider_ohm, (1, 1), (1, 1))[2]
        self._settings = (line_hz, start_mw, nominal)
        self._note(bl0942_setup.configuration(*self._settings, {}))
        self._gains = bl0942_setup.gains({})
        forget("drivers.bl0942_setup")
        self._phases = (0,)
        self.pmax_w = pmax_w
        num, den = self.energy_ratio
        self._counts_per_s_max = pmax_w * den * 25 // (72 * num) + 2  # and a quarter more
        self._link = Link(spi, cs)
        self._get = self._link.get
        # pulses when it was counted last or -1; import, export; what is not a whole count of them
        self._state = (-1, 0, 0, 0, 0)
        self._kept = -1  # the base as the chip has it; -1: not known
        self._opened = False  # a write since the start has shown whether the protection is open
        self._flags = 0
        self._ready = False  # configured by us, to the end
        self._since_ms = None  # ticks at the start of the last whole read
        self._check_index = 0
        self._turn = -1

    def start(self, calibration):
        """Make the chip meter; one that is configured as we want keeps its energy.

        calibration   {name: value}: V_GAIN, I_GAIN, P_GAIN of the driver, 0x8000 is 1; I_RMSOS
        MeterError: names the stage that failed.
        """
        from drivers import bl0942_setup

        gains = bl0942_setup.gains(calibration)
        rows = bl0942_setup.configuration(*self._settings, calibration)
        self._ready = self._opened = False
        self._calibration, self._gains = calibration, gains
        self._note(rows)
        wrong, lost = bl0942_setup.survey(self._link, rows)
        if lost:  # before the chip looks whole again
            self._state = (-1,) + self._state[1:]
        base, doubt = bl0942_setup.play(self._link, wrong, lost, self._sleep_ms), False
        if base is None and self._state[0] < 0:
            base, doubt = bl0942_setup.kept_base(self._link)
        forget("drivers.bl0942_setup")
        self._kept = -1 if doubt or base is None else base
        if base is not None:
            self._state = (base,) + self._state[1:]
            self._since_ms = None
        if doubt:
            self._flags |= GLITCH
        self._ready = True

    def ok(self):
        """-> bool: the chip still holds the configuration of `start`, by read-back."""
        return self._ready and all(self._holds(index) for index in range(len(self._registers)))

    def read(self, sample):
        """Fill a `meter.sample.Sample`. May be broken off anywhere; the next one mends it.

        A chip that lost its configuration is started again: RESET; its energy since the last
        read is not known. GLITCH: a count that cannot be, which is left out. SATURATED: so late
        a read that the count may have gone around.
        """
        now_ms = self._ticks_ms() if self._ticks_ms else 0
        limit = self._plausible_counts(now_ms)
        count = self._count() if self._ready else 0
        if not self._ready or not self._is_ours():
            self._ready = False
            self._flags |= RESET
            self.start(self._calibration)
            count, limit = self._count(), self._plausible_counts(now_ms)
        self._fold(count, limit)
        self._live(sample)
        self._since_ms = now_ms
        # Last, just before the counts are handed over: only a processor that is reset between the
        # two loses what this read has found.
        self._keep(count)
        sample.counts = (self._state[1], self._state[2], None, None, None, None, None)
        sample.flags = self._flags
        self._flags = 0

    # energy

    def _count(self):
        """-> CF_CNT; one that has moved is read until two agree, as 8 bits of checksum do not
        find everything."""
        get = self._get
        count = get(_CF_CNT)
        if count == self._state[0]:
            return count
        for _ in range(_TRIES):
            again = get(_CF_CNT)
            if (again - count + _NEAR) & _COUNT_MASK <= 2 * _NEAR:
                return again
            count = again
        self._flags |= GLITCH
        return count

    def _is_ours(self):
        """-> bool: the chip was not reset: it has the base that we gave it."""
        if self._kept & 0xFFFF != _BASE_RESET:
            if self._link.field(_I_FAST_RMS_TH) == self._kept & 0xFFFF:
                return True
            self._kept = -1  # a write that did not arrive
        return self._holds(0) and self._holds(len(self._registers) - 1)

    def _fold(self, count, limit):
        base, imported, exported, import_rest, export_rest = self._state
        pulses = (count - base + _HALF & _COUNT_MASK) - _HALF
        if abs(pulses) > limit:
            self._flags |= GLITCH
            pulses = 0
        if pulses > 0:
            import_rest += pulses * self._gains[2]
            imported += import_rest >> _UNITY_BITS
            import_rest &= 0x7FFF
        elif pulses < 0:
            export_rest -= pulses * self._gains[2]
            exported += export_rest >> _UNITY_BITS
            export_rest &= 0x7FFF
        if count != base:
            self._state = (count, imported, exported, import_rest, export_rest)

    def _keep(self, count):
        """Give the chip the base, if it has another; the next read sees whether it arrived."""
        kept, link = self._kept, self._link
        if kept == count:
            return
        if not self._opened or kept < 0 or link.relocks or (kept ^ count) >> 16 & 7:
            link.write(_I_FAST_RMS_CYC, count >> 16 & 7, "base")
            link.write(_I_FAST_RMS_TH, count & 0xFFFF, "base")
            # That may have opened a chip that was reset just now, which must not look whole.
            self._ready = self._holds(len(self._registers) - 1)
            self._opened = True
        else:
            link.put(_I_FAST_RMS_TH, count & 0xFFFF)
        self._kept = count

    def _plausible_counts(self, now_ms):
        if self._ticks_ms is None or self._since_ms is None:
            return self.window_counts
        dt_s = ((now_ms - self._since_ms) & _TICKS_MASK) // 1000 + 1
        limit = self._counts_per_s_max * dt_s * 0x8000 // self._gains[2]
        if limit > self.window_counts:
            self._flags |= SATURATED
            limit = self.window_counts
        return limit

    # live values

    def _live(self, sample):
        """The voltage at each read; power, current, frequency and a check by turns."""
        num, den = self._mv
        sample.v_mv[0] = self._get(_V_RMS) * num // den * self._gains[0] >> _UNITY_BITS
        if self._turn < 0:  # the first time all of it
            for turn in range(_TURNS):
                self._live_turn(sample, turn)
            self._turn = 0
            return
        self._live_turn(sample, self._turn)
        self._turn = self._turn + 1 if self._turn + 1 < _TURNS else 0

    def _live_turn(self, sample, turn):
        if turn in (0, 3):
            self._power(sample)
        elif turn == 2:
            num, den = self._ma
            sample.i_ma[0] = self._get(_I_RMS) * num // den * self._gains[1] >> _UNITY_BITS
        elif turn == 5:
            period = self._get(_FREQ) & 0xFFFF
            sample.freq_mhz = 1000000000 // period if period and sample.v_mv[0] else 0
        else:
            index = self._check_index
            self._check_index = index + 1 if index + 1 < len(self._registers) else 0
            if not self._holds(index):
                self._ready = False  # the next read starts the chip again

    def _power(self, sample):
        power, (num, den) = self._get(_WATT), self._mw
        if power & _HALF:
            power -= _COUNT_MASK + 1
        if power in (_HALF - 1, -_HALF):
            self._flags |= SATURATED  # what flows may be more
        sample.p_mw[0] = power * num * self._gains[2] // (den << _UNITY_BITS)

    # configuration

    def _note(self, rows):
        """Keep what every register must hold, in 3 bytes each."""
        self._registers = bytes([register for register, _, _ in rows])
        self._values = bytes([b for _, value, _ in rows for b in (value >> 8, value & 0xFF)])

    def _holds(self, index):
        """-> bool; one reply that differs proves nothing, so it is read again."""
        value = self._values[2 * index] << 8 | self._values[2 * index + 1]
        register = self._registers[index]
        return self._link.field(register) == value or self._link.field(register) == value
