"""Histories and tariffs for the tests of the analysis, made by hand or drawn."""

import numpy as np

from meter.civil import DAY_S, EPOCH, days
from wattledger.analysis.history import History
from wattledger.tariffs.tariff_file import compile_text

KWH = 1_000_000  # mWh
HEAD = """
schema = 1
name = "{name}"
currency = "{currency}"
timezone = "Europe/Madrid"
billing_day = 1
fallback = "night"
[rates.day]
price = "0.30"
[rates.night]
price = "0.10"
[seasons.year]
from = "01-01"
week = "week"
[weeks.week]
mon-sun = "each"
[days.each]
day = ["08:00-20:00"]
night = "otherwise"
"""


def tariff(more="", name="Day and night", currency="EUR", **changes):
    """-> a tariff in Madrid: 0.30 from 8 to 20 h, else 0.10, and more TOML."""
    text = HEAD.format(name=name, currency=currency) + more
    for old, new in changes.values():
        assert old in text
        text = text.replace(old, new)
    return compile_text(text, "test.toml", wide=True).tariff()


def history(zone, bought, date=(2026, 1, 1), step_s=3600, sold=None):
    """Rows of step_s from local midnight of a date on, mWh."""
    start = zone.to_utc(days(*date) * DAY_S) + EPOCH
    starts = start + step_s * np.arange(len(bought), dtype=np.int64)
    zeros = np.zeros(len(bought), dtype=np.int64)
    imported = np.array(bought, dtype=np.int64)
    exported = zeros if sold is None else np.array(sold, dtype=np.int64)
    energies = imported, exported, imported // 3, zeros
    return History(
        "made", zone, starts, starts + step_s, *energies, zeros, np.zeros(len(bought), dtype=bool)
    )
