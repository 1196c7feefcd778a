"""What a small display shows: registers by OBIS code in turn, and always rate and price now.

1.8.1 night          code and name
  1234.567 kWh       twice as high, and from the same second as its code
rate day
0.31250 EUR/kWh
! clock invalid      the first of what is wrong
"""

from meter.compat import const
from meter.sample import EXPORT, IMPORT

_ITEM_TICKS = const(5)  # of each value; one part of the screen a tick
_RETRY_TICKS = const(60)
_COLUMNS = const(16)
_MWH = const(1000000)  # mWh in a kWh
_WIDE_KWH = const(100000000)  # from here on without decimals: 16 characters
_NANO = const(1000000000)


class Display:
    """A panel (see drivers.esp32_ports.Ports).

    screen   drivers.ssd1306.Ssd1306 or alike: `start()`, `row(row, text)`, `tall(row, text)`

    A tick sends at most three rows. A screen that does not answer is asked again each minute.
    """

    def __init__(self, screen):
        self._screen = screen
        self._tick = 0
        self._item = 0
        self._wait = 0  # ticks until the screen is tried
        self._started = False

    def tick(self, meter):
        """Not while somebody changes the meter's state: it could show half of it."""
        if self._wait:
            self._wait -= 1
        elif not meter.locked:
            try:
                self._step(meter)
            except OSError:
                self._started, self._wait = False, _RETRY_TICKS

    def _step(self, meter):
        if not self._started:
            self._screen.start()
            self._started, self._tick = True, 0
            return
        tick = self._tick
        self._tick = tick + 1 if tick + 1 < _ITEM_TICKS else 0
        if tick == 0:
            title, value = self._next(meter)
            self._screen.row(0, title[:_COLUMNS])
            self._screen.tall(1, " " * (_COLUMNS - len(value)) + value)
        elif tick == 1:
            self._screen.row(4, "rate " + meter.contract.tariff.rates[meter.rate][:11])
        elif tick == 2:
            self._screen.row(5, price(meter))
        elif tick == 3:
            alerts = meter.alerts()
            self._screen.row(7, ("! " + alerts[0])[:_COLUMNS] if alerts else "")

    def _next(self, meter):
        """-> title and value of the next item that there is."""
        while True:
            found = item(meter, self._item)
            self._item += 1
            if found:
                return found
            if found is None:
                self._item = 0


def item(meter, n):
    """-> (title, value of up to 16 characters); (): the meter has none; None: all were shown"""
    live, sample, current = meter.live, meter.sample, meter.contract.tariff
    if n == 0:
        return "1.8.0 import", kwh(live.registers[IMPORT])
    n -= 1
    if n < current.imports:
        title = "1.8." + str(n + 1) + " " + current.rates[n]
        return title, kwh(live.rates[current.register(n)])
    n -= current.imports
    if n == 0:
        exported = live.registers[EXPORT]
        return ("2.8.0 export", kwh(exported)) if exported else ()
    if n == 1:
        power_mw = sum(sample.p_mw)
        if power_mw < 0:
            return "2.7.0 power out", str(-power_mw // 1000) + " W"
        return "1.7.0 power", str(power_mw // 1000) + " W"
    n -= 2
    if n < 3:
        v_dv = sample.v_mv[n] // 100
        title = str(32 + 20 * n) + ".7.0 voltage"
        return (title, f"{v_dv // 10}.{v_dv % 10} V") if v_dv else ()
    if n == 3:
        return "software", meter.book.software[: _COLUMNS // 2].hex()
    return None


def kwh(mwh):
    """mWh -> "1234.567 kWh", cut and not rounded, as a counter stands."""
    whole = mwh // _MWH
    if whole >= _WIDE_KWH:
        return str(whole) + " kWh"
    return f"{whole}.{mwh // 1000 % 1000:03d} kWh"


def price(meter):
    """-> "0.31250 EUR/kWh": what the next kWh costs, before taxes.

    Where only the bill knows the tier, "from" and the price of the first.
    """
    contract, rate = meter.contract, meter.rate
    current = contract.tariff
    if not contract.w.period:
        return "no tariff"
    said, nano = "", None
    if meter.pricing and current.dynamic[rate]:
        price_id, bought, _ = meter.pricing.row(rate, meter.live.status)
        if price_id:
            nano = bought
    if nano is None:
        index = current.tier_set(rate)
        if index >= 0 and current.tier_sets[index][0] != "chronological":
            said, nano = "from ", current.price_nano(rate, 0)
        else:
            nano = current.price_nano(rate, contract.step() & 7)
    sign, nano = ("-" if nano < 0 else ""), abs(nano)
    amount = f"{nano // _NANO}.{nano // 10000 % 100000:05d} "
    return (said + sign + amount + current.currency + "/kWh")[:_COLUMNS]
