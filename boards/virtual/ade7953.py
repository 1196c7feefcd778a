"""ADE7953 at the level of its registers and clocks, fed by a load.

After the datasheet, revision C. Where that is silent, or only one source speaks, the model has
a switch: `last_moves`, `last_apart`, `clears`, `crc`, `b_gain`. Not modelled: line-cycle mode,
peaks, angles, instantaneous samples, the CF pins, the ADC's ceiling; their registers read 0 or
as written.
Phases A and B of the load are the channels; the voltage is that of A.
Plain Python that MicroPython runs; the energy is exact in integers.
"""

import binascii

from boards.virtual.ade7953_metering import Metering
from boards.virtual.load import Feed

# Registers whose value after a reset is not 0; those of 24 bits are also the 3xx of 32.
_DEFAULTS = {
    0x004: 0x40,
    0x702: 0x01,
    0x100: 0xFFFF,
    0x102: 0x8004,
    0x103: 0x003F,
    0x104: 0x003F,
    0x107: 0x0300,
    0x203: 0x00E419,
    0x204: 0x00E419,
    0x224: 0xFFFFFF,
    0x225: 0xFFFFFF,
    0x22C: 0x100000,
}
_GAINS = (0x280, 0x281, 0x282, 0x283, 0x284, 0x28C, 0x28D, 0x28E, 0x28F, 0x290)
_BYTES = (0x000, 0x001, 0x004, 0x007, 0x008, 0x009, 0x040, 0x0FE)
_WORDS = (0x100, 0x101, 0x102, 0x103, 0x104, 0x107, 0x108, 0x109, 0x110, 0x120)
_TRIPLES = (0x200, 0x201, 0x203, 0x204, 0x205, 0x224, 0x225, 0x22C, 0x22F, 0x286, 0x288, 0x289)
_TRIPLES += (0x28A, 0x28B, 0x292, 0x295, 0x296, 0x297) + _GAINS
_WRITABLE = _BYTES + _WORDS + _TRIPLES
_SIGNED = ((0x210, 0x218), (0x21E, 0x223), (0x286, 0x28B), (0x292, 0x297))  # from, to
_CRC_OF_DEFAULTS = 0x48739163  # DS
_RESET, _CRC_CHANGED = 1 << 20, 1 << 21
_READ, _WRITE = 0x35, 0xCA  # LAST_OP


class Ade7953Model:
    """load    see boards/virtual/load.py; primary values
    now_ms     callable, the time of the load
    ct_ratio vt_ratio   (primary, secondary) of the transformers in front of the chip
    full_scale   (mV, mA), rms, that bring an input to full scale, behind the transformers
    reset_ms     how long the chip is deaf after a reset
    last_moves   True: to read LAST_OP, LAST_ADD, LAST_RWDATA is a transfer that they tell of
    last_apart   True: each width has a LAST_RWDATA of its own, else it is the newest of all
    clears       "end": an energy register clears when all its bits are out; "start": when its
                 address is in, even if the read is then broken off
    crc          "configuration"; "status" too, the signs and no-load bits of ACCMODE; "none"
    b_gain       "own": AVGAIN is not for the power of channel B; "shared"

    Faults, for tests: `power_on()` at any moment is a brown-out; `flip_mosi`, `flip_miso` (56-bit
    masks, first bit highest) and `drop_clocks` (the last n of a frame) act on the next frame and
    are then cleared; `stuck_select` is None, 0 or 1; `before_frame` is called with the frame's
    number before it begins. `locked` says whether the interface is locked to SPI; it is when chip
    select was low for a while after the write.
    """

    def __init__(
        self,
        load,
        now_ms,
        ct_ratio=(1, 1),
        vt_ratio=(1, 1),
        full_scale=(310350, 100000),
        reset_ms=0,
        last_moves=False,
        last_apart=False,
        clears="end",
        crc="configuration",
        b_gain="own",
    ):
        assert clears in ("end", "start"), clears
        assert crc in ("configuration", "status", "none"), crc
        assert b_gain in ("own", "shared"), b_gain
        self._feed, self._now_ms = Feed(load, now_ms), now_ms
        self._metering = Metering(ct_ratio, vt_ratio, full_scale, b_gain == "shared")
        self._reset_ms, self._last_moves, self._last_apart = reset_ms, last_moves, last_apart
        self._clears, self._crc_kind = clears, crc
        self.flip_mosi = self.flip_miso = self.drop_clocks = 0
        self.stuck_select = self.before_frame = None
        self.frames = 0
        self._level = 1
        self._deaf_until_ms = None
        self._boot()

    def power_on(self):
        """All registers and energies to their defaults; the load's time goes on."""
        self._advance()
        self._boot()
        self._deaf_until_ms = self._now_ms() + self._reset_ms

    def _boot(self):
        self._registers = dict.fromkeys(_WRITABLE, 0)
        for register in _GAINS:
            self._registers[register] = 0x400000
        self._registers.update(_DEFAULTS)
        self._metering.power_on(self._registers)
        self._metering.interrupts[0] = _RESET
        self._last_op = self._last_add = 0
        self._last_data = [0, 0, 0, 0]
        self._unlocked = self.locked = False
        self._lock_ms = None
        self._crc = None
        self._begin()

    def true_counts(self):
        """-> (forward, reverse active, forward, reverse reactive, apparent) of both channels, in
        counts, since the model was made: no read, reset or rolling over takes from it. What went
        both ways between two reads cancels in the chip, and not here."""
        self._advance()
        t = self._metering.true
        return (t[0] + t[6], t[1] + t[7], t[2] + t[8], t[3] + t[9], t[4] + t[10])

    # the bus

    def select(self, level):
        """Chip select goes to `level`."""
        if self.stuck_select is not None:
            level = self.stuck_select
        if level == self._level:
            return
        self._level = level
        if not level:
            self._begin()
            self.frames += 1
            if self.before_frame:
                self.before_frame(self.frames)
            return
        self.flip_mosi = self.flip_miso = self.drop_clocks = 0
        if self._lock_ms is not None:
            self.locked = self._now_ms() > self._lock_ms
            self._lock_ms = None

    def transfer(self, mosi):
        """Clock bytes through. -> bytes of MISO; FF where nobody drives it."""
        if self.stuck_select is not None:
            self.select(self.stuck_select)
        miso = bytearray(len(mosi))
        for i, byte in enumerate(mosi):
            miso[i] = 0xFF if self._level else self._clock_byte(byte)
        return bytes(miso)

    def _begin(self):
        self._index = self._head = self._data = 0
        self._size = None  # bytes of data

    def _clock_byte(self, byte):
        index, shift = self._index, 48 - 8 * self._index
        self._index += 1
        if self._now_ms() < (self._deaf_until_ms or 0):
            return 0xFF
        if shift < 0 or (self._size is not None and index >= 3 + self._size):
            return 0
        byte ^= self.flip_mosi >> shift & 0xFF
        miso = self.flip_miso >> shift & 0xFF
        if index < 3:
            self._head = self._head << 8 | byte
            if index == 2:
                self._address_is_in()
            return miso
        part = 8 * (2 + self._size - index)
        reads = self._head & 0x80
        if reads:
            miso ^= self._data >> part & 0xFF
        else:
            self._data |= byte << part
            miso ^= 0xFF  # nobody drives it
        if part == 0:
            if self.drop_clocks:
                return miso & 0xFF << self.drop_clocks & 0xFF
            self._complete(reads)
        return miso

    def _address_is_in(self):
        register = self._head >> 8
        if register in (0x702, 0x800):
            self._size = 1
        else:
            self._size = (register >> 8) + 1 if register < 0x400 else 0
        if self._head & 0x80 and self._size:
            self._data = self._read(register)
            if self._clears == "start":
                self._clear(register)

    def _complete(self, reads):
        register = self._head >> 8
        if reads:
            if self._clears == "end":
                self._clear(register)
            if register & 0xFC == 0xFC and register != 0x0FE and not self._last_moves:
                return
        self._last_op, self._last_add = _READ if reads else _WRITE, register
        for i in range(4):
            if i == self._size - 1 or not self._last_apart:
                self._last_data[i] = self._data
        if not reads:
            self._write(register, self._data)
        self._unlocked = not reads and register == 0x0FE and self._data == 0xAD

    # registers

    def _read(self, register):
        """-> the bits that go out; 32 where the address is 3xx."""
        self._advance()
        if register == 0x37F:
            return self._checksum()
        if register & 0xFF == 0xFF:
            return self._last_data[register >> 8] & (1 << 8 * self._size) - 1
        if register == 0x0FD:
            return self._last_op
        if register == 0x1FE:
            return self._last_add
        narrow = register - 0x100 if register >= 0x300 else register
        if narrow == 0x201:
            value = self._registers[narrow] | self._metering.accmode()
        elif narrow in self._registers and narrow not in (0x0FE, 0x120):
            value = self._registers[narrow]
        else:
            value = self._metering.measured(narrow)
        if register >= 0x300 and value & 0x800000:
            if any(first <= narrow <= last for first, last in _SIGNED):
                value |= 0xFF000000
        return value

    def _clear(self, register):
        """What reading it does, once."""
        narrow = register - 0x100 if register >= 0x300 else register
        if 0x21E <= narrow <= 0x223:
            if self._registers[0x004] & 0x40:
                self._metering.energy[narrow - 0x21E] -= self._signed_data()
        elif narrow in (0x22E, 0x231):
            self._metering.interrupts[narrow == 0x231] = 0

    def _signed_data(self):
        value = self._data & 0xFFFFFF
        return value - 0x1000000 if value & 0x800000 else value

    def _write(self, register, value):
        self._advance()
        narrow = register - 0x100 if register >= 0x300 else register
        group = 1 << min(narrow >> 8, 2)
        if narrow not in _WRITABLE or (narrow != 0x040 and self._registers[0x040] & group):
            return
        if narrow == 0x120 and not self._unlocked:
            return
        if narrow == 0x102:
            if value & 0x80:
                self.power_on()
                return
            if not value & 0x8000:
                self._lock_ms = self._now_ms()
        if narrow == 0x201:
            value &= 0x3FF
        if narrow in (0x108, 0x109):
            value &= 0x3FF
        if narrow == 0x22C:
            value |= _RESET
        self._registers[narrow] = value & 0xFFFFFF
        self._crc = self._metering.point = None
        if self._registers[0x102] & 0x100:
            self._metering.interrupts[0] |= _CRC_CHANGED

    def _checksum(self):
        if not self._registers[0x102] & 0x100 or self._crc_kind == "none":
            return 0xFFFFFFFF
        if self._crc is None:
            now, then = bytearray(), bytearray()
            for register in _WRITABLE:
                default = 0x400000 if register in _GAINS else _DEFAULTS.get(register, 0)
                for found, value in ((now, self._registers[register]), (then, default)):
                    found.extend(bytes([value & 0xFF, value >> 8 & 0xFF, value >> 16]))
            self._crc = binascii.crc32(now) ^ binascii.crc32(then) ^ _CRC_OF_DEFAULTS
        if self._crc_kind == "status":
            return self._crc ^ self._metering.accmode() * 0x9D
        return self._crc

    def _advance(self):
        metering = self._metering
        for dt_ms, point in self._feed.steps():
            if point is not metering.point:
                metering.use(point)
            metering.integrate(dt_ms)
        if metering.point is None:
            metering.use(self._feed.point())
