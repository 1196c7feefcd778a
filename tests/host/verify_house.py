"""A house on a rig under tariffs with demand, limiter and dynamic prices, and what a real core
wrote there."""

import json
import random
from functools import cache

import pytest
import tariffs
from rig import Rig, unix
from test_verify import CoreLink

from meter import prices_check
from wattledger.verification import evidence
from wattledger.verification.replay import Difference
from wattledger.verification.verify import verify

START = unix(2026, 9, 28, 3, 50)  # Monday; billing periods begin on the 1st
DAY_S = 86400
STEP_S = 300
HEAVY = 7  # a step with so many times the usual load, now and then


class House:
    """Runs a rig under a load that is random, with peaks, and the same every time."""

    def __init__(self, seed=1):
        self.rig, self._random = Rig(START), random.Random(seed)
        self.rig.run(600)

    def live(self, seconds, most=900):
        for _ in range(seconds // STEP_S):
            rest = -self.rig.ports.clock.utc % STEP_S
            self.rig.run(rest, rest or 1)
            power = self._random.randrange(most) * (1 + HEAVY * (self._random.random() < 0.2))
            sold = self._random.randrange(most) * (self._random.random() < 0.3)
            self.rig.run(STEP_S, STEP_S, imported=power * 5, exported=sold * 5)

    def put(self, **changes):
        """Copy a price schedule to the meter and put it in force."""
        made = {"schema": 1, "kind": "prices", "id": 7, "currency": "EUR", "step_s": 900}
        made |= {"start": START, "import": [], "export": [], "events": []}
        text = json.dumps({**made, **changes}).encode()
        digest = prices_check.digest(text)
        self.rig.ports.files.held[digest] = text
        return self.rig.ask("prices", digest=digest)


RATES = [
    {"name": "night", "export": 0, "prices": [100_000_000]},
    {"name": "day", "export": 0, "prices": [300_000_000]},
    {"name": "limit", "export": 0, "prices": [900_000_000]},
]


def capacity(**changes):
    """Demand by block, a limiter that re-prices and reminds, tiers by what was used."""
    charges = (
        tariffs.charge("any", highest=2, bounds=[3_000_000], prices=[10**10, 2 * 10**10]),
        tariffs.charge("by day", rates=[1], highest=3),
    )
    levels = (
        tariffs.level("note", action="remind", rate=0, threshold_mw=1_000_000, release_mw=500_000),
        tariffs.level("cap", threshold_mw=3_000_000, release_mw=1_500_000, under=2, rate=2),
    )
    made = {
        "rates": RATES,
        "tiers": {"mode": "chronological", "per": "period", "bounds": [120_000_000]},
        "demand": tariffs.demand(*charges),
        "limiter": tariffs.limiter(*levels),
        "fixed": [["grid", 10**9, "month"]],
        "minimum": [10**11, "month", ["energy"]],
        "netting": {"mode": "none", "carry": "money"},
        "taxes": [["VAT", 210_000, ["energy", "demand", "minimum"]]],
    }
    return tariffs.text(**{**made, **changes})


def market(**changes):
    """Prices by interval both ways, netted by interval, and a rate for price events."""
    rates = [{**rate, "dynamic": [1_100_000, 20_000_000]} for rate in RATES[:2]] + RATES[2:]
    exports = [{"name": "feed_in", "prices": [50_000_000], "dynamic": [900_000, -5_000_000]}]
    made = {
        "rates": rates,
        "exports": exports,
        "dynamic": {"settlement": "interval"},
        "netting": {"mode": "interval", "carry": "none"},
        "reactive": {"price": 10**7, "free": 10**8},
    }
    return tariffs.text(**{**made, **changes})


@cache
def capped():
    """Four days over the end of a month, with a cut, a restart and a change of tariff."""
    house = House()
    house.rig.push(capacity())
    house.live(DAY_S)
    house.rig.run(250, step_s=10, imported=50)
    house.rig.cut(off_s=4000)
    house.live(DAY_S // 2)
    house.rig.run(130, step_s=10, imported=50)
    house.rig.restart()
    house.live(2 * DAY_S)
    house.rig.push(capacity(name="next"))
    house.live(DAY_S // 2)
    return evidence.collect(CoreLink(house.rig))


@cache
def priced():
    """Three days, of which two have prices and some hours a price event."""
    house = House(seed=3)
    house.rig.push(market())
    house.live(2 * 3600)
    now = house.rig.ports.clock.utc
    begin = now - now % 3600
    prices = [(n * 37 % 101 - 20) * 4_000_000 for n in range(96)]
    house.put(start=begin, **{"import": prices}, events=[[begin + 9000, begin + 16300, "limit"]])
    house.live(DAY_S)
    house.put(start=begin + DAY_S - 3600, id=200, **{"import": prices[::-1]}, export=prices)
    house.live(DAY_S)
    house.rig.run(250, step_s=10, imported=50)
    house.rig.cut(off_s=2000)
    house.live(DAY_S // 2)
    return evidence.collect(CoreLink(house.rig))


def said_of(found):
    return "\n".join(verify(found))


def refused_by(check, found):
    with pytest.raises(Difference) as caught:
        check(found)
    return str(caught.value)
