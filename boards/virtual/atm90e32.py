"""ATM90E32AS at the level of its registers and clocks, fed by a load.

After the datasheet Atmel-46003B: frames 4.2, accumulation 3.5, registers 5. Where that is
silent the model has a switch (`full`). Not modelled: fundamental and harmonic energies (they
read 0), temperature and its compensation, peaks, the CF pins. A load of waveform.py shows what
gains, phases and offsets do. Plain Python that MicroPython runs; the energy is exact in integers.
"""

from boards.virtual.atm90e32_metering import Metering
from boards.virtual.load import Feed

NORMAL, PARTIAL, DETECTION, IDLE = 3, 2, 1, 0  # PM1:PM0

# Registers whose value after a reset is not 0.
_DEFAULTS = {
    0x01: 0x0210,
    0x02: 0x0654,
    0x05: 0x143F,
    0x06: 0xC000,
    0x07: 0x0001,
    0x08: 0x1000,
    0x09: 0x0400,
    0x0A: 0xFFFF,
    0x0B: 0xC000,
    0x0C: 0x1324,
    0x0D: 0x13EC,
    0x0E: 0x010F,
    0x31: 0x0861,
    0x32: 0xC468,
    0x33: 0x0087,
    0x61: 0x8000,
    0x62: 0x8000,
    0x65: 0x8000,
    0x66: 0x8000,
    0x69: 0x8000,
    0x6A: 0x8000,
}
_WRITABLE = (0x75, 0x76, 0x7F)  # beside the configuration 00..6F
_INT_STATES = (0x73, 0x74)
_FIRST_ENERGY, _LAST_ENERGY = 0x80, 0x93


class Atm90e32Model:
    """load    see boards/virtual/load.py; primary values
    now_ms     callable, the time of the load
    ct_ratio vt_ratio   (primary, secondary) of the transformers in front of the chip
    full       "saturate" or "wrap": what a 16-bit energy register does after FFFF
    reset_ms   how long the chip is deaf after a soft reset
    unity_gain   the Ugain and Igain with which the readings are true

    Faults, for tests: `power_on()` at any moment is a brown-out; `flip_mosi`, `flip_miso`
    (32-bit masks) and `drop_clocks` (the last n of a frame) act on the next frame and are then
    cleared; `stuck_select` is None, 0 or 1; `pm` is the power mode; `before_frame` is called
    with the frame's number before it begins.
    """

    def __init__(
        self,
        load,
        now_ms,
        ct_ratio=(1, 1),
        vt_ratio=(1, 1),
        full="saturate",
        reset_ms=0,
        unity_gain=0x8000,
    ):
        self._feed = Feed(load, now_ms)
        self._now_ms = now_ms
        self._metering = Metering(ct_ratio, vt_ratio, full == "wrap", unity_gain)
        self._reset_ms = reset_ms
        self._pm = NORMAL
        self.flip_mosi = self.flip_miso = self.drop_clocks = 0
        self.stuck_select = None
        self.before_frame = None
        self.frames = 0
        self._level = 1
        self.power_on()

    def power_on(self):
        """All registers and energies to their defaults; the load's time goes on."""
        self._registers = [0] * 0x80
        for address, value in _DEFAULTS.items():
            self._registers[address] = value
        self._metering.power_on(self._registers)
        self._golden = None
        self._last = 0
        self._deaf_until_ms = None
        self._begin()

    def true_counts(self):
        """-> (forward, reverse active, forward, reverse reactive, apparent) of all phases,
        in counts, since the model was made: no read, reset or full register takes from it."""
        self._advance()
        return tuple(self._metering.true[0::4])

    @property
    def pm(self):
        return self._pm

    @pm.setter
    def pm(self, mode):
        if mode != self._pm:
            self._advance()  # what flowed until now flowed in the old mode
            self._pm = mode

    # the bus

    def select(self, level):
        """Chip select goes to `level`; a write happens at the rising edge."""
        if self.stuck_select is not None:
            level = self.stuck_select
        if level == self._level:
            return
        self._level = level
        if level:
            if self._clocks == 32 and not self._head & 0x8000 and self._listens():
                self._write(self._head & 0x3FF, self._data)
        else:
            self._begin()
            self.frames += 1
            if self.before_frame:
                self.before_frame(self.frames)

    def transfer(self, mosi):
        """Clock bytes through. -> bytes of MISO; FF where nobody drives it."""
        if self.stuck_select is not None:
            self.select(self.stuck_select)
        miso = bytearray(len(mosi))
        for i, byte in enumerate(mosi):
            miso[i] = 0xFF if self._level else self._clock_byte(byte)
        return bytes(miso)

    def _begin(self):
        self._clocks = self._head = self._data = 0

    def _clock_byte(self, byte):
        index = self._clocks >> 3
        shift = 24 - 8 * index
        if index > 3:
            self._clocks += 8  # too many clocks: no write any more
            return 0
        byte ^= self.flip_mosi >> shift & 0xFF
        miso = self.flip_miso >> shift & 0xFF
        self._clocks += 8
        if index < 2:
            self._head = self._head << 8 | byte
            if index == 1 and self._head & 0x8000 and self._listens():
                self._data = self._read(self._head & 0x3FF)
            return miso
        if self._head & 0x8000:
            miso ^= self._data >> shift & 0xFF if self._listens() else 0xFF
        else:
            self._data = self._data << 8 | byte
        if index == 3:
            self._clocks -= self.drop_clocks
            if self.drop_clocks:
                miso &= 0xFF << self.drop_clocks
            self.flip_mosi = self.flip_miso = self.drop_clocks = 0
        return miso

    def _listens(self):
        if self._deaf_until_ms is not None and self._now_ms() < self._deaf_until_ms:
            return False
        return self.pm >= PARTIAL

    # registers

    def _read(self, address):
        self._advance()
        if _FIRST_ENERGY <= address <= _LAST_ENERGY:
            value = self._metering.energy[address - _FIRST_ENERGY]
            self._metering.energy[address - _FIRST_ENERGY] = 0
        elif address == 0x78:
            value = self._last
        elif address == 0x79:
            value = int(self._golden is not None and self._golden != self._digest())
        elif address == 0x7A:
            value = self._digest()
        elif address in (0x71, 0x72):
            value = self._metering.states()[address - 0x71]
        elif address in _INT_STATES:
            value = self._metering.interrupts[address - 0x73]
        elif address < 0x80:
            value = self._registers[address]
        else:
            value = self._metering.measured(address)
        self._last = value
        return value

    def _write(self, address, value):
        self._advance()
        self._last = value
        if address == 0x70:
            if value == 0x789A:
                self.power_on()
                self._deaf_until_ms = self._now_ms() + self._reset_ms
        elif address in _INT_STATES:
            self._metering.interrupts[address - 0x73] &= ~value
        elif address == 0x7A:
            if self._registers[0x7F] == 0xAA55:
                self._golden = value
        elif address in _WRITABLE or (address < 0x70 and self._registers[0x7F] == 0x55AA):
            self._registers[address] = value
            self._metering.point = None
            if address == 0x7F:
                self._golden = None if value in (0x55AA, 0xAA55) else self._digest()

    def _digest(self):
        """CRC-16 of the registers 00..6F; the start value is not documented, 0 here."""
        crc = 0
        for value in self._registers[:0x70]:
            crc ^= value
            for _ in range(16):
                crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
        return crc

    def _advance(self):
        metering = self._metering
        for dt_ms, point in self._feed.steps():
            if point is not metering.point:
                metering.use(point)
            if self._registers[0x00] & 0xFF and self.pm == NORMAL:
                metering.integrate(dt_ms)
        if metering.point is None:
            metering.use(self._feed.point())
