"""The cheapest time of day: which slots of a price row cost least. Pure; loaded on demand."""

from struct import pack_into, unpack_from

from meter.compat import const

SLOTS = const(192)  # two days of quarter hours
SLOT_S = const(900)
_PRICE = "<q"
_PRICE_SIZE = const(8)


class Row:
    """Prices of consecutive slots, packed: a list takes several times as much on the chip."""

    def __init__(self, count):
        assert 0 < count <= SLOTS
        self.count, self._packed = count, bytearray(_PRICE_SIZE * count)

    def put(self, slot, price_nano):
        """price_nano   int, of 64 bits with sign"""
        pack_into(_PRICE, self._packed, _PRICE_SIZE * slot, price_nano)

    def at(self, slot):
        """-> int, nano per kWh"""
        return unpack_from(_PRICE, self._packed, _PRICE_SIZE * slot)[0]

    def total(self, slots):
        """-> sum of the prices of these slots"""
        return sum([self.at(slot) for slot in slots])


def contiguous(row, wanted):
    """-> the slots of the cheapest run of `wanted`; of several the earliest."""
    assert 0 < wanted <= row.count
    cost = best = row.total(range(wanted))
    first = 0
    for end in range(wanted, row.count):
        cost += row.at(end) - row.at(end - wanted)
        if cost < best:
            best, first = cost, end - wanted + 1
    return list(range(first, first + wanted))


def split(row, wanted):
    """-> the `wanted` cheapest slots, ascending; of equal ones the earlier."""
    assert 0 < wanted <= row.count
    # Not by a sort of the slots: that of MicroPython is not stable.
    bound = sorted([row.at(slot) for slot in range(row.count)])[wanted - 1]
    below = [row.at(slot) < bound for slot in range(row.count)]
    equal = wanted - sum(below)
    chosen = []
    for slot in range(row.count):
        if below[slot]:
            chosen.append(slot)
        elif equal and row.at(slot) == bound:
            chosen.append(slot)
            equal -= 1
    return chosen


def windows(slots):
    """Ascending slots -> [[first, end], ...], the end not included."""
    found = []
    for slot in slots:
        if found and found[-1][1] == slot:
            found[-1][1] = slot + 1
        else:
            found.append([slot, slot + 1])
    return found
