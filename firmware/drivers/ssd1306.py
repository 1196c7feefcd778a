"""SSD1306 OLED over I2C, 128 x 64, as eight rows of sixteen characters.

"DS" is the datasheet SSD1306 rev 1.1 (docs/sources.md). A row of characters is a page of the
chip, so one buffer of a page is enough, and what changes costs 3 ms at 400 kHz.
"""

import framebuf

from meter.compat import const

ADDRESS = const(0x3C)
ROWS = const(8)
COLUMNS = const(16)
_WIDTH = const(128)
_COMMAND = const(0x00)  # control byte: what follows are commands; 0x40: data
_DATA = const(0x40)
_INIT = (  # DS 10.1 and the application note
    b"\xae"  # off
    b"\xd5\x80\xa8\x3f\xd3\x00\x40"  # clock, 64 lines, no offset, first line 0
    b"\x8d\x14"  # charge pump on
    b"\x20\x02"  # page addressing: a row ends at its end
    b"\xa1\xc8\xda\x12"  # the connector is above
    b"\x81\x60\xd9\xf1\xdb\x30"  # contrast, pre-charge, VCOMH
    b"\xa4\xa6\xaf"  # from RAM, not inverted, on
)
# A column of four pixels, each twice as high
_TALL = bytes(
    [(n & 1) * 3 | (n >> 1 & 1) * 12 | (n >> 2 & 1) * 48 | (n >> 3 & 1) * 192 for n in range(16)]
)


class Ssd1306:
    """i2c   at most 400 kHz; `writeto(address, buf)`. OSError: the display does not answer."""

    def __init__(self, i2c, address=ADDRESS):
        self._i2c, self._address = i2c, address
        self._buf = bytearray(1 + _WIDTH)
        self._buf[0] = _DATA
        self._page = memoryview(self._buf)[1:]
        self._frame = framebuf.FrameBuffer(self._page, _WIDTH, 8, framebuf.MONO_VLSB)
        self._at = bytearray((_COMMAND, 0xB0, 0x00, 0x10))  # page, column 0

    def start(self):
        """Configure and clear it; 29 ms of bus."""
        self._i2c.writeto(self._address, bytes((_COMMAND,)) + _INIT)
        for row in range(ROWS):
            self.row(row, "")

    def row(self, row, text):
        """Show up to 16 characters in a row, 0 to 7."""
        self._draw(text)
        self._send(row)

    def tall(self, row, text):
        """The same, twice as high, in this row and the next."""
        page = self._page
        for half in (1, 0):
            self._draw(text)
            for i in range(_WIDTH):
                page[i] = _TALL[page[i] >> 4 * half & 15]
            self._send(row + half)

    def _draw(self, text):
        self._frame.fill(0)
        self._frame.text(text, 0, 0)

    def _send(self, row):
        self._at[1] = 0xB0 | row
        self._i2c.writeto(self._address, self._at)
        self._i2c.writeto(self._address, self._buf)
