"""Lines of data by OBIS code, made of what the meter answers: for the P1 telegram and for the
optical readout alike (docs/readout.md).

A line is text without its end: `1-0:1.8.0(000004.426*kWh)`. What an answer does not say has no
line. Energy is rounded down, so that no register ever steps back, and all else to the nearest.
"""

import binascii
import json
import time

from meter.compat import const

_ENERGY_DIGITS = const(9)  # F9(3) of P1; one that has outgrown them takes more
_POWER_DIGITS = const(5)
_COUNT_DIGITS = const(5)
_VALUE_CHARS = const(32)  # of a value in IEC 62056-21
_PHASES = const(3)
_EPOCH_2000 = const(946684800)  # Unix seconds
_SHIFT = _EPOCH_2000 if time.gmtime(0)[0] == 2000 else 0  # what the port counts time from
# In a text of these none is taken for a mark of either protocol.
_PLAIN = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ .:-+_"
_UNITS = ("kWh", "kvarh", "kVAh")


class Facts:
    """Asks the meter in one role, and never more than that role is told.

    handle  of a role and a line, bytes -> bytes (meter.service)
    role    "public" or "reader"
    local   -> (Unix seconds now, seconds east of UTC, whether that is summer time); None while
            the clock is not right
    """

    def __init__(self, handle, role, local):
        self._handle, self._role, self.local = handle, role, local

    def ask(self, do):
        """-> dict; empty for what is refused."""
        line = b'{"id":1,"do":"' + do.encode() + b'","args":{}}'
        return json.loads(self._handle(self._role, line)).get("ok", {})


def fixed(value, digits, decimals=0):
    """-> text of `digits` digits or more, the last `decimals` of them behind the point.

    value   int >= 0, in units of the last digit
    """
    text = str(value)
    text = "0" * (digits - len(text)) + text
    if not decimals:
        return text
    return text[:-decimals] + "." + text[-decimals:]


def plain(text):
    """-> at most 32 characters of it; any that could be taken for a mark is `_`."""
    return "".join([c if c in _PLAIN else "_" for c in text[:_VALUE_CHARS]])


def octets(text):
    """-> an octet string as P1 has it: two hex digits a character."""
    return str(binascii.hexlify(text.encode()), "ascii").upper()


def energy(code, mwh):
    """code   C.D.E; its channel says the unit. mwh: mWh, mvarh or mVAh"""
    channel = code.split(".")[0]
    unit = _UNITS[0] if channel in ("1", "2") else _UNITS[2] if channel == "9" else _UNITS[1]
    return "1-0:" + code + "(" + fixed(mwh // 1000, _ENERGY_DIGITS, 3) + "*" + unit + ")"


def power(code, mw):
    """mw   >= 0"""
    return "1-0:" + code + "(" + fixed((mw + 500) // 1000, _POWER_DIGITS, 3) + "*kW)"


def stamp(now):
    """-> [the local time, YYMMDDhhmmss and S or W], [] without one; now: of Facts.local"""
    if now is None:
        return []
    utc, east_s, summer = now
    parts = time.gmtime(utc + east_s - _SHIFT)
    text = "".join([fixed(part % 100, 2) for part in parts[:6]])
    return ["0-0:1.0.0(" + text + ("S" if summer else "W") + ")"]


def registers(found, codes):
    """found   of `registers`, code -> mWh; codes: those that are wanted, in order"""
    return [energy(code, found[code]) for code in codes if code in found]


def powers(info):
    """-> what is taken from and given to the grid now"""
    if "power_mw" not in info:
        return []
    mw = info["power_mw"]
    return [power("1.7.0", max(mw, 0)), power("2.7.0", max(-mw, 0))]


def phases(info, count):
    """-> voltage (F4(1), V) and current (F3(0), A) of the first `count` phases; with one phase
    its power too, which then is that of the meter."""
    lines = []
    if "v_mv" not in info:
        return lines
    for phase in range(count):
        value = fixed((info["v_mv"][phase] + 50) // 100, 4, 1)
        lines.append("1-0:" + str(32 + 20 * phase) + ".7.0(" + value + "*V)")
    for phase in range(count):
        value = fixed((info["i_ma"][phase] + 500) // 1000, 3)
        lines.append("1-0:" + str(31 + 20 * phase) + ".7.0(" + value + "*A)")
    if count == 1:
        mw = info["power_mw"]
        lines += [power("21.7.0", max(mw, 0)), power("22.7.0", max(-mw, 0))]
    return lines


def phases_seen(info, before):
    """-> how many phases have lines: a phase that is lost keeps its own."""
    voltages = info.get("v_mv", ())
    return max([before] + [n + 1 for n in range(len(voltages)) if voltages[n]])


def counters(quality, count):
    """-> power failures, then sags and swells of the first `count` phases

    quality   the answer to `quality`, or {}
    """
    if "counts" not in quality:
        return []
    counts = quality["counts"]
    codes = ["0-0:96.7.21", "0-0:96.7.9"]
    for kind in (".32.0", ".36.0"):
        codes += ["1-0:" + str(32 + 20 * phase) + kind for phase in range(count)]
    lines = []
    for code in codes:
        number = counts.get(code[4:], (0,))[0]
        lines.append(code + "(" + fixed(number, _COUNT_DIGITS) + ")")
    return lines


def maker(info, live):
    """-> lines of the maker's own range: which software this is, its seal, price and limiter."""
    if "software" not in info:
        return []
    lines = [
        "1-0:128.2.0(" + plain(info["versions"]["firmware"]) + ")",
        "1-0:128.2.8(" + plain(info["software"]) + ")",
        "1-0:128.2.9(" + plain(info["software"][_VALUE_CHARS:]) + ")",
        "1-0:128.2.1(" + plain(info["seal"]) + ")",
    ]
    for code in ("128.7.0", "128.35.0"):
        if code in live:
            lines.append("1-0:" + code + "(" + str(live[code]) + ")")
    return lines


def rate_number(answer, name):
    """-> the number t of register 1.8.t that has this name, 0: it is not told

    answer   of `registers`
    """
    for code, found in answer.get("names", {}).items():
        if found == name and code.startswith("1.8."):
            return int(code[4:])
    return 0
