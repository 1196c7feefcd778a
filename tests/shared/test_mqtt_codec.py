"""MQTT packets against the bytes of the standard, and against bytes that are against it."""

import unittest

from comms import mqtt_codec as codec
from comms import mqtt_connect
from comms.mqtt_codec import Decoder, MqttError

ODD_FRAMES = 2000


class Draw:
    """A small generator, the same on every machine."""

    def __init__(self, seed):
        self._x = seed

    def below(self, limit):
        self._x = (1103515245 * self._x + 12345) & 0x7FFFFFFF
        return (self._x >> 8) % limit

    def bytes(self, size):
        return bytes([self.below(256) for _ in range(size)])


GOOD = (
    (b"\x20\x02\x00\x00", (codec.CONNACK, 0)),
    (b"\x20\x02\x01\x05", (codec.CONNACK, 5)),
    (b"\x40\x02\x12\x34", (codec.PUBACK, 0x1234)),
    (b"\x90\x04\x00\x07\x01\x80", (codec.SUBACK, 7, b"\x01\x80")),
    (b"\xd0\x00", (codec.PINGRESP,)),
    (b"\x30\x06\x00\x03a/bX", (codec.PUBLISH, "a/b", b"X", 0, 0, 0)),
    (b"\x31\x05\x00\x03a/b", (codec.PUBLISH, "a/b", b"", 0, 1, 0)),
    (b"\x3b\x08\x00\x03a/b\xff\xffX", (codec.PUBLISH, "a/b", b"X", 1, 1, 65535)),
)
BAD = (
    (b"\x00", "reserved type 0"),
    (b"\xf0", "reserved type 15"),
    (b"\x10", "CONNECT to a client"),
    (b"\x50", "PUBREC, QoS 2"),
    (b"\x82", "SUBSCRIBE to a client"),
    (b"\xc0", "PINGREQ to a client"),
    (b"\x30\x80\x80\x80\x80", "length of 5 bytes"),
    (b"\x30\xff\xff\xff\x7f", "256 MB"),
    (b"\x20\x02\x02\x00", "CONNACK flags"),
    (b"\x20\x03\x00\x00\x00", "CONNACK of 3"),
    (b"\x20\x00", "CONNACK of 0"),
    (b"\x21\x02\x00\x00", "CONNACK with header flags"),
    (b"\x40\x02\x00\x00", "PUBACK of id 0"),
    (b"\x40\x01\x01", "PUBACK of 1"),
    (b"\x42\x02\x00\x01", "PUBACK with flags"),
    (b"\x90\x02\x00\x01", "SUBACK without codes"),
    (b"\x90\x01\x00", "SUBACK of 1"),
    (b"\x90\x00", "SUBACK of 0"),
    (b"\x90\x03\x00\x01\x03", "SUBACK code 3"),
    (b"\x90\x03\x00\x00\x01", "SUBACK of id 0"),
    (b"\xd0\x01\x00", "PINGRESP of 1"),
    (b"\x30\x00", "PUBLISH of 0"),
    (b"\x30\x01\x00", "PUBLISH of 1"),
    (b"\x30\x02\x00\x00", "no topic"),
    (b"\x30\x04\x00\x03ab", "topic past the end"),
    (b"\x32\x05\x00\x03abc", "no room for the id"),
    (b"\x32\x06\x00\x03abc\x01", "half an id"),
    (b"\x32\x07\x00\x03abc\x00\x00", "id 0"),
    (b"\x34\x07\x00\x03abc\x00\x01", "QoS 2"),
    (b"\x36\x07\x00\x03abc\x00\x01", "QoS 3"),
    (b"\x30\x05\x00\x03a/+", "wildcard +"),
    (b"\x30\x05\x00\x03a/#", "wildcard #"),
    (b"\x30\x05\x00\x03a\x00b", "NUL"),
    (b"\x30\x05\x00\x03a\xff\xfe", "no UTF-8"),
)


class TestEncoding(unittest.TestCase):
    def test_connect(self):
        self.assertEqual(
            mqtt_connect.connect("a", 60), b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
        )

    def test_connect_with_everything_in_its_order(self):
        packet = mqtt_connect.connect("c", 256, ("t", b"\x00w", 1, True), "u", b"\xffp")
        rest = b"\x00\x01c\x00\x01t\x00\x02\x00w\x00\x01u\x00\x02\xffp"
        self.assertEqual(packet, b"\x10\x1b\x00\x04MQTT\x04\xee\x01\x00" + rest)

    def test_connect_with_a_user_alone_and_with_a_will_that_is_not_kept(self):
        self.assertEqual(mqtt_connect.connect("c", 1, user="u")[9], 0x82)
        self.assertEqual(mqtt_connect.connect("c", 1, ("t", b"", 0, False))[9], 0x06)

    def test_publish(self):
        self.assertEqual(codec.publish("a/b", b"X"), b"\x30\x06\x00\x03a/bX")
        self.assertEqual(codec.publish("a", "\u00e9", 0, True), b"\x31\x05\x00\x01a\xc3\xa9")
        self.assertEqual(codec.publish("a", b"X", 1, False, 258), b"\x32\x06\x00\x01a\x01\x02X")

    def test_lengths_of_one_to_three_bytes(self):
        for size, head in ((124, b"\x7f"), (125, b"\x80\x01"), (16381, b"\x80\x80\x01")):
            packet = codec.publish("a", bytes(size))
            self.assertEqual(packet[1 : 1 + len(head)], head)
            self.assertEqual(len(packet), 1 + len(head) + 3 + size)

    def test_subscribe_and_puback(self):
        topics = (("a/#", 1), ("b", 0))
        rest = b"\x00\x03a/#\x01\x00\x01b\x00"
        self.assertEqual(mqtt_connect.subscribe(10, topics), b"\x82\x0c\x00\x0a" + rest)
        self.assertEqual(codec.puback(0xABCD), b"\x40\x02\xab\xcd")

    def test_our_own_mistakes(self):
        for wrong in (
            lambda: codec.publish("a/+", b""),
            lambda: codec.publish("#", b""),
            lambda: codec.publish("", b""),
            lambda: codec.publish("a", b"", 1),
            lambda: codec.publish("a", b"", 1, False, 65536),
            lambda: codec.publish("a", b"", 0, False, 1),
            lambda: codec.publish("a", b"", 2, False, 1),
            lambda: mqtt_connect.subscribe(0, (("a", 1),)),
            lambda: mqtt_connect.subscribe(1, ()),
            lambda: mqtt_connect.connect("c", 1, password="p"),
        ):
            with self.assertRaises(AssertionError):
                wrong()


class TestDecoding(unittest.TestCase):
    def test_each_packet(self):
        for data, packet in GOOD:
            self.assertEqual(Decoder().feed(data), [packet])

    def test_a_stream_cut_anywhere(self):
        stream = b"".join(data for data, _ in GOOD)
        packets = [packet for _, packet in GOOD]
        self.assertEqual(Decoder().feed(stream), packets)
        for size in (1, 2, 3, 5, 7):
            decoder, got = Decoder(), []
            for at in range(0, len(stream), size):
                got += decoder.feed(stream[at : at + size])
            self.assertEqual(got, packets)

    def test_what_is_published_comes_back(self):
        for size in (0, 1, 127, 128, 4000):
            payload = bytes(i & 255 for i in range(size))
            packet = codec.publish("wl/\u00e9/up", payload, 1, True, 77)
            got = Decoder(5000).feed(packet)
            self.assertEqual(got, [(codec.PUBLISH, "wl/\u00e9/up", payload, 1, 1, 77)])
            self.assertIsInstance(got[0][2], bytes)

    def test_dup_says_nothing_to_us(self):
        self.assertEqual(Decoder().feed(b"\x3a\x05\x00\x01a\x00\x01")[0][3:], (1, 0, 1))

    def test_each_breach_is_the_one_error(self):
        for data, why in BAD:
            with self.subTest(why), self.assertRaises(MqttError) as caught:
                Decoder().feed(data)
            self.assertTrue(str(caught.exception).startswith("mqtt: "))

    def test_the_longest_is_taken_and_one_byte_more_is_refused_at_its_header(self):
        self.assertEqual(len(Decoder(100).feed(codec.publish("a", bytes(97)))), 1)
        with self.assertRaises(MqttError):
            Decoder(100).feed(codec.publish("a", bytes(98))[:2])
        with self.assertRaises(MqttError):
            Decoder().feed(b"\x30\x81\x20")

    def test_what_came_before_a_breach_in_the_same_read_is_lost_with_it(self):
        with self.assertRaises(MqttError):
            Decoder().feed(b"\xd0\x00\x00")


class TestOddFrames(unittest.TestCase):
    """Nothing but packets and MqttError comes out, whatever goes in."""

    def take(self, data, step):
        decoder, packets = Decoder(256), []
        try:
            for at in range(0, len(data), step):
                packets += decoder.feed(data[at : at + step])
        except MqttError:
            return packets, True
        return packets, False

    def test_noise_and_bent_packets(self):
        draw, refused, taken = Draw(2024), 0, 0
        for number in range(ODD_FRAMES):
            if number % 2:
                data = draw.bytes(1 + draw.below(40))
            else:
                bent = bytearray(b"".join(GOOD[draw.below(len(GOOD))][0] for _ in range(4)))
                for _ in range(1 + draw.below(3)):
                    bent[draw.below(len(bent))] = draw.below(256)
                data = bytes(bent[: 1 + draw.below(len(bent))])
            packets, broken = self.take(data, 1 + draw.below(8))
            refused += broken
            taken += len(packets)
            for packet in packets:
                self.check(packet)
        # Both ways are walked, or this would prove nothing.
        self.assertTrue(ODD_FRAMES // 2 < refused < ODD_FRAMES, refused)
        self.assertTrue(taken > ODD_FRAMES // 4, taken)

    def check(self, packet):
        if packet[0] == codec.PUBLISH:
            _, topic, payload, qos, retain, pid = packet
            again = codec.publish(topic, payload, qos, retain, pid)
            self.assertEqual(Decoder().feed(again), [packet])
        elif packet[0] in (codec.PUBACK, codec.SUBACK):
            self.assertTrue(1 <= packet[1] <= 65535)
        else:
            self.assertIn(packet[0], (codec.CONNACK, codec.PINGRESP))


if __name__ == "__main__":
    unittest.main()
