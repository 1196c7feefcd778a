"""The COSEM objects of a meter (IEC 62056-6-2, names of IEC 62056-6-1): docs/cosem.md.

Each value is asked of the meter when a client reads it: nothing is kept here.
"""

import json

from comms import cosem_data as axdr
from comms.cosem_data import Denied, number, octets, structure
from meter.compat import const, forget

_DATA, _REGISTER, _PROFILE, _CLOCK = const(1), const(3), const(7), const(8)
_SPECIAL_DAYS, _ASSOCIATION, _CALENDAR = const(11), const(15), const(20)
_MAKER = "WTL"  # of the logical device name; no registered FLAG id
_NAME_SIZE = const(16)
_SCALER = number(axdr.I8, 0xFD)  # all registers count in thousandths
# Units by the first number of the code; energy where the second one is 8.
_WATT, _VA, _WH, _VAH, _VARH = const(27), const(28), const(30), const(31), const(32)
_AMPERE, _VOLT, _HERTZ = const(33), const(35), const(44)
_OTHERS = {14: _HERTZ, 31: _AMPERE, 51: _AMPERE, 71: _AMPERE, 32: _VOLT, 52: _VOLT, 72: _VOLT}
_REACTIVE = (("3.8.0", "5.8.0", "6.8.0"), ("4.8.0", "7.8.0", "8.8.0"))  # of quadrants

CLOCK = b"\x00\x00\x01\x00\x00\xff"
STATUS = b"\x00\x00\x60\x0a\x01\xff"
RATE = b"\x00\x00\x60\x0e\x00\xff"
# logical name: (class, version, attributes, 1: not for the public, what answers: a method, a
# function of a module that is loaded for it, or of a text its place in `info`)
FIXED = {
    b"\x00\x00\x28\x00\x00\xff": (_ASSOCIATION, 0, 8, 0, "association.read"),
    b"\x00\x00\x2a\x00\x00\xff": (_DATA, 0, 2, 0, "_device"),
    b"\x00\x00\x60\x01\x00\xff": (_DATA, 0, 2, 0, "serial"),
    b"\x01\x00\x00\x02\x00\xff": (_DATA, 0, 2, 0, "versions firmware"),
    b"\x01\x00\x00\x02\x08\xff": (_DATA, 0, 2, 0, "software"),
    CLOCK: (_CLOCK, 0, 9, 0, "_clock"),
    b"\x01\x00\x00\x02\x02\xff": (_DATA, 0, 2, 1, "tariff name"),
    b"\x00\x00\x80\x0d\x00\xff": (_DATA, 0, 2, 1, "calendar.zone"),
    STATUS: (_DATA, 0, 2, 1, "_status"),
    RATE: (_DATA, 0, 2, 1, "_rate"),
    b"\x01\x00\x63\x01\x00\xff": (_PROFILE, 1, 8, 1, "profile.read"),
    b"\x00\x00\x0d\x00\x00\xff": (_CALENDAR, 0, 10, 1, "calendar.activity"),
    b"\x00\x00\x0b\x00\x00\xff": (_SPECIAL_DAYS, 0, 2, 1, "calendar.special_days"),
}


class Objects:
    """What one role may see of a meter.

    handle   of a role and a line, bytes -> bytes: meter.service
    role     that is asked as; the public has totals and clock, and of a sealed meter what its
             `view` leaves it
    """

    def __init__(self, handle, role):
        self._handle, self._role = handle, role

    def read(self, class_id, name, attribute, selector=0, selection=None):
        """-> iterator of bytes, which are the data of an attribute when they are joined; they
        are made as they are drawn. Denied, at once or while they are drawn.

        name    6 octets; selector 0: all, else with `selection`, a value of cosem_data
        """
        found = self._find(name)
        if found[0] != class_id:
            raise Denied(axdr.CLASS_INCONSISTENT)
        if not 1 <= attribute <= found[2]:
            raise Denied(axdr.OBJECT_UNDEFINED)
        if selector and (class_id, attribute) != (_PROFILE, 2):
            raise Denied(axdr.SCOPE_VIOLATED)
        what = found[4]
        if class_id == _REGISTER:
            answer = self._register(name, attribute)
        elif attribute == 1:
            answer = octets(name)
        elif what.startswith("_"):
            answer = getattr(self, what)(attribute)
        elif "." in what:
            answer = _rare(what)(self, attribute, selector, selection)
        else:
            answer = self.ask("info")
            for part in what.split():
                answer = answer[part]
            answer = octets(answer.encode())
        return iter((answer,)) if isinstance(answer, bytes) else answer

    def ask(self, do, **args):
        """-> what is under "ok" of the meter's answer. Denied: it says no."""
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        reply = json.loads(self._handle(self._role, line))
        if "ok" in reply:
            return reply["ok"]
        role = reply["error"]["code"] == "role"
        raise Denied(axdr.READ_WRITE_DENIED if role else axdr.TEMPORARY_FAILURE)

    def _find(self, name):
        """-> as in FIXED. Denied: no such object, for this role."""
        found = FIXED.get(name)
        if found is None and name[:2] == b"\x01\x00" and name[5] == 0xFF:
            found = _REGISTER, 0, 3, 0, None
        if found is None or (name in FIXED and not self.may(name)):
            raise Denied(axdr.OBJECT_UNDEFINED)
        return found

    def may(self, name):
        """-> whether this role may see one of the FIXED objects."""
        return self._role != "public" or not FIXED[name][3]

    def _register(self, name, attribute):
        code = str(name[2]) + "." + str(name[3]) + "." + str(name[4])
        values = self.energies() if name[3] == 8 else self.live()
        if code not in values or not unit(code):
            raise Denied(axdr.OBJECT_UNDEFINED)
        if attribute == 1:
            return octets(name)
        if attribute == 3:
            return structure(_SCALER, number(axdr.ENUM, unit(code)))
        return number(axdr.U64, values[code])

    def energies(self):
        """-> {code: mWh, mvarh or mVAh}. Denied"""
        values = self.ask("registers")["registers"]
        for code, *quadrants in _REACTIVE:
            if quadrants[0] in values:
                values[code] = sum([values[quadrant] for quadrant in quadrants])
        return values

    def live(self):
        """-> {code: thousandths of its unit}, and what has none. Denied"""
        return self.ask("live")

    def _device(self, attribute):
        name = _MAKER + self.ask("info")["serial"]
        return octets(name[:_NAME_SIZE].encode())

    def _clock(self, attribute):
        if attribute in (2, 4):
            found = self.ask("info")
            status = (1, 2, 0)[found["clock"]]  # invalid, doubtful
            if attribute == 4:
                return number(axdr.U8, status)
            return octets(axdr.date_time(found["utc"], status))
        never = octets(axdr.wild())  # no daylight saving: the clock shows UTC
        parts = (
            b"\x10\x00\x00",
            None,
            never,
            never,
            number(axdr.I8, 0),
            b"\x03\x00",
            number(axdr.ENUM, 0),
        )
        return parts[attribute - 3]

    def _status(self, attribute):
        return number(axdr.U16, self.ask("registers")["status"])

    def _rate(self, attribute):
        """The t of 1.8.t that counts now; 0: the meter does not say."""
        rate, names = self.ask("info")["rate"], self.ask("registers")["names"]
        for code in names:
            if code.startswith("1.8.") and names[code] == rate:
                return number(axdr.U8, int(code[4:]))
        return number(axdr.U8, 0)


def _rare(what):
    """-> a function, "module.name" of comms.cosem_*; the module goes when the answer is sent."""
    module, name = what.split(".")
    module = "comms.cosem_" + module
    found = getattr(getattr(__import__(module), module[6:]), name)
    forget(module)
    return found


def unit(code):
    """-> COSEM unit of a register by its code, 0: it is none of ours to show."""
    first, second = [int(part) for part in code.split(".")[:2]]
    if second == 8:
        if first in (1, 2):
            return _WH
        return _VARH if 3 <= first <= 8 else _VAH if first == 9 else 0
    if first in (1, 2):
        return _WATT
    return _OTHERS.get(first, 0)
