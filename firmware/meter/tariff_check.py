"""Reads a tariff file: canonical JSON of ints and strings in, a sound Tariff out.

People write TOML; the host compiles it to this form (docs/tariffs.md) and names it by the
SHA-256 of its bytes. The checks here and in `meter.tariff_rules` are the ones without which
the core would misbehave; the host's checks explain more. Loaded on demand.
"""

import hashlib
import json

from meter import limits
from meter.compat import forget
from meter.errors import MeterError

SCHEMA = 1
MODES = ("chronological", "prorata", "per_rate")
ROUNDINGS = ("half_even", "half_up", "down")
KINDS = ("energy", "export", "demand", "reactive", "fixed", "minimum")


class Room:
    """How much of each a tariff may have: on a meter, or (wide) in a simulation on a host."""

    def __init__(self, wide=False):
        self.wide = wide
        self.rates = 200 if wide else limits.RATES
        self.tiers = 16 if wide else limits.TIERS
        self.tier_sets = 24 if wide else limits.TIER_SETS
        self.seasons = 12 if wide else limits.SEASONS
        self.weeks = 24 if wide else limits.WEEKS
        self.days = 200 if wide else limits.DAYS
        self.switches = 96 if wide else limits.SWITCHES
        self.demand_slots = 200 if wide else limits.DEMAND_SLOTS


def digest(text):
    """-> 64 hex digits: the name of a tariff file with these bytes."""
    return hashlib.sha256(text).digest().hex()


def load(text, wide=False):
    """bytes of canonical JSON -> Tariff. MeterError: not a tariff this meter can run.

    wide   for a simulation: more of everything than a meter has room for
    """
    need(wide or len(text) <= limits.TARIFF_BYTES, "file", "at most 8192 bytes")
    try:
        data = json.loads(text)
    except (ValueError, RuntimeError):  # the second: too many brackets for CPython
        data = None
    need(isinstance(data, dict), "file", "JSON of a compiled tariff")
    try:
        check(data, wide)
        return _packed(data, digest(text))
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
            need(not energies[register], "rates." + name, "a register that never counted")
            export_mask ^= 1 << register
    return export_mask


def unassigned():
    """-> the Tariff of a meter that has none yet: one rate without a price, in UTC."""
    data = {
        "name": "unassigned", "currency": "XXX", "decimals": 2, "rounding": "half_even",
        "valid_from": 0, "zone": "UTC0", "billing_day": 1, "interval_s": 900, "fallback": 0,
        "rates": [
            {"name": "unassigned", "export": 0, "prices": [0], "tiers": -1, "dynamic": None}
        ],
        "exports": [{"name": "export", "prices": [0], "dynamic": None}], "tiers": [],
        "seasons": [[1, 1, 0]], "weeks": [[0] * 7], "days": [[[0, 0]]], "special_days": [],
        "demand": None, "limiter": None, "dynamic": None, "reactive": None,
        "netting": {"mode": "none", "carry": "none"}, "fixed": [], "minimum": None, "taxes": [],
    }  # fmt: skip
    return _packed(data, "0" * 64)


def check(data, wide=False):
    """data: dict. MeterError, or KeyError, TypeError and the like: the core cannot run it."""
    integer(data["schema"], SCHEMA, SCHEMA, "schema")
    integer(data["valid_from"], 0, 0xFFFFFFFF, "valid_from")
    integer(data["decimals"], 0, 9, "decimals")
    integer(data["billing_day"], 0, 28, "billing_day")
    need(data["interval_s"] in limits.INTERVALS_S, "interval_s", str(limits.INTERVALS_S))
    need(data["rounding"] in ROUNDINGS, "rounding", " ".join(ROUNDINGS))
    named(data["name"], "name")
    named(data["currency"], "currency")
    integer(data["fallback"], 0, len(data["rates"]) - 1, "fallback")
    room = Room(wide)
    from meter import tariff_rules

    tariff_rules.check(data, room)
    forget("meter.tariff_rules")
    _check_calendar(data, len(data["rates"]), room)


def _check_calendar(data, imports, room):
    seasons, weeks, profiles = data["seasons"], data["weeks"], data["days"]
    special = data["special_days"]
    integer(len(seasons), 1, room.seasons, "seasons")
    integer(len(weeks), 1, room.weeks, "weeks")
    integer(len(profiles), 1, room.days, "days")
    integer(len(special), 0, limits.SPECIAL_DAYS, "special_days")
    need(sorted(seasons) == seasons, "seasons", "ascending dates")
    for month, day, week in seasons:
        _date(month, day, "seasons")
        integer(week, 0, len(weeks) - 1, "seasons")
    for week in weeks:
        integer(len(week), 7, 7, "weeks")
        for profile in week:
            integer(profile, 0, len(profiles) - 1, "weeks")
    for year, month, day, profile in special:
        need(year == 0 or 2001 <= year <= 2255, "special_days", "a year, or 0")
        _date(month, day, "special_days")
        integer(profile, 0, len(profiles) - 1, "special_days")
    grid_s = _switch_grid_s(data)
    for switches in profiles:
        integer(len(switches), 1, room.switches, "days")
        need(switches[0][0] == 0, "days", "a switch at minute 0")
        last = -1
        for minute, rate in switches:
            integer(minute, last + 1, 1439, "days")
            integer(rate, 0, imports - 1, "days")
            for grid in grid_s:
                expected = "switch times on the borders of " + str(grid) + " s"
                need(60 * minute % grid == 0, "days", expected)
            last = minute


def _switch_grid_s(data):
    """-> seconds whose borders all switch times must be on: a demand window, or an interval
    that is settled by itself, must not hold two rates."""
    found, demand = [], data["demand"]
    if demand and demand["parts"] == 1:
        found.append(demand["window_s"])
    if data["dynamic"] or data["netting"]["mode"] == "interval":
        found.append(data["interval_s"])
    return found


def _packed(data, digest_hex):
    from meter import tariff_pack

    made = tariff_pack.packed(data, digest_hex)
    forget("meter.tariff_pack")
    return made


def _date(month, day, where):
    integer(month, 1, 12, where)
    integer(day, 1, 31, where)


def price(nano, where):
    """Refuse what is not a price."""
    integer(nano, -limits.PRICE_NANO_MAX, limits.PRICE_NANO_MAX, where)


def named(value, where):
    """Refuse what is not a short text."""
    need(isinstance(value, str) and len(value) <= 64, where, "a text of at most 64 letters")


def integer(value, low, high, where):
    """Refuse what is not an int from low to high."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    need(whole and low <= value <= high, where, str(low) + " to " + str(high))


def need(condition, where, expected):
    """MeterError unless condition."""
    if not condition:
        raise MeterError("tariff: " + where + ": expected " + expected + ": push a checked tariff")
