"""A time from the network, for which nobody vouches: what it may do, and what it may not.

Runs on CPython, in the MicroPython VM, and on a board.
"""

import unittest

from gate_rig import START, Client, GateRig, some_keys

from comms import ntp
from meter import codes
from meter.errors import MeterError
from meter.security import hint

NEVER = 946684800  # 2000: a clock that nobody has set
SENT = bytes(range(8))
YEARS_5 = 5 * 366 * 86400


def answer(seconds=4000000000, first=0x24, stratum=2, origin=SENT, size=48):
    """A packet of RFC 4330, 4, written down here a second time."""
    packet = bytearray(48)
    packet[0], packet[1] = first, stratum
    packet[24:32] = origin
    packet[40:44] = seconds.to_bytes(4, "big")
    return bytes(packet[:size]) + bytes(max(0, size - 48))


class TestSntp(unittest.TestCase):
    def test_the_seconds_of_both_eras(self):
        self.assertEqual(ntp.unix_s(answer(2208988800 + 1790812800), SENT), 1790812800)
        self.assertEqual(ntp.unix_s(answer(1), SENT), 2085978497)  # 2036-02-07 06:28:17

    def test_what_is_not_believed(self):
        for packet in (
            answer(first=0x23),  # a client
            answer(first=0x25),  # a broadcast
            answer(first=0xE4),  # not synchronised
            answer(stratum=0),  # kiss of death
            answer(stratum=16),
            answer(origin=bytes(8)),
            answer(seconds=0),
            answer(size=47),
            answer(size=49),
            b"",
        ):
            with self.assertRaises(MeterError):
                ntp.unix_s(packet, SENT)


class TestHint(unittest.TestCase):
    def setUp(self):
        self.rig = GateRig(START, keys=some_keys(), sealed=True)
        self.rig.run(3600, imported=10)
        self.now = self.rig.ports.clock.utc
        self.registers = list(self.rig.live.registers)

    def lose_clock(self):
        self.rig.cut()
        self.rig.ports.clock.utc, self.rig.ports.clock.good = NEVER, 0
        self.rig.run(60, step_s=1)

    def take(self, utc):
        return hint.take(self.rig.meter, utc)

    def test_a_clock_that_is_right_is_left_alone(self):
        for good in (1, 2):
            self.rig.ports.clock.good = good
            self.assertEqual(self.take(self.now + 5), "not needed")
        self.assertEqual(self.rig.ports.clock.utc, self.now)

    def test_one_that_is_not_shows_it_and_stays_not_right(self):
        self.lose_clock()
        counted_to = self.rig.live.t
        self.assertEqual(self.take(self.now + 600), "for TLS only")
        self.assertEqual(self.rig.ports.clock.utc, self.now + 600)
        self.assertEqual(self.rig.held["hint"], b"\x01")
        self.rig.run(3600, imported=10)
        self.assertEqual(self.rig.ports.clock.quality(), 0)
        self.assertEqual(self.rig.live.t, counted_to)  # no row, no period, no rate goes by it
        self.assertTrue(self.rig.live.status & codes.CLOCK_INVALID)
        self.assertTrue(self.rig.live.registers[0] > self.registers[0])  # the energy is counted

    def test_it_leaves_an_event(self):
        self.lose_clock()
        self.take(self.now + 600)
        ring, seen = self.rig.meter.journal.events[1], []
        from meter.rows import Event

        for seq in range(ring.first_seq, ring.last_seq + 1):
            self.assertTrue(ring.read(seq, ring.slot))
            record = Event()
            record.unpack(ring.slot)
            seen.append((record.code, record.after))
        self.assertTrue((codes.EVENT_CLOCK_HINT & 0xFF, self.now + 600) in seen)

    def test_it_is_taken_once_a_start_and_within_bounds(self):
        self.lose_clock()
        for utc in (0, NEVER, self.now - 3700, self.now + YEARS_5 + 3600):
            self.assertTrue(self.take(utc).startswith("not believed"))
            self.assertEqual(self.rig.ports.clock.doubted, False)
        self.assertFalse("hint" in self.rig.held)
        self.take(self.now + 600)
        self.assertEqual(self.take(self.now + 1200), "had one")

    def test_no_change_but_the_clock_is_let_in_and_the_clock_ends_it(self):
        self.lose_clock()
        self.take(self.now + YEARS_5 - 3600)  # somebody who wants that envelopes are too old
        client = Client(self.rig, "utility")
        nonce = client.change_nonce()
        line = client.line(1, nonce, "commit", expiry=self.now + 90)
        self.assertEqual(client.opened(self.rig.send(line), nonce), "refused")
        nonce = client.change_nonce()
        line = client.line(1, nonce, "clock", expiry=self.now + 90, utc=self.now + 60)
        self.assertEqual(client.opened(self.rig.send(line), nonce)["ok"]["utc"], self.now + 60)
        self.assertEqual(self.rig.ports.clock.quality(), 2)
        self.assertFalse(self.rig.ports.clock.doubted)

    def test_a_tick_that_comes_meanwhile_leaves_it_alone(self):
        self.lose_clock()
        clock, locked = self.rig.ports.clock, []
        hinted = clock.hint

        def struck(utc):
            locked.append(self.rig.meter.locked)
            hinted(utc)

        clock.hint = struck
        self.take(self.now + 600)
        self.assertEqual((locked, self.rig.meter.locked), ([True], False))

    def test_no_lock_is_shorter_for_it(self):
        self.lose_clock()
        lock = self.rig.gate._roads["console"].lock
        for _ in range(8):
            lock.fail(self.rig.ports.clock.utc)
        left_s = lock.left_s(self.rig.ports.clock.utc)
        self.assertTrue(left_s >= 32)
        self.take(self.now + 86400)
        self.assertEqual(lock.left_s(self.rig.ports.clock.utc), left_s)
        self.assertEqual(lock.left_s(self.rig.ports.clock.utc + 1), left_s - 1)


if __name__ == "__main__":
    unittest.main()
