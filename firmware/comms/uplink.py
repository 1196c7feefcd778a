"""What the journal keeps goes to the utility block by block, until a receipt says it is there.

docs/protocol.md, "Uplink". PUBACK counts for nothing here: a broker may lose what it acknowledged,
or throw away what its ACL forbids, and say nothing (MQTT 3.1.1, 3.3.5).
"""

import binascii
import json

from comms.mqtt_session import elapsed_ms
from meter.compat import const

RINGS = "profile ledger snapshots metrology clock power configuration security".split()
_PROFILE = const(0)
_READINGS = (("registers", "/up/reg"), ("live", "/up/live"))
_ANSWERS_MAX = const(4)  # that wait for room; the next one is dropped, and asked for again
_ANSWER_BYTES = const(1600)
_BACK = const(8)  # records before a block, of which one can be read
_HEADED = (1, 2)  # rings whose records have their seq behind kind, version and flags


class Uplink:
    """gate      `push`, `receipt`: meter.security.gate.Gate; of a meter that has keys
    handle    (role, line) -> line; answer: (line, road) -> line; see app
    serial    12 hex digits, also the client id and the name in the certificate
    options   live_s (60): seconds between two readings; again_s (30): after so long without a
              receipt a block is sent again; ahead (64): records sent beyond the last receipt;
              wait_s (5): for the receipt that lies on the broker

    Everything is driven by `step` in one task, and `message` and `ready` of the MQTT session.
    """

    def __init__(self, gate, handle, answer, serial, options):
        get = options.get
        self._gate, self._handle, self._answer = gate, handle, answer
        self.root = "wl/" + serial
        self._live_ms, self._again_ms = 1000 * get("live_s", 60), 1000 * get("again_s", 30)
        self._ahead, self._wait_ms = get("ahead", 64), 1000 * get("wait_s", 5)
        self.upto = [0] * len(RINGS)  # seq that the utility is known to have
        self._next = [1] * len(RINGS)
        self._sent_ms, self._live_at, self._greeted_at = [0] * len(RINGS), None, 0
        self._ring, self._reading, self._answers = 0, 0, []
        self._greeted, self._waits = False, True

    def topics(self):
        """-> what to subscribe to, of (filter, qos)"""
        return ((self.root + "/dn/cmd", 1), (self.root + "/dn/ack", 1))

    def will(self):
        """-> (topic, payload, qos, retain) of the last will"""
        return (self.root + "/up/status", b"offline", 1, True)

    def ready(self):
        """A new connection: whatever was not receipted is sent again."""
        for n, upto in enumerate(self.upto):
            self._next[n] = upto + 1
        self._live_at, self._reading = None, 0
        self._greeted, self._waits = False, True

    def message(self, topic, payload, retain):
        """What the broker brought. A command that lay there for somebody else's time is no use."""
        if topic == self.root + "/dn/ack":
            line = self._gate.receipt(payload)
            if line is not None:
                try:
                    self._receipted(json.loads(line))
                except (AttributeError, KeyError, TypeError, ValueError):
                    return  # it lies on the broker: raised, it would end each connection
        elif topic == self.root + "/dn/cmd" and not retain:
            if len(payload) <= _ANSWER_BYTES and len(self._answers) < _ANSWERS_MAX:
                self._answers.append(self._answer(payload, "mqtt"))

    def step(self, publish, now_ms):
        """Send at most one message. -> whether there may be more at once.

        publish   as of comms.mqtt_session.Session
        """
        if not self._greeted:
            self._greeted = publish(self.root + "/up/status", b"online", 1, True)
            self._greeted_at = now_ms
            return self._greeted
        if self._answers:
            if not publish(self.root + "/up/answer", self._answers[0], 1):
                return False
            del self._answers[0]
            return True
        if self._live_at is None or elapsed_ms(now_ms, self._live_at) >= self._live_ms:
            return self._live(publish, now_ms)
        if self._waits:
            if elapsed_ms(now_ms, self._greeted_at) < self._wait_ms:
                return False
            self._waits = False
        return self._block(publish, now_ms)

    def _live(self, publish, now_ms):
        do, topic = _READINGS[self._reading]
        line = self._gate.push(do, {})[0]
        if line is not None and not publish(self.root + topic, line, 1, True):
            return False
        self._reading = (self._reading + 1) % len(_READINGS)
        if not self._reading:
            self._live_at = now_ms
        return True

    def _block(self, publish, now_ms):
        """One ring a step, as long as it has nothing; the next one then."""
        n, at = self._ring, self._next[self._ring]
        about = self._about(n)
        if about["last"] >= at and at - self.upto[n] <= self._ahead:
            line, told = self._rows(n, at)
            if line is None:
                return False
            if not told["rows"]:
                self._next[n] = told["next"]
                return False
            topic = "/up/iv" if n == _PROFILE else "/up/ev"
            if publish(self.root + topic, line, 1):
                self._next[n], self._sent_ms[n] = told["next"], now_ms
                return True
            return False
        if at > self.upto[n] + 1 and elapsed_ms(now_ms, self._sent_ms[n]) >= self._again_ms:
            self._next[n] = self.upto[n] + 1
            return True
        self._ring = (n + 1) % len(RINGS)
        return False

    def _rows(self, n, at):
        """-> (line, told) of a block that the head-end can add to what it has.

        Records that cannot be read are left out of a block. If those were the first of this one,
        nothing in it would tell that they are not lost on the way: the one before them goes along.
        """
        start = at
        while True:
            line, told = self._gate.push("rows", {"ring": RINGS[n], "from_seq": start, "n": 8})
            first = told["rows"] and _seq(told["rows"][0], n)
            if not first or first <= max(at, told["first"]) or at - start >= _BACK:
                return line, told
            start -= 1

    def _receipted(self, told):
        """What is newer than all we have, or of another journal, is of a meter before us; what is
        older than the last, of a head-end that has lost something: it gets it again."""
        for n, name in enumerate(RINGS):
            seq, about = told["upto"].get(name, -1), self._about(n)
            fits = type(seq) is int and 0 <= seq <= about["last"]
            if fits and about["salt"] == told["salt"]:
                if seq < self.upto[n]:
                    self._next[n] = seq + 1
                self.upto[n] = seq
                self._next[n] = max(self._next[n], seq + 1)
        self._waits = False

    def _about(self, n):
        """-> first, last, salt of a ring"""
        args = {"ring": RINGS[n], "from_seq": 1, "n": 0}
        line = json.dumps({"id": None, "do": "rows", "args": args}).encode()
        return json.loads(self._handle("utility", line))["ok"]


def _seq(text, n):
    """-> seq of a record in base64, of ring n"""
    at = 4 if n in _HEADED else 0
    return int.from_bytes(binascii.a2b_base64(text.encode())[at : at + 4], "little")
