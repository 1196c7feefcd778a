"""Bounds of the meter, named once; whoever goes beyond gets a clear error."""

from meter.compat import const

RATES = const(16)  # registers in all, import and export together
TIERS = const(8)
SEASONS = const(4)
WEEKS = const(8)
DAYS = const(16)  # day profiles
SWITCHES = const(12)  # switch times in one day
SPECIAL_DAYS = const(40)
TAXES = const(4)
NAME_CHARS = const(32)
TARIFF_BYTES = const(8192)  # canonical JSON

REGISTER_MAX = (1 << 48) - 1  # mWh; 281 GWh, never reached in the life of a meter
PRICE_NANO_MAX = 1_000_000_000_000_000  # a million of currency per kWh

SAVE_PERIOD_S = const(60)  # what a power cut without warning may lose
INTERVALS_S = (300, 900, 1800, 3600)  # load-profile periods; each divides a day
GAP_S = const(3600)  # a longer silence of the clock is a step, not a late tick
LINE_BYTES = const(1024)  # one request or answer on the wire

assert max(INTERVALS_S) <= GAP_S
assert min(INTERVALS_S) >= SAVE_PERIOD_S
