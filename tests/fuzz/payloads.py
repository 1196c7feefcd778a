"""MQTT payloads: what a client hands to the gate, which is any bytes at all in one piece."""

from gate_rig import CHANGE, READ, ROLES, Client

from tests.fuzz import grammar
from tests.fuzz.mutate import bytes_of
from tests.fuzz.world import ENVELOPE_CHARS, World

_PAYLOAD_MAX = 5000
_ROUND = (b"", b"\n", b"\r\n", b" ", b"\0", b"=")


class Payloads:
    """An input is a byte, what is done with the rest (bits 0 to 2), for whom (3, 4) and what goes
    round it (5 to 7); then the rest of the payload, or what is in its envelope. There is no line
    and no end of one: a payload may hold several, and be of any length. What comes by this road
    takes nothing from the console, which has a lock and a nonce of its own."""

    LIFE = 200

    def __init__(self):
        self.world = World()
        self.revive = self.world.revive

    def make(self, chance):
        head, kind = chance.bytes(1), chance.below(6)
        if kind == 0:
            return head + chance.bytes(chance.size(_PAYLOAD_MAX))
        text = grammar.request(chance)
        if kind == 1:
            text = bytes_of(chance, b"WL1 " + text, _PAYLOAD_MAX)
        elif kind == 2:
            text += b"\n" + grammar.request(chance)
        return head + text

    def feed(self, data):
        data = data or b"\0"
        world, rig, way = self.world, self.world.rig, data[0] & 7
        console = rig.gate._roads["console"]
        self._wait(len(data))
        payload, extra = data[1:], _ROUND[(data[0] >> 5) % len(_ROUND)]
        if way > 1:
            payload = self._enveloped(way, ROLES[1 + (data[0] >> 3) % 3], payload)
        payload = payload + extra if way & 1 else extra + payload
        kept = rig.public("hello")["ok"]["nonce"], rig.held.get("lock")
        found = world.send(payload, "mqtt")
        assert console.nonce == bytes.fromhex(kept[0]), "the console's nonce"
        assert rig.held.get("lock") == kept[1], "the console's lock"
        if found == "ok" and (rig.gate.leave or b'"clock"' in data):
            world.revive()
        return found

    def _wait(self, number):
        left = self.world.rig.gate._roads["mqtt"].lock.left_s(self.world.rig.ports.clock.now())
        if left and number & 3:
            self.world.tick(left)
        elif number & 15 == 5:
            self.world.tick(1 + number % 50, number % 200)

    def _enveloped(self, way, role, text):
        """2 and 3: a change, 4 and 5: a read, 6: with another key, 7: cut off, or one too many."""
        client = Client(self.world.rig, role, road="mqtt")
        text = text[:ENVELOPE_CHARS] or b" "
        if way < 4:
            return client.line(CHANGE, client.change_nonce(), "", raw=text)
        line = client.line(READ, bytes.fromhex(client.hello()["nonce"]), "", raw=text)
        if way == 6:
            client.key = self.world.rig.gate.keys.evidence
            return client.line(READ, bytes.fromhex(client.hello()["nonce"]), "", raw=text)
        return line[: len(text) * 2] + (line if len(text) & 1 else b"") if way == 7 else line
