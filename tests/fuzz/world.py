"""A meter that is fed with inputs, and what must hold after each of them.

What an envelope is good for is judged here a second time, from docs/protocol.md alone.
"""

import json
import struct
from binascii import a2b_base64
from hashlib import sha256

import gate_rig
import tariffs
from gate_rig import ANSWER, CHANGE, HEADER, REFUSED, ROLES, Client, some_keys
from rig import DEN, NUM
from test_orders import Store
from test_update import UpdateRig

from boards.virtual.nor import Nor
from drivers.files import TariffFiles
from meter import chain
from meter.limits import LINE_BYTES
from meter.sample import EXPORT, IMPORT
from tests.fuzz import folders

try:
    from tests.fuzz.quick_crypto import QuickCrypto as Crypto
except ImportError:  # MicroPython
    from plain_crypto import PlainCrypto as Crypto

ENVELOPE_CHARS = 1600
_HEADER_SIZE, _TAG_SIZE = 30, 32
_NONCE_S, _DAY_S = 60, 86400
_NEXT_NONCE = 46  # , "nonce": "..."
_CODES = "json size unknown role arguments state order blocked meter refused update".split()
BROKERS = [name + part for name in ("mqtt", "home") for part in ("", "_ca", "_cert", "_key")]
# What the vault may hold otherwise once such a change was let in, besides the counter.
_ALTERS = {"seal": "seal", "unseal": "seal", "keys": "keys", "view": "view orders"}
_ALTERS.update({"wifi": "wifi", "local": "local", "mqtt": " ".join(BROKERS)})
_ORDERED = ("tariff", "prices", "calibration", "update")


class World:
    """A meter with an hour of energy in it. road: of the lines that are sent.

    rig     the meter; counts: what its IC has counted in all
    answer  to the line that was sent last
    """

    def __init__(self, keyed=True, sealed=True, blank=False):
        gate_rig.PlainCrypto = Crypto
        self.rig = rig = FuzzRig(sealed=False, keys=some_keys())
        rig.push(tariffs.text(name="first"))
        rig.run(3600, imported=5)
        self.counts, self.answer = 60 * 5, b""
        if sealed:
            rig.ask("seal")
        if not keyed:
            del rig.held["keys"]
        if blank:
            rig.ports.flash.restore(Nor(rig.ports.flash.sectors).image())
            self.counts = 0
        rig.restart()
        if not blank:
            rig.run(60)
        self._keep()
        self.revive()

    def take(self, text):
        """Put a tariff in force, from the beginning on."""
        self.rig.push(text)
        self.tick(60)
        self._keep()

    def _keep(self):
        rig = self.rig
        self._kept = rig.ports.flash.image(), dict(rig.held), rig.ports.clock.utc, self.counts

    def revive(self):
        """Be as at the beginning."""
        rig = self.rig
        image, held, utc, self.counts = self._kept
        rig.ports.flash.restore(image)
        rig.held.clear()
        rig.held.update(held)
        rig.ports.clock.set(utc)
        rig.ports.files.clear()
        rig.ports.calibration, rig.slots, rig.told, rig.boots = {}, None, "a", 7
        rig.ports.calibration_store = Store(None).itself
        rig.said = self.answer = b""
        rig.files.clear()
        rig.files.update(rig.files_kept)
        rig.cut(0)
        rig.meter.tick(utc)
        self.tick(15)  # power is back long enough

    def tick(self, seconds, counts=0):
        """Time and energy go on, and all of it is in the registers."""
        rig = self.rig
        rig.ports.clock.utc += seconds
        rig.ports.chip.add(counts)
        self.counts += counts
        rig.meter.tick(rig.ports.clock.utc)
        if rig.meter.state == "ready":
            rig.ports.clock.utc += 1  # what waited for a clock that was set
            rig.meter.tick(rig.ports.clock.utc)
            found, due = rig.live.registers[IMPORT], self.counts * NUM // DEN
            assert due - 2 <= found <= due, "registers: %d, metered %d" % (found, due)
        self.check()

    def check(self):
        """What holds at all times."""
        rig = self.rig
        registers, meter = rig.live.registers, rig.meter
        assert sum(rig.live.rates) == registers[IMPORT] + registers[EXPORT], "rates and total"
        assert not meter.locked, "the meter is locked"
        assert meter.broken is None, "imbalance"

    def registers(self):
        return list(self.rig.live.registers), list(self.rig.live.rates)

    def send(self, line, road="console"):
        """One line by a road, and everything that must hold then. -> what became of it"""
        rig, before = self.rig, self.registers()
        verdict, text = self.judge(line, road)
        held, had_left = dict(rig.held), rig.gate.leave
        answer = self.answer = rig.gate.handle(line, road)
        found = verdict
        altered = [n for n in rig.held if rig.held[n] != held.get(n)]
        allowed = ["lock" if road == "console" else "lock_mqtt"] if verdict == "failed" else []
        if verdict == "public":
            assert "\n" not in str(answer, "ascii")
            found = is_answer(answer, LINE_BYTES)
        elif verdict != "in" or answer == REFUSED:
            assert answer == REFUSED, "told %r: %s" % (verdict, answer[:80])
            found = "refused" if verdict == "in" else verdict
        else:
            inner = self.opened(line, answer)
            found = is_answer(inner, LINE_BYTES + _NEXT_NONCE)
            allowed = self._allowed(json.loads(text), found, road)
        if not (found == "ok" and rig.gate.leave and json.loads(text)["do"] == "unseal"):
            assert had_left or not rig.gate.leave, "the REPL was opened"
        assert [n for n in altered if n not in allowed] == [], "vault: %r" % altered
        assert len(rig.held) >= len(held)
        assert self.registers() == before, "registers"
        self.check()
        return found

    def _allowed(self, request, found, road):
        names = ["counters", "lock" if road == "console" else "lock_mqtt"]
        if found == "ok":
            names += _ALTERS.get(request["do"], "").split()
        return names

    def judge(self, line, road):
        """-> ("public"; "refused": not even tried; "failed": a wrong tag; "in"; its text)"""
        if not line.startswith(b"WL1 "):
            return "public", line
        rig, now = self.rig, self.rig.ports.clock.now()
        place = rig.gate._roads[road]
        data = _decoded(line[4:]) if len(line) <= ENVELOPE_CHARS else b""
        if len(data) <= _HEADER_SIZE + _TAG_SIZE or place.lock.left_s(now) or not rig.gate.keys:
            return "refused", None
        head, text, tag = data[:_HEADER_SIZE], data[_HEADER_SIZE:-_TAG_SIZE], data[-_TAG_SIZE:]
        version, kind, role, zero, serial, expiry, nonce = struct.unpack(HEADER, head)
        if (version, zero, serial) != (1, 0, rig.serial) or kind > 1 or not 0 < role < 4:
            return "refused", None
        client = Client(rig, ROLES[role], rig.gate.keys)
        if tag != chain.tag(chain.tag(client.key, b"request mac", b""), head, text):
            return "failed", None
        if rig.ports.clock.quality() and not now <= expiry <= now + _DAY_S:
            return "refused", None
        if kind == CHANGE:
            fresh = int.from_bytes(nonce[:8], "big") > rig.gate.counters[role - 1]
        else:
            fresh = place.nonce == nonce and 0 <= now - place.at <= _NONCE_S
        return "in" if fresh else "refused", client._stream(b"request cipher", head, text)

    def opened(self, line, answer):
        """-> what is in an answer for whoever sent the line"""
        assert answer.startswith(b"WL1 "), answer[:40]
        assert len(answer) <= ENVELOPE_CHARS, len(answer)
        asked, data = a2b_base64(line[4:]), a2b_base64(answer[4:])
        role = asked[2]
        head, text, tag = data[:30], data[30:-32], data[-32:]
        serial = self.rig.serial
        assert head == struct.pack(HEADER, 1, ANSWER, role, 0, serial, 0, asked[14:30]), "header"
        client = Client(self.rig, ROLES[role])
        assert tag == chain.tag(chain.tag(client.key, b"answer mac", b""), head, text), "tag"
        return client._stream(b"answer cipher", head, text)


class FuzzRig(UpdateRig):
    """With all ports that a request may come to."""

    files_kept = None

    def _boot(self):
        if self.files_kept is None:
            self.files_kept = dict(self.files)
            self.ports.files = Cfg()
            self.ports.calibration, self.ports.calibration_store = {}, Store(None).itself
        super()._boot()

    def push(self, text, when="now"):
        name = "".join(["%02x" % byte for byte in sha256(text).digest()])
        self.ports.files.put(name, text)
        keys, self.gate.keys = self.gate.keys, None
        found = self.ask("tariff", digest=name, when=when)
        self.gate.keys = keys
        return found


class Cfg(TariffFiles):
    """Real files, in a folder of this World."""

    def __init__(self):
        self.folder, self._kept = folders.make(self), {}
        super().__init__(self.folder)

    def put(self, name, text):
        """A file that `clear` leaves there."""
        self._kept[name + ".json"] = text
        self.clear()

    def add(self, name, text):
        """A file that `clear` takes away."""
        folders.fill(self.folder, {name + ".json": text}, alone=False)

    def clear(self):
        folders.fill(self.folder, self._kept)


def is_answer(line, size_max):
    """AssertionError: not an answer as docs/protocol.md has it. -> "ok" or "error" """
    assert isinstance(line, bytes)
    assert len(line) <= size_max, "answer of %d bytes" % len(line)
    reply = json.loads(line)
    names = sorted([name for name in reply if name != "nonce"])
    assert names in (["id", "ok"], ["error", "id"]), names
    if "ok" in reply:
        return "ok"
    error = reply["error"]
    assert sorted(error) == ["code", "text"], error
    assert error["code"] in _CODES, error
    assert isinstance(error["text"], str)
    return "error"


def _decoded(text):
    try:
        return a2b_base64(text)
    except Exception:  # ValueError, in the VM nothing narrower than this
        return b""
