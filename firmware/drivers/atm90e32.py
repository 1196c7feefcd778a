"""ATM90E32AS three-phase metering IC over SPI: counts, not policy.

Reading an energy register clears it, so a read is a small transaction (`_intake`):
  1. LastSPIData is made 0 and the register that is about to be read is noted (`_pending`);
  2. the register is read and confirmed through LastSPIData;
  3. the new sum is noted (`_target`), stored, and the note is cleared.
Whatever stops it between two bytecodes, `_recover` ends it at the next read: before step 3
the chip still knows the value (or 0, when it never saw the read), after it the sum is known
and may be stored twice. The allocation of a read is one tuple, while counts are below 2**30.
"""

from drivers.atm90e32_link import Link
from meter.compat import const, forget
from meter.errors import MeterError
from meter.sample import GLITCH, RESET, SATURATED

# DS register table; what is configured stands in atm90e32_setup
_METER_EN = const(0x00)  # metering runs while any of bits 7..0 is set; 0 after a reset
_EMM_INT_EN0 = const(0x75)  # kept at 0
_LAST_SPI_DATA = const(0x78)  # data of the last read or write, the chip's own memory of it
_AP_ENERGY_T = const(0x80)  # forward active, all phases, 0.01 CF a count; READ CLEARS
_AN_ENERGY_T = const(0x84)  # reverse active; READ CLEARS
_RP_ENERGY_T = const(0x88)  # forward reactive; READ CLEARS
_RN_ENERGY_T = const(0x8C)  # reverse reactive; READ CLEARS
_SA_ENERGY_T = const(0x90)  # apparent; READ CLEARS
_P_MEAN_A = const(0xB1)  # high word; the low word is 0x10 further; signed, 0.00032 W
_U_RMS_A = const(0xD9)  # 0.01 V
_I_RMS_A = const(0xDD)  # 0.001 A
_FREQ = const(0xF8)  # 0.01 Hz

_IMPORT = const(1)  # index in _ENERGIES and _raw
_EXPORT = const(0)
_MINUS = const(2)
_PLUS = const(3)
_APPARENT = const(4)
# A register that mostly reads 0 comes first, as it leaves LastSPIData at 0 for the next.
_ENERGIES = (_AN_ENERGY_T, _AP_ENERGY_T, _RN_ENERGY_T, _RP_ENERGY_T, _SA_ENERGY_T)
_FULL = const(0xFFFF)
_TRIES = const(4)  # more would only wait for a broken bus
_TICKS_MASK = const(0x3FFFFFFF)  # period of time.ticks_ms on 32-bit ports
_DT_S_MAX = const(65535)
_NOTHING = const(-1)


class Atm90e32:
    """The chip port for an ATM90E32AS.

    spi          mode 3, 500 kHz; `write(buf)`, `write_readinto(out, in)`
    cs           callable pin, 0 selects
    sleep_ms     callable
    imp_per_kwh  pulse constant as the chip sees it, behind the transformers; one count is
                 0.01 pulse
    line_hz      50 or 60
    wiring       "3p4w", "3p3w" (A-B and C-B) or "1p" (phase A)
    ct_ratio vt_ratio   (primary, secondary), ints
    pmax_w       most that can flow, primary; bounds what an unconfirmed transfer may claim
    start_mw     starting power as the chip sees it; half of it is no-load
    pga          MMode1, from the burden resistors
    sag_mv       voltage as the chip sees it; below it for 20 ms IRQ1 is asserted; 0: never
    ticks_ms     callable like time.ticks_ms; None: only the 16 bits bound a transfer

    link           drivers.atm90e32_link.Link, between two reads for others too
    energy_ratio   (num, den): mWh = counts * num / den, primary
    window_counts  counts at which a register is full
    pmax_w         as given

    Transactions of a read with import only: 15 for energy and configuration, then for 1p 2
    or 5 and for 3p4w 4 or 7. `read` gives fresh voltages; current and power of one phase, or
    the frequency, by turns. Calls raise OSError (bus) and MeterError.
    """

    window_counts = _FULL

    def __init__(
        self,
        spi,
        cs,
        sleep_ms,
        imp_per_kwh,
        line_hz=50,
        wiring="3p4w",
        ct_ratio=(1, 1),
        vt_ratio=(1, 1),
        pmax_w=69000,
        start_mw=4600,
        pga=0,
        sag_mv=0,
        ticks_ms=None,
    ):
        self._sleep_ms, self._ticks_ms = sleep_ms, ticks_ms
        self._settings = (imp_per_kwh, line_hz, wiring, pga, start_mw, sag_mv)
        self._calibration = {}  # type: dict[str, int]
        from drivers import atm90e32_setup

        self._note(atm90e32_setup.configuration(*self._settings, self._calibration))
        self._phases = atm90e32_setup.WIRINGS[wiring][0]
        forget("drivers.atm90e32_setup")
        self._ct, self._vt = ct_ratio, vt_ratio
        self.pmax_w = pmax_w
        num, den = ct_ratio[0] * vt_ratio[0], ct_ratio[1] * vt_ratio[1]
        self.energy_ratio = _lowest_terms(10000 * num, imp_per_kwh * den)
        # counts a second at pmax_w, and a quarter more
        self._counts_per_s_max = pmax_w * imp_per_kwh * den * 5 // (36000 * num * 4) + 1

        self.link = Link(spi, cs)
        self._get = self.link.get
        self._pending = _NOTHING  # index of the register whose read is under way
        self._target = _NOTHING  # its new sum, once that is decided
        self._raw = [0] * len(_ENERGIES)  # cumulative
        self._counts = (0,) * 7
        self._exporting = False
        self._flags = 0
        self._ready = False  # configured by us, to the end
        self._since_ms = None  # ticks at the start of the last whole read
        self._limit = _FULL  # most counts that this read can find in a register
        self._check_index = 0
        self._turn = _NOTHING

    def start(self, calibration):
        """Make the chip meter; one that is configured as we want keeps its energy.

        calibration   {datasheet name: 16-bit value}, of gains, phases and offsets
        MeterError: names the stage that failed.
        """
        self._start(calibration, 0, 0)

    def _restart(self):
        # What reads right after all was the bus; a start that was broken off has been told.
        self._start(self._calibration, RESET, GLITCH if self._ready else 0)

    def _start(self, calibration, wrong_flag, right_flag):
        """The flags: what it means that the chip does not, or does, hold the configuration."""
        from drivers import atm90e32_setup

        self._recover()
        rows = atm90e32_setup.configuration(*self._settings, calibration)
        self._ready = False
        self._calibration = calibration
        self._note(rows)
        wrong = atm90e32_setup.wrong(self.link, rows)
        self._flags |= wrong_flag if wrong else right_flag
        atm90e32_setup.start(self.link, rows, wrong, self._sleep_ms)
        forget("drivers.atm90e32_setup")
        self._since_ms = None
        self._ready = True

    def ok(self):
        """-> bool: the chip still holds the configuration of `start`, by read-back."""
        self._recover()
        if not self._ready or not self.link.reads(_METER_EN, 1):
            return False
        return all(self._holds(index) for index in range(len(self._registers)))

    def read(self, sample):
        """Fill a `meter.sample.Sample`. May be broken off anywhere; the next one mends it.

        Reactive counts go to quadrants by the larger of the import and the export of the same
        read, or by the last sign when there was neither.
        A chip that lost its configuration is started again: RESET. MeterError: it stays lost.
        """
        now_ms = self._ticks_ms() if self._ticks_ms else 0
        self._limit = self._plausible_counts(now_ms)
        self._recover()
        if not self._ready or not self._holds_next():
            self._restart()
        self._intake_all()
        # After the energy: a reset that came between has taken some of it.
        if not self.link.reads(_METER_EN, 1):
            self._restart()
        self._sort()
        sample.counts = self._counts
        self._live(sample)
        self._since_ms = now_ms
        sample.flags = self._flags
        self._flags = 0

    # energy

    def _intake_all(self):
        for index in range(5):
            self._intake(index)

    def _intake(self, index):
        if self.link.last:
            # A register that we keep at 0, though a flipped bit can write it without a key.
            if not self.link.reads(_EMM_INT_EN0, 0):
                self.link.write(_EMM_INT_EN0, 0, "interrupts")
        self._target = _NOTHING
        self._pending = index
        value = self._get(_ENERGIES[index])
        last = self._get(_LAST_SPI_DATA)
        if last != value:
            value = self._settle(value, last)
        self._fold(value)

    def _recover(self):
        """End the read that something broke off, if there is one."""
        if self._pending < 0:
            return
        if self._target < 0:
            last = self._get(_LAST_SPI_DATA)
            value = self._get(_LAST_SPI_DATA)
            if last != value:
                value = self._settle(last, value)
            self._fold(value)
        else:
            self._raw[self._pending] = self._target
            self._pending = _NOTHING

    def _settle(self, value, last):
        """-> the likeliest of transfers that differ; read again until two in a row agree.

        One that agrees but cannot be is a fault on the way back, so the first one counts.
        """
        self._flags |= GLITCH
        for _ in range(_TRIES):
            again = self._get(_LAST_SPI_DATA)
            if again == last:
                return last if last <= self._limit else value
            last = again
        raise MeterError(
            f"atm90e32: energy: LastSPIData reads 0x{last:04x}, never twice the same: check wiring"
        )

    def _fold(self, value):
        if value > self._limit:
            self._flags |= GLITCH
            if value == _FULL:
                value = 0  # an idle or broken MISO reads all ones, and so early it is not energy
        elif value == _FULL:
            self._flags |= SATURATED
        self._target = self._raw[self._pending] + value
        self._raw[self._pending] = self._target
        self._pending = _NOTHING

    def _sort(self):
        """Make the counts of the port from the registers; what is in `_counts` is done."""
        imported, exported, q1, q2, q3, q4, _ = self._counts
        raw = self._raw
        import_counts, export_counts = raw[_IMPORT] - imported, raw[_EXPORT] - exported
        if import_counts != export_counts:
            self._exporting = export_counts > import_counts
        if self._exporting:
            q2, q3 = raw[_PLUS] - q1, raw[_MINUS] - q4
        else:
            q1, q4 = raw[_PLUS] - q2, raw[_MINUS] - q3
        self._counts = (raw[_IMPORT], raw[_EXPORT], q1, q2, q3, q4, raw[_APPARENT])

    def _plausible_counts(self, now_ms):
        if self._ticks_ms is None or self._since_ms is None:
            return _FULL
        dt_s = ((now_ms - self._since_ms) & _TICKS_MASK) // 1000 + 1
        if dt_s <= _DT_S_MAX and self._counts_per_s_max * dt_s <= _FULL:
            return self._counts_per_s_max * dt_s
        # The datasheet does not say whether a full register stays so or begins anew.
        self._flags |= SATURATED
        return _FULL

    # live values

    def _live(self, sample):
        """Voltages at each read; current and power of a phase, or the frequency, by turns."""
        num, den = self._vt
        for phase in self._phases:
            sample.v_mv[phase] = self._get(_U_RMS_A + phase) * 10 * num // den
        turns = len(self._phases)
        if self._turn < 0:  # the first time all of it
            for turn in range(turns):
                self._live_turn(sample, turn)
            self._turn = turns
        self._live_turn(sample, self._turn)
        self._turn = self._turn + 1 if self._turn < turns else 0

    def _live_turn(self, sample, turn):
        if turn == len(self._phases):
            sample.freq_mhz = self._get(_FREQ) * 10
            return
        phase = self._phases[turn]
        num, den = self._ct
        sample.i_ma[phase] = self._get(_I_RMS_A + phase) * num // den
        num, den = num * self._vt[0], den * self._vt[1]
        sample.p_mw[phase] = self._power(_P_MEAN_A + phase) * 8 * num // (25 * den)

    def _power(self, register):
        """-> signed 32-bit power in 0.32 mW; the low word belongs to a high word read twice."""
        high = self._get(register)
        low = self._get(register + 0x10)
        again = self._get(register)
        if again != high:
            low = self._get(register + 0x10)
        if again & 0x8000:
            again -= 0x10000
        return again << 16 | low

    # configuration

    def _note(self, rows):
        """Keep what every register must hold, in 3 bytes each."""
        self._registers = bytes([register for register, _, _ in rows])
        self._values = bytes([b for _, value, _ in rows for b in (value >> 8, value & 0xFF)])

    def _holds_next(self):
        """-> bool: one register, in turn, holds what it must."""
        index = self._check_index
        self._check_index = index + 1 if index + 1 < len(self._registers) else 0
        return self._holds(index)

    def _holds(self, index):
        value = self._values[2 * index] << 8 | self._values[2 * index + 1]
        return self.link.reads(self._registers[index], value)


def _lowest_terms(num, den):
    a, b = num, den
    while b:
        a, b = b, a % b
    return num // a, den // a
