"""Lines on the console of a sealed meter, from those who have no key."""

import json

from test_gate import JUNK

from comms.console import REFUSED, Console
from meter.limits import LINE_BYTES
from tests.fuzz import grammar, world
from tests.fuzz.mutate import bytes_of

_STREAM_MAX = 4000
_WINDOW, _ACK = 128, b"\x06"
_ENDS = b"\r\n"


class _End(Exception):
    pass


class _Wire:
    """Both ends of the serial port: `data` comes in, `said` has gone out."""

    def __init__(self, data):
        self._data, self._at, self.said = data, 0, b""

    def readinto(self, buf):
        if self._at == len(self._data):
            raise _End
        buf[0] = self._data[self._at]
        self._at += 1
        return 1

    def write(self, data):
        self.said += data


class Lines:
    """An input is what comes over the wire. Each line has one answer, and is told one thing only:
    what the public may know, or that it was refused."""

    LIFE = 300

    def __init__(self):
        self.world = world.World()
        self.revive = self.world.revive

    def make(self, chance):
        kind, made = chance.below(8), b""
        if kind == 0:
            return chance.bytes(chance.size(_STREAM_MAX))
        if kind == 1:
            return bytes_of(chance, chance.of(JUNK), _STREAM_MAX)
        for _ in range(1 + chance.size(4)):
            line = grammar.request(chance)
            if kind == 2:
                line = bytes_of(chance, b"WL1 " + line, _STREAM_MAX)
            made += line + bytes([chance.of(_ENDS)])
        if kind == 3:
            made = bytes_of(chance, made, _STREAM_MAX)
        if kind == 4:
            made = b"\x03\x01\x04\x02\x05A\x01" + made
        return made[:_STREAM_MAX]

    def feed(self, data):
        wire = _Wire(data + b"\n")
        console = Console(self.handle, wire, wire)
        self.handled, self.told = 0, []
        try:
            while True:
                console.take()
        except _End:
            pass
        lines = data.replace(b"\r", b"\n").split(b"\n")
        said = wire.said
        acks = sum([min(len(line), world.ENVELOPE_CHARS + 1) // _WINDOW for line in lines])
        assert said.count(_ACK) == acks, "%d of %d acknowledged" % (said.count(_ACK), acks)
        answers = said.replace(_ACK, b"").split(b"\r\n")
        assert answers.pop() == b"", answers
        assert len(answers) == len([line for line in lines if line]), len(answers)
        for answer in answers:
            assert len(answer) <= LINE_BYTES
            json.loads(answer)
        long = [line for line in lines if len(line) > world.ENVELOPE_CHARS]
        assert answers.count(REFUSED) >= len(long)
        if len(data) % 16 == 1:
            self.world.tick(30, len(data) % 100)
        return "told" if "ok" in self.told else "refused"

    def handle(self, line, road):
        """The console's gate: that of the world, which watches it."""
        self.told.append(self.world.send(line, road))
        return self.world.answer
