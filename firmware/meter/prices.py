"""Dynamic prices and price events: what the schedule in force does to a row of the profile.

A rider of the contract, imported only when the tariff has a dynamic rate or a schedule is in
force. `meter.prices_check` reads the file of a schedule; W says which one is in force.
"""

import struct

from meter import codes
from meter.civil import DAY_S, EPOCH
from meter.compat import const, forget
from meter.errors import MeterError
from meter.price_schedule import UNPRICED, as_int, half_even

_NONE = bytes(8)
_PPM = const(1_000_000)
_EVENT = "<IIB"  # core seconds of begin and end, import rate
_EVENT_SIZE = struct.calcsize(_EVENT)
# A row with one of these is not all of one rate, or not of its own time: the registers' prices.
_MIXED = codes.CLOCK_INVALID | codes.RATE_SWITCH | codes.TARIFF_LOST


class Prices:
    """The price schedule in force (rider; see meter.contract).

    A schedule, its events too, holds from the first row that begins after it was taken: a row
    has one price, that of the schedule in force at its start. Only a reset within that first row
    makes the whole row one of the new schedule. Beyond its end, or without its file, the rates
    have their own prices.
    """

    def __init__(self, meter):
        self._meter = meter
        self._schedule = None
        self._events = b""  # of the schedule, _EVENT each, in order
        # The digest that these follow from; set last, so that a load that broke off is repeated.
        self._held = _NONE
        self._problem = None  # why there is none, in words
        self._row = UNPRICED  # Schedule.market of the open row

    def restore(self, e, w):
        """Load the schedule of w; the open row goes on with its price if it had one. One that
        came into an open row, for a meter that had none, waits for the next."""
        live, contract = self._meter.live, self._meter.contract
        if contract.planned is not None and self._meter.book.row_t != live.t:
            if w.active_since < live.t + EPOCH:
                return
        self._take(w.price_digest)
        if self._meter.book.row_t == live.t:
            self._begin(live, live.t)
            return
        event = codes.PRICE_EVENT if self.rate(-1, live.t - 1) >= 0 else 0
        mixed = event != live.status & codes.PRICE_EVENT  # the schedule was taken in this row
        live.status |= event
        if mixed or e is None or not e.price_id or w.active_since >= live.t + EPOCH:
            self._row = UNPRICED
        else:
            self._row = self._market(live.t - 1)

    def save(self, e):
        """Whether the open row has a price of the schedule, and which."""
        e.price_id = self._row[0]

    def border(self, t):
        """-> a core second that is never the next: all that prices do, they do with a row."""
        return t + DAY_S

    def rate(self, rate, t):
        """-> the import rate of a price event at core second t, or `rate`."""
        events = self._events
        for at in range(0, len(events), _EVENT_SIZE):
            begin, end, named = struct.unpack_from(_EVENT, events, at)
            if begin <= t < end:
                return named
        return rate

    def settle(self, live):
        """A row has ended at live.t: end a schedule that is over, take a new one, look up the
        price of the next row."""
        if self._meter.book.row_t != live.t:
            return
        contract = self._meter.contract
        w = contract.w
        if w.price_digest != _NONE and live.t + EPOCH >= w.price_expiry:
            self._meter.events.log(codes.EVENT_PRICES_EXPIRED, live.t, as_int(w.price_digest))
            w = w.copy()
            w.price_digest, w.price_expiry = _NONE, 0
            contract.take(w, live.t)
        self._take(w.price_digest)
        self._begin(live, live.t)

    def jump(self, live, t, status):
        """The row that was open has ended, or goes on with its price."""
        if self._meter.book.row_t == live.t:
            self._take(self._meter.contract.w.price_digest)
            self._begin(live, t)

    def opened(self, live):
        """A billing period does not touch the prices."""

    def alerts(self):
        """-> why there is no schedule although one should be in force."""
        return [self._problem] if self._problem else []

    def values(self):
        """-> no live values: the price now is answered for every tariff."""
        return {}

    def row(self, rate, status):
        """-> (price id, import price, export price) of the open row, nano per kWh, for an import
        rate and the export rate in force with it; 0 for one that is not dynamic. The price id
        is 0 without a price of the schedule.

        status   bits of the row
        """
        tariff = self._meter.contract.tariff
        price_id, bought, sold = self._row
        if not price_id or tariff.dynamic is None or status & _MIXED:
            return UNPRICED
        bought = priced(bought, tariff.dynamic[rate])
        sold = priced(sold, tariff.dynamic[tariff.export_of[rate]])
        if bought is None and sold is None:
            return UNPRICED
        return price_id, bought or 0, sold or 0

    def ahead(self, rate, t):
        """-> nano per kWh of an import rate in the row at core second t, None: the schedule in
        force does not say, so the rate has its own price."""
        dynamic = self._meter.contract.tariff.dynamic
        price_id, bought, _ = self._market(t)
        return priced(bought, dynamic[rate]) if price_id and dynamic else None

    def _begin(self, live, t):
        """A row begins at core second t."""
        self._row = self._market(t)
        if self.rate(-1, t) >= 0:
            live.status |= codes.PRICE_EVENT

    def _market(self, t):
        tariff = self._meter.contract.tariff
        if self._schedule is None or not self._schedule.count:
            return UNPRICED
        return self._schedule.market(t, tariff.interval_s, tariff.settlement)

    def _take(self, digest):
        """Load the schedule of this digest, if it is not the one that is held."""
        if self._held == digest and self._problem is None:
            return
        self._schedule, self._events, problem = None, b"", None
        if digest != _NONE:
            from meter import prices_check

            try:
                schedule = prices_check.of_digest(self._meter.ports.files, digest.hex())
                prices_check.fits(schedule, self._meter.contract.tariff)
                self._events = self._packed(schedule)
                self._schedule = schedule
            except MeterError as error:
                problem = str(error)
            finally:
                forget("meter.prices_check")
        self._held, self._problem = digest, problem

    def _packed(self, schedule):
        """-> the events, from and to the borders of rows at or after their times."""
        tariff, packed = self._meter.contract.tariff, b""
        for begin, end, name in schedule.events:
            begin, end = [
                tariff.calendar.interval_end(t - 1, tariff.interval_s) for t in (begin, end)
            ]
            packed += struct.pack(_EVENT, begin, end, tariff.rates.index(name))
        schedule.events = ()
        return packed


def priced(market, dynamic):
    """-> nano per kWh of a dynamic rate, None for another."""
    if dynamic is None:
        return None
    multiply_ppm, add_nano = dynamic
    return half_even(market * multiply_ppm, _PPM) + add_nano
