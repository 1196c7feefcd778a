"""What else a random tariff may have: demand charges, netting, prices by the interval, bounds
per kW; and random price schedules."""

from math import lcm

_KINDS = ["energy", "export", "demand", "reactive", "fixed"]
_ALL_MONTHS = 4095
_EVENTS = 3


def extend(rng, data):
    """Add what goes together with what the compiled tariff has; switch times go to the grid
    that this asks for."""
    imports = len(data["rates"])
    if rng.random() < 0.5:
        data["demand"] = _demand(rng, imports)
        if data["tiers"] and rng.random() < 0.3:
            _per_kw(rng, data)
    if rng.random() < 0.25:
        _by_interval(rng, data)
    _net(rng, data)
    if rng.random() < 0.3:
        data["reactive"] = {"price": random_price(rng), "free": rng.randrange(10**9)}
    for charge in (data["minimum"], *data["taxes"]):
        if charge and rng.random() < 0.5:
            charge[2] = rng.sample(_KINDS, 3)
    _to_grid(data)


def _demand(rng, imports):
    window_s = rng.choice((300, 900, 900, 900, 1800, 3600))
    parts = rng.choice([1, 1, *(n for n in range(2, 13) if window_s % (300 * n) == 0)])
    charges, slots = [], 12
    for n in range(rng.randint(1, 3)):
        highest = rng.choice([1, 1, 1, *(h for h in (2, 3, 5) if h <= slots)])
        slots -= highest
        bounds = sorted(rng.sample(range(1, 8_000_000), rng.choice((0, 0, 1, 2))))
        rates = range(imports)
        charges.append(
            {
                "name": f"d{n}",
                "rates": sorted(rng.sample(rates, rng.randint(0, imports // 2))),
                "months": rng.choice((_ALL_MONTHS, _ALL_MONTHS, rng.randint(1, _ALL_MONTHS))),
                "highest": highest,
                "bounds": bounds,
                "prices": [random_price(rng) * 100 for _ in range(len(bounds) + 1)],
                "ratchet": rng.choice((None, [rng.randrange(1_000_000), rng.randint(1, 12)])),
            }
        )
    return {"window_s": window_s, "parts": parts, "charges": charges}


def _per_kw(rng, data):
    """One of the tier sets per kW of the highest demand."""
    tiers = rng.choice(data["tiers"])
    tiers["per"], tiers["mode"] = "kw", rng.choice(("prorata", "per_rate"))
    data["demand"]["charges"][0].update({"rates": [], "months": _ALL_MONTHS, "highest": 1})


def _by_interval(rng, data):
    """Some rates at a dynamic price."""
    able = [rate for rate in data["rates"] if rate["tiers"] < 0] + data["exports"]
    for rate in rng.sample(able, rng.randint(1, len(able))):
        rate["dynamic"] = [rng.randrange(-100_000, 2_000_000), random_price(rng)]
    data["dynamic"] = {"settlement": rng.choice(("interval", "hour"))}
    data["interval_s"] = max(900, data["interval_s"])  # or a month of rows is not held
    if data["limiter"]:
        data["limiter"]["window_s"] = min(3600, rng.choice((1, 1, 2)) * data["interval_s"])


def _net(rng, data):
    modes = ["none", "none", "interval"]
    if any(tiers["mode"] == "chronological" for tiers in data["tiers"]):
        modes = ["none"]
    elif not data["dynamic"]:
        modes += ["month", "month"]
    mode = rng.choice(modes)
    carries = ["none", "money"]
    if mode == "month" and len(data["exports"]) <= 2:
        carries += ["kwh", "kwh"]
    data["netting"] = {"mode": mode, "carry": rng.choice(carries)}
    if mode == "interval":
        data["interval_s"] = max(900, data["interval_s"])


def _to_grid(data):
    grid_s = 60
    if data["demand"] and data["demand"]["parts"] == 1:
        grid_s = lcm(grid_s, data["demand"]["window_s"])
    if data["dynamic"] or data["netting"]["mode"] == "interval":
        grid_s = lcm(grid_s, data["interval_s"])
    for switches in data["days"]:
        moved = {minute - minute % (grid_s // 60): rate for minute, rate in switches}
        switches[:] = [[minute, moved[minute]] for minute in sorted(moved)]


def random_prices(rng, utc, rates):
    """-> dict of a price schedule around now, for a tariff with these import rates.

    utc   Unix seconds now
    """
    step_s = rng.choice((900, 1800, 3600))
    start = utc - utc % step_s - step_s * rng.randint(0, 20)
    count, both = rng.randint(1, 192), rng.random() < 0.5
    events, at = [], utc + rng.randint(-7200, 86400)
    for _ in range(rng.randrange(_EVENTS)):
        end = at + rng.randint(1, 20_000)
        events.append([at, end, rng.choice(rates)])
        at = end + rng.choice((0, rng.randint(0, 200_000)))
    if events and rng.random() < 0.3:
        count = 0  # a tariff without dynamic rates has events, too
    return {
        "schema": 1,
        "kind": "prices",
        "id": rng.randrange(65536),
        "currency": "EUR",
        "start": start,
        "step_s": step_s,
        "import": [random_price(rng) for _ in range(count)],
        "export": [random_price(rng) for _ in range(count)] if both else [],
        "events": events,
    }


def random_price(rng):
    """-> nano-units of the currency"""
    return rng.randint(-50_000_000, 400_000_000)
