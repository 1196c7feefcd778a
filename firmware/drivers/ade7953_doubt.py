"""What an ADE7953 gave when a read was broken off, or does not agree with what the chip tells of
it. Loaded on demand, as a bus in order does not need it; "DS" as in ade7953.
"""

from drivers.ade7953_intake import (
    ALL_ONES,
    DEAD,
    ENERGIES,
    IRQENA,
    IRQSTATA,
    LAST_ADD,
    LAST_OP,
    LAST_RWDATA,
    OVERFLOWS,
    READ,
    RESET,
)
from meter.compat import const
from meter.errors import MeterError
from meter.sample import GLITCH, SATURATED

_AENERGYA = const(0x21E)  # then B, reactive A, B, apparent A, B
_POWERS = (0x212, 0x214, 0x210)  # active, reactive, apparent of A; B is next to it; signed
_RSTIRQSTATA = const(0x22E)  # IRQSTATA; READ CLEARS
_IRQSTATB = const(0x230)
_RSTIRQSTATB = const(0x231)
_IRQENB = const(0x22F)  # kept at 0
_NOTHING = const(-1)
_TRIES = const(4)


def sync(intake):
    """After something broke off: let LAST_ADD tell of no energy register, and know it.

    MeterError: it does not.
    """
    for _ in range(_TRIES):
        intake.get(_IRQENB)
        if intake.shy or intake.get(LAST_ADD) == _IRQENB:
            return
    raise _unheard(_IRQENB, intake.get(LAST_ADD))


def settle(intake, value):
    """Fold what the chip gave. -> bool: it was of the register that was to be read.

    value   what came of it; None: unknown, it was broken off
    """
    if intake.shy:
        found = _likeliest(intake, value)
        if not found:  # LAST_RWDATA is as it was made: the register still has what it had
            intake.pending = _NOTHING
            return False
        intake.fold(found)
        return True
    register = ENERGIES[intake.pending]
    address = intake.link.agreed(LAST_ADD)
    if address == DEAD or (address == 0 and not intake.link.reads(IRQENA, RESET)):
        raise _unheard(register, address)
    intake.link.latest = address
    if address in ENERGIES and address != intake.before:
        if intake.link.agreed(LAST_OP) == READ:
            return _fold_of(intake, ENERGIES.index(address), value)
        value = None  # a write, in vain
    # The look at what it gave went to another register, one bit away, and `value` is all there is;
    # or nothing reached it, or it went to another register itself, and it still has what it had.
    if value is None or not any(_is_bit(address ^ look) for look in (LAST_RWDATA, LAST_ADD)):
        intake.pending = _NOTHING
        return False
    intake.fold(value)
    return True


def _is_bit(bits):
    return bits & bits - 1 == 0


def _fold_of(intake, index, value):
    """The chip gave the energy of `index`, whatever it was asked."""
    asked = intake.pending
    intake.pending = index
    if index != asked:
        intake.flags |= GLITCH
    intake.fold(_likeliest(intake, value))
    return index == asked


def _likeliest(intake, value):
    """-> what LAST_RWDATA says, or `value` where that cannot be, or 0 where neither can."""
    seen = intake.link.agreed(LAST_RWDATA)
    if intake.shy and seen == ALL_ONES and value is not None and not _is_bit(seen ^ value):
        seen, value = value, seen  # the look before became a write of the ones that it sends
    for found in (seen, value):
        if found is not None and intake.can_be(found):
            return found
    if intake.shy:
        intake.flags |= GLITCH
        return 0
    return seen


def look_for_overflows(intake):
    """So late that a register may have rolled over: did one, and which way does power go?"""
    seen = (intake.link.agreed(IRQSTATA) & OVERFLOWS) >> 3
    if intake.two:
        seen |= intake.link.agreed(_IRQSTATB) & OVERFLOWS
    intake.over = intake.positive = 0
    for bit in range(6):
        if seen >> bit & 1:
            kind, channel = bit % 3, bit // 3
            index = ENERGIES.index(_AENERGYA + 2 * kind + channel)
            intake.over |= 1 << index
            if not intake.get(_POWERS[kind] + channel) & 0x800000:
                intake.positive |= 1 << index


def clear_overflows(intake, status):
    """Tell of what rolled over, and let it go. -> bool: no reset came with it."""
    if status & OVERFLOWS:
        intake.flags |= SATURATED
    intake.over = 0
    if intake.two:
        intake.get(_RSTIRQSTATB)
    return not intake.get(_RSTIRQSTATA) & RESET


def unread(_, register):
    """MeterError: no try gave the energy that was asked for."""
    raise MeterError(f"ade7953: energy: register 0x{register:03x} is not read: check wiring")


def caught(intake, register):
    """LAST_ADD does not tell of `register`, a bit from an energy register: was it that?"""
    address = intake.link.agreed(LAST_ADD)
    if address in (0, DEAD):
        raise _unheard(register, address)
    if address in ENERGIES:
        intake.target = None
        intake.pending = ENERGIES.index(address)
        intake.flags |= GLITCH
        intake.fold(intake.link.agreed(LAST_RWDATA))


def _unheard(register, address):
    """-> MeterError: LAST_ADD does not tell what was asked."""
    cure = "MISO floating? check wiring" if address == DEAD else "check CS and SPI mode"
    return MeterError(f"ade7953: energy: asked 0x{register:03x}, chip saw 0x{address:03x}: {cure}")
