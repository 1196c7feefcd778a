"""An MQTT session told the time: who is in flight, when to ping, when the peer is dead."""

import unittest

from test_mqtt_codec import Draw

from comms import mqtt_codec as codec
from comms import mqtt_connect
from comms.mqtt_codec import MqttError
from comms.mqtt_session import Session, elapsed_ms

WELCOME = b"\x20\x02\x00\x00"
PING = b"\xc0\x00"
PONG = b"\xd0\x00"


def published(topic, payload, pid=0):
    return codec.publish(topic, payload, 1 if pid else 0, False, pid)


class Case(unittest.TestCase):
    def setUp(self):
        self.heard, self.became, self.readies = [], [], 0

    def session(self, at_ms=0, **options):
        session = Session("m1", options, self.hear, self.ready)
        session.connected(at_ms)
        self.assertEqual(session.outgoing(at_ms)[:1], b"\x10")
        return session

    def welcomed(self, at_ms=0, **options):
        session = self.session(at_ms, **options)
        session.received(WELCOME, at_ms)
        return session

    def hear(self, topic, payload, retain):
        self.heard.append((topic, payload, retain))

    def ready(self):
        self.readies += 1

    def say(self, session, payload, qos=1):
        def done(ok):
            self.became.append((payload, ok))

        return session.publish("t", payload, qos, False, done)


class TestConnecting(Case):
    def test_nothing_is_published_before_the_broker_has_said_yes(self):
        session = Session("m1", {})
        self.assertFalse(session.publish("t", b"x"))
        session.connected(0)
        self.assertFalse(session.publish("t", b"x"))
        self.assertEqual(session.room(), 0)
        self.assertEqual(session.outgoing(0), mqtt_connect.connect("m1", 60))
        session.received(WELCOME, 0)
        self.assertTrue(session.ready)
        self.assertTrue(session.publish("t", b"x"))
        self.assertEqual(session.outgoing(0), codec.publish("t", b"x"))
        self.assertEqual(session.outgoing(0), b"")

    def test_ready_may_publish_at_once_and_comes_after_the_subscriptions(self):
        session = Session("m1", {"topics": (("d/#", 1),), "window": 1})
        session._on_ready = lambda: self.say(session, b"online")
        session.connected(0)
        session.outgoing(0)
        session.received(WELCOME, 0)
        self.assertEqual(
            session.outgoing(0),
            mqtt_connect.subscribe(1, (("d/#", 1),)) + published("t", b"online", 2),
        )

    def test_each_refusal_has_its_words(self):
        for code, word in ((1, "version"), (2, "id"), (4, "password"), (5, "right"), (77, "77")):
            with self.assertRaises(MqttError) as caught:
                self.session().received(bytes((0x20, 2, 0, code)), 0)
            self.assertIn(word, str(caught.exception))
        self.assertEqual(self.readies, 0)

    def test_what_is_out_of_turn_is_refused(self):
        for data in (PONG, b"\x40\x02\x00\x01", codec.publish("t", b"x")):
            with self.assertRaises(MqttError):
                self.session().received(data, 0)
        with self.assertRaises(MqttError):
            self.welcomed().received(WELCOME, 0)
        self.assertEqual(self.heard, [])

    def test_subscriptions_are_renewed_on_each_connection(self):
        topics = (("d/#", 1), ("e", 0))
        session = self.welcomed(topics=topics)
        self.assertEqual(session.outgoing(0), mqtt_connect.subscribe(1, topics))
        session.received(b"\x90\x04\x00\x01\x01\x00", 0)
        session.connected(10)
        session.received(WELCOME, 10)
        self.assertTrue(session.outgoing(10).endswith(mqtt_connect.subscribe(1, topics)))
        self.assertEqual(self.readies, 2)

    def test_a_subscription_that_is_refused_is_named_and_the_connection_stays(self):
        session = self.welcomed(topics=(("d/#", 1), ("e", 0)))
        session.received(b"\x90\x04\x00\x01\x80\x00", 0)
        self.assertEqual(session.refused, "d/#")
        self.assertTrue(session.ready)
        session.connected(0)
        session.received(WELCOME, 0)
        self.assertEqual(session.refused, "")

    def test_a_suback_of_another_size_is_refused_and_of_another_id_ignored(self):
        session = self.welcomed(topics=(("d/#", 1),))
        session.received(b"\x90\x03\x00\x09\x80", 0)
        self.assertEqual(session.refused, "")
        with self.assertRaises(MqttError):
            session.received(b"\x90\x04\x00\x01\x01\x01", 0)

    def test_goodbye(self):
        session = self.welcomed()
        session.close()
        self.assertFalse(self.say(session, b"x"))
        self.assertEqual(session.outgoing(0), b"\xe0\x00")
        session.received(published("t", b"late"), 0)
        self.assertEqual(self.heard, [("t", b"late", 0)])

    def test_half_a_packet_of_the_last_connection_is_forgotten(self):
        session = self.welcomed()
        session.received(b"\x30\x09\x00", 0)
        session.connected(1)
        session.received(WELCOME, 1)
        self.assertTrue(session.ready)


class TestInFlight(Case):
    def test_the_window_bounds_what_is_in_flight(self):
        session = self.welcomed(window=2)
        self.assertTrue(self.say(session, b"a"))
        self.assertTrue(self.say(session, b"b"))
        self.assertFalse(self.say(session, b"c"))
        self.assertTrue(self.say(session, b"d", 0))
        session.received(b"\x40\x02\x00\x02", 0)
        self.assertEqual(self.became, [(b"b", True)])
        self.assertEqual(session.room(), 1)
        self.assertTrue(self.say(session, b"c"))

    def test_a_second_or_a_strange_puback_changes_nothing(self):
        session = self.welcomed(window=2, topics=(("d", 1),))
        self.say(session, b"a")
        session.received(b"\x40\x02\x00\x02" * 2 + b"\x40\x02\x77\x77" + b"\x40\x02\x00\x01", 0)
        self.assertEqual(self.became, [(b"a", True)])
        self.assertEqual(session.room(), 2)
        session.received(b"\x90\x03\x00\x01\x80", 0)
        self.assertEqual(session.refused, "d")

    def test_a_lost_connection_reports_each_once_and_sends_none_again(self):
        session = self.welcomed()
        self.say(session, b"a")
        self.say(session, b"b")
        session.received(b"\x40\x02\x00\x01", 0)
        session.lost()
        session.lost()
        self.assertEqual(self.became, [(b"a", True), (b"b", False)])
        session.connected(5)
        session.received(WELCOME, 5)
        self.assertEqual(session.outgoing(5), mqtt_connect.connect("m1", 60))
        session.received(b"\x40\x02\x00\x02", 5)
        self.assertEqual(len(self.became), 2)

    def test_a_message_may_be_published_again_from_its_own_report(self):
        session = self.welcomed(window=1)
        session.publish("t", b"a", 1, False, lambda ok: self.say(session, b"next"))
        session.received(b"\x40\x02\x00\x01", 0)
        self.assertTrue(session.outgoing(0).endswith(published("t", b"next", 2)))

    def test_packet_ids_go_round_and_step_over_those_in_flight(self):
        session = self.welcomed(window=3)
        self.say(session, b"stays")
        self.say(session, b"too")
        seen = 0
        for _ in range(65535):
            self.assertTrue(session.publish("t", b"", 1))
            data = session.outgoing(0)
            pid = data[-2] << 8 | data[-1]
            seen = max(seen, pid)
            self.assertTrue(3 <= pid <= 65535)
            session.received(b"\x40\x02" + data[-2:], 0)
        self.assertEqual(session._pid, 4, "65,533 ids are free: two after the round")
        self.assertEqual(seen, 65535)

    def test_what_waits_to_be_sent_is_bounded(self):
        session = self.welcomed(queue_bytes=100)
        self.assertTrue(session.publish("t", bytes(500)), "alone it may be longer")
        self.assertFalse(session.publish("t", b"x"))
        session.outgoing(0)
        taken = 0
        while session.publish("t", bytes(15)):
            taken += 1
        self.assertEqual(taken, 5)  # of 20 bytes each

    def test_a_refused_message_takes_no_place(self):
        session = self.welcomed(queue_bytes=20, window=2)
        self.assertTrue(session.publish("t", bytes(30)))
        for _ in range(5):
            self.assertFalse(self.say(session, b"x"))
        session.outgoing(0)
        self.assertEqual(session.room(), 2)

    def test_a_message_that_is_never_acknowledged_ends_the_connection(self):
        session = self.welcomed(keepalive_s=10)
        self.say(session, b"a")
        for second in range(1, 20):
            session.received(PONG, second * 1000)
            session.tick(second * 1000)
        session.received(PONG, 20_000)
        with self.assertRaises(MqttError):
            session.tick(20_000)


class TestReceiving(Case):
    def test_quality_0_and_1(self):
        session = self.welcomed()
        session.outgoing(0)
        session.received(published("a", b"0") + published("b", b"1", 9), 0)
        self.assertEqual(self.heard, [("a", b"0", 0), ("b", b"1", 0)])
        self.assertEqual(session.outgoing(0), codec.puback(9))

    def test_what_the_handler_could_not_take_is_not_acknowledged(self):
        session = self.welcomed()
        session.outgoing(0)

        def fails(topic, payload, retain):
            raise ValueError("full")

        session._on_message = fails
        with self.assertRaises(ValueError):
            session.received(published("b", b"1", 9), 0)
        self.assertEqual(session.outgoing(0), b"")

    def test_a_peer_that_sends_and_does_not_read_is_dropped(self):
        session = self.welcomed(queue_bytes=64)
        session.outgoing(0)
        with self.assertRaises(MqttError):
            for pid in range(1, 100):
                session.received(published("b", b"", pid), 0)
        self.assertTrue(len(session.outgoing(0)) < 200)


class TestOddStreams(Case):
    """Whatever a broker sends: MqttError or nothing, and the bounds hold."""

    def test_noise_and_bent_packets(self):
        draw, dropped = Draw(7), 0
        session = Session("m1", {"packet_bytes": 256, "topics": (("d", 1),)}, self.hear)
        good = WELCOME, PONG, b"\x40\x02\x00\x02", b"\x90\x03\x00\x01\x01", published("d", b"x", 3)
        for _ in range(1000):
            session.connected(0)
            session.received(WELCOME, 0)
            self.say(session, b"a")
            bent = bytearray(b"".join(good[1 + draw.below(4)] for _ in range(6)))
            for _ in range(draw.below(4)):
                bent[draw.below(len(bent))] = draw.below(256)
            data = bytes(bent) if draw.below(4) else draw.bytes(1 + draw.below(30))
            try:
                session.received(data, 0)
                session.tick(1000)
            except MqttError:
                dropped += 1
            self.assertTrue(len(session._flight) <= 5)
            self.assertTrue(len(session.outgoing(0)) < 200)
            session.lost()
        self.assertTrue(200 < dropped < 900, dropped)
        self.assertEqual(len(self.became), 1000, "each reported once")


class TestTime(Case):
    def test_a_quiet_connection_is_pinged_in_time(self):
        session = self.welcomed(keepalive_s=60)
        session.outgoing(0)
        for second in range(1, 45):
            session.tick(second * 1000)
        self.assertEqual(session.outgoing(44_000), b"")
        session.tick(45_000)
        self.assertEqual(session.outgoing(45_000), PING)
        session.received(PONG, 45_100)
        for second in range(46, 90):
            session.tick(second * 1000)
        self.assertEqual(session.outgoing(89_999), b"")
        session.tick(90_000)
        self.assertEqual(session.outgoing(90_000), PING)

    def test_who_only_sends_pings_too_or_a_dead_peer_would_not_show(self):
        session = self.welcomed(keepalive_s=10)
        pings = 0
        with self.assertRaises(MqttError) as caught:
            for second in range(1, 60):
                session.publish("t", b"x")
                session.tick(second * 1000)
                pings += session.outgoing(second * 1000).count(PING)
        self.assertEqual((second, pings), (20, 2))
        self.assertIn("silent for 20 s", str(caught.exception))

    def test_who_only_hears_pings_too_or_the_broker_would_drop_us(self):
        session = self.welcomed(keepalive_s=10)
        session.outgoing(0)
        pings = []
        for second in range(1, 31):
            session.received(published("t", b"x"), second * 1000)
            session.tick(second * 1000)
            if session.outgoing(second * 1000):
                pings.append(second)
        self.assertEqual(pings, [8, 16, 24])

    def test_a_broker_that_never_answers_the_connect_is_dead_too(self):
        session = self.session(1000, keepalive_s=5)
        session.tick(10_999)
        with self.assertRaises(MqttError):
            session.tick(11_000)

    def test_a_late_tick_is_one_ping(self):
        session = self.welcomed(keepalive_s=10)
        session.outgoing(0)
        session.tick(19_000)
        session.tick(19_500)
        self.assertEqual(session.outgoing(19_500), PING)

    def test_without_a_connection_no_time_passes(self):
        session = Session("m1", {})
        session.tick(10**9)
        session.connected(0)
        session.lost()
        session.tick(10**9)
        self.assertEqual(session.outgoing(10**9), b"")

    def test_the_clock_may_wrap(self):
        self.assertEqual(elapsed_ms(5, (1 << 30) - 5), 10)
        self.assertEqual(elapsed_ms((1 << 30) + 5, (1 << 30) - 5), 10)
        start = (1 << 30) - 3000
        session = self.welcomed(start, keepalive_s=10)
        session.outgoing(start)
        session.tick(4499)
        self.assertEqual(session.outgoing(4499), b"")
        session.tick(4500)
        self.assertEqual(session.outgoing(4500), PING)
        with self.assertRaises(MqttError):
            session.tick(17_000)


if __name__ == "__main__":
    unittest.main()
