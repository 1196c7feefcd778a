"""A price schedule as the meter holds it: prices by step of UTC time, and price events."""

import struct

from meter.civil import EPOCH
from meter.compat import const

UNPRICED = (0, 0, 0)
_HOUR_S = const(3600)


class Schedule:
    """A price schedule in packed form; built from what `meter.prices_check` has passed.

    start, end   core seconds; the end is that of the prices and of the events
    step_s       length of a price, 900, 1800 or 3600; they are on the UTC grid
    events       [(core second, core second, name of an import rate), ...] in order
    """

    def __init__(self, data):
        self.start, self.step_s = data["start"] - EPOCH, data["step_s"]
        self.currency, self._id = data["currency"], data["id"]
        prices, exports = data["import"], data["export"]
        self.count = len(prices)
        self._imports = struct.pack("<" + str(self.count) + "q", *prices)
        self._exports = struct.pack("<" + str(len(exports)) + "q", *exports)
        self.events = [(begin - EPOCH, end - EPOCH, rate) for begin, end, rate in data["events"]]
        self.end = self.start + self.count * self.step_s if self.count else 0
        if self.events:
            self.end = max(self.end, self.events[-1][1])

    def market(self, t, interval_s, settlement):
        """-> (price id, import price, export price) of the row around core second t, nano per
        kWh before a rate's own factor; (0, 0, 0) where the schedule does not say.

        The price is the mean over the row, over the hour if it is settled by the hour. Without
        export prices of its own a schedule has one price for both directions.
        """
        step_s = self.step_s
        span_s = max(step_s, interval_s, _HOUR_S if settlement == "hour" else 0)
        first, steps = (t // span_s * span_s - self.start) // step_s, span_s // step_s
        if not 0 <= first <= self.count - steps:
            return UNPRICED
        cell_s = max(step_s, interval_s)
        price_id = 1 + (self._id + (t // cell_s * cell_s - self.start) // step_s) % 65535
        bought = _mean(self._imports, first, steps)
        return price_id, bought, _mean(self._exports, first, steps) if self._exports else bought


def half_even(num, den):
    """num / den -> int; a half goes to the even one. den > 0."""
    whole, rest = num // den, num % den
    up = 2 * rest - den
    return whole + 1 if up > 0 or (up == 0 and whole & 1) else whole


def as_int(digest):
    """First bytes of a digest -> what an event says of it."""
    return int.from_bytes(digest[:7], "big")


def _mean(prices, first, steps):
    values = struct.unpack_from("<" + str(steps) + "q", prices, 8 * first)
    return half_even(sum(values), steps)
