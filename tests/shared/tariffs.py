"""Compiled tariffs for tests, built by hand so that each number is seen."""

import json

from meter import tariff_check

MADRID = "CET-1CEST,M3.5.0,M10.5.0/3"


def data(**changes):
    """A dict of a small valid tariff: day and night rates, one export rate, no tiers.

    What a change leaves out of a rate is filled in. `tiers` may be one set instead of a list:
    then all import rates that name none belong to it.
    """
    made = {
        "schema": 1,
        "name": "test",
        "source": "",
        "currency": "EUR",
        "decimals": 2,
        "rounding": "half_even",
        "valid_from": 0,
        "zone": MADRID,
        "zone_name": "Europe/Madrid",
        "billing_day": 1,
        "interval_s": 900,
        "rates": [
            {"name": "night", "export": 0, "prices": [100_000_000]},
            {"name": "day", "export": 0, "prices": [300_000_000]},
        ],
        "exports": [{"name": "feed_in", "prices": [50_000_000]}],
        "tiers": [],
        "seasons": [[1, 1, 0]],
        "weeks": [[0] * 7],
        "days": [[[0, 0], [480, 1], [1320, 0]]],
        "special_days": [],
        "demand": None,
        "limiter": None,
        "dynamic": None,
        "netting": {"mode": "none", "carry": "none"},
        "reactive": None,
        "fixed": [],
        "minimum": None,
        "taxes": [],
        "fallback": 0,
    }
    made.update(changes)
    one_set = isinstance(made["tiers"], dict)
    if one_set:
        made["tiers"] = [made["tiers"]]
    made["rates"] = [_filled(rate, {"tiers": 0 if one_set else -1}) for rate in made["rates"]]
    made["exports"] = [_filled(rate, {}) for rate in made["exports"]]
    return made


def _filled(rate, more):
    made = {"dynamic": None}
    made.update(more)
    made.update(rate)
    return made


def charge(name="peak", **changes):
    """A dict of a demand charge: the highest window of the part, 10 a kW, all rates and months."""
    made = {
        "name": name,
        "rates": [],
        "months": 4095,
        "highest": 1,
        "bounds": [],
        "prices": [10_000_000_000],
        "ratchet": None,
    }
    made.update(changes)
    return made


def demand(*charges, window_s=900, parts=1):
    """The `demand` of a tariff."""
    return {"window_s": window_s, "parts": parts, "charges": list(charges) or [charge()]}


def level(name="limit", **changes):
    """A dict of a limiter level: above 5 kW, re-priced into rate 1 in the next window."""
    made = {
        "name": name,
        "action": "reprice",
        "threshold_mw": 5_000_000,
        "release_mw": 5_000_000,
        "over": 1,
        "under": 1,
        "rate": 1,
        "manual": 0,
    }
    made.update(changes)
    return made


def limiter(*levels, window_s=900):
    """The `limiter` of a tariff."""
    return {"window_s": window_s, "levels": list(levels) or [level()]}


def text(**changes):
    """-> canonical bytes; MicroPython's json knows no sort_keys, nor does the digest need it."""
    return json.dumps(data(**changes)).encode()


def load(wide=False, **changes):
    return tariff_check.load(text(**changes), wide)
