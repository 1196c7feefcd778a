"""Ctrl-C or no memory at every line of tick, driver and journal: nothing lost, nothing twice.

Each strike runs in a forked copy of one prepared meter: the tick is broken off at one line,
then repeated as app.tick does, and all that the meter holds must be what it holds without.
"""

import os
import traceback
from contextlib import suppress

import pytest
import tariffs
from rig import Rig, unix

from boards.virtual.atm90e32 import Atm90e32Model
from boards.virtual.load import Constant, point_of
from boards.virtual.spi import SelectWire, SpiWire
from drivers.atm90e32 import Atm90e32
from meter import codes
from meter.records import Ledger, Row, Snapshot
from tests.host.struck import Struck

FIRMWARE = os.path.join(os.path.dirname(codes.__file__), "..")
START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
LAST_DAY = unix(2026, 10, 31, 5)  # 06:00 too
# 27 of 31 days of 115,849 mWh are 100,900: what 6 kW bring in 60.5 s.
TIERS = {"mode": "chronological", "per": "period", "bounds": [115_849, 3_000_000]}
MORE = 75  # seconds that the meter goes on after a strike
STRIKES = 50  # of each scenario; STRIKES=0 in the environment strikes at every line
ERRORS = (KeyboardInterrupt, MemoryError)


def is_firmware(name):
    return os.path.realpath(name).startswith(os.path.realpath(FIRMWARE))


class Bench(Rig):
    """A rig with the real driver over the register-level model, at 6 kW."""

    def __init__(self, now):
        self.unix_s = now
        super().__init__(now)
        load = self.load = Constant(point_of(6_000_000, 1_500_000, 230_000))
        self.model = Atm90e32Model(load, self.ms)
        self.ports.chip = Atm90e32(
            SpiWire(self.model),
            SelectWire(self.model),
            lambda ms: None,
            600,
            wiring="1p",
            pmax_w=15000,
            ticks_ms=self.ms,
        )
        self.ports.chip.start({})
        self._boot()

    def ms(self):
        return self.ports.clock.utc * 1000

    def go(self, seconds, step_s=1):
        for _ in range(seconds // step_s):
            self.ports.clock.utc += step_s
            self.meter.tick(self.ports.clock.utc)

    def holds(self):
        """All that must not depend on an interrupt."""
        live = self.live
        assert self.meter.accounts.imbalance(self.meter.contract.w.export_mask) is None
        counts = self.model.true_counts()
        assert live.registers[0] * 3 + live.carries[0] == counts[0] * 50
        w = self.meter.contract.w
        return {
            "registers": live.registers,
            "rates": live.rates,
            "carries": live.carries,
            "rows": [(r.seq, r.utc, r.import_mwh, r.rate) for r in self.read("profile", Row)],
            "ledger": [(r.seq, r.period, r.utc, r.rates) for r in self.read("ledger", Ledger)],
            "snapshots": [
                (s.seq, s.reason, s.tier, s.utc, s.rates) for s in self.read("snapshots", Snapshot)
            ],
            "contract": (w.period, w.period_start, w.tiers, w.tier_base_mwh, w.active_digest),
            "demand": w.demand,
        }

    def read(self, name, kind):
        ring = getattr(self.meter.journal, name)
        found, buf = [], bytearray(ring.slot_size)
        for seq in range(max(ring.first_seq, 1), ring.last_seq + 1):
            assert ring.read(seq, buf), (name, seq)
            record = kind()
            record.unpack(buf)
            found.append(record)
        return found


def bench(before, start=START, **changes):
    """-> a Bench with a tariff, `before` seconds later."""
    made = Bench(start)
    made.go(60)
    made.push(tariffs.text(**changes))
    made.go(60)
    made.go(before - before % 300, 300)
    made.go(before % 300 // 60 * 60, 60)
    made.go(before % 60)
    return made


SCENARIOS = {  # seconds from 06:02 to the moment before the tick that is struck
    "plain": lambda: bench(31),
    "commit": lambda: bench(59),
    "switch": lambda: bench(2 * 3600 - 121),  # 08:00, with a profile row
    "midnight": lambda: bench(18 * 3600 - 121),
    "crossing": lambda: bench(0, tiers=TIERS),
    "period": lambda: bench(18 * 3600 - 121, LAST_DAY),
    "activation": lambda: pushed(),
    "demand": lambda: bench(479, demand=demand()),  # 06:10, the first whole window
    "sliding": lambda: bench(279, demand=demand(parts=3)),  # 06:06:40, the first one
    "demand period": lambda: bench(18 * 3600 - 121, LAST_DAY, demand=demand()),
}
DOES = {  # what the tick that is struck changes, besides the registers
    "switch": {"rows"},
    "midnight": {"rows", "snapshots"},
    "crossing": {"snapshots", "contract"},
    "period": {"rows", "snapshots", "ledger", "contract"},
    "activation": {"ledger", "contract"},
    "demand": {"demand"},
    "sliding": {"demand"},
    "demand period": {"rows", "snapshots", "ledger", "contract", "demand"},
}


def demand(parts=1):
    charges = tariffs.charge(highest=3), tariffs.charge("day", rates=[1])
    return tariffs.demand(*charges, window_s=300, parts=parts)


def pushed():
    made = bench(100)
    made.push(tariffs.text(name="other"), when=made.ports.clock.utc + 1)
    return made


def in_a_fork(work):
    """-> None, or the traceback of what work() raised in a copy of this process."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            code = 0
        except BaseException:
            os.write(into, traceback.format_exc().encode())
            code = 1
        os._exit(code)
    os.close(into)
    with os.fdopen(out) as said:
        text = said.read()
    return text if os.waitpid(child, 0)[1] else None


def tick_and_go_on(made, strike):
    made.ports.clock.utc += 1
    with suppress(*ERRORS), strike:
        made.meter.tick(made.ports.clock.utc)
    made.meter.tick(made.ports.clock.utc)
    made.go(MORE, MORE // 3)
    found = made.holds()
    made.ports.retained.store(b"")
    made._boot()  # and what stands in flash is whole
    assert made.live.registers[0] <= found["registers"][0]
    assert made.meter.accounts.imbalance(made.meter.contract.w.export_mask) is None
    return found


def from_a_fork(work):
    """-> what work() gives in a copy of this process."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(into, repr(work()).encode())
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as said:
        found = eval(said.read())
    os.waitpid(child, 0)
    return found


def lines_of(made):
    """-> lines of firmware that the tick runs, and what the meter holds afterwards."""
    strike = Struck(is_firmware)
    found = tick_and_go_on(made, strike)
    return strike.seen, found


def changes_of(made):
    """-> what the tick changes, besides the registers."""
    before = made.holds()
    made.go(1)
    after = made.holds()
    counted = {"registers", "rates", "carries"}
    return {key for key in after if after[key] != before[key]} - counted


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_strike_changes_nothing(name):
    made = SCENARIOS[name]()
    assert from_a_fork(lambda: changes_of(made)) == DOES.get(name, set())
    lines, expected = from_a_fork(lambda: lines_of(made))
    assert lines > 200
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
