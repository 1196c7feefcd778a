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
SLIDING = const(12)  # sub-windows of a sliding demand
DEMANDS = const(12)  # highest demands kept
MONEY = const(4)  # accumulators of money
COMMIT_AT = const(248)  # where `commit` stands in both


class EState(Stamped):
    """The registers, and what changes with every save period.

    registers   7 ints by meter.sample channel: mWh, mvarh, mVAh
    rates       16 ints, mWh
    carries     7 ints: counts x num that are not yet a whole mWh
    interval_status v_min_dv v_max_dv price_id   of the open profile interval; 0.1 V
    sliding     12 ints, mWh, sub-windows of the sliding demand
    window_mwh limiter_mwh   energy in the open demand sub-window, in the limiter's window
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
            "window_mwh", "I", 1,
            "limiter_mwh", "I", 1,
            "", "x", 2,
            "commit", "I", 1,
        )
    )  # fmt: skip


class WState(Stamped):
    """What changes seldom: tariff pointers, billing period, tier, demand maxima, limiter.

    active_digest passive_digest price_digest   first 8 bytes of a SHA-256; zeros: none
    active_since passive_at period_start price_expiry limiter_since   Unix seconds
    tier_base_mwh   import total from which the tier is counted
    demand      12 pairs, flat: mW and when the window ended (Unix seconds)
    money       4 ints, 1e-15 of currency, signed
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
        "tier", "B", 1,
        "", "x", 1,
        "demand", "I", 2 * DEMANDS,
        "money", "i128", MONEY,
        "limiter_state", "B", 1,
        "limiter_rate", "B", 1,
        "limiter_trips", "H", 1,
        "limiter_since", "I", 1,
        "limiter_over_s", "H", 1,
        "limiter_under_s", "H", 1,
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
