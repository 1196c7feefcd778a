"""Accounts for tests of the bill, built by hand so that each number is seen."""

import tariffs

from meter.billing import Account, Reading, lines
from meter.civil import DAY_S, days

KWH = 1_000_000  # mWh
KW = 1_000_000  # mW
CENT = 10**13  # 1e-15 of a currency
PRICES = ((100_000_000, 200_000_000), (300_000_000, 400_000_000))  # night, day; by tier


def madrid(month, day, hour=0, year=2026):
    """-> core second of a wall clock reading; summer time from April to October."""
    return days(year, month, day) * DAY_S + 3600 * (hour - (2 if 4 <= month <= 10 else 1))


def reading(t, rates=(), sold=(), q1=0):
    """rates: mWh by import rate; sold: by export rate; q1: mvarh."""
    registers = list(rates) + [0] * (16 - len(rates))
    for n, energy in enumerate(sold):
        registers[15 - n] = energy
    return Reading(t, registers, [sum(rates), sum(sold), q1, 0, 0, 0, 0])


def account(used=(), sold=(), q1=0, begin=None, end=None, **more):
    """The whole of June 2026 if not said otherwise."""
    begin, end = begin or madrid(6, 1), end or madrid(7, 1)
    return Account(reading(begin), reading(end, used, sold, q1), **more)


def bill(tariff, *args, **more):
    return list(lines(tariff, account(*args, **more)))


def rounded(found, kind=None):
    return [line.rounded for line in found if kind in (None, line.kind)]


def tiered(mode, bounds, per="period", **changes):
    rates = [
        {"name": name, "export": 0, "prices": list(p)} for name, p in zip(("night", "day"), PRICES)
    ]
    return tariffs.load(tiers={"mode": mode, "per": per, "bounds": bounds}, rates=rates, **changes)
