"""Time of a tick with every part of the tariff language in force, and with one flat rate,
measured inside the VM, side by side."""

import json
import time

import tariffs
from rig import Rig, unix

from meter import prices_check

START = unix(2026, 10, 5, 4)
RATES = 12
PRICES = {
    "schema": 1, "kind": "prices", "id": 1, "currency": "EUR", "start": START, "step_s": 900,
    "import": [100_000_000 + i for i in range(96)], "export": [],
    "events": [[START + 3600 * i, START + 3600 * i + 900, "r3"] for i in range(8)],
}  # fmt: skip


def everything():
    """Tiers in three sets, a sliding demand in 12 slots, 3 limiter levels, dynamic prices."""
    tiers = [
        {"mode": "chronological", "per": "period", "bounds": [10**9 * (i + 1) for i in range(7)]},
        {"mode": "chronological", "per": "day", "bounds": [10**8, 10**9]},
        {"mode": "prorata", "per": "period", "bounds": [10**9]},
    ]
    rates = [
        {
            "name": "r" + str(i),
            "export": 0,
            "prices": [10**8 + i],
            "tiers": i % 4 if i % 4 < 3 else -1,
        }
        for i in range(RATES)
    ]
    for rate in rates[3::4]:
        rate["dynamic"] = [10**6, 5]
    charges = [tariffs.charge("c" + str(i), highest=3, rates=list(range(i))) for i in range(4)]
    levels = [
        tariffs.level("remind", action="remind", threshold_mw=10**6, release_mw=10**6, rate=0),
        tariffs.level("reprice", threshold_mw=10**7, release_mw=10**7),
        tariffs.level("shed", action="shed", threshold_mw=2 * 10**7, release_mw=10**7, rate=0),
    ]
    return tariffs.text(
        rates=rates,
        exports=[{"name": "e", "prices": [1], "dynamic": [10**6, 0]}],
        tiers=tiers,
        days=[[[0, 11]] + [[390 + 15 * i, i] for i in range(4)]],
        demand=tariffs.demand(*charges, window_s=900, parts=3),
        limiter=tariffs.limiter(*levels, window_s=900),
        dynamic={"settlement": "interval"},
    )


def flat():
    return tariffs.text(rates=[{"name": "flat", "export": 0, "prices": [1]}], days=[[[0, 0]]])


class Timed:
    """A meter that has run for half an hour; us, count: of its ticks since, and how many."""

    def __init__(self, text, schedule=None):
        self.rig = Rig(START)
        self.rig.run(60)
        self.rig.push(text)
        if schedule:
            digest = prices_check.digest(schedule)
            self.rig.ports.files.held[digest] = schedule
            self.rig.ask("prices", digest=digest)
        self.rig.run(1740, step_s=1)
        self.us = self.count = 0

    def ticks(self, count):
        rig = self.rig
        for _ in range(count):
            rig.ports.chip.add(imported=20)
            rig.ports.clock.utc += 1
            before = time.ticks_us()
            rig.meter.tick(rig.ports.clock.utc)
            self.us += time.ticks_diff(time.ticks_us(), before)
        self.count += count


meters = {}  # name -> Timed


def begin(name):
    """Make a meter that runs this tariff."""
    if name == "flat":
        meters[name] = Timed(flat())
    else:
        meters[name] = Timed(everything(), json.dumps(PRICES).encode())
        assert len(meters[name].rig.meter.contract.riders) == 3


def report():
    """name, microseconds of all ticks, ticks"""
    for name, timed in meters.items():
        print(name, timed.us, timed.count)
