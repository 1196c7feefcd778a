"""Readout of the optical port, IEC 62056-21 mode C: sans I/O, read only (docs/readout.md).

    reader  /?!                 300 Bd 7E1, with or without the serial: /?246f28010203!
    meter   /WTL5WattLedger     5: 9600 Bd are offered
    reader  ACK 0 5 0           normal protocol, 9600 Bd, mode 0: data readout
    meter   STX lines ! ETX BCC at 9600 Bd

Any other mode, programming above all, is answered with a break; there is no password to guess.
"""

from comms import obis_lines
from meter.compat import const
from meter.obis import DEMAND_LAST, DEMAND_MAX, DEMAND_NOW, TOTALS

_IDENTIFICATION = b"/WTL5WattLedger\r\n"
_BREAK = b"\x01B0\x03q"
_STX, _ETX, _ACK, _NAK, _LF = b"\x02", b"\x03", const(0x06), const(0x15), const(0x0A)
_SLASH = const(0x2F)
_REQUEST_BYTES = const(37)  # "/?", 32 of the address, "!", line end
_BAUD, _BAUD_FAST, _FAST = const(300), const(9600), const(0x35)  # "5"
_REACTION_MS = const(200)  # no answer comes earlier
_SILENCE_MS = const(1500)  # between two characters, and until the other side's next message
_CHARACTER_MS = const(10000)  # of 10 bits, times the baud rate
_LATE_MS = _SILENCE_MS - _REACTION_MS
_REPEATS = const(2)  # of the data, when the reader says NAK
_IDLE, _OPTION, _DONE = const(0), const(1), const(2)


class Readout:
    """The meter's end of one optical port.

    serial   of the meter: a request may name it, leading zeros aside
    lines    -> list of data lines; called once a readout
    refused  int, how often a mode was asked for that is not offered
    """

    def __init__(self, serial, lines):
        self._serial, self._lines = serial.lstrip("0").lower().encode(), lines
        self._line, self._size = bytearray(_REQUEST_BYTES), 0
        self._state, self._answer = _IDLE, None
        self._baud, self._chosen = _BAUD, _BAUD
        self._last_ms = self._due_ms = self._until_ms = 0
        self._repeats = self.refused = 0  # repeats: that are left

    def received(self, data, now_ms):
        """Take what came in, and tell what is to be done.

        data    bytes since the last call, b"" for none: call at least every 100 ms
        now_ms  never wraps
        -> (bytes to send, baud rate to send them at and to listen at from then on). They must
        have been sent, and the echo of an optical head dropped, before the next call.
        """
        if self._size and now_ms - self._last_ms > _SILENCE_MS:
            self._size = 0
        if self._state != _IDLE and not self._answer and now_ms > self._until_ms:
            self._rest()
        for byte in data:
            if not self._answer:  # half duplex: who talks meanwhile is not heard
                self._take(byte, now_ms)
        if data:
            self._last_ms = now_ms
        return self._due(now_ms), self._baud

    def _due(self, now_ms):
        """-> the answer that waits, if it is time. One that comes too late would only disturb:
        the reader has given up."""
        if not self._answer or now_ms < self._due_ms:
            return b""
        (out, state, baud), self._answer = self._answer, None
        if now_ms > self._due_ms + _LATE_MS:
            self._rest()
            return b""
        self._state, self._baud = state, baud
        self._until_ms = now_ms + len(out) * _CHARACTER_MS // baud + _SILENCE_MS
        return out

    def _take(self, byte, now_ms):
        if self._state == _DONE:
            if byte == _NAK and self._repeats:
                self._repeats -= 1
                self._send_data(now_ms)
            return
        if byte == _SLASH or (byte == _ACK and self._state == _OPTION):
            self._size = 0  # a message begins, whatever was before it
        elif not self._size:
            return  # between two messages there is nothing but noise
        if byte >= 0x80 or self._size == _REQUEST_BYTES:
            self._size = 0
            return
        self._line[self._size] = byte
        self._size += 1
        self._until_ms = max(self._until_ms, now_ms + _SILENCE_MS)
        if byte == _LF:
            line, self._size = bytes(memoryview(self._line)[: self._size]), 0
            (self._option if line[0] == _ACK else self._request)(line, now_ms)

    def _request(self, line, now_ms):
        if line[:2] != b"/?" or line[-3:] != b"!\r\n":
            return
        address = line[2:-3].lstrip(b"0").lower()
        if address in (b"", self._serial):
            self._later(_IDENTIFICATION, _OPTION, _BAUD, now_ms)

    def _option(self, line, now_ms):
        """ACK, protocol control, baud rate, mode, line end"""
        if line[4:] != b"\r\n":
            return
        self._chosen = _BAUD_FAST if line[2] == _FAST else _BAUD
        if line[1] == 0x30 and line[3] == 0x30 and line[2] in (0x30, _FAST):
            self._repeats = _REPEATS
            self._send_data(now_ms)
        else:
            self.refused += 1
            self._repeats = 0
            self._later(_BREAK, _DONE, self._chosen, now_ms)

    def _send_data(self, now_ms):
        body = "\r\n".join(self._lines() + ["!", ""]).encode() + _ETX
        bcc = 0
        for byte in body:
            bcc ^= byte
        self._later(_STX + body + bytes([bcc]), _DONE, self._chosen, now_ms)

    def _later(self, out, state, baud, now_ms):
        """What takes time to make is made while the reader waits anyway."""
        self._answer, self._due_ms = (out, state, baud), now_ms + _REACTION_MS

    def _rest(self):
        self._state, self._baud, self._size = _IDLE, _BAUD, 0


def data_lines(facts):
    """-> every line of a readout, from what the role of `facts` is told (obis_lines.Facts)."""
    info, answer = facts.ask("info"), facts.ask("registers")
    live, quality = facts.ask("live"), facts.ask("quality")
    count = obis_lines.phases_seen(info, 1)
    lines = ["0-0:0.0.0(" + obis_lines.plain(info.get("serial", "")) + ")"]
    lines += obis_lines.stamp(facts.local())
    if info.get("state") == "ready":
        found = answer.get("registers", {})
        rates = [prefix + str(n) for prefix in ("1.8.", "2.8.") for n in range(1, 17)]
        lines += obis_lines.registers(found, list(TOTALS[:2]) + rates + list(TOTALS[2:]))
        number = obis_lines.rate_number(answer, info.get("rate"))
        if number:
            lines.append("0-0:96.14.0(" + obis_lines.fixed(number, 4) + ")")
    lines += obis_lines.powers(info)
    for code in (DEMAND_NOW, DEMAND_LAST, DEMAND_MAX):
        if code in live:
            lines.append(obis_lines.power(code, live[code]))
    lines += obis_lines.phases(info, count) + obis_lines.counters(quality, count)
    alerts = info.get("alert_count", len(info.get("alerts", ())))
    lines.append("0-0:97.97.0(" + obis_lines.fixed(alerts, 2) + ")")
    return lines + obis_lines.maker(info, live)


async def serve(readout, port, now_ms, sleep_ms):
    """Run one port for ever.

    port   `read() -> bytes or None`, what has come in; `write(bytes)`, returns when the last
           is on the line; `baud(rate)`. Seven data bits and even parity are its own affair.
    """
    baud = _BAUD
    while True:
        out, wanted = readout.received(port.read() or b"", now_ms())
        if wanted != baud:
            baud = wanted
            port.baud(baud)
        for at in range(0, len(out), 64):
            port.write(out[at : at + 64])
            await sleep_ms(0)
        if out:
            port.read()  # its echo
        await sleep_ms(20)
