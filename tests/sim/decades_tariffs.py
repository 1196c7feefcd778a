"""Random compiled tariffs: sound ones, as odd as the format allows."""

import json

from tests.sim.decades_charges import extend, random_price
from wattledger.tariffs.zones import posix_rule

ZONES = ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
_INTERVALS_S = (900, 900, 900, 900, 1800, 3600, 300)
_KWH = 1_000_000  # mWh
_KINDS = ["energy", "export", "fixed"]


def random_tariff(rng):
    """-> dict of a compiled tariff."""
    zone = rng.choice(ZONES)
    exports = rng.randint(1, 3)
    imports = rng.choice((1, 2, 2, 3, 3, 4, 5, 6))
    if rng.random() < 0.03:
        imports = 16 - exports  # takes registers that other tariffs may have for export
    sets = [_tier_set(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    profiles = [_day(rng, imports) for _ in range(rng.randint(1, 5))]
    weeks = [[rng.randrange(len(profiles)) for _ in range(7)] for _ in range(rng.randint(1, 4))]
    data = {
        "schema": 1,
        "name": f"random {rng.randrange(10**6)}",
        "source": "",
        "valid_from": 0,
        "currency": "EUR",
        "decimals": rng.choice((0, 2, 2, 2, 4)),
        "rounding": rng.choice(("half_even", "half_up", "down")),
        "zone": posix_rule(zone),
        "zone_name": zone,
        "billing_day": rng.choice((0, 1, 1, 2, 15, 28)),
        "interval_s": rng.choice(_INTERVALS_S),
        "rates": [_rate(rng, f"i{n}", exports, sets) for n in range(imports)],
        "exports": [
            {"name": f"e{n}", "prices": [random_price(rng)], "dynamic": None}
            for n in range(exports)
        ],
        "tiers": sets,
        "seasons": _seasons(rng, len(weeks)),
        "weeks": weeks,
        "days": profiles,
        "special_days": _special_days(rng, len(profiles)),
        "demand": None,
        "limiter": _limiter(rng, imports) if rng.random() < 0.5 else None,
        "dynamic": None,
        "netting": {"mode": "none", "carry": "none"},
        "reactive": None,
        "fixed": [
            [f"f{n}", random_price(rng), rng.choice(("day", "month", "year"))]
            for n in range(rng.randint(0, 2))
        ],
        "minimum": rng.choice(
            (None, [rng.randrange(10**10), rng.choice(("day", "month")), rng.sample(_KINDS, 2)])
        ),
        "taxes": [
            [f"tax{n}", rng.randrange(300_000), rng.sample([*_KINDS, "minimum"], 2)]
            for n in range(rng.randint(0, 2))
        ],
        "fallback": rng.randrange(imports),
    }
    extend(rng, data)
    return data


def text_of(data):
    """-> canonical bytes, of a price schedule too."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _rate(rng, name, exports, sets):
    index = rng.randrange(len(sets)) if sets and rng.random() < 0.8 else -1
    count = rng.choice((1, len(sets[index]["bounds"]) + 1)) if index >= 0 else 1
    return {
        "name": name,
        "export": rng.randrange(exports),
        "prices": [random_price(rng) for _ in range(count)],
        "tiers": index,
        "dynamic": None,
    }


def _tier_set(rng):
    per = rng.choice(("period", "day"))
    mode = rng.choice(("chronological", "chronological", "prorata", "per_rate"))
    return {"mode": mode, "per": per, "bounds": _bounds(rng, per)}


def _limiter(rng, imports):
    levels = []
    for n in range(rng.randint(1, 3)):
        action = rng.choice(("remind", "reprice", "reprice", "shed"))
        threshold_mw = rng.choice((3_000, 200_000, 800_000, 2_000_000, 4_500_000))
        levels.append(
            {
                "name": f"level{n}",
                "action": action,
                "threshold_mw": threshold_mw,
                "release_mw": rng.randint(threshold_mw // 4, threshold_mw),
                "over": rng.choice((1, 1, 2, 5)),
                "under": rng.choice((1, 2, 3, 31)),
                "rate": rng.randrange(imports) if action == "reprice" else 0,
                "manual": rng.randrange(2) if action == "shed" else 0,
            }
        )
    return {"window_s": rng.choice((60, 300, 900, 900, 1800, 3600)), "levels": levels}


def _bounds(rng, per):
    step = 120 * _KWH if per == "period" else 4 * _KWH
    bounds, last = [], 0
    for _ in range(rng.randint(1, 4)):
        last += rng.randint(1, step)
        bounds.append(last)
    return bounds


def _day(rng, imports):
    minutes = {0}
    for _ in range(rng.randint(0, 6)):
        minutes.add(rng.randrange(1440) if rng.random() < 0.4 else 15 * rng.randrange(96))
    return [[minute, rng.randrange(imports)] for minute in sorted(minutes)]


def _seasons(rng, weeks):
    starts = {(rng.randint(1, 12), rng.randint(1, 29)) for _ in range(rng.randint(1, 4))}
    return [[month, day, rng.randrange(weeks)] for month, day in sorted(starts)]


def _special_days(rng, profiles):
    dates = {(0, 1, 1), (0, 12, 31), (0, 2, 29)}
    for _ in range(rng.randint(0, 8)):
        dates.add(
            (rng.choice((0, rng.randint(2025, 2040))), rng.randint(1, 12), rng.randint(1, 28))
        )
    chosen = rng.sample(sorted(dates), rng.randint(0, len(dates)))
    return [[year, month, day, rng.randrange(profiles)] for year, month, day in sorted(chosen)]
