"""Wi-Fi as a station, on `network` of the ESP32 port: connects, and connects again.

Nothing here waits: `step` is called about once a second. While it connects the driver works in a
task of its own. There is never an access point.
"""

from comms.mqtt_session import elapsed_ms
from meter.compat import const

_TRY_MS = const(20000)  # association, handshake and DHCP
_HELD_MS = const(60000)  # a connection that lasted so long was a good one
_WAIT_S, _WAIT_MAX_S = const(2), const(300)
_DRIVER = (OSError, RuntimeError, ValueError)  # what it raises
_HOST = const(32)  # characters of a host name
# what the driver says, by its names in `network` (ports/esp32/modnetwork_globals.h), and what that
# is; one text, as a tuple takes three times the room
_REASONS = (
    "NO_AP_FOUND=no such network,WRONG_PASSWORD=wrong password,HANDSHAKE_TIMEOUT=wrong password,"
    "ASSOC_FAIL=turned away,CONNECT_FAIL=turned away,BEACON_TIMEOUT=out of reach"
)


class Wifi:
    """network   the module; name: of the host; random: random(n) -> bytes

    state   "connected", or what is wrong or being done; connected: bool
    OSError, RuntimeError: there is no radio
    """

    def __init__(self, network, name, ssid, password, random):
        self._network, self._ssid, self._password = network, ssid, password
        self._random = random
        network.WLAN(network.AP_IF).active(False)
        network.hostname(name[:_HOST])
        self._radio = network.WLAN(network.STA_IF)
        self.connected, self.state, self.joins = False, "off", 0
        self._trying, self._since, self._wait_ms, self._failures = False, None, 0, 0

    def step(self, now_ms):
        """Look how it stands, and try if it is time. Never raises for what the driver does."""
        try:
            self._step(now_ms)
        except _DRIVER as error:
            self._failed(now_ms, "radio: " + str(error)[:32])

    def rssi(self):
        """-> dBm of the access point, None: not connected, or the driver does not say"""
        try:
            return self._radio.status("rssi") if self.connected else None
        except _DRIVER:
            return None

    def stop(self):
        """Leave the network and switch the radio off."""
        self.connected, self.state = False, "off"
        try:
            self._radio.active(False)
        except _DRIVER as error:
            self.state = "radio: " + str(error)[:32]

    def _step(self, now_ms):
        if self._radio.isconnected():
            if not self.connected:
                self.connected, self._trying, self._since = True, False, now_ms
                self.state = "connected"
                self.joins += 1
            elif elapsed_ms(now_ms, self._since) >= _HELD_MS:
                self._failures = 0
        elif self.connected:
            self._failed(now_ms, "lost")
        elif self._trying:
            reason = self._reason()
            if reason or elapsed_ms(now_ms, self._since) >= _TRY_MS:
                self._failed(now_ms, reason or "no answer")
        elif self._since is None or elapsed_ms(now_ms, self._since) >= self._wait_ms:
            self._try(now_ms)

    def _try(self, now_ms):
        radio = self._radio
        self._since = now_ms
        if not radio.active():
            radio.active(True)
        try:
            radio.config(reconnects=0)  # the driver's own attempts know no back-off
        except (OSError, ValueError, TypeError):
            self._trying = True  # a driver without this setting: its attempts are as good
        radio.connect(self._ssid, self._password)
        self._trying = True
        if not self._failures:
            self.state = "connecting"

    def _failed(self, now_ms, reason):
        """Wait for 2 s and twice as long each time, 5 min at most, and half of it by chance."""
        self.connected = self._trying = False
        self.state, self._since = reason, now_ms
        most_ms = 1000 * min(_WAIT_MAX_S, _WAIT_S << min(self._failures, 8))
        self._failures += 1
        drawn = int.from_bytes(self._random(2), "big")
        self._wait_ms = most_ms // 2 + drawn * most_ms // 131072
        try:
            self._radio.disconnect()
        except _DRIVER:
            self._wait_ms = most_ms  # it was not even started

    def _reason(self):
        status = self._radio.status()
        for entry in _REASONS.split(","):
            name, text = entry.split("=")
            if status == getattr(self._network, "STAT_" + name, None):
                return text
        return None
