"""A meter that says what a test wants, and a house whose every day is worked out here."""

import math
import random
import time
from types import SimpleNamespace

from meter import codes
from meter.civil import EPOCH
from wattledger import simulate
from wattledger.analysis.history import of_intervals
from wattledger.errors import ToolError
from wattledger.live.state import Day, Now
from wattledger.profile import Interval

STEP_S = 900
HOSTILE = '<img src=x onerror="window.hacked=1">&amp;\'"</script>'


def house(tariff, start, days=40, seed=7, sold=False):
    """-> History by quarter hours: little at night, cooking, an evening, some noise.

    start   Unix s
    """
    dice, rows = random.Random(seed), []
    for n in range(days * 96):
        hour = n % 96 / 4
        kw = 0.18 + 0.9 * math.exp(-(((hour - 7.5) / 0.9) ** 2))
        kw += 1.9 * math.exp(-(((hour - 19.5) / 1.6) ** 2)) + 0.5 * math.exp(-((hour - 12.5) ** 2))
        kw *= 0.75 + dice.random() / 2
        kw += 1.5 * (dice.random() < 0.03)
        fed = int(1e5 * max(0, math.sin((hour - 6) / 12 * math.pi))) if sold else 0
        at = start + STEP_S * n
        energies = int(kw * 250_000), fed, int(kw * 50_000), 0
        rows.append(Interval(n + 1, at, at + STEP_S, *energies, 0, 0, 2300, 2320, 0))
    return of_intervals(rows, tariff.calendar.zone, "house")


def event(code, utc, before=0, after=0, count=1):
    return SimpleNamespace(
        seq=1,
        utc=utc,
        group=code >> 8,
        code=code & 255,
        count=count,
        before=before,
        after=after,
    )


class FakeSource:
    """A Source. silence: a text, and it answers no more; facts and alerts can be changed."""

    every_s = 0.1

    def __init__(self, tariff, history, name="f00000000001"):
        self.name, self._tariff, self._history = name, tariff, history
        self.silence, self.age_s, self.edition, self.opened, self.error = "", 0, 0, 1, None
        self.utc = int(history.end[-1]) + 600
        bill = simulate.bills_of([tariff], history.load())[-1]
        self.bill = bill
        self.facts = [
            ("power", "1,234.5 W"),
            ("rate now", "shoulder_winter, tier 2"),
            ("price now", f"0.1975 {tariff.currency}/kWh"),
            ("cost so far", f"{bill.total / 100:.2f} {tariff.currency}"),
        ]
        self.alerts = []
        self.events = (
            event(codes.EVENT_CLOCK_SLEW, self.utc - 4000, self.utc - 4001, self.utc - 4000),
            event(codes.EVENT_RESTART, self.utc - 90_000, count=2),
            event(codes.EVENT_TARIFF, self.utc - 2_500_000, 0, 0x5E5BD24A3B9B9E),
        )

    def again(self):
        """Opened anew, as after a line that broke."""
        if self.silence:
            raise ToolError(self.silence)
        self.opened += 1
        return self

    def _answer(self):
        if self.error:
            raise self.error
        if self.silence:
            raise ToolError(self.silence)

    def now(self):
        self._answer()
        return Now(
            utc=self.utc,
            zone=self._tariff.calendar.zone,
            facts=tuple(self.facts),
            alerts=tuple(self.alerts),
            measured_s=time.time() - self.age_s,
            stale_after_s=10,
            edition=self.edition,
        )

    def day(self):
        self._answer()
        args = self.utc, self._tariff.calendar.zone, self._history, self._tariff
        return Day(*args, self.bill, "", self.events)

    def history(self):
        self._answer()
        return self._history

    def tariff(self):
        return self._tariff

    def schedules(self):
        return ()

    def close(self):
        pass


def start_of(tariff, local_s):
    """-> Unix s of a local wall clock, seconds from local 2020-01-01"""
    return tariff.calendar.zone.to_utc(local_s) + EPOCH
