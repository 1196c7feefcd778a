"""Compiled tariffs for tests, built by hand so that each number is seen."""

import json

from meter import tariff_check

MADRID = "CET-1CEST,M3.5.0,M10.5.0/3"


def data(**changes):
    """A dict of a small valid tariff: day and night rates, one export rate, no tiers."""
    made = {
        "schema": 1,
        "name": "test",
        "source": "",
        "currency": "EUR",
        "decimals": 2,
        "rounding": "half_even",
        "zone": MADRID,
        "zone_name": "Europe/Madrid",
        "billing_day": 1,
        "interval_s": 900,
        "rates": [
            {"name": "night", "export": 0, "prices": [100_000_000]},
            {"name": "day", "export": 0, "prices": [300_000_000]},
        ],
        "exports": [{"name": "feed_in", "prices": [50_000_000]}],
        "tiers": {"mode": "none", "per": "period", "bounds": []},
        "seasons": [[1, 1, 0]],
        "weeks": [[0] * 7],
        "days": [[[0, 0], [480, 1], [1320, 0]]],
        "special_days": [],
        "fixed": None,
        "taxes": [],
        "fallback": 0,
    }
    made.update(changes)
    return made


def text(**changes):
    """-> canonical bytes; MicroPython's json knows no sort_keys, nor does the digest need it."""
    return json.dumps(data(**changes)).encode()


def load(**changes):
    return tariff_check.load(text(**changes))
