"""The gate of a sealed meter: what is in an envelope is done for who has the key of its role,
everything else is asked by the public. docs/protocol.md, "Envelope"."""

import binascii
import json

from meter.compat import const, forget
from meter.security.lock import Lock, held

MARK = b"WL1 "
_LINE_CHARS = const(1600)  # of an envelope
_NONCE_SIZE = const(16)
_COUNTERS = "<3Q"
_VIEW = "<BH"
_TOTALS = const(1)
_REFUSED = b'{"id":null,"error":{"code":"refused","text":"refused"}}'


class Gate:
    """Opens envelopes for a meter.service.Service; the meter has it as `gate`.

    keys     meter.security.keys.Keys, or None: none are installed, every envelope is refused
    vault crypto clock   ports; seal: meter.security.seal.Seal; serial6: 6 bytes of the chip
    counters of the newest change by role, as the vault has them
    road     _Road that the request in hand came by, None: the REPL
    leave    True when the REPL is to be opened
    profiles counts what was set of those of communication
    asked    True once a read in an envelope was let in: its nonce had gone out by the same road
    """

    def __init__(self, service, keys, vault, crypto, clock, seal, serial6):
        self.service, self.keys, self.vault, self.crypto = service, keys, vault, crypto
        self.clock, self.seal, self.serial6 = clock, seal, serial6
        now = clock.now()
        self._roads = {
            "console": _Road(Lock(vault, "lock", now)),
            "mqtt": _Road(Lock(vault, "lock_mqtt", now)),
        }
        self.road, self.leave, self.asked, self.profiles = None, False, False, 0
        self.counters = list(held(vault, "counters", _COUNTERS, (0, 0, 0)))
        service.meter.gate = self

    def handle(self, line, road="console"):
        """bytes -> bytes, one line each; never raises for what is in the line.

        road   "console" or "mqtt": each has its own lock-out and its own nonce
        """
        self.road = self._roads[road]
        try:
            if not line.startswith(MARK):
                return self.service.handle("public", line)
            return self._enveloped(line) or _REFUSED
        finally:
            self.road = None
            _forget()

    def push(self, do, args):
        """-> (envelope for the utility, of what this request of its role is answered, None: it was
        refused; the answer). Only for a meter with keys."""
        line = json.dumps({"id": None, "do": do, "args": args}).encode()
        answer = self.service.handle("utility", line)
        told = json.loads(answer).get("ok")
        if told is None:
            return None, None
        from meter.security import envelope

        try:
            return envelope.push(self, answer, self.clock.now()), told
        finally:
            _forget()

    def receipt(self, line):
        """-> the line in the utility's receipt for what was pushed, or None"""
        if self.keys is None or not line.startswith(MARK) or len(line) > _LINE_CHARS:
            return None
        from meter.security import envelope

        try:
            return envelope.receipt(self, line)
        finally:
            _forget()

    def next_nonce(self):
        """-> 16 bytes for the next read on the road in hand; those of before are void."""
        if self.road is None:
            return None
        self.road.nonce, self.road.at = self.crypto.random(_NONCE_SIZE), self.clock.now()
        return self.road.nonce

    def moved(self, before, now):
        """The clock jumped, Unix seconds: no lock is shorter for it."""
        for road in self._roads.values():
            road.lock.moved(before, now)

    def view(self):
        """-> (what the public sees, days of profile that a reader sees, 0: all)"""
        return held(self.vault, "view", _VIEW, (_TOTALS, 0))

    def _enveloped(self, line):
        """-> the answer, or None. While the road is locked nothing is loaded or computed."""
        now = self.clock.now()
        if self.keys is None or len(line) > _LINE_CHARS or self.road.lock.left_s(now):
            return None
        from meter.security import envelope

        return envelope.answer(self, line, now)


def _forget():
    for name in ("chain", "security.cipher", "security.envelope"):
        forget("meter." + name)


class _Road:
    """lock; nonce of the newest `hello` or read, None: none is good, given at Unix second at"""

    def __init__(self, lock):
        self.lock, self.nonce, self.at = lock, None, 0


def from_base64(text):
    """-> bytes of base64 in bytes; b"" where it is none"""
    try:
        return binascii.a2b_base64(text)
    except Exception:  # ValueError on the chip, in the VM nothing narrower than this
        return b""
