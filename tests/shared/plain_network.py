"""`network` of the ESP32 port, as much as the station needs; a test says what the radio does."""

IDLE, CONNECTING, GOT_IP, NONE_FOUND, WRONG = 1000, 1001, 1010, 201, 202


class Radio:
    """network.WLAN of the station, as the driver of the ESP32 port shows it."""

    def __init__(self):
        self.on, self.joined, self.code = False, False, IDLE
        self.calls, self.broken = [], None

    def active(self, on=None):
        if on is None:
            return self.on
        self._may_fail()
        self.on = on

    def config(self, **settings):
        self.calls.append(settings)

    def connect(self, ssid, password):
        self._may_fail()
        assert self.on
        self.calls.append((ssid, password))
        self.code = CONNECTING

    def disconnect(self):
        self._may_fail()
        self.joined, self.code = False, IDLE

    def isconnected(self):
        return self.joined

    def status(self, what=None):
        self._may_fail()
        return -61 if what == "rssi" else self.code

    def _may_fail(self):
        if self.broken:
            raise self.broken


class Network:
    STA_IF, AP_IF = 0, 1
    STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = NONE_FOUND, WRONG

    def __init__(self):
        self.station, self.access_point, self.name = Radio(), Radio(), None
        self.access_point.on = True

    def WLAN(self, which):
        return self.access_point if which == self.AP_IF else self.station

    def hostname(self, name):
        self.name = name
