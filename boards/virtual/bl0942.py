"""BL0942 at the level of its registers and clocks, fed by phase A of a load.

After the datasheet V1.1. Where it is silent, or one source alone says so, the model has a switch.
Not modelled: the UART, wave registers (they read 0), I_RMSOS and the pins' functions (stored,
without effect). Plain Python that MicroPython runs; the energy is exact in integers.
"""

from boards.virtual.load import Feed

_READ, _WRITE = 0x58, 0xA8
# register -> (value after a reset, bits)
_REGISTERS = {
    0x12: (0x00, 8),
    0x14: (0x0B, 8),
    0x15: (0xFFFF, 16),
    0x16: (0x01, 3),
    0x17: (0x03, 2),
    0x18: (0x24, 6),
    0x19: (0x87, 10),
    0x1A: (0x02, 2),
}
_I_RMS, _V_RMS, _I_FAST_RMS, _WATT, _CF_CNT, _FREQ, _STATUS = range(0x03, 0x0A)
_WA_CREEP, _MODE, _GAIN_CR, _SOFT_RESET, _USR_WRPROT = 0x14, 0x19, 0x1A, 0x1C, 0x1D
_CF_EN, _CLEAR_ON_READ, _ABSOLUTE = 0x04, 0x40, 0x80
_GAINS = (1, 4, 16, 24)
_MAX = 0xFFFFFF
_VREF2 = 1483524  # 1.218 V squared, in 1e-6
_PULSE = 419430400  # WATT times ms
_RESYNC_BITS = 48


class Bl0942Model:
    """load    see boards/virtual/load.py; primary values, phase A
    now_ms     callable, the time of the load
    shunt_uohm divider_ohm ct_ratio vt_ratio   what stands in front of the chip
    ncs        the 14-pin package: chip select begins a frame; else only clocks do
    relocks    the write protection closes after each write
    reset_clears   a SOFT_RESET takes the count too
    mode_clears    a write to MODE takes the count
    deaf       what comes during a reply is not looked at, so it does not count as FFh
    upper_bits     what a register of fewer than 24 bits shows above them
    reset_ms   how long the chip is deaf after a reset

    Faults, for tests: `power_on()` at any moment is a brown-out; `flip_mosi`, `flip_miso`
    (48-bit masks) and `drop_clocks` (the last n of a transfer) act on the next transfer and are
    then cleared; `stuck_select` is None, 0 or 1; `before_frame` is called with the frame's number
    before it begins.
    """

    def __init__(
        self,
        load,
        now_ms,
        shunt_uohm=1000,
        divider_ohm=(1950000, 510),
        ct_ratio=(1, 1),
        vt_ratio=(1, 1),
        ncs=True,
        relocks=False,
        reset_clears=True,
        mode_clears=False,
        deaf=False,
        upper_bits=0,
        reset_ms=0,
    ):
        self._feed, self._now_ms = Feed(load, now_ms), now_ms
        self._ncs, self._relocks, self._reset_clears = ncs, relocks, reset_clears
        self._mode_clears, self._deaf, self._reset_ms = mode_clears, deaf, reset_ms
        self._upper_bits = upper_bits
        top, bottom = divider_ohm
        self._v = (73989000 * bottom * vt_ratio[1], 1218 * (top + bottom) * vt_ratio[0])
        self._i = (305978 * shunt_uohm * ct_ratio[1], 1218000 * ct_ratio[0] * 16)
        self._p = (
            3537000 * bottom * shunt_uohm * ct_ratio[1] * vt_ratio[1],
            (top + bottom) * _VREF2 * ct_ratio[0] * vt_ratio[0] * 16,
        )
        self._true = [0, 0]
        self.flip_mosi = self.flip_miso = self.drop_clocks = 0
        self.stuck_select = self.before_frame = None
        self.frames = 0
        self._level = 1
        self._deaf_until_ms = None
        self._count = 0
        self._reset()

    def power_on(self):
        """All registers and the count to their defaults; the load's time goes on."""
        self._advance()
        self._reset()
        self._count = 0

    def _reset(self):
        self._registers = {address: row[0] for address, row in _REGISTERS.items()}
        self._unlocked = self._reverse = False
        self._residue = 0
        self._begin()
        self._ones = 0

    def true_counts(self):
        """-> (forward, reverse) pulses since the model was made; no read or reset takes any."""
        self._advance()
        return tuple(self._true)

    # the bus

    def select(self, level):
        """Chip select goes to `level`."""
        if self.stuck_select is not None:
            level = self.stuck_select
        if level == self._level:
            return
        self._level = level
        if not level:
            if self._ncs:
                self._begin()
            self.frames += 1
            if self.before_frame:
                self.before_frame(self.frames)

    def transfer(self, mosi):
        """Clock bytes through. -> bytes of MISO; FF where nobody drives it."""
        if self.stuck_select is not None:
            self.select(self.stuck_select)
        miso = bytearray(b"\xff" * len(mosi))
        if self._level or not mosi:
            return bytes(miso)
        clocks = 8 * len(mosi) - self.drop_clocks
        for i, byte in enumerate(mosi):
            shift = 40 - 8 * i
            byte ^= self.flip_mosi >> shift & 0xFF if shift >= 0 else 0
            bits = min(8, clocks - 8 * i)
            if bits == 8 and self._n & 7 == 0:
                miso[i] = self._clock(byte, 8)
            else:
                for bit in range(7, 7 - bits, -1):
                    driven = self._clock(byte >> bit & 1, 1)
                    miso[i] &= 0xFF ^ ((driven ^ 1) << bit)
            miso[i] ^= self.flip_miso >> shift & 0xFF if shift >= 0 else 0
        self.flip_mosi = self.flip_miso = self.drop_clocks = 0
        return bytes(miso)

    def _begin(self):
        self._n = self._in = 0
        self._out = None  # 32 bits, once a read was asked for

    def _clock(self, mosi, width):
        """-> MISO; width 8 on a byte's border, else 1"""
        ones = (1 << width) - 1
        if self._deaf_until_ms is not None and self._now_ms() < self._deaf_until_ms:
            return ones
        miso = ones if self._out is None else self._out >> (48 - self._n - width) & ones
        self._in = (self._in << width | mosi) & 0xFFFFFFFFFFFF
        self._n += width
        if not self._deaf or self._out is None:
            self._ones = self._ones + width if mosi == ones else _trailing_ones(mosi)
        if self._ones >= _RESYNC_BITS:
            self._ones = 0
            self._begin()
        elif self._n == 16 and self._in >> 8 == _READ:
            self._out = self._reply(self._in & 0xFF)
        elif self._n >= 48:
            if self._out is None and self._in >> 40 == _WRITE:
                self._obey()
            self._begin()
        return miso

    def _reply(self, address):
        value = self._read(address)
        total = _READ + address + (value >> 16) + (value >> 8 & 0xFF) + (value & 0xFF)
        return value << 8 | ~total & 0xFF

    def _obey(self):
        total = 0
        for shift in range(0, 48, 8):
            total += self._in >> shift & 0xFF
        if total & 0xFF == 0xFF:
            self._write(self._in >> 32 & 0xFF, self._in >> 8 & _MAX)

    # registers

    def _read(self, address):
        self._advance()
        if address in _REGISTERS:
            return self._registers[address] | self._upper(_REGISTERS[address][1])
        if address == _CF_CNT:
            value = self._count
            if self._registers[_MODE] & _CLEAR_ON_READ:
                self._count = 0
            return value
        if address == _USR_WRPROT:
            return 0x55 if self._unlocked else 0
        return self._measured(address)

    def _upper(self, bits):
        return self._upper_bits >> bits << bits & _MAX

    def _write(self, address, value):
        self._advance()
        if address == _USR_WRPROT:
            self._unlocked = value & 0xFF == 0x55
            return
        if not self._unlocked:
            return
        if self._relocks:
            self._unlocked = False
        if address == _SOFT_RESET and value == 0x5A5A5A:
            self._reset()
            self._deaf_until_ms = self._now_ms() + self._reset_ms
            if self._reset_clears:
                self._count = 0
        elif address in _REGISTERS:
            self._registers[address] = value & (1 << _REGISTERS[address][1]) - 1
            if address == _MODE and self._mode_clears:
                self._count = 0

    # what it measures

    def _gain(self):
        return _GAINS[self._registers[_GAIN_CR]]

    def _watt(self, point):
        """-> WATT; 0 in creep"""
        value = point.p_mw[0] * self._p[0] * self._gain()
        value = value // self._p[1] if value >= 0 else -(-value // self._p[1])
        if abs(value) * 256 < self._registers[_WA_CREEP] * 3125:
            return 0
        return max(-0x800000, min(value, 0x7FFFFF))

    def _measured(self, address):
        point = self._feed.point()
        watt = self._watt(point)
        creeps = watt == 0
        if address == _V_RMS:
            return min(point.v_mv[0] * self._v[0] // self._v[1], _MAX)
        if address in (_I_RMS, _I_FAST_RMS):
            value = point.i_ma[0] * self._i[0] * self._gain() // self._i[1]
            return 0 if creeps else min(value, _MAX)
        if address == _WATT:
            return watt & _MAX
        if address == _FREQ:
            period = 1000000000 // point.freq_mhz if point.freq_mhz else 0x4E20
            return period & 0xFFFF | self._upper(16)
        if address == _STATUS:
            silent = (point.i_ma[0] == 0) << 8 | (point.v_mv[0] == 0) << 9
            return silent | creeps << 1 | self._reverse | self._upper(10)
        return 0

    def _advance(self):
        for dt_ms, point in self._feed.steps():
            if self._registers[_MODE] & _CF_EN and self._watt(point):
                self._integrate(point.p_mw[0] * self._p[0] * self._gain() * dt_ms)

    def _integrate(self, energy):
        """A signed accumulator: what goes back within a pulse gives none."""
        pulse = _PULSE * self._p[1]
        self._residue += energy
        pulses = abs(self._residue) // pulse
        if not pulses:
            return
        self._reverse = self._residue < 0
        self._true[self._reverse] += pulses
        if self._reverse:
            pulses = -pulses
        self._residue -= pulses * pulse
        up = abs(pulses) if self._registers[_MODE] & _ABSOLUTE else pulses
        self._count = self._count + up & _MAX


def _trailing_ones(value):
    ones = 0
    while value & 1:
        value >>= 1
        ones += 1
    return ones
