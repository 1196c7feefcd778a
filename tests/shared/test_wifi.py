"""The station: connects, is turned away, is lost, waits longer each time; no access point."""

import unittest

from plain_network import CONNECTING, IDLE, NONE_FOUND, WRONG, Network

from comms.wifi import Wifi


def drawn(size):
    return b"\xff" * size  # the longest wait


class TestWifi(unittest.TestCase):
    def setUp(self):
        self.network, self.now_ms = Network(), 5000
        self.radio = self.network.station
        self.wifi = Wifi(self.network, "wl-246f28010203", "home", "secret-1", drawn)

    def run_for(self, seconds):
        for _ in range(seconds):
            self.now_ms += 1000
            self.wifi.step(self.now_ms)

    def tries(self):
        return len([call for call in self.radio.calls if isinstance(call, tuple)])

    def test_the_access_point_is_off_before_anything_else(self):
        self.assertFalse(self.network.access_point.on)
        self.assertFalse(self.radio.on)
        self.assertEqual(self.network.name, "wl-246f28010203")

    def test_it_connects_and_says_so(self):
        self.run_for(1)
        self.assertEqual(self.radio.calls, [{"reconnects": 0}, ("home", "secret-1")])
        self.assertEqual((self.wifi.state, self.wifi.rssi()), ("connecting", None))
        self.radio.joined = True
        self.run_for(1)
        self.assertEqual((self.wifi.state, self.wifi.connected), ("connected", True))
        self.assertEqual((self.wifi.rssi(), self.wifi.joins), (-61, 1))
        self.run_for(3600)
        self.assertEqual(self.tries(), 1)

    def test_the_driver_says_why_not(self):
        for code, text in ((NONE_FOUND, "no such network"), (WRONG, "wrong password")):
            self.setUp()
            self.run_for(1)
            self.radio.code = code
            self.run_for(1)
            self.assertEqual((self.wifi.state, self.wifi.connected), (text, False))

    def test_a_driver_that_says_nothing_is_not_waited_for(self):
        self.run_for(21)
        self.assertEqual(self.wifi.state, "no answer")

    def test_each_attempt_waits_longer_and_never_over_five_minutes(self):
        began, tries = [], 0
        for _ in range(4000):
            self.run_for(1)
            if self.tries() != tries:
                tries = self.tries()
                began.append(self.now_ms // 1000)
                self.radio.code = NONE_FOUND
        waits = [b - a for a, b in zip(began, began[1:])]
        self.assertEqual(waits[:7], [3, 5, 9, 17, 33, 65, 129])
        self.assertEqual(waits[8:], [301] * len(waits[8:]))

    def test_lost_and_found_again(self):
        self.run_for(1)
        self.radio.joined = True
        self.run_for(70)
        self.radio.joined = False
        self.run_for(1)
        self.assertEqual((self.wifi.state, self.wifi.connected), ("lost", False))
        self.run_for(3)
        self.assertEqual(self.tries(), 2)
        self.radio.joined = True
        self.run_for(1)
        self.assertEqual(self.wifi.joins, 2)

    def test_a_link_that_falls_at_once_is_no_good_one(self):
        waits = []
        for _ in range(6):
            while self.radio.code != CONNECTING:
                self.run_for(1)
            self.radio.joined = True
            self.run_for(2)
            self.radio.joined, self.radio.code = False, IDLE
            self.run_for(1)
            waits.append(self.wifi._wait_ms // 1000)
        self.assertEqual(waits, [1, 3, 7, 15, 31, 63])

    def test_whatever_the_driver_raises_is_a_state(self):
        self.run_for(1)
        for error in (OSError("Wifi Internal State Error"), RuntimeError("Wifi Unknown Error")):
            self.radio.broken = error
            self.run_for(400)
            self.assertIn("radio: Wifi", self.wifi.state)
            self.assertFalse(self.wifi.connected)
        self.radio.broken = None
        self.run_for(400)
        self.assertTrue(self.tries() > 1)

    def test_a_radio_that_is_stopped_is_off(self):
        self.run_for(1)
        self.radio.joined = True
        self.run_for(1)
        self.wifi.stop()
        self.assertEqual(
            (self.radio.on, self.wifi.connected, self.wifi.rssi()), (False, False, None)
        )
