"""Bounds of the meter, named once; whoever goes beyond gets a clear error."""

from meter.compat import const

RATES = const(16)  # registers in all, import and export together
TIERS = const(8)
TIER_SETS = const(5)
SEASONS = const(4)
WEEKS = const(8)
DAYS = const(16)  # day profiles
SWITCHES = const(12)  # switch times in one day
SPECIAL_DAYS = const(40)
DEMAND_SLOTS = const(12)  # highest demands kept, of all demand charges together
LIMITER_LEVELS = const(3)
HISTORY = const(12)  # earlier parts of the contract that a ratchet may look back at
FIXED = const(4)
TAXES = const(4)
PRICE_STEPS = const(192)  # of a price schedule
PRICE_EVENTS = const(16)
NAME_CHARS = const(32)
TARIFF_BYTES = const(8192)  # canonical JSON

REGISTER_MAX = (1 << 48) - 1  # mWh; 281 GWh, never reached in the life of a meter
PRICE_NANO_MAX = 1_000_000_000_000_000  # a million of currency per kWh

SAVE_PERIOD_S = const(60)  # what a power cut without warning may lose
WINDOWS_S = (300, 3600)  # the shortest and the longest demand window
LIMITER_WINDOWS_S = (60, 3600)
WINDOWS_MAX = const(31)  # of a limiter level, over or under: 5 bits in flash
INTERVALS_S = (300, 900, 1800, 3600)  # load-profile periods; each divides a day
GAP_S = const(3600)  # a longer silence of the clock is a step, not a late tick
LINE_BYTES = const(1024)  # one request or answer on the wire

assert TIERS <= 8  # 3 bits a set in one 16-bit field
assert 3 * TIER_SETS <= 16
assert max(INTERVALS_S) <= GAP_S
assert min(INTERVALS_S) >= SAVE_PERIOD_S
