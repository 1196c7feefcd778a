"""DS3231 at the level of its registers: BCD time, control, status, aging.

After the datasheet 19-5170. Not modelled: alarms (registers that hold what is written), square
wave, temperature (reads 25 C), 12-hour mode is only what a test writes. Plain Python that
MicroPython runs.
"""

from meter.civil import DAY_S, EPOCH, date, days

_SECONDS, _CONTROL, _STATUS, _AGING, _SIZE = 0x00, 0x0E, 0x0F, 0x10, 0x13
_OSF, _EOSC, _BUSY = 0x80, 0x80, 0x04
_AGING_PPB = 100  # slower, a step, at 25 C


class Ds3231Model:
    """now_ms      callable, the true time in Unix ms
    crystal_ppb   how much too fast the crystal is
    """

    def __init__(self, now_ms, crystal_ppb=0):
        self._now_ms, self.crystal_ppb = now_ms, crystal_ppb
        self._pointer = 0
        self.power_on()

    def power_on(self):
        """Without a battery: 2000-01-01 and the oscillator-stop flag."""
        self.registers = bytearray(_SIZE)
        self.registers[_CONTROL], self.registers[_STATUS] = 0x1C, 0x88
        self.registers[0x11] = 25
        self._start((2000, 1, 1), 0)

    def write(self, data):
        self._pointer = data[0]
        if len(data) == 1:
            return
        self._tick()
        for byte in data[1:]:
            self._put(self._pointer, byte)
            self._pointer = (self._pointer + 1) % _SIZE
        if data[0] < 7:
            self._take()

    def read(self, size):
        self._tick()
        found = bytearray(size)
        for i in range(size):
            found[i] = self.registers[self._pointer]
            self._pointer = (self._pointer + 1) % _SIZE
        return bytes(found)

    def unix_s(self):
        """-> what the chip shows."""
        elapsed_ms = self._now_ms() - self._since_ms
        ppb = self.crystal_ppb - _AGING_PPB * _signed(self.registers[_AGING])
        elapsed_ms += elapsed_ms * ppb // 1000000000 + self._carried_ms
        return self._shown + elapsed_ms // 1000

    def _put(self, register, byte):
        if register == _STATUS:
            kept = self.registers[_STATUS]
            byte = byte & kept & _OSF | byte & 0x08 | kept & _BUSY  # OSF: only 0 can be written
        elif register == _AGING:
            shown = self.unix_s()
            ppb = self.crystal_ppb - _AGING_PPB * _signed(self.registers[_AGING])
            elapsed_ms = self._now_ms() - self._since_ms
            whole = elapsed_ms + elapsed_ms * ppb // 1000000000 + self._carried_ms
            self._shown, self._carried_ms = shown, whole % 1000
            self._since_ms = self._now_ms()
        self.registers[register] = byte

    def _start(self, when, second):
        self._shown = EPOCH + days(*when) * DAY_S + second
        self._since_ms, self._carried_ms = self._now_ms(), 0
        self._tick()

    def _tick(self):
        """The time into the registers."""
        t = self.unix_s() - EPOCH
        year, month, day, weekday = date(t // DAY_S)
        t %= DAY_S
        fields = (t % 60, t // 60 % 60, t // 3600, weekday + 1, day, month, year % 100)
        for i, value in enumerate(fields):
            self.registers[i] = value // 10 << 4 | value % 10

    def _take(self):
        """The registers into the time: the second begins anew."""
        second, minute, hour, _, day, month, year = [
            (bcd >> 4 & 7) * 10 + (bcd & 15) for bcd in self.registers[:7]
        ]
        year += (self.registers[6] >> 7) * 80
        self._start((2000 + year, month, day), hour * 3600 + minute * 60 + second)


def _signed(byte):
    return byte - 256 if byte & 0x80 else byte
