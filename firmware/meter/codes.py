"""Codes that are stored: never reused, only added to (docs/formats.md)."""

from meter.compat import const

# status bits of a profile row: what happened inside the interval
POWER_FAIL = const(1)
CLOCK_INVALID = const(2)
CLOCK_STEP = const(4)
GLITCH = const(8)
CHIP_RESET = const(16)
SATURATED = const(32)
GAP = const(64)  # no tick for longer than limits.GAP_S
PARTIAL = const(128)  # the row covers less than its interval
RATE_SWITCH = const(256)  # the rate changed inside the interval
CROSSING = const(512)  # a tier was crossed: a snapshot has the registers
TARIFF_CHANGE = const(1024)
RESTART = const(2048)  # the software restarted, the IC went on counting
TARIFF_LOST = const(4096)  # the tariff's file was missing: energy is in register 0
LIMITED = const(8192)  # the limiter re-priced or shed in this interval
PRICE_EVENT = const(16384)  # a price event chose the rate in this interval
DISTURBED = const(0x7FFF)  # an interval without any of these replays exactly

# reasons of ledger and snapshot records
START = const(1)  # the first tariff: billing begins
PERIOD = const(2)  # a billing period ended
TARIFF = const(3)  # a tariff starts inside one
DAY = const(4)
TIER = const(5)

# event groups, in the order of their rings
METROLOGY = const(0)
CLOCK = const(1)
POWER = const(2)
CONFIGURATION = const(3)
SECURITY = const(4)
GROUPS = ("metrology", "clock", "power", "configuration", "security")

# events: group << 8 | code; after the first three: mWh that are in doubt, at most
EVENT_CHIP_RESET = const(0x001)
EVENT_GLITCH = const(0x002)
EVENT_SATURATED = const(0x003)
EVENT_IMBALANCE = const(0x004)  # rates and total differ: before total, after sum of rates
EVENT_CHIP_FAULT = const(0x005)  # the IC did not answer as it must
EVENT_CLOCK_SET = const(0x101)  # before, after: Unix seconds
EVENT_CLOCK_STEP = const(0x102)
EVENT_CLOCK_INVALID = const(0x103)
EVENT_CLOCK_VALID = const(0x104)
EVENT_CLOCK_SLEW = const(0x105)  # by a reference, too little to cut an interval; Unix seconds
EVENT_CLOCK_HINT = const(0x107)  # time for TLS only, nobody vouches for it; Unix seconds
EVENT_CLOCK_AGING = const(0x106)  # speed of the RTC trimmed; before, after: 0.1 ppm, signed
EVENT_POWER_FAIL = const(0x201)  # before: last commit, after: power back; Unix seconds
EVENT_RESTART = const(0x202)
EVENT_LIMIT = const(0x203)  # before: average mW, after: level of the limiter that tripped
EVENT_LIMIT_END = const(0x204)
EVENT_TARIFF = const(0x301)  # before, after: first 8 bytes of the digest
EVENT_TARIFF_LOST = const(0x302)  # its file is missing or altered; before: its digest
EVENT_FORMAT = const(0x303)
EVENT_PERIOD = const(0x304)  # before, after: number of the part of a billing period
EVENT_LOAD_SWITCH = const(0x305)  # by a person
EVENT_PRICES = const(0x306)  # before, after: first 7 bytes of the digest of the price schedule
EVENT_PRICES_EXPIRED = const(0x307)
EVENT_SCHEDULE = const(0x308)  # before, after: first 7 bytes of the next tariff's digest, 0: none
EVENT_CALIBRATION = const(0x309)  # before, after: first 7 bytes of the record's digest, 0: none
EVENT_CALIBRATION_LOST = const(0x30A)  # its record, or one copy of it, was missing or broken
EVENT_UPDATE = const(0x30B)  # software that boots next, on trial; before, after: build number
EVENT_KEYS = const(0x407)  # installed or rotated; before, after: generation, 0: none
EVENT_SEAL = const(0x408)  # before: 0 open, 1 sealed, 2 broken; after: generation of the keys
EVENT_UNSEAL = const(0x409)  # before: as above; after: when the REPL closes, Unix seconds
EVENT_LOCKED = const(0x40A)  # by wrong tags; before: role that was claimed, after: failures
EVENT_VIEW = const(0x40B)  # before, after: public view << 16 | days of profile for a reader
EVENT_PROFILE = const(0x40C)  # of comms; before: profile << 8 | part, after: bytes, 0: removed
