"""Random compiled tariffs: sound ones, as odd as the format allows."""

import json

from wattledger.zones import posix_rule

ZONES = ("Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Santiago")
_INTERVALS_S = (900, 900, 900, 900, 1800, 3600, 300)
_KWH = 1_000_000  # mWh


def random_tariff(rng):
    """-> dict of a compiled tariff."""
    zone = rng.choice(ZONES)
    exports = rng.randint(1, 3)
    imports = rng.choice((1, 2, 2, 3, 3, 4, 5, 6))
    if rng.random() < 0.03:
        imports = 16 - exports  # takes registers that other tariffs may have for export
    mode = rng.choice(("none", "chronological", "chronological", "prorata", "per_rate"))
    per = rng.choice(("period", "day"))
    bounds = _bounds(rng, per) if mode != "none" else []
    profiles = [_day(rng, imports) for _ in range(rng.randint(1, 5))]
    weeks = [[rng.randrange(len(profiles)) for _ in range(7)] for _ in range(rng.randint(1, 4))]
    return {
        "schema": 1,
        "name": f"random {rng.randrange(10**6)}",
        "source": "",
        "currency": "EUR",
        "decimals": rng.choice((0, 2, 2, 2, 4)),
        "rounding": rng.choice(("half_even", "half_up", "down")),
        "zone": posix_rule(zone),
        "zone_name": zone,
        "billing_day": rng.choice((0, 1, 1, 2, 15, 28)),
        "interval_s": rng.choice(_INTERVALS_S),
        "rates": [
            {"name": f"i{n}", "export": rng.randrange(exports), "prices": _prices(rng, bounds)}
            for n in range(imports)
        ],
        "exports": [{"name": f"e{n}", "prices": _prices(rng, bounds)} for n in range(exports)],
        "tiers": {"mode": mode, "per": per, "bounds": bounds},
        "seasons": _seasons(rng, len(weeks)),
        "weeks": weeks,
        "days": profiles,
        "special_days": _special_days(rng, len(profiles)),
        "fixed": rng.choice((None, [_price(rng), "day"], [_price(rng), "month"])),
        "taxes": [
            [f"tax{n}", rng.randrange(300_000), rng.sample(["energy", "export", "fixed"], 2)]
            for n in range(rng.randint(0, 2))
        ],
        "fallback": rng.randrange(imports),
    }


def text_of(data):
    """-> canonical bytes."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _price(rng):
    return rng.randint(-50_000_000, 400_000_000)


def _prices(rng, bounds):
    count = rng.choice((1, len(bounds) + 1))
    return [_price(rng) for _ in range(count)]


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
