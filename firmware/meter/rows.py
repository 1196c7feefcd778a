"""The two records that a meter writes often: rows of the load profile, and events."""

from meter.compat import const
from meter.fields import CRC_SIZE, Record, size_of

ROW_SIZE = const(64)
EVENT_SIZE = const(64)


class Row(Record):
    """One row of the load profile; utc is the END of its interval.

    The four energies are cumulative registers: an interval's energy is the difference of two
    rows. plus = q1 + q2, minus = q3 + q4.
    status      bits of meter.codes; v_min_dv v_max_dv in 0.1 V; duration_s covered
    rate tier   rate register at its end, and the tier of that rate's set
    price_id price_nano export_nano   of the price schedule: 0, or the price of a kWh at the
                dynamic rate in force, bought and sold
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
        "price_nano", "q", 1,
        "export_nano", "q", 1,
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


for _class in (Row, Event):
    assert size_of(_class.layout) + CRC_SIZE == _class.size
