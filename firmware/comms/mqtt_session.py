"""What an MQTT client knows between two packets: who is in flight, who is silent. No I/O.

Time is told in ms by any clock that only goes forward; it may wrap at 2**30 as the chip's does.
"""

from comms import mqtt_codec as codec
from comms.mqtt_codec import MqttError
from meter.compat import const, forget

_TICKS = const(0x3FFFFFFF)
_SUBSCRIBING = const(1)  # its packet id: nothing else is in flight when it goes


def elapsed_ms(now_ms, then_ms):
    """-> ms, below 12 days, of a clock that may have wrapped."""
    return now_ms - then_ms & _TICKS


class Session:
    """One client at one broker, over any number of connections.

    options      keepalive_s (60), will, user, password as `mqtt_connect.connect` has them; topics:
                 of (filter, qos), subscribed to on each connection; window (4): QoS 1 messages
                 in flight; packet_bytes (4096): longest that is taken; queue_bytes (4096):
                 longest that waits to be sent
    on_message   (topic, payload bytes, retain); a QoS 1 message is acknowledged once it returns
    on_ready     (): this connection may publish

    A message in flight is forgotten with its connection and reported as not acknowledged: what
    the journal holds is sent from there again. PUBACK means that a broker had it, no more.
    """

    def __init__(self, client_id, options, on_message=None, on_ready=None):
        get = options.get
        self._keepalive_s, self._window = get("keepalive_s", 60), get("window", 4)
        assert 1 <= self._window < 1000
        self._topics = get("topics", ())
        from comms import mqtt_connect

        self._hello = mqtt_connect.connect(
            client_id, self._keepalive_s, get("will"), get("user"), get("password")
        )
        if self._topics:
            self._wish = mqtt_connect.subscribe(_SUBSCRIBING, self._topics)
        forget("comms.mqtt_connect")
        self._packet_bytes = get("packet_bytes", codec.PACKET_BYTES)
        self._queue_bytes = get("queue_bytes", codec.PACKET_BYTES)
        self._on_message, self._on_ready = on_message, on_ready
        self._pid, self._flight = 0, {}
        self.refused = ""
        self.lost()

    def connected(self, now_ms):
        """There is a new connection; `outgoing` has its CONNECT."""
        self.lost()
        self._open, self._decoder = True, codec.Decoder(self._packet_bytes)
        self._now = self._heard = self._sent = self._pinged = now_ms
        self._queue(self._hello)

    def lost(self):
        """The connection is gone: nothing in flight was acknowledged."""
        self._open = self._welcomed = self.ready = False
        self._out, self._out_bytes, self._subscribing = [], 0, 0
        flight, self._flight = self._flight, {}
        for done, _ in flight.values():
            if done:
                done(False)

    def close(self):
        """Say goodbye: the broker keeps the will to itself."""
        if self._open:
            self.ready = False
            self._queue(codec.DISCONNECT_PACKET)

    def room(self):
        """-> QoS 1 messages that `publish` would take."""
        taken = len(self._flight) - (1 if self._subscribing else 0)
        return self._window - taken if self.ready else 0

    def publish(self, topic, payload, qos=0, retain=False, done=None):
        """-> whether it is taken; if not, try again later.

        done   at QoS 1: called once, with whether the broker acknowledged it
        """
        if not self.ready or (qos and self.room() < 1):
            return False
        pid = self._free_pid() if qos else 0
        packet = codec.publish(topic, payload, qos, retain, pid)
        if self._out and self._out_bytes + len(packet) > self._queue_bytes:
            return False
        if qos:
            self._flight[pid] = done, self._now
        self._queue(packet)
        return True

    def received(self, data, now_ms):
        """Bytes from the broker. MqttError: drop the connection."""
        self._now = self._heard = now_ms
        for packet in self._decoder.feed(data):
            kind = packet[0]
            if (kind == codec.CONNACK) == self._welcomed:
                raise MqttError("mqtt: packet %d out of turn from the broker: is it one?" % kind)
            if kind == codec.CONNACK:
                self._welcome(packet[1])
            elif kind == codec.PUBLISH:
                self._message(packet)
            elif kind == codec.PUBACK and packet[1] != self._subscribing:
                done, _ = self._flight.pop(packet[1], (None, 0))
                if done:
                    done(True)
            elif kind == codec.SUBACK and packet[1] == self._subscribing:
                self._subscribed(packet[2])

    def tick(self, now_ms):
        """About once a second. MqttError: the broker is silent, drop the connection."""
        if not self._open:
            return
        self._now = now_ms
        quiet_ms, limit_ms = elapsed_ms(now_ms, self._heard), 2000 * self._keepalive_s
        if quiet_ms >= limit_ms:
            raise MqttError(
                "mqtt: silent for %d s: broker or network is dead" % (quiet_ms // 1000)
            )
        for _, since_ms in self._flight.values():
            if elapsed_ms(now_ms, since_ms) >= limit_ms:
                raise MqttError("mqtt: a message not acknowledged: look at the broker's log")
        # Early, as a tick may be late; and also while we only send, or a dead peer would not show.
        due_ms = 750 * self._keepalive_s
        if (
            self.ready
            and elapsed_ms(now_ms, self._pinged) >= due_ms
            and (quiet_ms >= due_ms or elapsed_ms(now_ms, self._sent) >= due_ms)
        ):
            self._pinged = now_ms
            self._queue(codec.PINGREQ_PACKET)

    def outgoing(self, now_ms):
        """-> bytes to send now, b"" for none."""
        if not self._out:
            return b""
        self._now = self._sent = now_ms
        data = b"".join(self._out)
        self._out, self._out_bytes = [], 0
        return data

    def _welcome(self, code):
        if code:
            from comms import mqtt_connect

            forget("comms.mqtt_connect")
            raise mqtt_connect.refusal(code)
        self._welcomed = self.ready = True
        self.refused = ""
        if self._topics:
            self._subscribing = _SUBSCRIBING
            self._flight[_SUBSCRIBING] = None, self._now
            self._queue(self._wish)
        if self._on_ready:
            self._on_ready()

    def _subscribed(self, codes):
        from comms import mqtt_connect

        forget("comms.mqtt_connect")
        self._flight.pop(_SUBSCRIBING)
        self._subscribing = 0
        # The connection stays: what goes up is worth having without what comes down.
        self.refused = mqtt_connect.refused(self._topics, codes)

    def _message(self, packet):
        _, topic, payload, _, retain, pid = packet
        if self._on_message:
            self._on_message(topic, payload, retain)
        if pid:
            if self._out_bytes > 2 * self._queue_bytes:
                raise MqttError("mqtt: the broker sends and does not read: drop it")
            self._queue(codec.puback(pid))

    def _queue(self, packet):
        self._out.append(packet)
        self._out_bytes += len(packet)

    def _free_pid(self):
        """1..65535, none that is in flight: there are fewer of those than ids."""
        while True:
            self._pid = self._pid % 65535 + 1
            if self._pid not in self._flight:
                return self._pid
