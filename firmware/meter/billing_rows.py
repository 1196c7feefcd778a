"""What the rows of the load profile decide on a bill: energy that is priced or netted interval
by interval. Loaded on demand, and only for tariffs that have such.

A row counts if all of its energy is of one rate and of one part of the contract; the energy of
any other, and of an interval that is still open, is billed from the registers alone: at the
rate's own price, and not netted.
"""

from meter import codes
from meter.sample import EXPORT, IMPORT

_MIXED = codes.CLOCK_INVALID | codes.RATE_SWITCH | codes.TARIFF_CHANGE | codes.TARIFF_LOST


def start(opening, seq):
    """-> the state of `add` at the opening of a part.

    opening   billing.Reading; seq: of the newest row before it, 0 if there was none
    """
    return seq, opening.registers[IMPORT], opening.registers[EXPORT], {}, {}


def add(tariff, state, rows):
    """-> the state with these rows in it, and the one given is left as it is.

    rows    records in ascending order that follow those added before
    state   (seq of the newest row, its import and export in mWh, {rate: (mWh, 1e-15 of
            currency)} at a dynamic price, {rate: mWh} by which netting lowers it)
    """
    last, imported, exported, spot, netted = state
    spot, netted = spot.copy(), netted.copy()
    by_interval = tariff.netting == "interval"
    for row in rows:
        bought, sold = row.import_mwh - imported, row.export_mwh - exported
        follows = row.seq == last + 1  # else rows are missing between, and with them prices
        last, imported, exported = row.seq, row.import_mwh, row.export_mwh
        rate = row.rate
        if not follows or row.status & _MIXED or rate >= tariff.imports:
            continue
        export = tariff.export_of[rate]
        if by_interval:
            both = min(bought, sold)
            bought, sold = bought - both, sold - both
            netted[rate] = netted.get(rate, 0) + both
            netted[export] = netted.get(export, 0) + both
        if row.price_id and tariff.dynamic:
            if tariff.dynamic[rate]:
                energy, amount = spot.get(rate, (0, 0))
                spot[rate] = energy + bought, amount + bought * row.price_nano
            if tariff.dynamic[export]:
                energy, amount = spot.get(export, (0, 0))
                spot[export] = energy + sold, amount + sold * row.export_nano
    return last, imported, exported, spot, netted


def settle(tariff, account, state):
    """Give a billing.Account what was added: its `spot` and `net`."""
    account.spot = state[3]
    if tariff.netting == "interval":
        net, before, after = {}, account.opening.rates, account.closing.rates
        for rate in range(len(tariff.rates)):
            register = tariff.register(rate)
            net[rate] = after[register] - before[register] - state[4].get(rate, 0)
        account.net = net
