"""`framebuf` for CPython: as much of it as the display driver uses, and a font of eight columns
that all are the character's code. To import this offers it where there is no other."""

import sys

MONO_VLSB = 0


class FrameBuffer:
    def __init__(self, buf, width, height, kind):
        assert height == 8
        assert kind == MONO_VLSB
        self._buf, self._width = buf, width

    def fill(self, colour):
        for i in range(self._width):
            self._buf[i] = 0xFF if colour else 0

    def text(self, text, x, y):
        for i, character in enumerate(text):
            for column in range(8):
                at = x + 8 * i + column
                if at < self._width:
                    self._buf[at] = ord(character)


try:
    import framebuf  # noqa: F401
except ImportError:
    sys.modules["framebuf"] = sys.modules[__name__]
