"""What a start finds in flash: headers, records and cursor of each ring, newest E and W.

Only `reaffirm` programs. Loaded on demand.
"""

import struct

from meter import states
from meter.compat import const
from meter.errors import MeterError
from meter.ring import SLOT_BITS, SLOT_MASK
from meter.sectors import header

# Slots that must be blank behind the last one that is not, before a mount takes the rest for
# blank: one is skipped by each mount, and a cut leaves one torn.
_BLANK_RUN = const(8)
_HALF_U32 = const(0x7FFFFFFF)  # no seq comes so far
_COPY_BEHIND = const(3)  # a copy stands so few slots behind its original
_BLANK_PROBE = b"\xff\xff\xff\xff"
_BLANK_HEADER = b"\xff" * 64


def mount(journal):
    """Find everything; programs nothing. Sets all attributes of the journal."""
    journal.state, journal.seq, journal.last = "blank", 0, 1
    journal.source = [0, 0]
    a, b = journal.rings[:2]
    for ring in (a, b):
        ring.keep = [-1, -1]
        mount_ring(ring, a.salt if ring is b else None)
    salt = a.salt = b.salt
    for ring in journal.rings[2:]:
        mount_ring(ring, salt)
    journal.newest_e = journal.newest_w = None
    if salt is None:
        if any(has_header(ring, i) for ring in journal.rings for i in range(ring.sectors)):
            journal.state = "foreign"
        return
    journal.state = "ready"
    journal.newest_e = _locate(journal, 0, states.EState)
    journal.newest_w = _locate(journal, 1, states.WState)
    journal.last = 0 if a.last_seq > b.last_seq else 1
    # A record that was in flight and does not show may carry the next seq: leave it out.
    journal.seq = max(a.last_seq, b.last_seq) + 1


def reaffirm(journal):
    """Write the newest E and W again, each into the ring where it is not newest, and the newest
    record of every other ring that is no older: a cut may have left it half written."""
    for ring in journal.rings[:2]:
        while room(ring) < 3 and ring.prepare():
            continue
    for kind, state in ((0, journal.newest_e), (1, journal.newest_w)):
        if state is not None:
            # What was read then and is shown, not what the same bits may read as now.
            state.pack_into(journal.record)
            journal.write_copy(kind, 1 - journal.source[kind])
    for r in (0, 1):
        if journal.rings[r].doubt and journal.is_safe(r):
            journal.rings[r].mark()  # now, so that the next commit is one program
    if journal.newest_e is not None:
        for ring in journal.rings[2:]:
            _affirm(ring, journal.newest_e.utc)


def _affirm(ring, utc_e):
    """Append the newest record once more if it is no older than utc_e, and not a copy itself: a
    clock that was set back must not make each start use up a slot."""
    record = bytearray(ring.slot_size)
    seq = ring.load(ring.newest_at, record) if ring.newest_at >= 0 else 0
    utc = int.from_bytes(record[ring.seq_at + 4 : ring.seq_at + 8], "little")
    if not seq or utc < utc_e or ring.target() < 0:
        return
    for behind in range(1, min(_COPY_BEHIND + 1, ring.newest_at & SLOT_MASK)):
        if ring.load(ring.newest_at - behind, ring.slot) == seq:
            return
    try:
        ring.append(record, seq)
    except MeterError:
        pass  # the record stands as it is; whoever writes next meets the same fault


def mount_ring(ring, salt=None):
    """Find the newest record and the next slot. salt: None takes it from the first header."""
    ring.clear(salt)
    half = []
    for index in range(ring.sectors):
        first, second = header(ring, index, 0), header(ring, index, 1)
        seq, erases = first or second or (0, 0)
        if first != second:
            half.append(index)
        ring.seq[index] = seq
        ring.seq_max = max(ring.seq_max, seq)
        ring.erases_max = max(ring.erases_max, erases)
    order = [index for index in range(ring.sectors) if ring.seq[index]]
    order.sort(key=lambda index: ring.seq[index])
    ring.order = order[:]  # a list that has grown holds more than it needs
    _find_next(ring, half)
    ring.doubt, ring.seq_mounted = True, ring.seq_max
    ring.newest_at = _find(ring)
    if ring.newest_at >= 0:
        # Not read again: bits that a cut left between 0 and 1 may read otherwise then.
        ring.last_seq = struct.unpack_from("<I", ring.slot, ring.seq_at)[0]
        _need(ring.last_seq <= _HALF_U32)
    ring.first_seq = ring.oldest_seq()


def _need(condition):
    """MeterError: a record that no meter can have come to, but that has the right CRC. Counting on
    from it would end where a number does not fit any more, and then nothing could be stored."""
    if not condition:
        raise MeterError("journal: a forged record: nothing is counted: read it out, erase it")


def room(ring):
    """-> records that can be appended before the next `prepare`."""
    slot = ring.next_at & (1 << SLOT_BITS) - 1
    left = max(0, ring.slots + 1 - slot)
    if ring.reserve(ring.next_at >> SLOT_BITS) >= 0:
        left += ring.slots - max(0, slot - ring.slots - 1)
    return left


def has_header(ring, index):
    """-> whether the header area of a sector is not blank."""
    head = ring.slot[: len(_BLANK_HEADER)]
    ring.flash.read(ring.address(index, 0), head)
    return head != _BLANK_HEADER


def _find_next(ring, half):
    """Set the cursor behind the last slot that is not blank, one slot skipped: a cut may have
    left bits in it that do not show yet. half: sectors with one good header row, whose records
    are read, but nothing is written to them."""
    order, i, top, probe = ring.order, len(ring.order) - 1, 0, bytearray(4)
    while i >= 0:
        top = _top(ring, order[i], ring.slots, probe)
        if top:
            break
        if order[i] in half:
            ring.drop(order[i])
        i -= 1
    if i < 0:
        top = ring.slots
    last_i, last_slot, run = i, top, 0
    while run < _BLANK_RUN:
        top += 1
        if top > ring.slots:
            i, top = i + 1, 1
        if i >= len(order):
            break
        run += 1
        if not _is_blank(ring, order[i], top):
            last_i, last_slot, run = i, top, 0
    if last_i >= 0:
        index, slot = order[last_i], last_slot + 2
        if index in half:
            slot = ring.slots + 2
        ring.next_at = index << SLOT_BITS | slot


def _find(ring, kind=-1):
    """-> position of the newest valid record, of this kind (its first byte), or -1.

    The record itself is then in ring.slot.
    """
    probe = bytearray(4)
    for i in range(ring.rank(ring.next_at >> SLOT_BITS), -1, -1):
        index = ring.order[i]
        slot = _top(ring, index, ring.slots, probe)
        while slot:
            at = index << SLOT_BITS | slot
            if kind in (-1, probe[0]) and ring.load(at, ring.slot):
                return at
            slot = _top(ring, index, slot - 1, probe)
    return -1


def _top(ring, index, slot, probe):
    """-> highest slot, from this one down, whose first bytes are not blank; 0: none."""
    while slot:
        ring.flash.read(ring.address(index, slot), probe)
        if probe != _BLANK_PROBE:
            break
        slot -= 1
    return slot


def _is_blank(ring, index, slot):
    ring.flash.read(ring.address(index, slot), ring.slot)
    return ring.slot[0] == 0xFF and ring.slot[1:] == ring.slot[:-1]


def _locate(journal, kind, state):
    """Find the newest E or W, and whether both rings have it. -> state object, or None."""
    newest = None
    for r in (0, 1):
        ring = journal.rings[r]
        at = _find(ring, state.kind)
        if at < 0:
            continue
        found = state()
        found.unpack(ring.slot)
        _need(max(found.seq, found.commit) <= _HALF_U32)
        ring.keep[kind] = at
        if newest is None or found.seq > newest.seq:
            if newest is not None and found.commit != newest.commit:
                journal.rings[0].keep[kind] = -1
            newest, journal.source[kind] = found, r
        elif found.commit != newest.commit:
            ring.keep[kind] = -1
    return newest
