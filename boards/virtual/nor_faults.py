"""What a power cut leaves in NOR flash: the ways in which a program or an erase may stop.

A program lets bits fall; an erase first lets all bits fall, then sets them. A bit caught between
0 and 1 is unstable: it reads as either until it falls for good or its sector is erased.
Sources: docs/sources.md, "SST26 FAQ, KBA222273". All of it follows from a seed.

program  solid     the bytes before the cut are there, the others untouched
         random    bits of the whole page in any order
         unstable  solid, and the bits behind the cut are rolled anew at each read
         fading    the page reads complete a few times, then as solid
         late      reads as solid or as blank a few times, then more of the page shows
         disturb   solid, and 24 other bits of the sector fall
         kill      the sector is lost: zeros, ones or noise
erase    ones      FF from the start, the rest as it was
         zeros     0 from the end, the rest as it was
         noise     any bit may be anything
         header    the header area as it was, the rest noise
         partly    of the bits that were 0 some are 1
         unsteady  all reads FF, but bits all over the sector are unstable
"""

import binascii
import hashlib

PROGRAM_FAULTS = ("solid", "random", "unstable", "fading", "late", "disturb", "kill")
ERASE_FAULTS = ("ones", "zeros", "noise", "header", "partly", "unsteady")
_STEPS_PER_ERASE = 16
_HEADER = 64
_DISTURBED_BITS = 24
_UNSTABLE_BYTES = 8
_LEVELS = 5  # of a chance in 2**5 steps


class Dice:
    """Numbers by chance from a seed, the same on every machine."""

    def __init__(self, *seed):
        self._state = binascii.crc32(repr(seed).encode())

    def below(self, n):
        """-> int, 0 <= it < n <= 65536."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 16) * n >> 16

    def pick(self, items):
        return items[self.below(len(items))]

    def noise(self, size):
        """-> this many random bytes."""
        blocks, seed = [], str(self._state) + "," + str(self.below(65536)) + ","
        for i in range((size + 31) // 32):
            blocks.append(hashlib.sha256((seed + str(i)).encode()).digest())
        return b"".join(blocks)[:size]

    def mask(self, size, parts):
        """-> int of size bytes, each bit 1 with a chance of parts / 32."""
        if parts >= 1 << _LEVELS:
            return (1 << 8 * size) - 1
        mask = 0
        for level in range(_LEVELS):
            noise = int.from_bytes(self.noise(size), "little")
            mask = mask | noise if parts >> level & 1 else mask & noise
        return mask


class Tear:
    """How the next cut tears, and what unstable bits read as afterwards.

    program erase   one of PROGRAM_FAULTS, of ERASE_FAULTS
    """

    def __init__(self, program, erase, *seed):
        assert program in PROGRAM_FAULTS
        assert erase in ERASE_FAULTS
        self.program, self.erase = program, erase
        self._dice = Dice(*seed)

    def cut_program(self, nor, at, old, new, whole):
        """The bytes old were becoming new at address `at`; whole of them are done."""
        dice, size, kind = self._dice, len(old), self.program
        solid = new[:whole] + old[whole:]
        if kind == "random":
            solid = self._any_order(old, new, whole)
        nor.put(at, solid)
        if kind == "disturb":
            self._disturb(nor, at, size)
        elif kind == "kill":
            start, sector_size = at - at % nor.sector_size, nor.sector_size
            left = (bytes(sector_size), b"\xff" * sector_size, dice.noise(sector_size))
            nor.put(start, dice.pick(left))
        elif kind == "unstable":
            span = range(whole, min(size, whole + 1 + dice.below(_UNSTABLE_BYTES)))
            nor.unstable.append(_Unstable(dice, -1, at, old, new, span))
        elif kind in ("fading", "late"):
            reads, span = 1 + dice.below(12), range(whole, size)
            if kind == "late":
                span = range(whole, min(size, whole + 1 + dice.below(size)))
                if dice.below(2):
                    span = range(whole)
                    nor.put(at, old)
                old, new = new, old
            nor.unstable.append(_Unstable(dice, reads, at, old, new, span))

    def cut_erase(self, nor, sector, old, whole):
        """The 4096 bytes old were being erased; whole of 16 steps are done."""
        dice, kind, size = self._dice, self.erase, len(old)
        edge = size * whole // _STEPS_PER_ERASE
        at = sector * size
        if kind == "ones":
            left = b"\xff" * edge + old[edge:]
        elif kind == "zeros":
            left = old[: size - edge] + bytes(edge)
        elif kind == "noise":
            left = dice.noise(size)
        elif kind == "header":
            left = old[:_HEADER] + dice.noise(size - _HEADER)
        elif kind == "partly":
            was = int.from_bytes(old, "little")
            left = (was | dice.mask(size, 2 * whole + 1)).to_bytes(size, "little")
        else:
            left = b"\xff" * size
            for _ in range(1 + dice.below(16)):
                byte = dice.below(size)
                weak = bytes([0xFF ^ (1 << dice.below(8))])
                nor.unstable.append(_Unstable(dice, -1, at + byte, b"\xff", weak, range(1)))
        nor.put(at, left)

    def _any_order(self, old, new, whole):
        dice, size = self._dice, len(old)
        was, asked = int.from_bytes(old, "little"), int.from_bytes(new, "little")
        falling = was & ~asked
        if size - whole <= 2:  # all but a bit or two
            got = asked
            for _ in range(size - whole):
                got |= falling & 1 << dice.below(8 * size)
        else:
            got = was & ~(falling & dice.mask(size, whole * 32 // size))
        return got.to_bytes(size, "little")

    def _disturb(self, nor, at, size):
        dice, start = self._dice, at - at % nor.sector_size
        for _ in range(_DISTURBED_BITS):
            byte = start + dice.below(nor.sector_size)
            if not at <= byte < at + size:
                nor.put(byte, bytes([nor.peek(byte, 1)[0] & ~(1 << dice.below(8)) & 0xFF]))


class _Unstable:
    """Bits that differ between old and new in the span of a page: they read as one or the other.

    reads   how often they still read as new, then as old; -1: rolled anew each time
    """

    def __init__(self, dice, reads, at, old, new, span):
        self._dice, self.reads = dice, reads
        self.at, self.end = at + span.start, at + span.stop
        self.bits = int.from_bytes(bytes(old[i] ^ new[i] for i in span), "little")
        self._new = int.from_bytes(bytes(new[i] for i in span), "little") & self.bits

    def show(self, at, buf):
        """Let what was read from address `at` be seen as these bits are now."""
        first, last = max(at, self.at), min(at + len(buf), self.end)
        if first >= last:
            return
        size = self.end - self.at
        if self.reads > 0:
            self.reads -= 1
            now = self._new
        elif self.reads == 0:
            now = self.bits & ~self._new
        else:
            now = int.from_bytes(self._dice.noise(size), "little") & self.bits
        held = bytearray(size)
        held[first - self.at : last - self.at] = buf[first - at : last - at]
        value = int.from_bytes(bytes(held), "little")
        value = value & ~self.bits | now & self.bits
        buf[first - at : last - at] = value.to_bytes(size, "little")[
            first - self.at : last - self.at
        ]

    def settle(self, at, asked):
        """A program over them: what it lets fall has fallen for good. -> whether any is left."""
        for i in range(max(at, self.at), min(at + len(asked), self.end)):
            shift = 8 * (i - self.at)
            self.bits &= ~((asked[i - at] ^ 0xFF) << shift)
        return self.bits != 0
