"""How the flash is divided: which rings, of how many sectors. Loaded on demand."""

from meter.compat import const
from meter.errors import MeterError
from meter.ring import Ring

# (sectors, slot size, byte of the seq) by ring id, in the order of the flash; the profile (0
# sectors) takes what the others leave: 140 sectors of the 320 on a 4 MB chip, 91 days of 15 min.
LAYOUT = (
    (40, 256, 4),  # registers A
    (40, 256, 4),  # registers B
    (0, 64, 0),  # profile
    (44, 512, 4),  # ledger: 308 records, 15 years at 20 a year
    (36, 256, 4),  # snapshots: 525 at least
    (4, 64, 0),  # events, by group of meter.codes
    (4, 64, 0),
    (4, 64, 0),
    (4, 64, 0),
    (4, 64, 0),
)
NAMES = ("registers_a", "registers_b", "profile", "ledger", "snapshots")
_SECTORS_MIN = const(4)


def divide(flash, layout):
    """-> list of Ring by ring id. layout: None is LAYOUT. MeterError: the flash is too small."""
    layout = layout or LAYOUT
    surplus = flash.sectors - sum([sectors for sectors, _, _ in layout])
    if surplus < _SECTORS_MIN:
        raise MeterError(
            f"journal: {flash.sectors} sectors, {flash.sectors - surplus + _SECTORS_MIN} "
            + "needed: check the partition table"
        )
    scratch = memoryview(bytearray(max([slot_size for _, slot_size, _ in layout])))
    rings, first = [], 0
    for sectors, slot_size, seq_at in layout:
        sectors = sectors or surplus
        rings.append(Ring(flash, first, sectors, slot_size, len(rings), seq_at, scratch))
        first += sectors
    for ring in rings[:2]:
        ring.keep = [-1, -1]  # positions of the newest E and W in this ring
    return rings
