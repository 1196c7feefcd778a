"""Ctrl-C or no memory at any line of a tick in which the limiter trips or releases.

As in test_interrupts.py: the broken tick is repeated, and the meter, its outputs too, must be
where it would be without.
"""

import os

import pytest
import tariffs

from boards.virtual.load import point_of
from meter import codes
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

LEVELS = (
    tariffs.level("dear", over=2),
    tariffs.level("heater", action="shed", rate=0),
    tariffs.level("oven", action="shed", rate=0, manual=1, over=3),
)
OVER, UNDER = point_of(6_000_000, 1_500_000, 230_000), point_of(600_000, 0, 230_000)


class Limited(Bench):
    """A bench whose tariff has a limiter."""

    def holds(self):
        found = super().holds()
        w, outputs = self.meter.contract.w, self.ports.outputs
        found["limiter"] = (w.limiter_state, w.limiter_trips, w.limiter_since, w.outputs)
        found["window"] = self.meter.contract.riders[0]._open
        found["marked"] = self.live.status & codes.LIMITED
        found["outputs"] = (outputs.load, outputs.alarmed)
        found["events"] = sorted({(e.code, e.after) for e in self.events()})
        return found

    def events(self):
        ring = self.meter.journal.events[codes.EVENT_LIMIT >> 8]
        buf = bytearray(ring.slot_size)
        for seq in range(max(ring.first_seq, 1), ring.last_seq + 1):
            assert ring.read(seq, buf)
            record = Event()
            record.unpack(buf)
            yield record


def bench(*points):
    """-> a Limited with a window for each point, one second before the end of the last one."""
    made = Limited(START)
    made.go(60)
    made.push(tariffs.text(limiter=tariffs.limiter(*LEVELS)))
    made.go(840, 60)
    for number, point in enumerate(points, 1):
        made.load.point = point
        made.go(900 if number < len(points) else 840, 60)
    made.go(59)
    return made


SCENARIOS = {
    "counted": lambda: bench(UNDER, UNDER),
    "one trips": lambda: bench(UNDER, OVER),
    "another trips": lambda: bench(OVER, OVER),
    "released": lambda: bench(OVER, OVER, UNDER),
    "manual": lambda: bench(OVER, OVER, OVER, UNDER),
}
REACHED = {"counted": 0, "one trips": 2, "another trips": 3, "released": 0, "manual": 4}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_strike_changes_nothing(name):
    made = SCENARIOS[name]()
    lines, expected = from_a_fork(lambda: lines_of(made))
    assert expected["limiter"][0] == REACHED[name]
    assert expected["outputs"] == (not REACHED[name] & 6, REACHED[name] > 0)
    strikes = int(os.environ.get("STRIKES", STRIKES)) // 2 or lines
    stride = max(1, lines // strikes)
    for n in range(1, lines + 1, stride):
        error = ERRORS[n // stride % 2]

        def strike(n=n, error=error):
            found = tick_and_go_on(made, Struck(is_firmware, "line", n, error))
            for key, value in expected.items():
                assert found[key] == value, key

        said = in_a_fork(strike)
        assert said is None, f"{name}: line event {n} of {lines}, {error.__name__}: {said}"
