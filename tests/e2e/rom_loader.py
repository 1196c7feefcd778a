"""The serial loader of an ESP32 on a pty, good enough for the real esptool.

    with rom(folder / "module.bin") as port:
        esptool --port {port} write-flash 0x1000 image.bin

It speaks as the ROM does (`--no-stub`: slow to read, cannot erase alone) and, once esptool has
sent its stub flasher, as that does. esptool's own stub never runs: we only count its bytes.

DTR and RTS do not exist on a pty: esptool warns "Chip was NOT reset" and goes on, with its
defaults or with `--before no-reset --after no-reset`. Whoever opens the port anew finds the ROM.
"""

import contextlib
import threading

from tests.e2e.rom_chip import MAGIC, Flash, Registers
from tests.e2e.rom_commands import Loader
from tests.e2e.slip_port import HungUp, Port, Slip, Stopped


class Rom:
    """A module that waits for download, on a port, in a thread.

    port     path to give to esptool
    flash    rom_chip.Flash; `flash.nor(at)` has the knobs of a NOR that fails
    loader   Loader; `loader.served` tells which commands came
    """

    def __init__(self, flash_file, chip="esp32"):
        self.flash = Flash(flash_file)
        self.loader = Loader(self.flash, Registers(MAGIC[chip]))
        self._port = Port()
        self.port = self._port.tty
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(Stopped):
            while True:
                self._port.wait_open()
                with contextlib.suppress(HungUp):
                    self.loader.session(Slip(self._port))

    def stop(self):
        self._port.stop()
        self._thread.join(10)
        self._port.close()
        self.flash.close()


@contextlib.contextmanager
def running_rom(flash_file, chip="esp32"):
    """-> Rom, stopped at the end."""
    module = Rom(flash_file, chip)
    try:
        yield module
    finally:
        module.stop()


@contextlib.contextmanager
def rom(flash_file, chip="esp32"):
    """-> the port of a Rom over that file of 4 MB, which is made, blank, if it is not there."""
    with running_rom(flash_file, chip) as module:
        yield module.port
