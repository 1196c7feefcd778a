"""The line console of a sealed meter on the serial port: a line in, a line out, no REPL.

Whatever is no end of a line is data, control characters too. An exception ends it, and main.py
then resets the module.
"""

import select
import sys

from meter.compat import const

LINE_BYTES = const(1600)
REFUSED = b'{"id": null, "error": {"code": "refused", "text": "refused"}}'
WINDOW = const(128)  # the module keeps 260 bytes for who is busy with a tick: see `byte`
_ACK = b"\x06"
_ENDS = b"\r\n"
_WAIT_MS = const(1000)


def run(answer, shut):
    """Answer until the REPL may be had.

    answer   of a line and a road, bytes -> bytes
    shut     -> whether the REPL is shut
    """
    poll, console = opened(answer)
    while shut():
        if poll.poll(_WAIT_MS):
            console.take()


def opened(answer):
    """-> (poll of the serial port, Console on it)"""
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    return poll, Console(answer, sys.stdin.buffer, sys.stdout.buffer)


class Console:
    """answer   as `run` has it
    source   `readinto(buf) -> 1`, waits for a byte; sink: `write(bytes)`
    """

    def __init__(self, answer, source, sink):
        self._answer, self._source, self._sink = answer, source, sink
        self._line, self._byte, self._size = bytearray(LINE_BYTES), bytearray(1), 0

    def take(self):
        """Read a line to its end and answer it; one that is empty has no answer."""
        while not self.byte():
            pass

    def byte(self):
        """Read one byte. -> whether it ended a line, which is answered then.

        Each 128 bytes without an end are acknowledged by one byte, so that a host which waits for
        it never sends more than the module can keep while it does something else.
        """
        byte = self._byte
        if self._source.readinto(byte) != 1:
            return False
        size = self._size
        if byte[0] in _ENDS:
            self._size = 0
            self._end(size)
            return True
        if size < LINE_BYTES:
            self._line[size] = byte[0]
        self._size = size = min(size + 1, LINE_BYTES + 1)
        if size % WINDOW == 0:
            self._sink.write(_ACK)
        return False

    def _end(self, size):
        """size   of the line; more than LINE_BYTES: it was dropped."""
        if size == 0:
            return
        answer = REFUSED
        if size <= LINE_BYTES:
            answer = self._answer(bytes(memoryview(self._line)[:size]), "console")
        self._sink.write(answer + _ENDS)
