"""A meter that says what a test gives it, for what is made of its answers: P1 and readout."""

import json

from rig import unix

from comms import obis_lines, p1
from meter.civil import EPOCH

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid, summer time
SERIAL = "246f28010203"
INFO = {
    "serial": SERIAL,
    "versions": {"firmware": "0.1.0"},
    "software": "ab" * 16 + "cd" * 16,
    "state": "ready",
    "utc": unix(2026, 11, 24, 9, 15),
    "clock": 2,
    "rate": "day",
    "power_mw": 1_244_499,
    "v_mv": [230_449, 0, 0],
    "i_ma": [5_499, 0, 0],
    "alerts": ["load above 3 kW: remind!"],
    "seal": "open",
}
REGISTERS = {
    "registers": {
        "1.8.0": 6_826_999_999,
        "2.8.0": 1_000_000,
        "9.8.0": 5,
        "1.8.1": 4_426_999_999,
        "1.8.2": 2_400_000_000,
        "2.8.1": 1_000_000,
    },
    "names": {"1.8.1": "night", "1.8.2": "day", "2.8.1": "feed_in"},
}
LIVE = {"1.7.0": 1, "128.7.0": 300_000_000, "128.35.0": 1}
QUALITY = {"counts": {"96.7.21": [4, 1, 2], "32.36.0": [12, 1, 2], "52.32.0": [7, 1, 2]}}
ANSWERS = {"info": INFO, "registers": REGISTERS, "live": LIVE, "quality": QUALITY}


def changed(answer, **changes):
    made = dict(answer)
    made.update(changes)
    return made


class Told:
    """A meter that says what it was given; asked: the requests, in order."""

    def __init__(self, **answers):
        self.answers, self.asked = changed(ANSWERS, **answers), []
        self.now = (INFO["utc"], 3600, False)

    def handle(self, role, line):
        do = json.loads(line)["do"]
        self.asked.append((role, do))
        if self.answers[do] is None:
            return b'{"id":1,"error":{"code":"role","text":"no"}}'
        return json.dumps({"id": 1, "ok": self.answers[do]}).encode()

    def facts(self, role="reader"):
        return obis_lines.Facts(self.handle, role, lambda: self.now)

    def telegram(self, settings=None):
        return p1.P1(self.facts(), settings).telegram()


def local(rig):
    """Facts.local, as the firmware's composition makes it of the clock and the tariff's zone."""

    def now():
        clock, zone = rig.ports.clock, rig.meter.contract.tariff.calendar.zone
        if not clock.quality():
            return None
        east_s = zone.offset_at(clock.now() - EPOCH)
        return clock.now(), east_s, east_s > min(zone.standard_s, zone.summer_s)

    return now


def newest(made):
    """-> a telegram of comms.p1.P1 with nothing in it that is older than this call, but for live
    and quality"""
    for _ in range(3):
        made.telegram()
    return made.telegram()


class Enough(Exception):
    pass
