"""The line console of a sealed meter: one line there, one line back, over an open serial port."""

import json
import re
import time
from typing import Any

import serial

from wattledger.errors import ToolError

PROBE_S = 1.5  # within it a sealed meter has answered, and a REPL has echoed
ANSWER_S = 20.0  # P-256 is about a second of a chip, a switch of tariff several
WINDOW = 128  # bytes of a line, each of which the meter acknowledges with ACK
ACK = b"\x06"
_POLL_S = 0.05
_LINE_MAX = 4096
HELLO = b'{"id":0,"do":"hello","args":{}}'


class Line:
    """port   open, as mpremote opens it; whoever opened it closes it"""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self._read_timeout_s = port.timeout

    def hello(self) -> dict[str, Any] | None:
        """-> what a sealed meter says of itself to everybody, None: nobody answered as one.

        To a REPL the request is a line that is never ended.
        """
        self._drain()
        # The first newline ends what somebody else may have left in the console's line.
        self._send(b"\n" + HELLO + b"\n")
        deadline, held = time.monotonic() + PROBE_S, b""
        while time.monotonic() < deadline:
            held += self._some()
            *lines, held = held.split(b"\n")
            if any(b'"do":"hello"' in part for part in (*lines, held)):
                return None  # the echo of a REPL
            for line in lines:
                answer = _json(line)
                told = answer.get("ok")
                if answer.get("id") == 0 and isinstance(told, dict) and _is_hello(told):
                    return told
            held = held[-_LINE_MAX:]
        return None

    def ask(self, line: bytes) -> bytes:
        """Send a line. -> the next one that comes, without its end.

        ToolError: none came; whether the meter has had ours is not known.
        """
        self._drain()
        held = b""
        for at in range(0, len(line), WINDOW):
            part = line[at : at + WINDOW]
            self._send(part)
            if len(part) == WINDOW:
                held = self._acknowledged(held)
        self._send(b"\n")
        deadline = time.monotonic() + ANSWER_S
        while time.monotonic() < deadline and len(held) <= _LINE_MAX:
            held += self._some()
            head, end, rest = held.partition(b"\n")
            found = head.replace(ACK, b"").strip()
            if end and found:
                return found
            held = rest if end else head
        raise ToolError(
            f"{self._port.port}: no answer: it may have been done or not: look at wattledger info"
        )

    def _acknowledged(self, held: bytes) -> bytes:
        """Wait until the meter has taken a window: it keeps no more while it is busy."""
        deadline = time.monotonic() + ANSWER_S
        while ACK not in held:
            if time.monotonic() > deadline:
                raise ToolError(f"{self._port.port}: the meter stopped listening: try again")
            held += self._some()
        return held.replace(ACK, b"", 1)

    def _drain(self) -> None:
        while self._port.in_waiting:
            self._port.read(self._port.in_waiting)

    def _send(self, data: bytes) -> None:
        self._port.write(data)
        self._port.flush()

    def _some(self) -> bytes:
        self._port.timeout = _POLL_S
        try:
            return bytes(self._port.read(self._port.in_waiting or 1))
        finally:
            self._port.timeout = self._read_timeout_s


def _json(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_hello(told: dict[str, Any]) -> bool:
    """Whether it has what we build on; anybody can say it."""
    numbers = [told.get(name) for name in ("utc", "locked_s", "generation")]
    serial, nonce = told.get("serial"), told.get("nonce")
    return (
        all(isinstance(n, int) and 0 <= n < 1 << 31 for n in numbers)
        and isinstance(serial, str)
        and re.fullmatch("[0-9a-f]{12}", serial) is not None
        and isinstance(nonce, str)
        and re.fullmatch("[0-9a-f]{32}", nonce) is not None
    )
