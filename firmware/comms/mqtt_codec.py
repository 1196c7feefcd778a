"""MQTT 3.1.1 packets of a client, bytes in and bytes out. "§": OASIS MQTT Version 3.1.1, 2014.

QoS 0 and 1, both ways; clean sessions only; comms.mqtt_connect has what begins one. What a broker
sends is never trusted: whatever is against the standard, or longer than we take, is an MqttError
and the end of that connection.
"""

import struct

from meter.compat import const
from meter.errors import MeterError

CONNACK = const(2)
PUBLISH = const(3)
PUBACK = const(4)
SUBACK = const(9)
PINGRESP = const(13)
PINGREQ_PACKET = b"\xc0\x00"
DISCONNECT_PACKET = b"\xe0\x00"
REFUSED = const(0x80)  # in a SUBACK, §3.9.3
PACKET_BYTES = const(4096)
_REMAINING_MAX = const(0xFFFFFFF)  # four bytes of seven bits, §2.2.3
_LENGTHS = {CONNACK: 2, PUBACK: 2, PINGRESP: 0}


class MqttError(MeterError):
    """The peer broke the protocol, refused us or is silent: where, what was seen, what to do."""


def publish(topic, payload, qos=0, retain=False, pid=0):
    """-> PUBLISH. pid: packet id 1..65535 at QoS 1, else 0."""
    assert topic
    assert "+" not in topic
    assert "#" not in topic
    assert (qos == 1 and 1 <= pid <= 65535) or (qos == 0 and pid == 0)
    ident = struct.pack(">H", pid) if qos else b""
    return packet(0x30 | qos << 1 | (1 if retain else 0), field(topic), ident, _bytes(payload))


def puback(pid):
    """-> PUBACK."""
    return struct.pack(">BBH", 0x40, 2, pid)


class Decoder:
    """A stream of bytes into packets; it holds one packet of at most packet_bytes, never more.

    After an MqttError the stream has no meaning any more: a new connection, a new decoder.
    """

    def __init__(self, packet_bytes=PACKET_BYTES):
        assert packet_bytes <= _REMAINING_MAX
        self._packet_bytes = packet_bytes
        self._restart()

    def _restart(self):
        self._first, self._size, self._shift = None, 0, 0
        self._body, self._have = None, 0

    def feed(self, data):
        """-> list of what is complete, in order; a tuple each, its kind first:

        (CONNACK, return code), (PUBLISH, topic str, payload bytes, qos, retain, packet id or 0),
        (PUBACK, packet id), (SUBACK, packet id, codes), (PINGRESP,)
        """
        packets = []
        at, end = 0, len(data)
        while at < end:
            if self._body is None:
                self._head(data[at])
                at += 1
            else:
                have = self._have
                step = min(end - at, self._size - have)
                self._body[have : have + step] = data[at : at + step]
                self._have = have + step
                at += step
            if self._body is not None and self._have == self._size:
                first, body = self._first, self._body
                self._restart()
                packets.append(_parsed(first, body))
        return packets

    def _head(self, byte):
        """One byte of the fixed header, §2.2."""
        if self._first is None:
            if byte >> 4 not in (CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP):
                raise _broken("a packet of type %d" % (byte >> 4))
            self._first = byte
            return
        self._size |= (byte & 0x7F) << self._shift
        self._shift += 7
        if byte & 0x80:
            if self._shift == 28:
                raise _broken("a length of more than 4 bytes")
            return
        if self._size > self._packet_bytes:
            raise _broken("a packet of %d bytes, %d at most" % (self._size, self._packet_bytes))
        self._body = bytearray(self._size)


def _parsed(first, body):
    kind, size = first >> 4, len(body)
    if kind == PUBLISH:
        return _published(first & 15, body)
    if first & 15 or size != _LENGTHS.get(kind, size):
        raise _broken("packet %d of %d bytes, flags %d" % (kind, size, first & 15))
    if kind == CONNACK:
        if body[0] > 1:
            raise _broken("CONNACK with flags %d" % body[0])
        return kind, body[1]
    if kind == PINGRESP:
        return (kind,)
    if kind == PUBACK:
        return kind, _ident(body, 0)
    codes = bytes(body[2:])
    if not codes or any(code > 2 and code != REFUSED for code in codes):
        raise _broken("SUBACK of %d bytes" % size)
    return kind, _ident(body, 0), codes


def _published(flags, body):
    qos = flags >> 1 & 3
    if qos > 1:
        raise _broken("QoS %d, nobody asked for it" % qos)
    if len(body) < 2:
        raise _broken("PUBLISH of %d bytes" % len(body))
    at = 2 + (body[0] << 8 | body[1])
    if not 2 < at <= len(body):
        raise _broken("topic up to byte %d of %d" % (at, len(body)))
    try:
        topic = str(body[2:at], "utf-8")
    except UnicodeError:
        raise _broken("a topic that is no UTF-8")
    if "+" in topic or "#" in topic or "\0" in topic:  # §3.3.2.1, §1.5.3
        raise _broken("a topic with + or # or NUL")
    pid = _ident(body, at) if qos else 0
    return PUBLISH, topic, bytes(body[at + 2 * qos :]), qos, flags & 1, pid


def _ident(body, at):
    if len(body) < at + 2 or not body[at] | body[at + 1]:
        raise _broken("no packet id")  # 0 is none, §2.3.1
    return body[at] << 8 | body[at + 1]


def _broken(what):
    return MqttError("mqtt: " + what + " from the broker: is it one?")


def _bytes(text):
    return text.encode() if isinstance(text, str) else text


def field(text):
    """A string or bytes with its length before it, §1.5.3."""
    data = _bytes(text)
    assert len(data) <= 0xFFFF
    return struct.pack(">H", len(data)) + data


def packet(first, *parts):
    """-> packet of a first byte and the bytes that follow its length, §2.2."""
    size = sum([len(part) for part in parts])
    assert size <= _REMAINING_MAX
    head = bytearray((first,))
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return b"".join((head,) + parts)
