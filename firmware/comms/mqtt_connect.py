"""The two MQTT 3.1.1 packets that begin a connection, and what a broker refuses. "§" as in
comms.mqtt_codec. Loaded on demand.
"""

import struct

from comms.mqtt_codec import REFUSED, MqttError, field, packet

_REASONS = ("", "protocol version", "client id", "not now", "user or password", "no right")


def connect(client_id, keepalive_s, will=None, user=None, password=None):
    """-> CONNECT, clean session.

    will   (topic, payload, qos, retain): what the broker says for us once we are gone
    """
    assert 1 <= keepalive_s <= 65535  # 0 would be none at all
    flags, rest = 0x02, [field(client_id)]
    if will is not None:
        topic, payload, qos, retain = will
        flags |= 0x04 | qos << 3 | (0x20 if retain else 0)
        rest += [field(topic), field(payload)]
    if user is not None:
        flags |= 0x80
        rest.append(field(user))
    if password is not None:
        assert user is not None  # §3.1.2.9
        flags |= 0x40
        rest.append(field(password))
    return packet(0x10, b"\x00\x04MQTT\x04", struct.pack(">BH", flags, keepalive_s), *rest)


def subscribe(pid, topics):
    """-> SUBSCRIBE. topics: of (filter, qos), one at least."""
    assert topics
    assert 1 <= pid <= 65535
    parts = [part for topic, qos in topics for part in (field(topic), bytes((qos,)))]
    return packet(0x82, struct.pack(">H", pid), *parts)


def refusal(code):
    """-> MqttError for a return code of CONNACK, §3.2.2.3."""
    reason = _REASONS[code] if code < len(_REASONS) else "code %d" % code
    return MqttError("mqtt: refused by the broker: " + reason + ": look at the profile")


def refused(topics, codes):
    """-> filters that the broker does not let us have, by a SUBACK. topics: as in `subscribe`

    MqttError: it is not the answer to that.
    """
    if len(codes) != len(topics):
        raise MqttError("mqtt: SUBACK of %d topics, not %d" % (len(codes), len(topics)))
    return " ".join([topic for (topic, _), code in zip(topics, codes) if code == REFUSED])
