"""The daemon of the virtual board: python -m boards.virtual.bridge --state DIR --node ... --vm ...

It owns the pty, the simulated hardware and the control socket, and keeps the CPU (node with the
MicroPython VM) alive. In the state folder, beside what survives a power cut:

    board.json   {pid, child_pid, tty, link, control}; there while the board runs
    tty          symlink to the pty. mpremote knows timeouts on it, but polls every 10 ms;
                 on /dev/pts/N itself (`tty` in board.json) it is fast, but waits for ever
    lock         locked while a bridge lives, so that what a power cut left confuses nobody
    bridge.log   errors
"""

import argparse
import fcntl
import json
import os
import signal
import sys
import time

from boards.virtual.advance import Advance
from boards.virtual.bus import BusServer
from boards.virtual.child import Child
from boards.virtual.control import Control
from boards.virtual.hardware import Hardware
from boards.virtual.port import Port

_LOCK_TRIES = 40
_LOCK_PAUSE_S = 0.05


class Board:
    """options   as `main` parses them"""

    def __init__(self, options):
        self._state = os.path.abspath(options.state)
        os.makedirs(os.path.join(self._state, "fs"), exist_ok=True)
        self._lock = _locked(self._state)
        self._started_at = time.time()
        self._options = options
        self._cpu = "off"
        self.hardware = Hardware(self._state)
        self.hardware.allow = options.allow.split(",") if options.allow else []
        self._set_world(options)
        self._bus = BusServer(self.hardware, self._on_event, self._cut)
        # Unbuffered: a power cut must not take what was said before it.
        record = open(options.record, "ab", buffering=0) if options.record else None  # noqa: SIM115
        self.port = Port(self._make_child, self.hardware, record)
        self.advance = Advance(self.hardware, lambda: self.port.child)

    def _set_world(self, options):
        clock = self.hardware.clock
        if options.clock:
            clock.hold(options.clock == "held")
        if options.unix_s is not None:
            clock.set_world(options.unix_s * 1000)
        clock.pass_time(options.outage_s * 1000)
        if options.battery_dead:
            clock.lose_battery()
        if options.load:
            self.hardware.world.open(json.loads(options.load))

    def run(self):
        """Until stopped."""
        self._control = Control(self._state, self)
        link = os.path.join(self._state, "tty")
        if os.path.lexists(link):
            os.unlink(link)
        os.symlink(self.port.tty, link)
        signal.signal(signal.SIGTERM, lambda *_: self.stop())
        try:
            self.port.run()
        finally:
            for path in (link, self._control.path, self._file()):
                if os.path.lexists(path):
                    os.unlink(path)

    def stop(self):
        self.port.stop()

    def status(self):
        hardware = self.hardware
        with hardware.lock:
            return {
                "pid": os.getpid(),
                "child_pid": self.port.child.pid,
                "cpu": self._cpu,
                "resets": self.port.resets,
                "reset_cause": hardware.reset_cause,
                "held": hardware.clock.held,
                "unix_ms": hardware.clock.world_ms(),
                "rtc_ms": hardware.clock.rtc_ms(),
                "advanced_ms": hardware.clock.advanced_ms,
                "load": hardware.world.about,
                "outputs": hardware.output_levels(),
                "spi_transfers": hardware.spi_transfers,
                "flash_programs": hardware.nor.programs,
                "flash_erases": hardware.nor.erases,
                "tty": self.port.tty,
                "started_at": self._started_at,
            }

    def _make_child(self, raw):
        self._cpu = "starting"
        options = self._options
        child = Child(options.node, options.vm, self._state, self._bus, raw)
        self._publish(child.pid)
        return child

    def _file(self):
        return os.path.join(self._state, "board.json")

    def _publish(self, child_pid):
        """Write board.json; a reader sees the old or the new one, never a part."""
        about = {
            "pid": os.getpid(),
            "child_pid": child_pid,
            "tty": self.port.tty,
            "link": os.path.join(self._state, "tty"),
            "control": self._control.path,
        }
        with open(self._file() + ".new", "w", encoding="utf-8") as file:
            json.dump(about, file, indent=1)
        os.replace(self._file() + ".new", self._file())

    def _on_event(self, event):
        if "state" in event:
            self._cpu = event["state"]
        elif "unread" in event:
            self.port.child.unread = bytes.fromhex(event["unread"])
        else:
            self.advance.on_event(event)

    def _cut(self):
        """The supply is gone in the midst of a flash operation: everything dies at once."""
        self.port.child.kill()
        os.kill(os.getpid(), signal.SIGKILL)


def _locked(state):
    """-> the locked file. SystemExit: another bridge has this state folder."""
    lock = open(os.path.join(state, "lock"), "w")  # noqa: SIM115 - held until the process ends
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)  # whoever asks whether a board runs has it for a moment
    sys.exit(f"virtual board: {state} is in use by a running board: stop it first")


def _arguments():
    parser = argparse.ArgumentParser(prog="boards.virtual.bridge")
    parser.add_argument("--state", required=True, help="folder that survives a power cut")
    parser.add_argument("--node", default="node")
    parser.add_argument("--vm", required=True, help="folder of the npm package of the VM")
    parser.add_argument("--clock", choices=("real", "held"), help="default: as it was")
    parser.add_argument("--unix-s", type=int, help="set the world's clock, and the board's")
    parser.add_argument("--outage-s", type=int, default=0, help="time that passed without power")
    parser.add_argument("--battery-dead", action="store_true", help="the clock starts in 2000")
    parser.add_argument("--load", help="JSON options of load.open_load; default: as it was")
    parser.add_argument("--allow", default="", help="hidden modules that may be imported")
    parser.add_argument("--record", help="file that gets all that the board says on its port")
    return parser


def main():
    try:
        Board(_arguments().parse_args()).run()
    except (RuntimeError, ValueError, OSError) as error:
        sys.exit(f"virtual board: {error}")


if __name__ == "__main__":
    main()
