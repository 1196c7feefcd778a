"""What is kept in flash: six kinds of record, each a class and a layout (docs/formats.md).

E and W are in `meter.states`, rows and events in `meter.rows`; those that are closed once a day
or once a period are here, so that a meter loads them on demand.

`pack_into(buf)` fills all of a record but its last four bytes: the ring that stores it puts the
CRC there, because only the ring knows where and when it is written. `unpack(buf)` is for
device and host alike.
"""

from meter.compat import const
from meter.fields import CRC_SIZE, HEADER, LEDGER_SIZE, REGISTERS, STATE_SIZE, Stamped, size_of
from meter.rows import EVENT_SIZE, ROW_SIZE, Event, Row
from meter.states import DEMANDS, KIND_E, KIND_W, MONEY, EState, WState

KIND_SNAPSHOT = const(0x53)  # "S"
KIND_LEDGER = const(0x4C)  # "L"


class Snapshot(Stamped):
    """All registers at one instant.

    reason      meter.codes; period: number of the open part
    tier        tier set << 3 | tier: at a crossing the one that ends, else that of the rate in
                force
    digest      first 8 bytes of the tariff's; profile_seq: newest profile row
    money       2 ints, import and export, 1e-15 of currency
    tag         32 bytes of the evidence chain
    rows        16 bytes: digest of the profile rows since the snapshot before
    """

    size = STATE_SIZE
    kind = KIND_SNAPSHOT
    layout = (
        HEADER
        + (
            "reason", "B", 1,
            "tier", "B", 1,
            "period", "H", 1,
            "digest", "s", 8,
        )
        + REGISTERS
        + (
            "profile_seq", "I", 1,
            "money", "i128", 2,
            "tag", "s", 32,
            "rows", "s", 16,
            "", "x", 2,
        )
    )  # fmt: skip


class Ledger(Stamped):
    """The registers at the close of a part: the end of a billing period, or a change of tariff.

    digest      32 bytes of the tariff's; snapshot_seq: newest snapshot
    tier        as in Snapshot
    demand      as in WState, of the part that it closes; money: the carry at its end
    profile_head ledger_head   16 bytes, event_heads 5 x 4 bytes: heads of the chains
    software    digest of the legally relevant part
    """

    size = LEDGER_SIZE
    kind = KIND_LEDGER
    layout = (
        HEADER
        + (
            "reason", "B", 1,
            "tier", "B", 1,
            "period", "H", 1,
            "period_start", "I", 1,
            "digest", "s", 32,
        )
        + REGISTERS
        + (
            "profile_seq", "I", 1,
            "snapshot_seq", "I", 1,
            "demand", "I", 2 * DEMANDS,
            "money", "i128", MONEY,
            "profile_head", "s", 16,
            "ledger_head", "s", 16,
            "event_heads", "s", 20,
            "tag", "s", 32,
            "software", "s", 32,
            "", "x", 30,
        )
    )  # fmt: skip


__all__ = (
    "EVENT_SIZE", "KIND_E", "KIND_W", "ROW_SIZE",
    "EState", "Event", "Ledger", "Row", "Snapshot", "WState",
)  # fmt: skip
RECORDS = (EState, WState, Row, Event, Snapshot, Ledger)

for _class in RECORDS:
    assert size_of(_class.layout) + CRC_SIZE == _class.size
