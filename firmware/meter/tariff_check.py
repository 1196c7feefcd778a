"""Reads a tariff file: canonical JSON of ints and strings in, a sound Tariff out.

People write TOML; the host compiles it to this form (docs/tariffs.md) and names it by the
SHA-256 of its bytes. The checks here are the ones without which the core would misbehave;
the host's checks explain more. Loaded on demand.
"""

import hashlib
import json

from meter import limits
from meter.errors import MeterError
from meter.tariff import Tariff

SCHEMA = 1
MODES = ("none", "chronological", "prorata", "per_rate")
ROUNDINGS = ("half_even", "half_up", "down")
KINDS = ("energy", "export", "fixed")


def digest(text):
    """-> 64 hex digits: the name of a tariff file with these bytes."""
    return hashlib.sha256(text).digest().hex()


def load(text, rates_max=limits.RATES):
    """bytes of canonical JSON -> Tariff. MeterError: not a tariff this meter can run.

    rates_max   a host that simulates may allow more rates than a meter has registers
    """
    _need(len(text) <= limits.TARIFF_BYTES, "file", "at most 8192 bytes")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    _need(isinstance(data, dict), "file", "JSON of a compiled tariff")
    try:
        check(data, rates_max)
        return Tariff(data, digest(text))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MeterError("tariff: " + repr(error) + ": expected a compiled tariff: push it again")


def directions(tariff, export_mask, energies):
    """-> export_mask with this tariff's registers in it; bit r set: export.

    energies   16 ints, mWh, what the registers hold
    MeterError: a register that holds energy would change its direction.
    """
    for rate, name in enumerate(tariff.rates):
        register = tariff.register(rate)
        if (export_mask >> register & 1) != (rate >= tariff.imports):
            _need(not energies[register], "rates." + name, "a register that never counted")
            export_mask ^= 1 << register
    return export_mask


def unassigned():
    """-> the Tariff of a meter that has none yet: one rate without a price, in UTC."""
    data = {
        "name": "unassigned", "currency": "XXX", "decimals": 2, "rounding": "half_even",
        "zone": "UTC0", "billing_day": 1, "interval_s": 900,
        "rates": [{"name": "unassigned", "export": 0, "prices": [0]}],
        "exports": [{"name": "export", "prices": [0]}],
        "tiers": {"mode": "none", "per": "period", "bounds": []},
        "seasons": [[1, 1, 0]], "weeks": [[0] * 7], "days": [[[0, 0]]], "special_days": [],
        "fixed": None, "taxes": [], "fallback": 0,
    }  # fmt: skip
    return Tariff(data, "0" * 64)


def check(data, rates_max):
    """data: dict. MeterError, or KeyError, TypeError and the like: the core cannot run it."""
    _int(data["schema"], SCHEMA, SCHEMA, "schema")
    _int(data["decimals"], 0, 9, "decimals")
    _int(data["billing_day"], 0, 28, "billing_day")
    _need(data["interval_s"] in limits.INTERVALS_S, "interval_s", str(limits.INTERVALS_S))
    _need(data["rounding"] in ROUNDINGS, "rounding", " ".join(ROUNDINGS))
    _text(data["name"], "name")
    _text(data["currency"], "currency")
    _check_tiers(data["tiers"])
    _check_rates(data, rates_max)
    imports = len(data["rates"])
    _int(data["fallback"], 0, imports - 1, "fallback")
    _check_calendar(data, imports)
    if data["fixed"] is not None:
        nano, per = data["fixed"]
        _price(nano, "fixed")
        _need(per in ("day", "month"), "fixed", "day or month")
    _need(len(data["taxes"]) <= limits.TAXES, "taxes", "at most " + str(limits.TAXES))
    for name, ppm, kinds in data["taxes"]:
        _text(name, "taxes")
        _int(ppm, 0, 10_000_000, "taxes")
        for kind in kinds:
            _need(kind in KINDS, "taxes", " ".join(KINDS))


def _check_tiers(tiers):
    mode, bounds, last = tiers["mode"], tiers["bounds"], 0
    _need(mode in MODES, "tiers.mode", " ".join(MODES))
    _need(tiers["per"] in ("period", "day"), "tiers.per", "period or day")
    _need((mode == "none") == (not bounds), "tiers.bounds", "bounds if there is a mode")
    _need(len(bounds) < limits.TIERS, "tiers.bounds", "at most " + str(limits.TIERS) + " tiers")
    for bound in bounds:
        _int(bound, last + 1, limits.REGISTER_MAX, "tiers.bounds")
        last = bound


def _check_rates(data, rates_max):
    imports, exports = data["rates"], data["exports"]
    _need(imports and exports, "rates", "an import and an export rate at least")
    _int(len(imports) + len(exports), 2, rates_max, "rates")
    tiers = len(data["tiers"]["bounds"]) + 1
    for rate in imports:
        _int(rate["export"], 0, len(exports) - 1, "rates.export")
    for rate in imports + exports:
        _text(rate["name"], "rates")
        _need(len(rate["prices"]) in (1, tiers), rate["name"], "one price, or one a tier")
        for price in rate["prices"]:
            _price(price, rate["name"])


def _check_calendar(data, imports):
    seasons, weeks, profiles = data["seasons"], data["weeks"], data["days"]
    special = data["special_days"]
    _int(len(seasons), 1, limits.SEASONS, "seasons")
    _int(len(weeks), 1, limits.WEEKS, "weeks")
    _int(len(profiles), 1, limits.DAYS, "days")
    _int(len(special), 0, limits.SPECIAL_DAYS, "special_days")
    _need(sorted(seasons) == seasons, "seasons", "ascending dates")
    for month, day, week in seasons:
        _date(month, day, "seasons")
        _int(week, 0, len(weeks) - 1, "seasons")
    for week in weeks:
        _int(len(week), 7, 7, "weeks")
        for profile in week:
            _int(profile, 0, len(profiles) - 1, "weeks")
    for year, month, day, profile in special:
        _need(year == 0 or 2001 <= year <= 2255, "special_days", "a year, or 0")
        _date(month, day, "special_days")
        _int(profile, 0, len(profiles) - 1, "special_days")
    for switches in profiles:
        _int(len(switches), 1, limits.SWITCHES, "days")
        _need(switches[0][0] == 0, "days", "a switch at minute 0")
        last = -1
        for minute, rate in switches:
            _int(minute, last + 1, 1439, "days")
            _int(rate, 0, imports - 1, "days")
            last = minute


def _date(month, day, where):
    _int(month, 1, 12, where)
    _int(day, 1, 31, where)


def _price(nano, where):
    _int(nano, -limits.PRICE_NANO_MAX, limits.PRICE_NANO_MAX, where)


def _text(value, where):
    _need(isinstance(value, str) and len(value) <= 64, where, "a text of at most 64 letters")


def _int(value, low, high, where):
    whole = isinstance(value, int) and not isinstance(value, bool)
    _need(whole and low <= value <= high, where, str(low) + " to " + str(high))


def _need(condition, where, expected):
    if not condition:
        raise MeterError("tariff: " + where + ": expected " + expected + ": push a checked tariff")
