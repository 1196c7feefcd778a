"""A serial port that is not there: a pty, its hang-ups, and SLIP frames (RFC 1055) on it."""

import contextlib
import os
import pty
import select
import time
import tty

END, ESC, ESC_END, ESC_ESC = 0xC0, 0xDB, 0xDC, 0xDD
_CHUNK = 1 << 16
_POLL_S = 0.05
_REOPEN_S = 0.002
_STUCK_S = 2.0  # output that nobody reads for so long is lost, as on a UART
_FRAME_MAX = 1 << 17


class HungUp(Exception):
    """Nobody has the port open any more."""


class Stopped(Exception):
    """`stop` was called."""


class Port:
    """tty   path of the side that a host opens, /dev/pts/N

    DTR and RTS do not exist on it: that somebody opens it anew is all that can be seen.
    """

    def __init__(self):
        self.master, slave = pty.openpty()
        tty.setraw(slave)
        self.tty = os.ttyname(slave)
        os.close(slave)  # ours would hide that the host has closed its own
        os.set_blocking(self.master, False)
        self._stopping = False

    def stop(self):
        self._stopping = True

    def close(self):
        os.close(self.master)

    def wait_open(self):
        """Until somebody has it open."""
        while self._poll(0) & select.POLLHUP:
            self._check()
            time.sleep(_REOPEN_S)

    def read(self):
        """-> at least one byte, however long that takes. HungUp, Stopped"""
        while True:
            self._check()
            events = self._poll(_POLL_S)
            if events & select.POLLIN:
                with contextlib.suppress(BlockingIOError):
                    return self.take()
            elif events & select.POLLHUP:
                raise HungUp

    def take(self):
        """-> what there is. HungUp; BlockingIOError: nothing"""
        try:
            return os.read(self.master, _CHUNK)
        except BlockingIOError:
            raise
        except OSError:
            raise HungUp from None

    def write(self, data):
        """HungUp, Stopped"""
        view, end = memoryview(data), time.monotonic() + _STUCK_S
        while view and time.monotonic() < end:
            self._check()
            events = self._poll(_POLL_S, select.POLLOUT)
            if events & select.POLLHUP:
                raise HungUp
            if events & select.POLLOUT:
                with contextlib.suppress(BlockingIOError):
                    view = view[os.write(self.master, view[:_CHUNK]) :]

    def _poll(self, wait_s, wanted=select.POLLIN):
        poll = select.poll()
        poll.register(self.master, wanted)
        return dict(poll.poll(wait_s * 1000)).get(self.master, 0)

    def _check(self):
        if self._stopping:
            raise Stopped


class Slip:
    """Frames on a port. early: bytes that were read from it before."""

    def __init__(self, port, early=b""):
        self._port = port
        self._bytes = bytearray(early)

    def receive(self):
        """-> the next frame that is not empty. HungUp, Stopped"""
        while True:
            end = self._bytes.find(END)
            if end < 0:
                assert len(self._bytes) < _FRAME_MAX, "no end of a frame"
                self._bytes += self._port.read()
                continue
            frame = bytes(self._bytes[:end])
            del self._bytes[: end + 1]
            if frame:
                return unescape(frame)

    def send(self, frame):
        self._port.write(escape(frame))


def escape(frame):
    """-> the frame between two ENDs."""
    body = frame.replace(bytes([ESC]), bytes([ESC, ESC_ESC]))
    body = body.replace(bytes([END]), bytes([ESC, ESC_END]))
    return bytes([END]) + body + bytes([END])


def unescape(body):
    body = body.replace(bytes([ESC, ESC_END]), bytes([END]))
    return body.replace(bytes([ESC, ESC_ESC]), bytes([ESC]))
