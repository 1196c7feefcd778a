"""A ring of fixed slots on raw flash: append, make room ahead, read by seq.

One append is one program; it never erases: `prepare` does, one sector a call, and its caller
chooses the moment. Slots 1..slots of a sector hold records; slot 0 holds the header rows.

The CRC32 of a record starts from the device's salt, the ring, the sector, the sector's seq and
the slot: a record of an earlier round, a moved one, or a slot of all zeros or ones is not valid.
"""

import binascii
import struct

from meter.compat import const
from meter.errors import MeterError
from meter.sectors import disown, header, renew

SLOT_BITS = const(7)  # a position is index << 7 | slot: one int, so one store moves a cursor
SLOT_MASK = const(127)
_SEED = "<IBHIB"  # salt ring index seq slot
_CRC_SIZE = const(4)
_RESIDUE = const(0x2144DF1C)  # CRC32 of anything that its own CRC32 follows, whatever the start
_USED = b"\x00\x00\x00\x00"  # begins a slot that holds nothing
_PATIENCE = const(30)  # calls of due() without a sector to be had, then retired ones are tried
_REST = const(120)  # calls of due() before records are erased again, in rings that keep history
_ATTEMPTS = const(4)  # two in a sector, then it is retired, and two in the next


class Ring:
    """Sector indices count from 0 within the ring. `meter.mounting` finds all that follows.

    seq        sector seq of each index; 0: no valid header, erase before use
    order      indices of the sectors with a header, oldest first
    salt       of this device's records, u32 > 0; None: no valid header found
    seq_max erases_max   highest sector seq, highest erase count of a sector
    troubled retired     bit of each sector that failed once since the mount, that failed
               twice: it is left alone until the next mount
    stale      bit of each sector that was dropped, and still shows its old records to a mount
    patience   calls of due() in vain; rest: of those in which no record is to be erased
    doubt      the slot before next_at was skipped, and is not marked as used yet
    seq_mounted   the seq_max of the mount
    next_at    position of the next slot; beyond the last one: in the sector that follows
    newest_at  position of the newest record, -1: none
    first_seq last_seq   of the records held; last_seq 0: none yet
    keep       positions of records that must not be erased, besides the newest one
    scratch slot         a buffer that all rings share, and its first slot_size bytes
    """

    keep = ()  # type: tuple[int, ...] | list[int]
    # In the class, as most rings never need their own:
    seq_at = troubled = retired = stale = patience = rest = doubt = 0
    _seed = bytearray(struct.calcsize(_SEED))  # of all rings: filled anew for each CRC

    def __init__(self, flash, first_sector, sectors, slot_size, ring_id, seq_at=0, scratch=None):
        """seq_at: byte of a record where its seq u32 stands; scratch: memoryview of >= a slot."""
        self.flash, self.first_sector, self.seq = flash, first_sector, [0] * sectors
        self.slot_size, self.ring_id = slot_size, ring_id
        if seq_at:
            self.seq_at = seq_at
        assert self.slots + 2 <= SLOT_MASK
        self.scratch = scratch or memoryview(bytearray(slot_size))
        self.slot = self.scratch[:slot_size]
        self.clear(None)

    @property
    def sectors(self):
        """How many; reckoned, as is slots, because ten rings each pay for what one keeps."""
        return len(self.seq)

    @property
    def slots(self):
        """Of a sector, slot 0 not counted."""
        return self.flash.sector_size // self.slot_size - 1

    def clear(self, salt):
        """Know nothing of the flash but the salt."""
        self.seq, self.order = [0] * self.sectors, []
        self.salt = salt
        self.seq_max = self.erases_max = self.last_seq = 0
        self.newest_at, self.first_seq = -1, 1
        self.seq_mounted = 0
        if self.troubled or self.stale:
            self.troubled = self.retired = self.stale = 0
        self.next_at = -1 << SLOT_BITS | self.slots + 2

    def address(self, index, slot):
        """-> where a slot begins in the partition, bytes."""
        return (self.first_sector + index) * self.flash.sector_size + slot * self.slot_size

    def load(self, at, buf):
        """Read a slot into buf, a whole slot. -> its seq, or 0: not valid there and then."""
        self.flash.read(self.address(at >> SLOT_BITS, at & SLOT_MASK), buf)
        if binascii.crc32(buf, self._start(at)) != _RESIDUE:
            return 0
        return struct.unpack_from("<I", buf, self.seq_at)[0]

    def append(self, record, seq=0):
        """One program of one slot, read back. Sets seq and CRC in `record` (a whole slot).

        seq   0: the one after last_seq. -> the position.
        MeterError: no slot is left before the next `prepare`, or none keeps what is written.
        """
        assert len(record) == self.slot_size
        seq = seq or self.last_seq + 1
        struct.pack_into("<I", record, self.seq_at, seq)
        for _ in range(_ATTEMPTS):
            if self.doubt:
                self.mark()
            index = self.target()
            if index < 0:
                break
            slot = self.next_at & SLOT_MASK
            at = index << SLOT_BITS | (slot if slot <= self.slots else slot - self.slots)
            # Taken before it is programmed: a broken append never repeats it.
            self.next_at = at + 1
            if self._write(at, record):
                self.newest_at = at
                self.last_seq = seq
                return at
            if self._fail(index):
                self.cross()
        raise MeterError(
            f"ring {self.ring_id}: no prepared slot keeps a record: if it lasts, replace the flash"
        )

    def due(self):
        """-> index of the sector to prepare next; -1: none is needed, or none can be had."""
        current = self.next_at >> SLOT_BITS
        if self.salt is None or self.reserve(current) >= 0:
            return -1
        oldest = -1
        for index in self.order:
            free = index != current and not self.retired >> index & 1
            if oldest < 0 and free and not self._is_kept(index):
                oldest = index
        # Late in a sector the next one is wanted soon: none of those that did not erase for others
        # is tried then, as a mount forgets which they are.
        late = self.keep and self.next_at & SLOT_MASK > self.slots // 2
        if oldest < 0 or not late:
            for step in range(1, self.sectors + 1):
                index = (current + step) % self.sectors
                if not self.seq[index] and not self.retired >> index & 1:
                    return index
            if self.rest and not self.keep and self.next_at & SLOT_MASK < self.slots:
                self.rest -= 1
                return -1
        if oldest >= 0:
            return oldest
        if self.retired:
            # All that is left has failed twice; perhaps it was the supply and not the flash.
            self.patience += 1
            if self.patience > _PATIENCE:
                self.troubled = self.retired = self.patience = 0
        return -1

    def prepare(self):
        """Make a reserve sector: at most one erase. -> whether there was something to do."""
        index = self.due()
        if index < 0:
            return False
        while self.seq[index] and self.order[0] != index and not self._is_kept(self.order[0]):
            self.stale |= 1 << self.order[0]
            self.drop(self.order[0])
        disown(self)
        # Where a cut took the header with its count, the sectors erased last are one ahead.
        found = header(self, index, 0) or header(self, index, 1)
        erases = (found[1] if found else max(0, self.erases_max - 1)) + 1
        self.drop(index)
        self.seq_max += 1  # claimed, so that no two sectors ever carry the same
        self.erases_max = max(self.erases_max, erases)
        renewed = renew(self, index, self.seq_max, erases)
        if renewed:
            if self.troubled or self.stale:
                self.troubled &= ~(1 << index)
                self.stale &= ~(1 << index)
            self.seq[index] = self.seq_max  # first: what stands in `order` is written to
            self.order.append(index)
        else:
            self.stale |= 1 << index
            disown(self)
            self._fail(index)
            if renewed is None:
                # Perhaps no program works just now: no more records are erased for nothing.
                self.rest = _REST
        self.first_seq = self.oldest_seq()
        return True

    def drop(self, index):
        """Forget what a sector holds: it is erased before it is used."""
        self.seq[index] = 0
        if index in self.order:
            self.order.remove(index)

    def cross(self):
        """Go on in the next sector, whatever is left of this one."""
        if self.next_at & SLOT_MASK <= self.slots:
            index = self.next_at >> SLOT_BITS
            self.next_at = index << SLOT_BITS | self.slots + 1
            # A sector from before the mount may have been entered, and that cut short.
            self.doubt = self.seq[self.reserve(index)] <= self.seq_mounted

    def mark(self):
        """Make the skipped slot seen as used, in the sector that is programmed next.

        Were it left blank, a cut hidden in the slot after it would go unseen by the next
        mount, and that slot would be programmed a second time.
        """
        if self.next_at & SLOT_MASK == self.slots + 1:
            self.next_at += 1
        index = self.target()
        if index < 0:
            return
        self.doubt = False
        slot = (self.next_at & SLOT_MASK) - 1
        try:
            address = self.address(index, slot if slot <= self.slots else slot - self.slots)
            self.flash.program(address, _USED)
        except MeterError:
            return  # what is appended next meets the same fault, and says so

    def target(self):
        """-> index of the sector that the next append programs, or -1."""
        index = self.next_at >> SLOT_BITS
        return index if self.next_at & SLOT_MASK <= self.slots else self.reserve(index)

    def rank(self, index):
        """-> place of a sector in `order`; of none, -1, it is -1."""
        return self.order.index(index) if index >= 0 else -1

    def reserve(self, current):
        """-> index of the prepared sector that follows `current` (-1: none yet), or -1."""
        i = self.rank(current) + 1
        return self.order[i] if i < len(self.order) else -1

    def oldest_seq(self):
        """-> seq of the oldest valid record, or the next one."""
        for i in range(self.rank(self.next_at >> SLOT_BITS) + 1):
            first = self._first(self.order[i])
            if first:
                # No more than there is room for: a forged seq must not make others count to it.
                return max(first, self.last_seq + 1 - self.sectors * self.slots)
        return self.last_seq + 1

    def read(self, seq, buf):
        """Fill buf with the record of this seq. -> False when the ring does not hold it."""
        if not self.first_seq <= seq <= self.last_seq:
            return False
        found, low, high = -1, 0, self.rank(self.next_at >> SLOT_BITS)
        while low <= high:
            i = middle = (low + high) // 2
            first = self._first(self.order[i])
            while not first and i > low:
                i -= 1
                first = self._first(self.order[i])
            if first > seq:
                high = i - 1
            else:
                low = middle + 1
                if first:
                    found = self.order[i]
        return found >= 0 and self._read_in(found, seq, buf)

    def _read_in(self, index, seq, buf):
        """Find seq in one sector. Of two slots with one seq the later counts: the earlier is
        what a cut left of it."""
        at = index << SLOT_BITS
        end = at + self.slots
        slot = min(end, at + 1 + seq - self._first(index))
        while slot > at + 1 and not 0 < self.load(slot, self.slot) <= seq:
            slot -= 1
        found = 0
        while slot <= end:
            held = self.load(slot, self.slot)
            if held > seq:
                break
            if held == seq:
                found = slot
            slot += 1
        return found > 0 and self.load(found, buf) == seq

    def _first(self, index):
        """-> seq of the first valid record in a sector, 0: it holds none."""
        for at in range(index << SLOT_BITS | 1, (index << SLOT_BITS | self.slots) + 1):
            seq = self.load(at, self.slot)
            if seq:
                return seq
        return 0

    def _is_kept(self, index):
        for at in self.keep:
            if at >> SLOT_BITS == index:
                return True
        return self.newest_at >> SLOT_BITS == index

    def _fail(self, index):
        """Note a failed erase or program. -> whether the sector is retired: the second one."""
        bit = 1 << index
        self.retired |= self.troubled & bit
        self.troubled |= bit
        return self.retired & bit

    def _write(self, at, record):
        body = memoryview(record)[:-_CRC_SIZE]
        crc = binascii.crc32(body, self._start(at))
        struct.pack_into("<I", record, self.slot_size - _CRC_SIZE, crc)
        address = self.address(at >> SLOT_BITS, at & SLOT_MASK)
        try:
            self.flash.program(address, record)
            self.flash.read(address, self.slot)
        except MeterError:
            return False
        return self.slot == record

    def _start(self, at):
        """-> what the CRC32 of the record at this position starts from."""
        seed, index, slot = self._seed, at >> SLOT_BITS, at & SLOT_MASK
        struct.pack_into(_SEED, seed, 0, self.salt, self.ring_id, index, self.seq[index], slot)
        return binascii.crc32(seed)
