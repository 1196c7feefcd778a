"""A sealed meter at the end of a pseudo-terminal: the firmware's gate and console on CPython."""

import contextlib
import os
import pty
import threading
import tty

from gate_rig import SERIAL, GateRig

from comms.console import Console
from meter.security import keys as keys_of

ENDS = b"\r\n"


class SealedMeter:
    """rig     GateRig; its console runs in a thread of its own
    port    path for who wants to talk to it
    lines   what it was sent; answers: what it said
    alter   (line) -> what goes out in its place, for who sits on the line
    """

    def __init__(self, fleet, generation=1, group=""):
        keys = keys_of.unpack(fleet.blob(SERIAL.hex(), generation, group))
        self.rig = GateRig(keys=keys, sealed=True)
        self._name()
        self.lines, self.answers, self.alter = [], [], lambda line: line
        self.end, self.theirs = pty.openpty()
        tty.setraw(self.theirs)
        self.port = os.ttyname(self.theirs)
        self._source = os.fdopen(os.dup(self.end), "rb", buffering=0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def restart(self):
        self.rig.restart()
        self._name()

    def handle(self, line, road):
        self.lines.append(line)
        answer = self.rig.gate.handle(line, road)
        self.answers.append(answer)
        return answer

    def write(self, data):
        line = data.removesuffix(ENDS)
        os.write(self.end, self.alter(line) + ENDS if data.endswith(ENDS) else data)

    def envelopes(self):
        return [line for line in self.lines if line.startswith(b"WL1 ")]

    def close(self):
        os.close(self.theirs)
        self._thread.join(5)
        self._source.close()
        os.close(self.end)

    def _name(self):
        self.rig.service._identity["serial"] = SERIAL.hex()

    def _run(self):
        console = Console(self.handle, self._source, self)
        with contextlib.suppress(OSError):  # the line is closed
            while True:
                console.take()
