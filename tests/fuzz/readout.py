"""Bytes on the optical port from whoever holds a head to it: comms.readout."""

from test_readout import BREAK, IDENTIFICATION
from told import local

from comms import obis_lines, readout
from tests.fuzz.mutate import bytes_of
from tests.fuzz.world import World

_SERIAL = "246f28010203"
_WAITS_MS = (0, 5, 210, 1600)  # before a piece: at once, a byte's time, an answer is due, too late
_PIECE = 63
_PIECES = (
    b"/?!\r\n", b"/?246F28010203!\r\n", b"/?00246f28010203!\r\n", b"\x06050\r\n", b"\x06000\r\n",
    b"\x06051\r\n", b"\x06040\r\n", b"\x01P1\x02(00000000)\x03a", b"\x01W1\x021.8.0(0)\x03a",
    b"\x01R1\x021.8.0()\x03Z", BREAK, b"\x15", b"\x15\x15\x15", b"\x06", b"/", b"/?" + b"0" * 60,
    IDENTIFICATION, b"\x02\x03\x04", b"!\r\n",
)  # fmt: skip
_READ = (b"\x85/?!\r\n", b"\x80", b"\x06\x06050\r\n", b"\x80", b"\x41\x15", b"\x80")


class Optical:
    """An input is a byte, whose bit 0 is the role; then pieces: a byte, how long nothing comes
    (bits 6, 7) and how many bytes come then, and those."""

    LIFE = 100

    def __init__(self):
        self.world = World()
        self.revive = self.world.revive

    def make(self, chance):
        kind, made = chance.below(6), bytes([chance.below(256)])
        if kind == 0:
            return made + chance.bytes(chance.size(600))
        if kind == 1:
            return bytes_of(chance, made + b"".join(_READ))
        for step in range(2 + chance.below(8)):
            made += _READ[step] if step < len(_READ) and not chance.one_in(3) else b""
            if not chance.one_in(3):
                continue
            piece = chance.of(_PIECES)
            if chance.one_in(4):
                piece = bytes_of(chance, piece)
            piece = piece[:_PIECE]
            made += bytes([chance.of((0, 0x40, 0x80, 0x80, 0xC0)) | len(piece)]) + piece
        return made

    def feed(self, data):
        data = data or b"\0"
        world, rig = self.world, self.world.rig
        before, held = world.registers(), dict(rig.held)
        marks = [ring.last_seq for ring in rig.meter.journal.events]
        facts = obis_lines.Facts(rig.service.handle, ("public", "reader")[data[0] & 1], local(rig))
        self._machine = readout.Readout(_SERIAL, lambda: readout.data_lines(facts))
        self._ms, self._kinds, at = 1000, set(), 1
        while at < len(data):
            size = data[at] & _PIECE
            self._take(_WAITS_MS[data[at] >> 6], b"")
            self._take(0, data[at + 1 : at + 1 + size])
            at += 1 + size
        assert world.registers() == before, "registers"
        assert rig.held == held, "vault"
        assert [ring.last_seq for ring in rig.meter.journal.events] == marks, "events"
        found = " ".join(sorted(self._kinds)) or "silent"
        self._is_alive()
        if len(data) % 32 == 9:
            world.tick(30, 9)
        world.check()
        return found

    def _take(self, wait_ms, piece):
        """-> what it is that the meter sends, None: nothing"""
        self._ms += wait_ms
        out, baud = self._machine.received(piece, self._ms)
        assert baud in (300, 9600), baud
        assert len(self._machine._line) < 64
        if not out:
            return None
        found = {IDENTIFICATION: "name", BREAK: "break"}.get(out)
        if found is None:
            found, bcc = "data", 0
            assert (out[:1], out[-5:-1]) == (b"\x02", b"!\r\n\x03"), out[-9:]
            for byte in out[1:]:
                bcc ^= byte
            assert bcc == 0
            assert max(out[:-1]) < 0x80
            assert b"(" in out
        self._kinds.add(found)
        self._ms += len(out) * 10_000 // baud  # until it is on the line
        return found

    def _is_alive(self):
        """A reader that comes later is told all of it."""
        self._take(10_000, b"")
        self._take(10_000, b"")
        for piece, found in ((b"/?!\r\n", "name"), (b"\x06050\r\n", "data")):
            self._take(0, piece)
            assert self._take(210, b"") == found, "dead"
