"""The serial port: a pty whose other side is the CPU's REPL, and the CPU's supervisor."""

import os
import pty
import selectors
import sys
import time
import tty

from boards.virtual import hardware as hw
from boards.virtual.child import Child

_CHUNK = 4096
_BUFFER_MAX = 1 << 16  # beyond this the writer waits, as on a UART with flow control
_STUCK_S = 0.5  # output that nobody reads for so long is lost, as on a UART
_WATCHDOG_S = 0.1
_CRASHES_MAX = 5  # within _CRASH_WINDOW_S the board gives up
_CRASH_WINDOW_S = 20


class Port:
    """make_child   callable(raw) -> Child
    hardware     Hardware
    record       binary file that gets all that the board says, None: none

    tty          path of the slave, /dev/pts/N
    child        the Child that runs now
    """

    def __init__(self, make_child, hardware, record=None):
        self._make_child, self._hardware, self._record = make_child, hardware, record
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.tty = os.ttyname(self._slave)
        self._selector = selectors.DefaultSelector()
        self._to_child, self._to_port = bytearray(), bytearray()
        self._stuck_since = None
        self._crashes = []
        self._stopping = False
        self._starved = False
        self.resets = 0
        self.child: Child | None = None

    def stop(self):
        self._stopping = True

    def run(self):
        """Until `stop`. RuntimeError: the VM cannot be kept alive."""
        self._start(raw=False)
        while not self._stopping:
            self._watch()
            for key, _ in self._selector.select(_WATCHDOG_S):
                if key.data == "child out":
                    self._from_child()
            self._from_port()
            self._write_port()
            self._write_child()
            if not self._starved and self._hardware.starved():
                self._starved = True
                self.child.kill()
        self.child.kill()
        self.child.end()

    def _start(self, raw):
        self._starved = False
        self.child = self._make_child(raw)

    def _watch(self):
        """Tell the selector what we wait for now."""
        want = 0
        if len(self._to_child) < _BUFFER_MAX:
            want |= selectors.EVENT_READ
        if self._to_port:
            want |= selectors.EVENT_WRITE
        self._interest(self._master, want, "port")
        room = len(self._to_port) < _BUFFER_MAX
        self._interest(self.child.stdout, selectors.EVENT_READ if room else 0, "child out")
        self._interest(
            self.child.stdin, selectors.EVENT_WRITE if self._to_child else 0, "child in"
        )

    def _interest(self, fd, events, data):
        known = self._selector.get_map().get(fd)
        if known is None:
            if events:
                self._selector.register(fd, events, data)
        elif not events:
            self._selector.unregister(fd)
        elif known.events != events:
            self._selector.modify(fd, events, data)

    def _from_port(self):
        if len(self._to_child) >= _BUFFER_MAX:
            return
        try:
            self._to_child += os.read(self._master, _CHUNK)
        except BlockingIOError:
            return

    def _write_child(self):
        if not self._to_child:
            return
        try:
            del self._to_child[: os.write(self.child.stdin, self._to_child[:_CHUNK])]
        except (BlockingIOError, BrokenPipeError):
            return  # a dead child is noticed at its output

    def _write_port(self):
        if not self._to_port:
            return
        try:
            sent = os.write(self._master, self._to_port[:_CHUNK])
            if self._record:
                self._record.write(self._to_port[:sent])
            del self._to_port[:sent]
            self._stuck_since = None
        except BlockingIOError:
            now = time.monotonic()
            self._stuck_since = self._stuck_since or now
            if now - self._stuck_since > _STUCK_S:
                self._to_port.clear()
                self._stuck_since = None

    def _from_child(self):
        data = os.read(self.child.stdout, 1 << 16)
        if data:
            self._to_port += data
        else:
            self._reset()

    def _reset(self):
        """The CPU stopped: find out why, and start it again."""
        self._interest(self.child.stdout, 0, "child out")
        self._interest(self.child.stdin, 0, "child in")
        kind = self.child.end()
        self._to_child[:0] = self.child.unread
        if self._stopping:
            return
        self.resets += 1
        if kind in ("soft", "soft raw"):
            cause = hw.SOFT_RESET
            self._to_port += b"MPY: soft reboot\r\n"
        elif self._starved:
            cause = hw.WDT_RESET
            self._to_port += b"\r\nrst: watchdog\r\n"
        elif kind == "hard":
            cause = hw.HARD_RESET
            self._to_port += b"\r\nrst: software\r\n"
        else:
            cause = hw.HARD_RESET
            self._crashed(kind)
        self._hardware.reset_cpu(cause)
        self._start(raw=kind == "soft raw")

    def _crashed(self, kind):
        print(f"the VM died: {kind}", file=sys.stderr, flush=True)
        now = time.monotonic()
        self._crashes = [t for t in self._crashes if now - t < _CRASH_WINDOW_S] + [now]
        if len(self._crashes) >= _CRASHES_MAX:
            raise RuntimeError(f"the VM died {_CRASHES_MAX} times in {_CRASH_WINDOW_S} s: {kind}")
        self._to_port += b"\r\nrst: panic\r\n"
        time.sleep(0.2)
