"""A meter with a vault and a gate on the test bench, and those who talk to it in envelopes.

What is in an envelope is written down here a second time, from docs/protocol.md alone.
"""

import json
import struct
from binascii import a2b_base64, b2a_base64
from hashlib import sha256

from plain_crypto import PlainCrypto
from plain_vault import PlainVault
from rig import Rig, unix

from meter import chain
from meter.rows import Event
from meter.security import keys as keys_of
from meter.security.gate import Gate
from meter.security.seal import Seal

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
SERIAL = bytes((0x24, 0x6F, 0x28, 1, 2, 3))
REFUSED = b'{"id":null,"error":{"code":"refused","text":"refused"}}'
ROLES = ("public", "reader", "utility", "maker")
READ, CHANGE, ANSWER = 0, 1, 0x80
HEADER = "<BBBB6sI16s"
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def some_keys(generation=1, meter=0):
    """-> Keys of this generation; those of another `meter` have nothing in common with them."""
    secrets = [sha256(b"%d %d %d" % (meter, generation, n)).digest() for n in range(5)]
    x = _G[0].to_bytes(32, "big")
    points = [x + y.to_bytes(32, "big") for y in (_G[1], _P - _G[1])]
    return keys_of.Keys(generation, *secrets, *points, "village")


def in_line(keys):
    """-> what the request `keys` takes"""
    return str(b2a_base64(keys_of.pack(keys)), "ascii").strip()


class Watchdog:
    def feed(self):
        pass


class GateRig(Rig):
    """held    of the vault, which lives on as the flash does
    said    bytes of all that has left the meter
    """

    def __init__(self, now=START, serial=SERIAL, keys=None, sealed=False):
        self.held, self.serial, self.said, self.boots = {}, serial, b"", 0
        super().__init__(now)
        if keys:
            self.ask("keys", data=in_line(keys))
        if sealed:
            self.ask("seal")
            self.restart()

    def _boot(self):
        self.boots += 1
        self.vault, self.ports.watchdog = PlainVault(self.held), Watchdog()
        data = self.vault.load("keys")
        keys = keys_of.unpack(data) if data else None
        self.key = keys.evidence if keys else bytes(32)
        super()._boot()
        crypto = PlainCrypto(self.boots * 256 + self.serial[-1])
        ports, seal = self.ports, Seal(self.vault)
        self.gate = Gate(self.service, keys, self.vault, crypto, ports.clock, seal, self.serial)

    def push(self, text, when="now"):
        """As on a meter without keys: orders have tests of their own."""
        keys, self.gate.keys = self.gate.keys, None
        found = super().push(text, when)
        self.gate.keys = keys
        return found

    def send(self, line, road="console"):
        """-> the bytes that the meter answers"""
        answer = self.gate.handle(line, road)
        self.said += answer + b"\n"
        return answer

    def public(self, do, road="console", **args):
        return json.loads(self.send(json.dumps({"id": 1, "do": do, "args": args}).encode(), road))

    def events(self):
        """-> [(code, before, after)] of the security ring"""
        found, ring = [], self.meter.journal.events[4]
        for seq in range(ring.first_seq, ring.last_seq + 1):
            assert ring.read(seq, ring.slot)
            record = Event()
            record.unpack(ring.slot)
            found.append((record.code, record.before, record.after))
        return found


class Client:
    """Who has the key of one role of a meter. sent: the newest envelope."""

    def __init__(self, rig, role, keys=None, serial=SERIAL, road="console"):
        self.rig, self.serial, self.road = rig, serial, road
        self.role = ROLES.index(role)
        self.key = getattr(keys or some_keys(), role)
        self.sent = None

    def hello(self):
        return self.rig.public("hello", self.road)["ok"]

    def line(self, kind, nonce, do, expiry=None, raw=None, **args):
        """-> an envelope"""
        expiry = self.rig.ports.clock.utc + 60 if expiry is None else expiry
        head = struct.pack(HEADER, 1, kind, self.role, 0, self.serial, expiry, nonce)
        text = raw or json.dumps({"id": 7, "do": do, "args": args}).encode()
        return self.seal(head, text)

    def seal(self, head, text):
        text = self._stream(b"request cipher", head, text)
        tag = chain.tag(chain.tag(self.key, b"request mac", b""), head, text)
        self.sent = b"WL1 " + b2a_base64(head + text + tag).strip()
        return self.sent

    def read(self, do, **args):
        """-> the answer to a read with a nonce of its own"""
        nonce = bytes.fromhex(self.hello()["nonce"])
        return self.opened(self.rig.send(self.line(READ, nonce, do, **args), self.road), nonce)

    def change(self, do, **args):
        nonce = self.change_nonce()
        return self.opened(self.rig.send(self.line(CHANGE, nonce, do, **args), self.road), nonce)

    def change_nonce(self, ahead=1):
        return struct.pack(">Q", self.hello()["counters"][self.role - 1] + ahead) + b"n" * 8

    def opened(self, answer, nonce):
        """-> what the meter says in its envelope, or the text of its refusal in the clear"""
        if not answer.startswith(b"WL1 "):
            return json.loads(answer)["error"]["text"]
        data = a2b_base64(answer[4:])
        head, text, tag = data[:30], data[30:-32], data[-32:]
        assert head == struct.pack(HEADER, 1, ANSWER, self.role, 0, self.serial, 0, nonce)
        assert tag == chain.tag(chain.tag(self.key, b"answer mac", b""), head, text)
        return json.loads(self._stream(b"answer cipher", head, text))

    def _stream(self, name, head, text):
        """CTR, from the definition: also what the device has is compared with."""
        aes, iv, out = PlainCrypto().aes_ecb(chain.tag(self.key, name, b"")[:16]), b"", b""
        iv = sha256(head).digest()[:12]
        for block in range(0, len(text), 16):
            stream = aes.encrypt(iv + struct.pack(">I", block // 16))
            out += bytes([a ^ b for a, b in zip(text[block : block + 16], stream)])
        return out
