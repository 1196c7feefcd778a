"""What is kept in flash: six kinds of record, each a class and a layout (docs/formats.md).

`pack_into(buf)` fills all of a record but its last four bytes: the ring that stores it puts the
CRC there, because only the ring knows where and when it is written. `unpack(buf)` is for
device and host alike.
"""

from meter.compat import const
from meter.fields import CRC_SIZE, HEADER, REGISTERS, STATE_SIZE, Record, Stamped, size_of
from meter.states import DEMANDS, KIND_E, KIND_W, MONEY, EState, WState

KIND_SNAPSHOT = const(0x53)  # "S"
KIND_LEDGER = const(0x4C)  # "L"
ROW_SIZE = const(64)
EVENT_SIZE = const(64)
LEDGER_SIZE = const(512)


class Row(Record):
    """One row of the load profile; utc is the END of its interval.

    The four energies are cumulative registers: an interval's energy is the difference of two
    rows. plus = q1 + q2, minus = q3 + q4.
    status      bits of meter.codes; v_min_dv v_max_dv in 0.1 V; duration_s covered
    """

    size = ROW_SIZE
    layout = (
        "seq", "I", 1,
        "utc", "I", 1,
        "import_mwh", "u48", 1,
        "export_mwh", "u48", 1,
        "reactive_plus_mvarh", "u48", 1,
        "reactive_minus_mvarh", "u48", 1,
        "status", "H", 1,
        "rate", "B", 1,
        "tier", "B", 1,
        "price_id", "H", 1,
        "v_min_dv", "H", 1,
        "v_max_dv", "H", 1,
        "duration_s", "H", 1,
        "", "x", 16,
    )  # fmt: skip


class Event(Record):
    """One entry of the event log.

    group code   meter.codes; count of occurrences; before, after: signed 64 bit
    tag         32 bytes of the evidence chain
    """

    size = EVENT_SIZE
    layout = (
        "seq", "I", 1,
        "utc", "I", 1,
        "group", "B", 1,
        "code", "B", 1,
        "count", "H", 1,
        "before", "q", 1,
        "after", "q", 1,
        "tag", "s", 32,
    )  # fmt: skip


class Snapshot(Stamped):
    """All registers at one instant.

    reason      meter.codes; tier, period: of the billing at that instant
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
    """The registers at the close of a billing period, a change of tariff or a reset.

    digest      32 bytes of the tariff's; snapshot_seq: newest snapshot
    demand, money   as in WState
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


__all__ = ("KIND_E", "KIND_W", "EState", "Event", "Ledger", "Row", "Snapshot", "WState")
RECORDS = (EState, WState, Row, Event, Snapshot, Ledger)

for _class in RECORDS:
    assert size_of(_class.layout) + CRC_SIZE == _class.size
