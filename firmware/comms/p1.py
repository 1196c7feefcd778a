"""The P1 port of DSMR 5.0.2: a telegram every second, 115200 Bd 8N1; nothing is ever read from it.

Whoever is at the port reads it, so what it tells is what its role is told (docs/readout.md).
"""

from comms import obis_lines
from meter.compat import const
from meter.errors import MeterError

_HEADER = "/WTL5\\2WattLedger"  # no registered manufacturer: WTL is a name of our own
_RATES = const(16)
# A telegram asks one question, as an answer costs the chip more than all the rest: registers and
# power are 4 s old at most, what `live` says 30 s, what `quality` says 60 s.
_LIVE_EVERY, _QUALITY_EVERY = const(15), const(60)
_CHUNK = const(256)  # bytes that go out before others have their turn
_PERIOD_MS = const(1000)
# CRC-16/ARC, reflected polynomial 0xA001, by four bits
_CRC = (
    0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
    0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
)  # fmt: skip


class P1:
    """Makes telegrams of one meter.

    facts      obis_lines.Facts
    settings   {"t1": numbers of the import rates that count into T1, "t1_out": the same of the
               export rates}; T2 is the rest of the total. What is not said is [1].
    MeterError a setting is not of that kind
    """

    def __init__(self, facts, settings=None):
        self._facts = facts
        self._t1 = _numbers(settings, "t1")
        self._t1_out = _numbers(settings, "t1_out")
        self._told = {}
        self._count, self._phases = 0, 1

    def telegram(self):
        """-> bytes, from the `/` to the line end behind the checksum"""
        text = "\r\n".join([_HEADER, "", "1-3:0.2.8(50)"] + self._lines() + ["!"])
        data = text.encode()
        return data + b"%04X\r\n" % crc16(data)

    def _ask(self):
        """One question a telegram; all of them before the first."""
        count = self._count
        self._count = count + 1
        wanted = "registers" if count & 1 else "info"
        if count % _QUALITY_EVERY == _QUALITY_EVERY - 1:
            wanted = "quality"
        elif count % _LIVE_EVERY == _LIVE_EVERY - 1:
            wanted = "live"
        for do in (wanted,) if count else ("info", "registers", "live", "quality"):
            self._told[do] = self._facts.ask(do)

    def _lines(self):
        self._ask()
        told = self._told
        info = told["info"]
        self._phases = shown = obis_lines.phases_seen(info, self._phases)
        lines = obis_lines.stamp(self._facts.local())
        if "serial" in info:
            lines.append("0-0:96.1.1(" + obis_lines.octets(info["serial"]) + ")")
        if info.get("state") == "ready":  # before, the registers are not those of the journal
            lines += self._registers(told["registers"])
            lines += self._tariff(told["registers"], info)
        lines += obis_lines.powers(info)
        lines += obis_lines.counters(told["quality"], shown)
        if "alerts" in info:
            lines.append("0-0:96.13.0(" + obis_lines.octets("; ".join(info["alerts"])) + ")")
        lines += obis_lines.phases(info, shown)
        return lines + obis_lines.maker(info, told["live"])

    def _registers(self, answer):
        """-> totals, and T1 and T2 where their rates are told"""
        found = answer.get("registers", {})
        wanted = {}
        for prefix, numbers in (("1.8.", self._t1), ("2.8.", self._t1_out)):
            parts = _split(found, prefix, numbers)
            if prefix + "0" in found:
                wanted[prefix + "0"] = found[prefix + "0"]
            if parts:
                wanted[prefix + "1"], wanted[prefix + "2"] = parts
        codes = [prefix + e for prefix in ("1.8.", "2.8.") for e in "012"]
        return obis_lines.registers(wanted, codes)

    def _tariff(self, answer, info):
        number = obis_lines.rate_number(answer, info.get("rate"))
        if not number:
            return []
        return ["0-0:96.14.0(000" + ("1" if number in self._t1 else "2") + ")"]


async def serve(p1, port, now_ms, sleep_ms, wanted=None):
    """A telegram each second, for ever.

    port      `write(bytes) -> how many went out, or None: all`
    now_ms    -> ms that never wrap; sleep_ms: coroutine
    wanted    -> whether the Data Request line is high; None: always
    """
    due = now_ms()
    while True:
        if wanted is None or wanted():
            await send(port, p1.telegram(), sleep_ms)
        due = max(due + _PERIOD_MS, now_ms())  # one that is missed is not made up for
        await sleep_ms(due - now_ms())


async def send(port, data, sleep_ms):
    """Write all of it, at most 256 bytes in one go."""
    at, view = 0, memoryview(data)
    while at < len(data):
        chunk = view[at : at + _CHUNK]
        written = port.write(chunk)
        at += len(chunk) if written is None else written
        await sleep_ms(10 if written == 0 else 0)


def crc16(data):
    """-> CRC-16/ARC of bytes"""
    crc = 0
    for byte in data:
        crc = crc >> 4 ^ _CRC[(crc ^ byte) & 15]
        crc = crc >> 4 ^ _CRC[(crc ^ byte >> 4) & 15]
    return crc


def _numbers(settings, name):
    numbers = (settings or {}).get(name, [1])
    if not isinstance(numbers, list) or [n for n in numbers if not _is_rate(n)]:
        raise MeterError(
            "p1: " + name + " is " + repr(numbers)[:40] + ": give a list of rate numbers, 1 to 16"
        )
    return tuple(sorted(set(numbers)))


def _is_rate(number):
    return type(number) is int and 1 <= number <= _RATES


def _split(found, prefix, numbers):
    """-> (T1, T2) in mWh, None: a rate of T1 is not told.

    T2 is what is left of the total, so a rate that another tariff no longer has stays in it.
    """
    total, first = found.get(prefix + "0"), 0
    for number in numbers:
        value = found.get(prefix + str(number))
        if value is None:
            return None
        first += value
    if total is None or total < first:
        return None
    return first, total - first
