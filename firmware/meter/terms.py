"""What a contract does seldom: take a tariff, schedule one, close a part. Loaded on demand."""

from meter import codes
from meter.civil import EPOCH
from meter.compat import const, forget
from meter.contract import NONE
from meter.errors import MeterError
from meter.sample import IMPORT
from meter.states import PARTIAL

_BILLING = (
    "statement", "billing", "billing_energy", "billing_charges", "billing_line",
    "billing_rows", "tiers",
)  # fmt: skip
_AHEAD_S = const(400 * 86400)  # how far ahead a tariff may be scheduled


def follow(contract, t):
    """Load the tariff that the W record names; without its file the one before goes on."""
    digest = contract.w.active_digest
    try:
        contract.tariff, contract.lost = load(contract, digest), False
    except MeterError:
        contract.lost = True
        # No rider keeps the open windows: one that is made later must not go on with them.
        contract.meter.e.limiter_flags = contract.meter.e.window_flags = PARTIAL
        contract.meter.e.limiter_windows = 0
        contract.meter.events.log(codes.EVENT_TARIFF_LOST, t, _as_int(digest))


def ride(contract):
    """Make the riders that the tariff in force, or a first schedule of prices under it, needs."""
    meter, tariff, w = contract.meter, contract.tariff, contract.w
    anew, pricing = contract.ridden[0] is not tariff, None
    made = []  # type: list
    others = [] if anew else [rider for rider in contract.riders if rider is not meter.pricing]
    if tariff.dynamic or w.price_digest != NONE:
        from meter import prices

        pricing = prices.Prices(meter)
        made.append(pricing)
    if anew and tariff.limiter:
        from meter import limiter

        made.append(limiter.Limiter(meter))
    if anew and tariff.demand:
        from meter import demand

        made.append(demand.Demand(meter))
    for name in ("prices", "limiter", "demand"):
        forget("meter." + name)  # a rider holds what it needs of its module
    if pricing is None:
        forget("meter.price_schedule")
    for rider in made:
        rider.restore(meter.e, w)
    if anew and contract.planned is not None:
        contract.told = None  # not at a start: nothing is open that they could go on with
    meter.pricing = pricing
    contract.riders = tuple(made + others)
    contract.ridden = tariff, pricing is not None


def schedule(contract, digest_hex, live, t, when):
    """Make a tariff file the next one: at core second t, or when the open period ends.

    t      now
    when   "now", "period", or the Unix second: the first tariff of a meter starts now but for
           the last
    The one in force goes on, and what was to follow it is dropped.
    -> Unix second at which it starts. MeterError: no such file, not a tariff, a time that is
    past or too far, or one that turns a register with energy in it round.
    """
    digest, w = bytes.fromhex(digest_hex)[:8], contract.w.copy()
    found = load(contract, digest)
    if digest == w.active_digest:
        w.passive_digest, at = NONE, w.active_since
    else:
        _turned(contract, found, live)
        at = _time(contract, t, when)
        w.passive_digest, w.passive_at = digest, at
    dropped = contract.w.passive_digest
    if at > t + EPOCH or dropped != w.passive_digest == NONE:
        # It moves the bounds of tiers, even if it is dropped before it holds. Before W: a cut in
        # between writes it twice, not never.
        digests = _as_int(dropped), _as_int(w.passive_digest)
        contract.meter.events.log(codes.EVENT_SCHEDULE, t, *digests)
    contract.take(w, t)
    return at


def _time(contract, t, when):
    if when == "period" and contract.period_end is not None:
        return contract.period_end + EPOCH
    if when in ("now", "period"):
        return t + EPOCH
    if not t + EPOCH <= when <= t + EPOCH + _AHEAD_S:
        raise MeterError(
            "tariff: " + str(when) + " is past, or more than 400 days ahead of "
            + str(t + EPOCH) + ": give a time between them"
        )  # fmt: skip
    return when


def next_bound(contract, index, live):
    """-> import total at which the next tier of a chronological set begins, or None.

    The sets of the other rates stand still meanwhile. A bound that a change of tariff lowered
    below what is used already lies where the total is now.
    """
    meter, tariff, w = contract.meter, contract.tariff, contract.w
    opening = meter.book.closed(w.period - 1) if contract.period_end is not None else None
    if opening is None:
        return None
    bounds = tariff.tier_bounds(index, w.period_start - EPOCH, contract.part_end())
    tier, used = w.tiers >> 3 * index & 7, 0
    if tier >= len(bounds):
        return None
    for rate in range(tariff.imports):
        if tariff.tier_set(rate) == index:
            register = tariff.register(rate)
            used += live.rates[register] - opening.rates[register]
    return live.registers[IMPORT] + max(0, bounds[tier] - used)


def of_period(contract, period):
    """-> the Tariff of the part of this number. MeterError: its file is gone."""
    if period == contract.w.period:
        if contract.lost:
            raise MeterError("bill: the tariff file is missing or altered: push it again")
        return contract.tariff
    record = contract.meter.book.closed(period)
    if record is None:
        raise MeterError(
            "bill: period " + str(period) + " asked, open is " + str(contract.w.period)
            + ": ask for one that the ledger holds"
        )  # fmt: skip
    return load(contract, record.digest[:8])


def close(contract, live, reason, due):
    """Close the open part at live.t; due: the passive tariff takes effect. Can be repeated.

    Without the file of the passive tariff the one in force goes on, and each midnight it is
    tried again: metering must not stop.
    """
    book, events = contract.meter.book, contract.meter.events
    before, w, mask = contract.w, contract.w.copy(), None
    if due:
        mask = _mask_after(contract, live)
        if mask is None:
            due, midnight = False, contract.tariff.calendar.midnight(live.t)
            w.passive_at = midnight + EPOCH
            if reason == codes.TARIFF:
                contract.take(w, live.t)
                return
    closed = book.closed(w.period)
    if closed is None:  # else something broke off between the ledger and the W record
        book.ledger(reason if w.period else codes.START, live, contract, _carry(contract, live))
        closed = book.closed(w.period)
    w.period = closed.period + 1
    w.period_start = closed.utc
    w.tiers, w.tier_base_mwh = 0, closed.registers[IMPORT]
    w.demand, w.money = [0] * len(w.demand), closed.money
    if due:
        w.export_mask = mask
        w.active_digest, w.active_since = w.passive_digest, closed.utc
        w.passive_digest = NONE
        if w.limiter_state:
            from meter import limiter

            limiter.end(contract.meter, w, live.t)
            forget("meter.limiter")
        if book.row_t != live.t:  # else every row is all of one tariff
            live.status |= codes.TARIFF_CHANGE
    contract.take(w, live.t)
    events.log(codes.EVENT_PERIOD, live.t, before.period, w.period)
    if due:
        digests = _as_int(before.active_digest), _as_int(w.active_digest)
        events.log(codes.EVENT_TARIFF, live.t, *digests)


def _mask_after(contract, live):
    """-> export_mask under the passive tariff, or None: it cannot take effect, says an event."""
    digest = contract.w.passive_digest
    try:
        return _turned(contract, load(contract, digest), live)
    except MeterError:
        contract.meter.events.log(codes.EVENT_TARIFF_LOST, live.t, _as_int(digest))
        return None


def _carry(contract, live):
    """-> 4 ints: what the open part leaves to the next one."""
    if contract.w.period == 0 or contract.lost or contract.tariff.carry == "none":
        return contract.w.money
    from meter import statement

    try:
        return statement.carry(contract.meter, live)
    except MeterError:
        return contract.w.money  # the ledger has lost the opening: the next part must begin
    finally:
        for name in _BILLING:
            forget("meter." + name)


def load(contract, digest):
    """-> Tariff of the file whose name begins with these bytes. MeterError: none, not sound."""
    from meter import tariff_check

    name = digest.hex()
    text = contract.files.load(name)
    if text is None:
        raise MeterError("tariff " + name + ": no such file: copy it before it is scheduled")
    try:
        found = tariff_check.load(text)
    finally:
        forget("meter.tariff_check")
    if not found.digest.startswith(name):
        raise MeterError("tariff " + name + ": file of " + found.digest + ": copy it again")
    return found


def _turned(contract, following, live):
    from meter import tariff_check

    mask = tariff_check.directions(following, contract.w.export_mask, live.rates)
    forget("meter.tariff_check")
    return mask


def _as_int(digest):
    return int.from_bytes(digest[:7], "big")
