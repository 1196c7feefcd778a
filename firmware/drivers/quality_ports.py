"""Power quality and tamper on a board: inputs for cover and magnet, counters in NVS, and the sag
interrupt of the IC as a warning of a power failure. A board.py that asks for it loads this."""

import esp32
import machine

from meter.compat import const
from meter.errors import MeterError
from meter.quality import RECORD_SIZE, Quality

_KEY = "quality"
_NVS_NOT_FOUND = const(0x1102)


class QualityStore:
    """The counters in non-volatile storage, a blob that is replaced as a whole.

    nvs   esp32.NVS of the meter's namespace
    """

    def __init__(self, nvs):
        self._nvs = nvs

    def load(self):
        """-> bytes, b"" before the first. OSError: NVS is faulty."""
        buf = bytearray(RECORD_SIZE)
        try:
            return bytes(buf[: self._nvs.get_blob(_KEY, buf)])
        except OSError as error:
            if error.errno == -_NVS_NOT_FOUND:
                return b""
            raise

    def store(self, buf):
        """MeterError: it did not stay."""
        try:
            self._nvs.set_blob(_KEY, buf)
            self._nvs.commit()
        except OSError as error:
            raise MeterError("nvs: " + str(error) + ", expected room for 212 bytes: erase nvs")


class Inputs:
    """Contacts between a pin and ground, pulled up: low is closed.

    cover    GPIO, closed while the cover is on; magnet: GPIO of a reed contact, closed when a
             magnet is near; None where there is none
    """

    def __init__(self, cover, magnet):
        self._pins = [_input(cover), _input(magnet)]

    def __call__(self):
        """-> bit 0: the cover is open; bit 1: a magnet is near"""
        cover, magnet = self._pins
        found = 0
        if cover is not None and cover():
            found = 1
        if magnet is not None and not magnet():
            found |= 2
        return found


def _input(number):
    if number is None:
        return None
    return machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP)


def watch(ports, limits, ic=None, cover=None, magnet=None, sag=None):
    """Give the ports of a board power quality and tamper.

    limits     of meter.quality.Quality
    ic         what the IC tells: `wrong_sequence()`, `arm_sag()`, `temperature()`; or None
    cover magnet   GPIOs, see Inputs
    sag        GPIO of the IC's interrupt, high when a phase sags, for the last gasp; the driver
               must have been given `sag_mv`
    """
    inputs = Inputs(cover, magnet) if cover is not None or magnet is not None else None
    temperature = ic.temperature if ic is not None else None
    store = QualityStore(esp32.NVS("wl"))
    ports.quality = Quality(limits, store, inputs, temperature, ic)
    ports.sag = sag
