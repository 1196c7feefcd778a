"""Rate sheets of URDB drawn at random, of all that importer and reference both bill.

Not drawn: what the reference reads otherwise. It takes a month's energy that comes to less than
nothing as 0 where it nets by the month, so no price is below 0.
"""

import random

UNITS = ("kWh", "kWh daily", "kWh/kW", "kWh/kW daily")


def sheet(seed, tiered=True):
    """-> a sheet as a dict; the same seed, the same sheet."""
    rng = random.Random(seed)
    drawn = {"name": f"drawn {seed}", "utility": "made up", "country": "USA"}
    drawn.update(_energy(rng, tiered))
    if rng.random() < 0.5:
        drawn.update(_flat(rng))
    if rng.random() < 0.5:
        drawn.update(_tou(rng))
    if rng.random() < 0.7:
        drawn["fixedchargefirstmeter"] = _price(rng, 0, 40, 5)
        drawn["fixedchargeunits"] = rng.choice(("$/day", "$/month", "$/year"))
    if rng.random() < 0.4:
        drawn["mincharge"] = _price(rng, 0, 60, 2)
        drawn["minchargeunits"] = rng.choice(("$/month", "$/day", "$/year"))
        if drawn["minchargeunits"] == "$/year":
            drawn["mincharge"] *= 50
        if drawn["minchargeunits"] == "$/day":
            drawn["mincharge"] = round(drawn["mincharge"] / 50, 2)
    return drawn


def _price(rng, low, high, decimals=6):
    return round(rng.uniform(low, high), rng.randint(0, decimals))


def _seasons(rng):
    """-> by month, the number of its season; some seasons go over the new year."""
    count = rng.randint(1, 3)
    starts = sorted(rng.sample(range(12), count))
    return [(sum(m >= start for start in starts) - 1) % count for m in range(12)]


def _schedule(rng, choices):
    """choices: by month, the periods that it may name. Weekday and weekend differ."""
    tables = []
    for _ in range(2):
        plans = {}
        for periods in {tuple(c) for c in choices}:
            row, hour = [], 0
            while hour < 24:
                length = rng.randint(1, 12)
                row += [rng.choice(periods)] * length
                hour += length
            plans[periods] = row[:24]
        tables.append([list(plans[tuple(periods)]) for periods in choices])
    return tables


def _energy(rng, tiered):
    seasons = _seasons(rng)
    structure, choices = [], {}
    for season in range(max(seasons) + 1):
        unit = rng.choice(UNITS) if tiered else "kWh"
        high = {"kWh": 900, "kWh daily": 30, "kWh/kW": 300, "kWh/kW daily": 10}[unit]
        count = rng.randint(1, 4) if tiered else 1
        bounds = sorted(rng.sample(range(1, 10 * high), count - 1))
        bounds = [b / 10 for b in bounds]
        choices[season] = []
        for _ in range(rng.randint(1, 3)):
            tiers = []
            for t in range(count):
                tier = {"rate": _price(rng, 0.05, 0.5, 9), "unit": unit}
                if rng.random() < 0.4:
                    tier["adj"] = _price(rng, -min(0.04, tier["rate"] / 2), 0.1, 7)
                if t < count - 1:
                    tier["max"] = bounds[t]
                tiers.append(tier)
            choices[season].append(len(structure))
            structure.append(tiers)
    weekday, weekend = _schedule(rng, [choices[season] for season in seasons])
    return {
        "energyratestructure": structure,
        "energyweekdayschedule": weekday,
        "energyweekendschedule": weekend,
    }


def _kw_bounds(rng):
    return sorted(rng.sample(range(5, 120), rng.randint(0, 2)))


def _kw_tiers(rng, bounds):
    tiers = [{"rate": _price(rng, 0, 20, 4)} for _ in range(len(bounds) + 1)]
    for tier, bound in zip(tiers, bounds, strict=False):
        tier["max"] = bound / 10
    if rng.random() < 0.3:
        tiers[0]["adj"] = _price(rng, 0, 2, 3)
    return tiers


def _flat(rng):
    structure = [_kw_tiers(rng, _kw_bounds(rng)) for _ in range(rng.randint(1, 3))]
    months = [rng.randrange(len(structure)) for _ in range(12)]
    return {
        "flatdemandstructure": structure,
        "flatdemandmonths": months,
        "flatdemandunit": "kW",
    }


def _tou(rng):
    bounds = _kw_bounds(rng)  # the reference wants them equal, the importer does not
    structure = [_kw_tiers(rng, bounds) for _ in range(4)]
    if rng.random() < 0.5:
        for tier in structure[0]:
            tier.update(rate=0, adj=0)
    seasons = _seasons(rng)
    choices = {s: rng.sample(range(4), rng.randint(1, 4)) for s in set(seasons)}
    weekday, weekend = _schedule(rng, [choices[season] for season in seasons])
    return {
        "demandratestructure": structure,
        "demandweekdayschedule": weekday,
        "demandweekendschedule": weekend,
        "demandrateunit": "kW",
    }
