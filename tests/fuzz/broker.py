"""A broker that means harm: bytes into the client (comms.mqtt_codec, mqtt_session, mqtt_link) and
into what rides on it, the utility's uplink and the profile of the house."""

import json
from binascii import a2b_base64

from comms import mqtt_link
from comms.home import Home
from comms.mqtt_codec import MqttError
from comms.mqtt_session import Session
from comms.uplink import RINGS, Uplink
from tests.fuzz.loops import Asyncio, drive
from tests.fuzz.packets import CONNACK, NAME, Packets
from tests.fuzz.world import World

_QUEUE_BYTES, _WINDOW, _PACKET_BYTES = 4096, 4, 4096
_READS = (1, 16, 64, 512)
_TURN = 9  # reads, of which after one all else has its turn
_HOME_ASKS = ("info", "control", "registers", "live", "rows", "cheapest")
_SENT = (1, 3, 4, 8, 12, 14)  # packets of a client


class Broker:
    """An input is a byte and what the broker sends on one connection. Of the byte: bit 0 is the
    profile (utility's, house's), bits 1, 2 how much comes in one piece, 3: CONNACK goes before,
    4: it does not read, 5: time passes, 6: the meter has just started."""

    LIFE = 60

    def __init__(self):
        self.world = World()
        self._packets = Packets(self.world.rig)
        self._known = [a2b_base64(line[4:]) for line in self._packets.receipts]
        self.revive()

    def revive(self):
        world, rig = self.world, self.world.rig
        world.revive()
        self._ms, self._held = 0, dict(rig.held)
        self._session = self._rider = self._pieces = None
        self._start()

    def _start(self):
        rig = self.world.rig
        up = Uplink(self, rig.service.handle, self._answer, NAME, {"live_s": 20})
        house = Home(self._handle, NAME, {"live_s": 5, "commands": True})
        self._ends = [self._end(up), self._end(house)]

    def _end(self, rider):
        options = {"topics": rider.topics(), "will": rider.will(), "queue_bytes": _QUEUE_BYTES}
        options.update({"window": _WINDOW, "packet_bytes": _PACKET_BYTES})
        return Session(NAME, options, rider.message, rider.ready), rider

    def make(self, chance):
        return self._packets.make(chance)

    def feed(self, data):
        data = data or b"\0"
        head, world = data[0], self.world
        if head & 64:
            self._start()
        session, rider = self._ends[head & 1]
        before, upto = world.registers(), list(getattr(rider, "upto", ()))
        self._head, self._session, self._rider, self._found = head, session, rider, "nothing"
        self._released, self._reads = False, 0
        stream = (CONNACK if head & 8 else b"") + data[1:]
        self._pieces = _pieces(stream, _READS[head >> 1 & 3])
        kept, mqtt_link.asyncio = mqtt_link.asyncio, Asyncio(self)
        try:
            where = {"host": "h", "port": 1, "tls": None}
            link = mqtt_link.Link(where, session, self)
            assert drive(link._receive()), "it waits"
        finally:
            mqtt_link.asyncio = kept
        if not isinstance(link._failure, MqttError):
            raise link._failure
        session.lost()
        assert world.registers() == before, "registers"
        assert world.rig.held == self._held, "vault"
        world.check()
        if not head & 1:
            self._check_upto(upto)
        self._is_alive()
        return self._found + ("" if "closed by" in str(link._failure) else ", dropped")

    def _check_upto(self, upto):
        rings = self.world.rig.meter.journal
        for n, name in enumerate(RINGS[:3]):
            assert self._rider.upto[n] <= getattr(rings, name).last_seq, name
        assert self._released or self._rider.upto == upto, "released by nobody's receipt"

    def _is_alive(self):
        """A connection that is none of the broker's that means harm."""
        session = self._session
        session.connected(self._ms)
        session.received(CONNACK, self._ms)
        assert session.ready
        session.lost()

    # What the link has as ports, and as both ends of its stream.

    def now_ms(self):
        return self._ms & 0x3FFFFFFF

    async def read(self, size):
        self._ms += 1500 if self._head & 32 else 50
        self._reads += 1
        if self._reads % _TURN == 1 or not self._pieces:
            self._turn()
        return self._pieces.pop(0) if self._pieces else b""

    def _turn(self):
        """As the loop of comms.run does meanwhile."""
        session = self._session
        session.tick(self.now_ms())
        for _ in range(6):
            if not (session.ready and self._rider.step(session.publish, self.now_ms())):
                break
        body = session._decoder._body
        assert body is None or len(body) <= _PACKET_BYTES, "a packet of %d bytes" % len(body)
        assert len(session._flight) <= _WINDOW + 1, "in flight"
        assert session._out_bytes <= 3 * _QUEUE_BYTES, "%d bytes wait" % session._out_bytes
        if not self._head & 16:
            self._check_sent(session.outgoing(self.now_ms()))

    def _check_sent(self, data):
        """What goes out is whole packets of a client, and says no more than it may."""
        while data:
            size, at, shift = 0, 1, 0
            while True:
                size |= (data[at] & 0x7F) << shift
                at, shift = at + 1, shift + 7
                if not data[at - 1] & 0x80:
                    break
            assert data[0] >> 4 in _SENT, "packet %d" % (data[0] >> 4)
            body, rest = data[at : at + size], data[at + size :]
            assert len(body) == size, "a packet is cut"
            if data[0] >> 4 == 3:
                self._check_said(body, data[0] >> 1 & 1)
            data = rest

    def _check_said(self, body, qos):
        end = 2 + int.from_bytes(body[:2], "big")
        topic, payload = str(body[2:end], "utf-8"), body[end + 2 * qos :]
        if not self._head & 1:
            assert topic.startswith("wl/" + NAME + "/up/"), topic
            envelope = payload.startswith(b"WL1 ") or topic.endswith(("/status", "/answer"))
            assert envelope, topic
            return
        root = "wl/" + NAME + "/out/"
        assert topic.startswith((root, "homeassistant/")), topic
        assert len(payload) <= 1024
        if not payload or topic == root + "status":
            return
        told = json.loads(payload)
        if topic == root + "reg":
            live = self.world.rig.live.registers
            assert [v for v in told.values() if type(v) is not int] == [], payload
            assert told["1.8.0"] >= live[0] // 1000, payload
        if topic == root + "cheapest":
            self._found = "cheapest"
            assert "rows" not in told.get("ok", {}), payload

    # What the riders have as the meter and its gate.

    def push(self, do, args):
        return self.world.rig.gate.push(do, args)

    def receipt(self, line):
        found = self.world.rig.gate.receipt(line)
        if found is not None:
            assert a2b_base64(line[4:]) in self._known, "a forged receipt"
            self._released, self._found = True, "receipt"
        return found

    def _answer(self, line, road):
        self._found = "answer: " + self.world.send(line, road)
        self._held = dict(self.world.rig.held)
        return self.world.answer

    def _handle(self, role, line):
        rig = self.world.rig
        try:
            do = json.loads(line)["do"]
        except ValueError:
            do = None  # it is the meter's to refuse
        if role == "utility":
            assert line == b'{"id":0,"do":"load_switch","args":{"on":true}}', line
        else:
            assert role == "reader"
        answer = rig.service.handle(role, line)
        if role != "utility" and b'"error"' not in answer:
            assert do in _HOME_ASKS, line
        return answer


def _pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]
