"""Frames to the COSEM server from whoever reaches its port: comms.cosem and its objects."""

import json
import struct

from cosem_client import AARQ, ACCEPTED, LLS, entries

from comms.cosem import MAX_ANSWER, MAX_INPUT, MAX_REQUEST, Session
from comms.cosem_objects import Objects
from tests.fuzz.mutate import bytes_of
from tests.fuzz.world import World

_HEAD = 8  # of the wrapper
_STREAM_MAX = 4000
_CHUNKS = (1, 7, 200, MAX_INPUT)
_ROLES = ("public", "reader")
_READS = ("get", "info", "live", "registers", "rows", "control", "quality")
_ANSWERS_MAX = 1000  # to one piece of MAX_INPUT bytes: far fewer fit
_HELD_MAX = 8192  # bytes that are made and wait to be asked for
_HELLO = bytes.fromhex(AARQ + "ffff")
_NAMES = (
    "0000010000ff", "00002a0000ff", "0000280000ff", "0100630100ff", "00000d0000ff",
    "00000b0000ff", "0100010800ff", "0100010801ff", "0100010700ff", "0000600a01ff", "0000600e00ff",
    "0000800d00ff",
)  # fmt: skip
_NAMES = [bytes.fromhex(name) for name in _NAMES]
_OUTCOMES = (("c4", "data"), ("61", "associated"), ("63", "released"), ("d8", "refused"))
_CLASSES = (1, 3, 7, 8, 11, 15, 20, 2, 0xFFFF)


class Cosem:
    """An input is a byte and what comes on one connection. Of the byte: bit 0 is the role, 1 and
    2 how much comes in one piece, 3: an association goes before, 4: the client asks for nothing
    more after its first answer, 5: the energy goes on meanwhile."""

    LIFE = 100

    def __init__(self):
        self.world = World()
        for _ in range(12):
            self.world.tick(899, 40)
        self.world._keep()
        self.revive = self.world.revive

    def make(self, chance):
        head, kind = chance.below(64) | (0 if chance.one_in(6) else 8), chance.below(8)
        if kind == 0:
            return bytes([head]) + chance.bytes(chance.size(_STREAM_MAX))
        made = b""
        for _ in range(1 + chance.size(6)):
            apdu = self._apdu(chance)
            if chance.one_in(4):
                apdu = bytes_of(chance, apdu, MAX_REQUEST + 8)
            size = chance.of((0, 1, len(apdu) + 1, MAX_REQUEST, 0xFFFF))
            size = size if chance.one_in(12) else len(apdu)
            client = chance.below(70) if chance.one_in(9) else 16
            made += struct.pack(">4H", 1, client, 1, size) + apdu
        return bytes([head]) + (bytes_of(chance, made, _STREAM_MAX) if kind == 1 else made)

    def _apdu(self, chance):
        kind = chance.below(10)
        if kind == 0:
            return chance.of((_HELLO, bytes.fromhex(AARQ + "0040"), bytes.fromhex(LLS)))
        if kind == 1:
            return chance.of((b"\x62\x03\x80\x01\x00", b"\xc1\x01\xc1", b"\xc3\x01\xc1", b"\xd8"))
        if kind < 5:
            return b"\xc0\x02\xc1" + struct.pack(">I", chance.size(4))
        made = b"\xc0\x01" + bytes([chance.below(256)])
        if kind < 8:
            made += struct.pack(">H", chance.of(_CLASSES)) + chance.of(_NAMES)
            return made + bytes([chance.size(11), 0])
        made += b"\x00\x07" + _NAMES[3] + b"\x02\x01"
        if kind == 8:
            return made + bytes.fromhex(entries(chance.size(9), chance.size(20)))
        return made + self._range(chance)

    def _range(self, chance):
        """Selective access by range, as IEC 62056-6-2 has it, and with odd dates"""
        made = b"\x01\x02\x04\x02\x04\x12\x00\x08\x09\x06" + _NAMES[0] + b"\x0f\x02\x12\x00\x00"
        for _ in range(2):
            date = struct.pack(
                ">HBBBBBBBhB", chance.of((2026, 2026, 1970, 2105, 0xFFFF, 0)), chance.below(14),
                chance.below(33), 0xFF, chance.below(25), chance.below(61), chance.below(61), 0,
                chance.of((0, -0x8000, 120, 32767, -720)), chance.below(256),
            )  # fmt: skip
            made += chance.of((b"\x09\x0c", b"\x19")) + date
        return made + b"\x01\x00"

    def feed(self, data):
        data = data or b"\0"
        head, world, rig = data[0], self.world, self.world.rig
        before, held = world.registers(), dict(rig.held)
        marks = [ring.last_seq for ring in rig.meter.journal.events]
        self._role, self._kinds = _ROLES[head & 1], set()
        session = Session(Objects(self._handle, self._role))
        if head & 8:
            assert session.received(_framed(_HELLO))[_HEAD:].hex() == ACCEPTED
        size, stream = _CHUNKS[head >> 1 & 3], data[1:]
        for at in range(0, len(stream), size):
            self._say(session, stream[at : at + size], 1 if head & 16 else _ANSWERS_MAX)
        assert world.registers() == before, "registers"
        assert rig.held == held, "vault"
        assert [ring.last_seq for ring in rig.meter.journal.events] == marks, "events"
        fresh = Session(Objects(self._handle, self._role))
        assert fresh.received(_framed(_HELLO))[_HEAD:].hex() == ACCEPTED, "dead"
        if head & 32:
            world.tick(60, 9)
        world.check()
        found = [text for kind, text in _OUTCOMES if kind in self._kinds] or ["silent"]
        return found[0] + (", closed" if session.closed else "")

    def _say(self, session, piece, answers_max):
        answer = session.received(piece)
        for _ in range(answers_max):
            if not answer:
                break
            version, server, _, size = struct.unpack(">4H", answer[:_HEAD])
            assert (version, server, size) == (1, 1, len(answer) - _HEAD), answer[:_HEAD]
            assert size <= MAX_ANSWER, "answer of %d bytes" % size
            self._kinds.add(answer[_HEAD : _HEAD + 2].hex()[:2])
            answer = session.received(b"")
        else:
            assert answers_max < _ANSWERS_MAX, "answers without end"
        assert len(session._input) <= _HEAD + MAX_REQUEST + 2 * MAX_INPUT, len(session._input)
        assert len(session._pending) <= _HELD_MAX, len(session._pending)

    def _handle(self, role, line):
        assert role == self._role
        assert json.loads(line)["do"] in _READS, line
        return self.world.rig.service.handle(role, line)


def _framed(apdu):
    return struct.pack(">4H", 1, 16, 1, len(apdu)) + apdu
