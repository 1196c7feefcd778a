"""UARTs of the local roads: the P1 port sends, the optical port answers. Loaded on demand.

Sources: DSMR P1 Companion Standard 5.0.2, 5.2 to 5.7; IEC 62056-21, 4; MicroPython's machine.UART.
"""

import machine

from meter.compat import const
from meter.errors import MeterError

_P1_BAUD, _OPTICAL_BAUD = const(115200), const(300)
_TELEGRAM = const(1024)  # bytes of a telegram that go out while others have their turn
_CHUNK = const(256)
# An input of the ESP32 that can never drive anything. Without a number of ours MicroPython would
# give UART 1 the pins of the flash chip.
_NO_RX = const(39)
_EVEN = const(0)


def opened(name, settings, free):
    """-> P1Port or OpticalPort

    name      "p1" or "readout"; settings: uart, tx, and rx; of P1 also invert, request
    free      GPIOs that the board leaves to them
    MeterError a pin is not one of those, or the UART cannot be had
    """
    for pin in ("tx", "rx", "request"):
        if settings.get(pin) is not None and settings[pin] not in free:
            raise MeterError(
                name + ": GPIO " + str(settings[pin]) + " is the board's: take one of " + str(free)
            )
    try:
        return (P1Port if name == "p1" else OpticalPort)(settings)
    except (OSError, ValueError) as error:
        raise MeterError(name + ": UART: " + str(error) + ": try the other one")


class P1Port:
    """115200 Bd 8N1, sends only.

    settings   uart, tx; rx; invert: true where nothing behind the pin inverts, as the line of P1
               is; request: GPIO that is high while the reader wants telegrams
    """

    def __init__(self, settings):
        get = settings.get
        self._uart = machine.UART(
            settings["uart"],
            baudrate=_P1_BAUD,
            bits=8,
            parity=None,
            stop=1,
            tx=settings["tx"],
            rx=get("rx", _NO_RX),
            txbuf=_TELEGRAM,
            invert=machine.UART.INV_TX if get("invert") else 0,
        )
        request = get("request")
        self._request = None if request is None else machine.Pin(request, machine.Pin.IN)

    def write(self, data):
        """-> how many bytes went out"""
        return self._uart.write(data) or 0

    def wanted(self):
        return self._request is None or self._request() == 1

    def close(self):
        self._uart.deinit()


class OpticalPort:
    """7E1, 300 Bd first. settings: uart, tx, rx"""

    def __init__(self, settings):
        self._uart = machine.UART(
            settings["uart"],
            baudrate=_OPTICAL_BAUD,
            bits=7,
            parity=_EVEN,
            stop=1,
            tx=settings["tx"],
            rx=settings["rx"],
            txbuf=_CHUNK,
        )

    def read(self):
        """-> bytes, None: nothing has come in"""
        return self._uart.read() if self._uart.any() else None

    def write(self, data):
        """Returns when the last byte is on the line. MeterError: it takes none."""
        if self._uart.write(data) != len(data):
            raise MeterError("readout: the UART is full: take another one")
        self._uart.flush()

    def baud(self, rate):
        self._uart.init(baudrate=rate, bits=7, parity=_EVEN, stop=1)

    def close(self):
        self._uart.deinit()
