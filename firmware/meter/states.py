"""What is read and written as one state: the records E and W of the register rings.

`commit` is the seq of the commit a content comes from. A copy has a seq of its own and the
same commit, so whoever remembers a commit across a reset compares this field, not the seq.
"""

from meter.compat import const
from meter.fields import CRC_SIZE, HEADER, REGISTERS, STATE_SIZE, Stamped, size_of
from meter.limits import RATES
from meter.sample import CHANNELS

KIND_E = const(0x45)  # "E": registers, written each save period
KIND_W = const(0x57)  # "W": what changes seldom
SLIDING = const(11)  # closed sub-windows of a sliding demand that the next one adds up with
DEMANDS = const(12)  # highest demands kept
MONEY = const(4)  # accumulators of money
COMMIT_AT = const(248)  # where `commit` stands in both

# bits of window_flags and limiter_flags
BEGUN = const(1)  # the open window begins at this record's utc: the one before is settled
PARTIAL = const(2)  # the open window began after its beginning


class EState(Stamped):
    """The registers, and what changes with every save period.

    registers   7 ints by meter.sample channel: mWh, mvarh, mVAh
    rates       16 ints, mWh
    carries     7 ints: counts x num that are not yet a whole mWh
    interval_status v_min_dv v_max_dv price_id   of the open profile interval; 0.1 V
    sliding     11 ints, mWh, newest first: closed sub-windows of the sliding demand
    window_mwh limiter_mwh   energy in the open demand (sub-)window, in the limiter's window
    window_rate      import rate at which the open demand window began
    window_flags limiter_flags   BEGUN, PARTIAL, and the number of valid sub-windows << 4
    limiter_windows  5 bits a level of the limiter: windows over, or under when tripped, in a row
    """

    size = STATE_SIZE
    kind = KIND_E
    layout = (
        HEADER
        + REGISTERS
        + (
            "carries", "I", CHANNELS,
            "interval_status", "H", 1,
            "v_min_dv", "H", 1,
            "v_max_dv", "H", 1,
            "price_id", "H", 1,
            "sliding", "I", SLIDING,
            "window_rate", "B", 1,
            "window_flags", "B", 1,
            "limiter_flags", "B", 1,
            "", "x", 1,
            "window_mwh", "I", 1,
            "limiter_mwh", "I", 1,
            "limiter_windows", "H", 1,
            "commit", "I", 1,
        )
    )  # fmt: skip


class WState(Stamped):
    """What changes seldom: tariff pointers, open part, tiers, demand maxima, limiter.

    A part is what lies between two ledger records: a billing period, or what a change of the
    tariff inside it leaves.

    active_digest passive_digest price_digest   first 8 bytes of a SHA-256; zeros: none
    active_since passive_at period_start price_expiry limiter_since   Unix seconds
    period period_start   number and beginning of the open part
    tier_base_mwh   import total at its beginning
    tiers       3 bits a tier set of the tariff, set i at bit 3 i: the tier that it is in
    demand      12 pairs, flat, by slot of the demand charges: mW and when the window ended
                (Unix seconds); (0, 0): empty
    money       4 ints, the carry at the beginning of the open part (meter.billing)
    limiter_state   bit i: level i of the limiter has tripped; limiter_trips: how often
    outputs     bits of the load switch and the alarm
    export_mask bit r: rate register r counts export
    """

    size = STATE_SIZE
    kind = KIND_W
    layout = HEADER + (
        "active_digest", "s", 8,
        "active_since", "I", 1,
        "passive_digest", "s", 8,
        "passive_at", "I", 1,
        "period_start", "I", 1,
        "period", "H", 1,
        "period_flags", "H", 1,
        "tier_base_mwh", "u48", 1,
        "tiers", "H", 1,
        "demand", "I", 2 * DEMANDS,
        "money", "i128", MONEY,
        "limiter_state", "B", 1,
        "", "x", 1,
        "limiter_trips", "H", 1,
        "limiter_since", "I", 1,
        "", "x", 4,
        "price_digest", "s", 8,
        "price_expiry", "I", 1,
        "outputs", "I", 1,
        "export_mask", "H", 1,
        "", "x", 2,
        "commit", "I", 1,
    )  # fmt: skip

    def __init__(self):
        super().__init__()
        self.export_mask = 1 << (RATES - 1)  # without a tariff export counts in the last one


for _class in (EState, WState):
    assert size_of(_class.layout) + CRC_SIZE == STATE_SIZE
    assert _class.layout[-3:] == ("commit", "I", 1)
    assert COMMIT_AT + 4 + CRC_SIZE == STATE_SIZE
