"""A new life for the flash: wipe what is there, prepare the first sectors. Loaded on demand."""

from meter.errors import MeterError
from meter.mounting import has_header
from meter.sectors import header

_HEADER_SIZE = 64


def format(journal, salt):
    """Wipe all rings, then begin them anew. salt: u32 > 0."""
    for ring in journal.rings:
        wipe(ring)
    # The register rings come last: cut before that, the flash is foreign, not ready.
    for ring in reversed(journal.rings):
        begin(ring, salt)


def wipe(ring):
    """Erase each sector whose header area is not blank. MeterError: one keeps its header.

    Cut half-way it may leave older records than the newest: wipe again.
    """
    worn = 0
    for index in range(ring.sectors):
        ring.salt = None  # of whatever life the header is
        first, second = header(ring, index, 0), header(ring, index, 1)
        worn = max(worn, (first or second or (0, 0))[1])
        for _ in range(2):
            if not has_header(ring, index):
                break
            try:
                ring.flash.erase(ring.first_sector + index)
            except MeterError:
                continue
        if has_header(ring, index):
            _overwrite(ring, index)
    ring.clear(None)
    ring.erases_max = worn + 1 if worn else 0


def begin(ring, salt):
    """Prepare the first sector of a wiped ring. MeterError: none can be erased."""
    ring.salt = salt
    ring.next_at -= 1  # just erased: the first slot holds nothing that does not show
    while ring.prepare():
        continue
    if not ring.order:
        raise MeterError(f"ring {ring.ring_id}: no sector can be erased: replace the flash")


def _overwrite(ring, index):
    """A stuck sector must not carry an old salt into the new life of the flash."""
    ring.flash.program(ring.address(index, 0), bytes(_HEADER_SIZE))
    ring.salt = None
    if header(ring, index, 0) and header(ring, index, 1):
        raise MeterError(
            f"flash sector {ring.first_sector + index}: neither erased nor "
            + "overwritten: replace the flash chip"
        )
