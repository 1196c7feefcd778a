"""10,000 malformed inputs to the optical port: it goes on, and nothing has changed.

Runs on CPython, in the MicroPython VM, and on a board.
"""

import unittest

from rig import Rig
from test_readout import BREAK, IDENTIFICATION, Head
from told import SERIAL, START, local

from comms import obis_lines, readout

INPUTS = 10_000


class Chance:
    """Numbers that are the same on every machine."""

    def __init__(self, seed):
        self._state = seed

    def below(self, n):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self._state >> 8) % n


class TestMalformed(unittest.TestCase):
    """Pieces of good messages cut, joined, flipped and mixed with noise, at any speed."""

    PIECES = (
        b"/?!\r\n", b"/?246f28010203!\r\n", b"\x06050\r\n", b"\x06051\r\n", b"\x06000\r\n",
        b"\x01P1\x02(00000000)\x03a", b"\x01W1\x021.8.0(0)\x03a", BREAK, b"\x15", b"\x06", b"/",
        b"/?" + b"0" * 60, IDENTIFICATION, b"\x02\x03\x04", b"!\r\n",
    )  # fmt: skip

    def input(self, chance):
        kind = chance.below(4)
        if kind == 0:
            return bytes([chance.below(256) for _ in range(chance.below(64))])
        data = bytearray()
        for _ in range(1 + chance.below(3)):
            piece = self.PIECES[chance.below(len(self.PIECES))]
            data += piece[: chance.below(len(piece)) + 1] if kind == 1 else piece
        if kind == 3:
            data[chance.below(len(data))] ^= 1 << chance.below(8)
        return bytes(data)

    def test_alive_and_nothing_changed(self):
        rig = Rig(START)
        rig.run(600, imported=50)
        before = rig.live.registers[:], rig.live.rates[:], rig.meter.journal.seq, rig.ask("info")
        facts = obis_lines.Facts(rig.service.handle, "public", local(rig))
        blocks = [0]

        def lines():
            blocks[0] += 1
            # The whole one now and then, or the meter's part of it would be most of the time.
            return readout.data_lines(facts) if blocks[0] % 64 == 1 else ["0-0:0.0.0(1)"]

        made = readout.Readout(SERIAL, lines)
        chance, now, kinds = Chance(7), 0, [0, 0, 0]
        for _ in range(INPUTS):
            for data in (self.input(chance), b""):
                now += (0, 5, 210, 400, 1600)[chance.below(5)]
                out, baud = made.received(data, now)
                self.assertTrue(baud in (300, 9600))
                if out:
                    self.check(out, kinds)
        self.assertTrue(min(kinds) > 50, kinds)  # each answer has been had
        self.assertTrue(blocks[0] >= kinds[2])
        after = rig.live.registers[:], rig.live.rates[:], rig.meter.journal.seq, rig.ask("info")
        self.assertEqual(after, before)
        head = Head(made)
        head.now = now + 10_000
        self.assertTrue(head.idle())
        blocks[0] = 0
        self.assertTrue(b"1-0:1.8.0(" in head.say(b"\x06050\r\n")[0][1])

    def check(self, out, kinds):
        if out == IDENTIFICATION:
            kinds[0] += 1
        elif out == BREAK:
            kinds[1] += 1
        else:
            self.assertEqual((out[:1], out[-5:-1]), (b"\x02", b"!\r\n\x03"))
            bcc = 0
            for byte in out[1:]:
                bcc ^= byte
            self.assertEqual(bcc, 0)
            kinds[2] += 1


if __name__ == "__main__":
    unittest.main()
