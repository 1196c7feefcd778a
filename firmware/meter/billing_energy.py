"""The lines of bought and sold energy."""

from meter.billing_line import Line


def lines(tariff, account, kept):
    """Yields a Line for each rate and tier with energy.

    kept   list as Account.carry: what is kept in kWh for the next part is put there
    """
    used, den = _quantities(tariff, account, kept)
    bounds = {}
    for rate in range(tariff.imports):
        rest = used[rate]
        if rate in account.spot and account.spot[rate][0]:
            rest -= account.spot[rate][0]
            yield _by_interval("energy", tariff, rate, account, 1)
        if not rest:
            continue
        if tariff.tier_set(rate) < 0:
            tiers = ((0, (rest, den)),)
        else:
            tiers = _tiers(tariff, account, rate, used, den, bounds)
        for tier, quantity in tiers:
            price = tariff.price_nano(rate, tier)
            amount = (quantity[0] * price, quantity[1])
            yield Line("energy", tariff.rates[rate], tier, quantity, price, amount, tariff)
    for rate in range(tariff.imports, len(tariff.rates)):
        rest = used[rate]
        if rate in account.spot and account.spot[rate][0]:
            rest -= account.spot[rate][0]
            yield _by_interval("export", tariff, rate, account, -1)
        if rest:
            price = tariff.price_nano(rate, 0)
            amount = (-rest * price, den)
            yield Line("export", tariff.rates[rate], 0, (rest, den), price, amount, tariff)


def _by_interval(kind, tariff, rate, account, sign):
    mwh, amount = account.spot[rate]
    return Line(kind, tariff.rates[rate], 0, (mwh, 1), 0, (sign * amount, 1), tariff)


def _quantities(tariff, account, kept):
    """-> (by rate: what is billed, in 1 / den mWh; den)."""
    before, after, net = account.opening.rates, account.closing.rates, account.net
    used = []
    for rate in range(len(tariff.rates)):
        register = tariff.register(rate)
        used.append(after[register] - before[register])
        if net is not None and rate in net:
            used[rate] = net[rate]
    if tariff.netting != "month":
        return used, 1
    return _netted(tariff, used, kept)


def _netted(tariff, used, kept):
    """What is sold lowers what was bought by the rates that name its export rate, shared in
    proportion to what each bought."""
    factors, den = {}, 1
    for sold_by in range(tariff.imports, len(tariff.rates)):
        n = 2 + sold_by - tariff.imports  # its place in what is carried
        sold = used[sold_by] + (kept[n] if tariff.carry == "kwh" else 0)
        bought = 0
        for rate in range(tariff.imports):
            if tariff.export_of[rate] == sold_by:
                bought += used[rate]
        if bought > sold > 0:
            factors[sold_by] = bought - sold, bought
            den *= bought
        elif sold:
            factors[sold_by] = 0, 1
        surplus = max(0, sold - bought)
        if tariff.carry == "kwh":
            kept[n], surplus = surplus, 0
        used[sold_by] = surplus
    for rate in range(len(used)):
        num, part = 1, 1
        if rate < tariff.imports:
            num, part = factors.get(tariff.export_of[rate], (1, 1))
        used[rate] = used[rate] * num * (den // part)
    return used, den


def _tiers(tariff, account, rate, used, den, bounds):
    """Yields (tier, (mWh num, den)) with energy for one import rate in a tier set.

    used     by rate in 1 / den mWh
    bounds   {tier set: (bounds, what all its rates used)}, filled here
    """
    index = tariff.tier_set(rate)
    mode = tariff.tier_sets[index][0]
    if mode == "chronological":
        for tier, energy in _by_crossings(tariff, account, rate, index):
            yield tier, (energy, 1)
        return
    if index not in bounds:
        peak_mw = 0
        if tariff.peak_slot >= 0 and account.demand:
            peak_mw = account.demand[2 * tariff.peak_slot]
        limits = tariff.tier_bounds(index, account.opening.utc, account.end, peak_mw)
        whole = sum([used[r] for r in range(tariff.imports) if tariff.tier_set(r) == index])
        bounds[index] = limits, whole
    limits, whole = bounds[index]
    mine = used[rate]
    if mode == "per_rate":
        whole = mine
    below = 0
    for tier, bound in enumerate(limits + (None,)):
        upper = whole if bound is None else min(bound * den, whole)
        if upper > below:
            if whole == mine:
                yield tier, (upper - below, den)
            else:
                yield tier, (mine * (upper - below), whole * den)
            below = upper


def _by_crossings(tariff, account, rate, index):
    """Yields (tier, mWh): the registers at the crossings of its set say what was in a tier."""
    register = tariff.register(rate)
    tier, before = 0, account.opening.rates[register]
    for crossed, reading in account.crossings:
        if crossed == index:
            if reading.rates[register] != before:
                yield tier, reading.rates[register] - before
            tier, before = tier + 1, reading.rates[register]
    if account.closing.rates[register] != before:
        yield tier, account.closing.rates[register] - before
