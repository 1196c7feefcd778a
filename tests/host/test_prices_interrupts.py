"""Ctrl-C or no memory at any line of a tick in which prices change: each row keeps its own."""

import os

import pytest
import tariffs
from rig import Rig
from test_interrupts import ERRORS, in_a_fork, is_firmware
from test_meter import records
from test_price_schedule import START, text
from test_prices import Priced, dynamic

from meter import codes, prices_check
from meter.records import Row
from tests.host.struck import Struck

STRIKES = 20  # lines that are struck, spread over the tick; STRIKES=0: each of them


def taken():
    """A new schedule waits for the border of rows at 06:30."""
    made = Priced(dynamic(feed_in=(500_000, 0)))
    made.put()
    made.to(4, 20)
    made.put(
        **{"import": [900_000_000] * 16, "events": [[START + 2700, START + 3600, "critical"]]}
    )
    made.to(4, 29)
    return made


def expires():
    """The schedule is over at 06:30."""
    made = Priced()
    made.put(**{"import": [1_000, 2_000]})
    made.to(4, 29)
    return made


def begins():
    """A price event begins at 06:30, under a tariff that has no other prices."""
    rates = [{"name": name, "export": 0, "prices": [10**8]} for name in ("flat", "critical")]
    made = Priced(tariffs.text(rates=rates, days=[[[0, 0]]]))
    made.put(events=[[START + 1800, START + 2700, "critical"]], **{"import": []})
    made.to(4, 29)
    return made


def tick(made, strike):
    made.ports.clock.utc += 60
    made.ports.chip.add(10, 3)
    with strike:
        made.meter.tick(made.ports.clock.utc)


def holds(made):
    """Half an hour later: -> what must not depend on a strike."""
    made.meter.tick(made.ports.clock.utc)
    made.run(1860, 60, 10, 3)
    w = made.meter.contract.w
    rows = [(r.utc, r.rate, r.status, r.price_id, r.price_nano, r.export_nano)
            for r in records(made, "profile", Row)]  # fmt: skip
    assert made.meter.accounts.imbalance(w.export_mask) is None
    return rows, made.live.rates, w.price_digest, w.price_expiry


@pytest.mark.parametrize("situation", [taken, expires, begins])
def test_a_strike_in_the_tick_changes_no_price(situation):
    made = situation()
    counted = Struck(is_firmware)
    expected = []

    def whole():
        tick(made, counted)
        os.write(into, repr((counted.seen, holds(made))).encode())

    out, into = os.pipe()
    assert in_a_fork(whole) is None
    os.close(into)
    with os.fdopen(out) as said:
        lines, expected = eval(said.read())
    assert lines > 200
    stride = max(1, lines // (int(os.environ.get("STRIKES", STRIKES)) or lines))
    for n in range(1, lines + 1, stride):
        error = ERRORS[n // stride % 2]

        def strike(n=n, error=error):
            with pytest.raises(ERRORS):
                tick(made, Struck(is_firmware, "line", n, error))
            assert holds(made) == expected

        said = in_a_fork(strike)
        assert said is None, f"line event {n} of {lines}, {error.__name__}: {said}"


def test_a_strike_in_the_request_leaves_the_old_schedule_or_the_new_one():
    made = Rig(START)
    made.run(60)
    made.push(dynamic())
    made.run(60)
    new = text()
    digest = prices_check.digest(new)
    made.ports.files.held[digest] = new
    counted = Struck(is_firmware)

    def whole():
        with counted:
            made.ask("prices", digest=digest)
        os.write(into, str(counted.seen).encode())

    out, into = os.pipe()
    assert in_a_fork(whole) is None
    os.close(into)
    with os.fdopen(out) as said:
        lines = int(said.read())
    for n in range(1, lines + 1, max(1, lines // STRIKES)):

        def strike(n=n):
            with pytest.raises(KeyboardInterrupt), Struck(is_firmware, "line", n):
                made.ask("prices", digest=digest)
            held = made.meter.contract.w.price_digest
            assert held in (bytes(8), bytes.fromhex(digest)[:8])
            made.meter.locked = False  # as the next request leaves it
            made.run(2000, 50, 10)
            rows = records(made, "profile", Row)
            assert bool(rows[-1].price_id) == (held != bytes(8))
            assert not any(row.status & codes.RATE_SWITCH for row in rows)

        said = in_a_fork(strike)
        assert said is None, f"line event {n} of {lines}: {said}"
