"""An ESP32 module on one serial port: blank at first, then whatever is written to its flash.

Who opens the port and speaks SLIP finds the loader of the ROM (rom_loader.py), as DTR and RTS
would have brought it up; who says anything else finds what the flash boots. If boot loader, table
and application are whole that is MicroPython: the virtual board, whose `meter` partition is this
very flash; if not, it is the boot ROM that complains. The board runs its own firmware, not the
bytes of the image: of those only the form counts. The loader comes up by a power cut to all of the
board, its metering IC too; on hardware only the ESP32 is reset.

File system and NVS of the board are not in the flash file. Each has a mark where it would be; if
the loader erases it, they are gone.
"""

import contextlib
import os
import select
import shutil
import threading
import time

from boards.virtual import pins
from tests.e2e import esp_image
from tests.e2e.rom_chip import Flash, Registers
from tests.e2e.rom_commands import Loader
from tests.e2e.slip_port import END, HungUp, Port, Slip, Stopped

_AT = {row[4]: row[2] for row in pins.PARTITIONS}
_MARK = b"in use"
_COMPLAINT_S = 0.3
_RESET = b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
_POLL_S = 0.05


class Module:
    """board   tests.virtual_board.VirtualBoard, powered off; the module starts and cuts it

    port     path for esptool, mpremote and wattledger: a symlink, on which they do as on hardware
    tty      /dev/pts/N itself: mpremote does not sleep there between two bytes, but waits for ever
             for a module that only complains
    loader   Loader: `served` tells what esptool did
    boots    how often MicroPython was started
    """

    def __init__(self, board):
        self._board = board
        board.state.mkdir(parents=True, exist_ok=True)
        self.loader = Loader(None, Registers(mac=_mac(board.state / "unique_id")))
        self.boots = 0
        self._repl = None
        with self.flash() as flash:
            self._fault = _fault(flash.read)
        self._port = Port()
        self.tty, self.port = self._port.tty, str(board.state / "module")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.port)
        os.symlink(self.tty, self.port)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        """End the port; the board keeps what it has."""
        self._port.stop()
        self._thread.join(30)
        self._off()
        self._port.close()

    @contextlib.contextmanager
    def flash(self):
        """-> Flash; only while nobody has the port open and the board is off."""
        parts = {pins.METER_AT: (pins.METER_SIZE, self._board.state / "flash.bin")}
        flash = Flash(self._board.state / "module.bin", parts)
        try:
            yield flash
        finally:
            flash.close()

    def _run(self):
        with contextlib.suppress(Stopped):
            while True:
                self._port.wait_open()
                with contextlib.suppress(HungUp):
                    self._opened()

    def _opened(self):
        """Somebody has opened the port: what does he say first?"""
        while True:
            early = self._first_bytes()
            if early[:1] == bytes([END]):
                self._download(early)
            elif early and self._fault is None:
                if self._repl is None:
                    self._boot()
                self._talk(early)
            elif self._fault is not None:
                self._port.write(_RESET + self._fault.encode() + b"\r\n")

    def _first_bytes(self):
        """-> what the host says first; b"" after a while. What the board says now is lost."""
        end = time.monotonic() + _COMPLAINT_S
        while time.monotonic() < end:
            if self._repl in self._ready():
                self._from_board()
            with contextlib.suppress(BlockingIOError):
                return self._port.take()
        return b""

    def _download(self, early):
        """Until the host hangs up."""
        self._off()
        with self.flash() as flash:
            self.loader.flash = flash
            try:
                self.loader.session(Slip(self._port, early))
            finally:
                self._forget_erased(flash)
                self._fault = _fault(flash.read)

    def _forget_erased(self, flash):
        state = self._board.state
        if flash.read(_AT["vfs"], len(_MARK)) != _MARK:
            shutil.rmtree(state / "fs", ignore_errors=True)
        if flash.read(_AT["nvs"], len(_MARK)) != _MARK:
            (state / "nvs.json").unlink(missing_ok=True)

    def _boot(self):
        """Start MicroPython, which makes a file system where it finds none."""
        with self.flash() as flash:
            for name in ("vfs", "nvs"):
                if flash.read(_AT[name], len(_MARK)) != _MARK:
                    flash.erase(_AT[name], len(_MARK))
                    flash.program(_AT[name], _MARK)
        self._board.start(clock="real")
        self._repl = os.open(self._board.port(), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.boots += 1

    def _off(self):
        if self._repl is not None:
            os.close(self._repl)
            self._repl = None
        if self._board.is_running():
            self._board.cut()

    def _talk(self, early):
        """Carry bytes between host and board until one of them is gone."""
        self._to_board(early)
        while True:
            ready = self._ready()
            if self._port.master in ready:
                with contextlib.suppress(BlockingIOError):
                    self._to_board(self._port.take())
            if self._repl in ready:
                self._port.write(self._from_board())

    def _ready(self):
        self._port._check()
        fds = [self._port.master] + ([] if self._repl is None else [self._repl])
        return select.select(fds, [], [], _POLL_S)[0]

    def _to_board(self, data):
        while data:
            try:
                data = data[os.write(self._repl, data) :]
            except BlockingIOError:
                select.select([], [self._repl], [], _POLL_S)
            except OSError:
                self._lost()

    def _from_board(self):
        """-> bytes"""
        try:
            return os.read(self._repl, 1 << 16)
        except BlockingIOError:
            return b""
        except OSError:
            self._lost()

    def _lost(self):
        """The test has cut the board's power."""
        self._off()
        raise HungUp


def _mac(path):
    """-> 6 bytes: what is in the eFuses is what the board calls its unique id."""
    if not path.exists():
        path.write_bytes(bytes.fromhex("a0b765") + os.urandom(3))
    return path.read_bytes()


def _fault(read):
    """What stops the boot: None, or the complaint."""
    fault = esp_image.fault(read)
    if fault is None:
        meter = esp_image.partition(read, "meter")
        if meter != (pins.METER_AT, pins.METER_SIZE):  # what the virtual board has wired
            fault = f"partition table: meter at {meter}"
    return fault


@contextlib.contextmanager
def bare_module(board):
    """-> Module, blank unless the board's folder holds one already."""
    module = Module(board)
    try:
        yield module
    finally:
        module.stop()
