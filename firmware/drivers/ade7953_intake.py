"""How the energy comes out of an ADE7953, whose registers clear when they are read.

A read is a small transaction (`_intake`):
  1. the register that is about to be read is noted (`pending`);
  2. the register is read, and LAST_RWDATA and LAST_ADD say whether the chip gave that value of
     that register; if not, `settle` finds out what it gave of which;
  3. the new sum is noted (`target`), stored, and the note is cleared.
Whatever stops it between two bytecodes, `_recover` ends it at the next read: before step 3
the chip still tells what it was asked last and what it gave, after it the sum is known and may be
stored twice.
"""

from meter.compat import const, forget
from meter.sample import GLITCH, SATURATED

# DS register table
LAST_OP = const(0x0FD)  # its direction
LAST_ADD = const(0x1FE)  # register of the newest transfer
IRQSTATA = const(0x22D)  # what happened since RSTIRQSTATA was read
IRQENA = const(0x22C)  # kept at its default, RESET
_IRQENB = const(0x22F)  # kept at 0
LAST_RWDATA = const(0x2FF)  # data of the newest transfer of 24 bits
# Energies, counts since the last read; READ CLEARS. Neighbours differ in two bits or more, so no
# single one on the wire makes a read into one of the register before.
ENERGIES = (0x220, 0x223, 0x21E, 0x221, 0x222, 0x21F)
REACTIVE_A = const(0)  # index in ENERGIES and `raw`
APPARENT_B = const(1)
ACTIVE_A = const(2)
REACTIVE_B = const(3)
APPARENT_A = const(4)
ACTIVE_B = const(5)
WINDOW = const(0x7FFFFF)  # most of a register; it goes on at -800000h

READ = const(0x35)  # LAST_OP
RESET = const(1 << 20)  # bits of IRQSTATA
OVERFLOWS = const(7 << 3)  # of active, reactive, apparent energy
DEAD = const(0xFFFF)  # what LAST_ADD reads as without a chip
ALL_ONES = const(0xFFFFFF)
_TURN = const(0x1000000)
_TRIES = const(4)  # more would only wait for a broken bus
_NOTHING = const(-1)


class Intake:
    """link   ade7953_link.Link
    two    channel B is taken in too

    raw    sums of what the energy registers gave, signed, by index
    flags  of meter.sample, gathered since they were last taken
    limit  most counts that a register can hold now
    shy    a read of LAST_RWDATA changes what LAST_ADD tells (the DS does not say): then
           LAST_RWDATA is made 0 before, and a read that went to another register is not noticed
    status IRQSTATA as last seen
    """

    def __init__(self, link, two):
        self.link, self.two = link, two
        self.get = link.get
        self.raw = [0] * len(ENERGIES)
        self.flags = self.status = 0
        self.limit = WINDOW
        self.shy = False
        self.pending = _NOTHING  # index of the register whose read is under way
        self.target = None  # its new sum, once that is decided
        self.before = 0  # register of the transfer before that read
        self.over = self.positive = 0  # by index: rolled over since the last read, and its sign

    def take(self):
        """All energies, once."""
        for index in range(6):
            if self.two or index in (REACTIVE_A, ACTIVE_A, APPARENT_A):
                self._intake(index)

    def in_doubt(self, what, *args):
        """What a bus in order does not need is loaded for it: see ade7953_doubt."""
        from drivers import ade7953_doubt

        try:
            return getattr(ade7953_doubt, what)(self, *args)
        finally:
            forget("drivers.ade7953_doubt")

    def _intake(self, index):
        register = ENERGIES[index]
        for _ in range(_TRIES):
            if self.shy and not self.link.reads(_IRQENB, 0):
                break  # then LAST_RWDATA is 0 too, until the register is read
            self.target = None
            self.before = self.link.latest
            self.pending = index
            value = self.get(register)
            if self.get(LAST_RWDATA) == value and self._confirmed(register, value):
                self.fold(value)
                return
            self.flags |= GLITCH
            if self._settle(value):
                return
        self.in_doubt("unread", register)

    def _confirmed(self, register, value):
        if self.shy:
            return self.can_be(value)
        if self.get(LAST_ADD) != register:
            return False
        return value != ALL_ONES or self.get(LAST_OP) == READ  # all ones is what we send

    def recover(self):
        """End the read that something broke off, if there is one."""
        if self.pending < 0:
            return
        if self.target is None:
            self._settle(None)
        else:
            self.raw[self.pending] = self.target
            self.pending = _NOTHING

    def _settle(self, value):
        return self.in_doubt("settle", value)

    def can_be(self, value):
        """A dead bus reads all ones; where nothing else tells, the next transfer does. A read that
        became a write does too: it passes for one count of export, but apparent has none."""
        if self.shy and value == ALL_ONES:
            if self.pending in (APPARENT_A, APPARENT_B) or not self.link.reads(_IRQENB, 0):
                return False
        return abs(signed(value)) <= self.limit

    def fold(self, value):
        index = self.pending
        value = signed(value)
        if self.over >> index & 1:
            self.flags |= SATURATED
            if value and (value > 0) != bool(self.positive >> index & 1):
                value += -_TURN if value > 0 else _TURN
        elif abs(value) > self.limit:
            self.flags |= GLITCH
        self.target = self.raw[index] + value
        self.raw[index] = self.target
        self.pending = _NOTHING

    def settled(self):
        """-> bool: no reset. Overflows are told, and cleared."""
        status = self.get(IRQSTATA)
        if status & (RESET | OVERFLOWS):
            status &= self.get(IRQSTATA)
        self.status = status
        if status & RESET or (self.shy and not self.link.reads(IRQENA, RESET)):
            return False  # a dead bus that reads 0 would else look like no energy
        if status & OVERFLOWS or self.over:
            return self.in_doubt("clear_overflows", status)
        return True

    def caught(self, register):
        """After a read of a register that is one bit from an energy register: was it that?"""
        if not self.shy and self.get(LAST_ADD) != register:
            self.in_doubt("caught", register)


def signed(value):
    """24 bits -> int"""
    return value - 0x1000000 if value & 0x800000 else value
