"""SG-Ready: two contacts that tell a heat pump when to run, and when it must not.

States and contacts as in the rules of Bundesverband Waermepumpe for the label "SG Ready" (1.1):
    1  1:0  blocked, at most two hours at a time       2  0:0  normal
    3  0:1  recommended: run if there is a use for it  4  1:1  run
The load switch of the limiter opens: state 1, whatever the price. A panel of the board (see
drivers.esp32_ports.Ports): `tick` raises nothing and takes no bus.
"""

from meter.compat import const

UNKNOWN = const(0)  # before the first tick: the contacts are as a soft reset left them
BLOCKED = const(1)
NORMAL = const(2)
RECOMMENDED = const(3)
FORCED = const(4)
_LOAD_OPEN = const(1)  # of WState.outputs
_HOLD_S = const(600)  # the least time in a state that the price chose
_BLOCK_S = const(7200)  # the longest that a price may block; the limiter does as its tariff says
_LOOK_S = const(10)
_CONTACTS = ((0, 0), (1, 0), (0, 0), (0, 1), (1, 1))  # by state


class SgReady:
    """first second   callable pins, 1: the contact is closed
    block suggest force   nano per kWh: blocked from this price on; recommended, forced up to it;
                          None: never

    The price is that of the row in force, in the tier that holds where tiers are chronological.
    Without a tariff, or one that cannot be read, the state is normal.
    """

    def __init__(self, first, second, block=None, suggest=None, force=None):
        assert force is None or suggest is None or force <= suggest
        assert block is None or suggest is None or suggest < block
        self._pins = first, second
        self._block, self._suggest, self._force = block, suggest, force
        # seconds blocked since the price was last below `block`
        self.state, self._held_s, self._blocked_s = UNKNOWN, _HOLD_S, 0
        self._look_s = 0

    def tick(self, meter):
        """About once a second."""
        self._held_s = min(self._held_s + 1, _HOLD_S)
        if self.state == BLOCKED:
            self._blocked_s += 1
        if meter.contract.w.outputs & _LOAD_OPEN:
            self._go(BLOCKED)
            self._look_s = 0
            return
        self._look_s -= 1
        if self._look_s > 0:
            return
        self._look_s = _LOOK_S
        wanted = self._wanted(self._price_nano(meter))
        if wanted != self.state and self._held_s >= _HOLD_S:
            self._go(wanted)

    def _wanted(self, price_nano):
        if price_nano is None:
            return NORMAL
        if self._block is not None and price_nano >= self._block:
            return NORMAL if self._blocked_s >= _BLOCK_S else BLOCKED
        self._blocked_s = 0
        if self._force is not None and price_nano <= self._force:
            return FORCED
        if self._suggest is not None and price_nano <= self._suggest:
            return RECOMMENDED
        return NORMAL

    def _price_nano(self, meter):
        contract = meter.contract
        if not contract.w.period or contract.lost:
            return None
        rate = meter.rate
        if meter.pricing:
            price_id, price_nano, _ = meter.pricing.row(rate, meter.live.status)
            if price_id and contract.tariff.dynamic[rate]:
                return price_nano
        return contract.tariff.price_nano(rate, contract.step() & 7)

    def _go(self, state):
        if state != self.state:
            self.state, self._held_s = state, 0
            self._drive(state)

    def _drive(self, state):
        for pin, level in zip(self._pins, _CONTACTS[state]):
            pin(level)


def attach(ports, pin, first, second, *thresholds):
    """Give a board's ports the pair. first second: GPIOs; pin: pin(GPIO, level) -> callable"""
    ports.panels.append(SgReady(pin(first, 0), pin(second, 0), *thresholds))
