"""What an ATM90E32AS tells of the supply beside its counts: for meter.quality, on boards that ask.

Only what needs no threshold: those of the chip are asserted on a good supply until somebody
programs them. "DS" is the datasheet Atmel-46003B (docs/sources.md).
"""

from meter.compat import const

_EMM_STATE0 = const(0x71)  # bit 9: URevWn
_EMM_INT_STATE1 = const(0x74)  # bits 14 to 12: sag of A, B, C; a bit that is written clears it
_TEMP = const(0xFC)  # of the die, signed, 1 C


class Atm90e32Quality:
    """link   drivers.atm90e32_link.Link of the driver; its transfers stand between two reads"""

    def __init__(self, link):
        self._link = link

    def wrong_sequence(self):
        """-> bool: the voltages do not follow each other as A, B, C."""
        return self._link.get(_EMM_STATE0) & 0x200 != 0

    def arm_sag(self):
        """Clear IRQ1, so that the next sag is an edge again."""
        self._link.put(_EMM_INT_STATE1, 0x7000)

    def temperature(self):
        """-> degrees C"""
        value = self._link.get(_TEMP)
        return value - 0x10000 if value & 0x8000 else value
