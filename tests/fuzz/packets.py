"""What a broker sends that means harm: packets as they should be, and with something wrong."""

import struct

from gate_rig import CHANGE, Client
from test_push import receipt

from tests.fuzz import grammar
from tests.fuzz.mutate import bytes_of, dumps, json_of

NAME = "246f28010203"
CONNACK = b"\x20\x02\x00\x00"
_PINGRESP = b"\xd0\x00"
_STREAM_MAX = 6000


class Packets:
    """Inputs of tests.fuzz.broker. receipts: those of the utility that the broker has seen."""

    def __init__(self, rig):
        self._rig = rig
        client = Client(rig, "utility")
        # What it may have seen of the utility, and send when it likes.
        changes = ("commit", {}), ("load_switch", {"on": True}), ("prices", {"digest": "ab" * 32})
        self._seen = [
            client.line(CHANGE, client.change_nonce(n), do, **args)
            for n, (do, args) in enumerate(changes, 1)
        ]
        last = rig.meter.journal.profile.last_seq
        self.receipts = [
            receipt(client, dumps({"salt": salt, "upto": {ring: seq}}))
            for ring, seq, salt in (("profile", 1, 77), ("profile", last, 77), ("ledger", 0, 77),
                                    ("profile", last + 9, 77), ("snapshots", 0, 3))
        ]  # fmt: skip

    def make(self, chance):
        head, kind = chance.below(128) | (0 if chance.one_in(8) else 8), chance.below(8)
        if kind == 0:
            return bytes([head]) + chance.bytes(chance.size(_STREAM_MAX))
        made = b"".join([self._packet(chance, head & 1) for _ in range(1 + chance.size(6))])
        if kind < 3:
            made = bytes_of(chance, made, _STREAM_MAX)
        return bytes([head]) + made

    def _packet(self, chance, house):
        kind, pid = chance.below(24), struct.pack(">H", 1 + chance.size(20))
        if kind == 0:
            return b"\x40" + _sized(pid)
        if kind == 1:
            return b"\x90" + _sized(pid + chance.of((b"\0", b"\1\1", b"\x80\0\1\0", b"\3")))
        if kind == 2:
            return chance.of((CONNACK, _PINGRESP, _PINGRESP, b"\x20\x02\x00\x05", b"\x30\x01a"))
        if kind == 3:
            return bytes([chance.below(256)]) + _sized(chance.bytes(chance.size(200)))
        topic, payload = self._house(chance) if house else self._utility(chance)
        if chance.one_in(6):
            payload = bytes_of(chance, payload, _STREAM_MAX)
        qos, retain = chance.below(2), chance.below(2)
        topic = topic.encode()
        body = struct.pack(">H", len(topic)) + topic + (pid if qos else b"") + payload
        return bytes([0x30 | qos << 1 | retain]) + _sized(body)

    def _utility(self, chance):
        kind = chance.below(8)
        if kind < 2:
            return "wl/" + NAME + "/dn/ack", chance.of(self.receipts)
        if kind < 4:
            return "wl/" + NAME + "/dn/cmd", chance.of(self._seen)
        topic = "wl/" + NAME + chance.of(("/dn/cmd", "/dn/ack", "/up/reg", "", "/dn/other"))
        return topic, chance.of((b"", b"WL1 ", chance.bytes(70))) + grammar.request(chance)

    def _house(self, chance):
        kind, root = chance.below(8), "wl/" + NAME
        if kind < 3:
            held = {"utc": 1_790_000_000, "salt": 77, "1.8.0": 6000, "2.8.0": 1, "1.8.1": 6000}
            held["2.8.0"] = chance.of((1, 7.5, True, None, -9, 1 << 70, "9", [9]))
            payload = json_of(chance, held) if chance.one_in(2) else dumps(held)
            return root + "/out/reg", payload
        if kind < 6:
            args = {"hours": 1, "before": self._rig.ports.clock.utc + 7200}
            payload = json_of(chance, args, 190)
            if chance.one_in(3):  # what would end the request before its time
                payload = b'{},"do":"rows","args":{"ring":"profile","from_seq":1}'
            return root + "/in/cheapest", payload
        if kind == 6:
            return root + "/in/load", chance.of((b"ON", b"OFF", b"on", b""))
        return "homeassistant/status", chance.of((b"online", b"offline", b"\xff"))


def _sized(body):
    """With its length before it."""
    size, head = len(body), b""
    while size > 0x7F:
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + body
