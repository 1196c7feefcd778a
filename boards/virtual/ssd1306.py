"""SSD1306 at the level of its bytes on I2C: commands and data in, pixels out.

After the datasheet SSD1306 rev 1.1, chapters 8.1.5, 9, 10; page addressing only, as it is used
here. A command that it does not know is an error of the driver. Plain Python that MicroPython
runs.
"""

_WIDTH, _PAGES = 128, 8
_OPERANDS = {0x20: 1, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}
_PLAIN = (0xA0, 0xA1, 0xA4, 0xA5, 0xA6, 0xA7, 0xAE, 0xAF, 0xC0, 0xC8)
_PAGE_ADDRESSING = 2


class Ssd1306Model:
    """ram       1024 bytes, page by page; bit 0 is the upper pixel
    on        display on and charge pump running
    """

    def __init__(self):
        self.ram = bytearray([0x55] * (_WIDTH * _PAGES))  # undefined after power-on
        self.settings = {}
        self.on = False
        self._page = self._column = 0

    def write(self, data):
        """All bytes of one transfer after the address."""
        control, rest = data[0], data[1:]
        if control == 0x40:
            self._data(rest)
        elif control == 0x00:
            self._commands(rest)
        else:
            raise ValueError("control byte 0x%02x, expected 0x00 or 0x40" % control)

    def read(self, size):
        raise ValueError("the display is not read over I2C here")

    def art(self, rows=range(_PAGES)):
        """-> list of texts, one a line of pixels, "#" where it is lit; blanks at the end cut."""
        lines = []
        for page in rows:
            for bit in range(8):
                line = "".join(
                    ["#" if self._lit(page, x) >> bit & 1 else " " for x in range(_WIDTH)]
                )
                lines.append(line.rstrip())
        return lines

    def _lit(self, page, x):
        return self.ram[page * _WIDTH + x] if self.on else 0

    def _data(self, data):
        if self.settings.get(0x20) != _PAGE_ADDRESSING:
            raise ValueError("only page addressing is modelled")
        for byte in data:
            self.ram[self._page * _WIDTH + self._column] = byte
            self._column = (self._column + 1) % _WIDTH

    def _commands(self, data):
        i = 0
        while i < len(data):
            command = data[i]
            i += 1
            if command in _OPERANDS:
                self.settings[command] = data[i]
                i += 1
            elif 0xB0 <= command <= 0xB7:
                self._page = command & 7
            elif command <= 0x0F:
                self._column = self._column & 0x70 | command
            elif command <= 0x1F:
                self._column = (command & 7) << 4 | self._column & 0x0F
            elif not (0x40 <= command <= 0x7F or command in _PLAIN):
                raise ValueError("command 0x%02x is not modelled" % command)
            if command in (0xAE, 0xAF):
                self.on = command == 0xAF and self.settings.get(0x8D) == 0x14
