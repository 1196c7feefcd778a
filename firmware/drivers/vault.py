"""The vault: small secrets and counters in NVS, each replaced as a whole.

MicroPython erases NVS at a start where ESP-IDF finds no free page in it, or a newer version of it
(ports/esp32/main.c). So the file /sealed, beside the slots, tells of the seal too.
"""

from meter.compat import const
from meter.errors import MeterError

_SIZE_MAX = const(512)
_NOT_FOUND = const(0x1102)  # ESP_ERR_NVS_NOT_FOUND
_ENOENT = const(2)
_SPACE = "wl"
_SEAL = "seal"


class Vault:
    """nvs   esp32.NVS, or what opens a namespace as it does
    root  folder of /sealed, "" on the chip

    NVS is opened once: MicroPython never closes a handle.
    """

    def __init__(self, nvs, root=""):
        self._open, self._nvs, self._witness = nvs, None, root + "/sealed"

    def load(self, name):
        """-> bytes, or None if it was never stored; of a seal that NVS has lost its first byte, or
        none of it. MeterError: it is there and cannot be read, which must never be taken for what
        was never there."""
        buf = bytearray(_SIZE_MAX)
        try:
            size = self._space().get_blob(name, buf)
        except OSError as error:
            if error.errno == -_NOT_FOUND:
                return self._witnessed() if name == _SEAL else None
            raise MeterError(f"vault: {name} not read: {error}: start again, or replace the board")
        return bytes(memoryview(buf)[:size])

    def store(self, name, data):
        """Keep up to 512 bytes: after a power cut it is the old or the new. MeterError: it is not
        sure which of them is kept. The witness of a seal comes first: what it tells of is at worst
        not there yet."""
        assert len(data) <= _SIZE_MAX
        try:
            if name == _SEAL:
                self._testify(data[:1])
            nvs = self._space()
            nvs.set_blob(name, data)
            nvs.commit()
        except OSError as error:
            raise MeterError(f"vault: {name} not stored: {error}, expected room: try again")
        if self.load(name) != data:
            raise MeterError(f"vault: {name} read back another than was stored: try again")

    def _witnessed(self):
        try:
            with open(self._witness, "rb") as file:
                return file.read(1)
        except OSError as error:
            return None if error.errno == _ENOENT else b""

    def _testify(self, state):
        """A cut leaves the old or the new: littlefs renames in one step."""
        import os

        with open(self._witness + ".new", "wb") as file:
            file.write(state)
        os.rename(self._witness + ".new", self._witness)

    def _space(self):
        if self._nvs is None:
            self._nvs = self._open(_SPACE)
        return self._nvs
