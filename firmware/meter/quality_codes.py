"""Names, OBIS codes and event codes of what meter.quality watches: loaded on demand.

Event codes stay with meter.codes' rule, never reused; they are kept apart because only a board
that watches needs them, and a reader of events. Each kind has a code and, next to it, its end.
"""

# kind -> (words, event)
KINDS = (
    ("voltage sag", 0x010),
    ("voltage swell", 0x012),
    ("over-current", 0x014),
    ("phase lost", 0x016),
    ("wrong phase sequence", 0x018),
    ("neutral fault", 0x01A),
    ("temperature out of range", 0x01C),
    ("energy reversed", 0x401),
    ("cover open", 0x403),
    ("magnet near", 0x405),
)
# By counter, C.D.E; group 1-0 where C is a phase's, 0-0 for 96. 128 is the maker's own.
OBIS = (
    "32.32.0 52.32.0 72.32.0 "
    "32.36.0 52.36.0 72.36.0 "
    "31.36.0 51.36.0 71.36.0 "
    "32.40.0 52.40.0 72.40.0 "
    "128.32.0 128.32.1 128.32.2 128.32.3 "  # sequence, neutral, temperature, reverse
    "96.20.0 96.20.15 "  # cover, strong magnetic field
    "96.7.21 96.7.9"  # power failures, long ones
).split()
_PHASED = 12


def event_names():
    """-> {event: words}"""
    found = {}
    for words, event in KINDS:
        found[event] = words
        found[event + 1] = words + ": over"
    return found


def words(counter):
    """-> what a counter counts, "voltage sag L1"."""
    if counter >= 18:
        return ("power failure", "long power failure")[counter - 18]
    if counter < _PHASED:
        return KINDS[counter // 3][0] + " L" + str(counter % 3 + 1)
    return KINDS[counter - 8][0]
