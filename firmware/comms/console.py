"""The line console of a sealed meter on the serial port: a line in, a line out, no REPL.

Whatever is no end of a line is data, control characters too. An exception ends it, and main.py
then resets the module.
"""

import select
import sys

LINE_BYTES = 1600
REFUSED = b'{"id": null, "error": {"code": "refused", "text": "refused"}}'
_WINDOW = 128  # the module keeps 260 bytes for a program that is busy with a tick: see `_read`
_ACK = b"\x06"
_ENDS = b"\r\n"
_WAIT_MS = 1000


def run(answer, shut):
    """Answer until the REPL may be had.

    answer   of a line and a road, bytes -> bytes
    shut     -> whether the REPL is shut
    """
    poll = select.poll()
    poll.register(sys.stdin, select.POLLIN)
    console = Console(answer, sys.stdin.buffer, sys.stdout.buffer)
    while shut():
        if poll.poll(_WAIT_MS):
            console.take()


class Console:
    """answer   as `run` has it
    source   `readinto(buf) -> 1`, waits for a byte; sink: `write(bytes)`
    """

    def __init__(self, answer, source, sink):
        self._answer, self._source, self._sink = answer, source, sink
        self._line, self._byte = bytearray(LINE_BYTES), bytearray(1)

    def take(self):
        """Read a line to its end and answer it; one that is empty has no answer."""
        size = self._read()
        if size == 0:
            return
        answer = REFUSED
        if size <= LINE_BYTES:
            answer = self._answer(bytes(memoryview(self._line)[:size]), "console")
        self._sink.write(answer + _ENDS)

    def _read(self):
        """-> bytes of the line, which is in `_line`; more than LINE_BYTES: it was dropped.

        Each 128 bytes without an end are acknowledged by one byte, so that a host which waits for
        it never sends more than the module can keep while it does something else.
        """
        line, byte, source, size = self._line, self._byte, self._source, 0
        while True:
            if source.readinto(byte) != 1:
                continue
            if byte[0] in _ENDS:
                return size
            if size < LINE_BYTES:
                line[size] = byte[0]
            size = min(size + 1, LINE_BYTES + 1)
            if size % _WINDOW == 0:
                self._sink.write(_ACK)
