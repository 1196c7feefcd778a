"""Ctrl-C or no memory at any line of a tick in which a sag begins, ends or is saved.

As in test_interrupts.py: the broken tick is repeated, and counters and events must be where they
would be without; only an event's own count may be one too high.
"""

import os

import pytest
import tariffs

from boards.virtual.load import point_of
from meter import codes
from meter.quality import Quality
from meter.rows import Event
from tests.host.struck import Struck
from tests.host.test_interrupts import (
    ERRORS,
    START,
    STRIKES,
    Bench,
    from_a_fork,
    in_a_fork,
    is_firmware,
    lines_of,
    tick_and_go_on,
)

LIMITS = {"wiring": "1p", "un_mv": 230000, "imax_ma": 65000}
GOOD, LOW = point_of(6_000_000, 1_500_000, 230_000), point_of(6_000_000, 1_500_000, 200_000)


class Store:
    def __init__(self):
        self.kept = b""

    def load(self):
        return self.kept

    def store(self, buf):
        self.kept = bytes(buf)


class Watched(Bench):
    """A bench that watches its supply."""

    def __init__(self, now):
        self.store, self.open = Store(), 0
        super().__init__(now)

    def _boot(self):
        self.ports.quality = Quality(LIMITS, self.store, lambda: self.open)
        super()._boot()

    def holds(self):
        found = super().holds()
        quality = self.meter.quality
        found["active"] = quality.active
        found["counters"] = [quality.counter(n) for n in range(20)]
        found["kept"] = Quality(LIMITS, self.store).counter(0)
        found["events"] = sorted({(e.group, e.code, e.before, e.after) for e in self.events()})
        return found

    def events(self):
        for group in (codes.METROLOGY, codes.SECURITY):
            ring = self.meter.journal.events[group]
            buf = bytearray(ring.slot_size)
            for seq in range(max(ring.first_seq, 1), ring.last_seq + 1):
                assert ring.read(seq, buf)
                record = Event()
                record.unpack(buf)
                yield record


def bench(*seconds, cover=False):
    """-> a Watched that saw each point for its seconds."""
    made = Watched(START)
    made.go(60)
    made.push(tariffs.text())
    made.go(30)
    for point, n in seconds:
        made.load.point = point
        made.go(n)
    made.open = int(cover)
    return made


SCENARIOS = {  # name -> (bench before the struck tick, what holds at the end, counted in all)
    "begins": (lambda: bench((LOW, 1)), 1, 1),
    "ends": (lambda: bench((LOW, 10), (GOOD, 1)), 0, 1),
    "again": (lambda: bench((LOW, 10), (GOOD, 10), (LOW, 1)), 1, 2),
    "cover": (lambda: bench((GOOD, 1), cover=True), 1 << 16, 1),
    "saved": (lambda: bench((LOW, 3), (GOOD, 3), (LOW, 3), (GOOD, 889)), 0, 2),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_strike_changes_nothing(name):
    make, active, counted = SCENARIOS[name]
    made = make()
    lines, expected = from_a_fork(lambda: lines_of(made))
    assert expected["active"] == active
    assert sum(count for count, _, _ in expected["counters"]) == counted
    if name != "cover":
        assert expected["kept"][0] == (1 if name == "again" else counted)
    strikes = int(os.environ.get("STRIKES", STRIKES)) or lines
    stride = max(1, lines // strikes)
    for n in range(1, lines + 1, stride):
        error = ERRORS[n // stride % 2]

        def strike(n=n, error=error):
            found = tick_and_go_on(made, Struck(is_firmware, "line", n, error))
            for key, value in expected.items():
                assert found[key] == value, key

        said = in_a_fork(strike)
        assert said is None, f"{name}: line event {n} of {lines}, {error.__name__}: {said}"
