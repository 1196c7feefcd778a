"""R8, R9, R10: who sets the clock proves who he is and leaves a trace; whatever it shows, no
energy is lost or counted twice, no number of a record comes again, a period is closed once."""

import random

import pytest
import tariffs
from gate_rig import START, Client, GateRig, some_keys
from rig import unix
from test_meter import records

from meter import codes
from meter.civil import EPOCH
from meter.records import Event, Ledger, Row
from meter.sample import EXPORT, IMPORT

DAY_S = 86400
NIGHT, DAY = 0, 1


@pytest.fixture
def rig():
    return running()


def running():
    rig = GateRig(keys=some_keys())
    rig.push(tariffs.text())
    rig.ask("seal")
    rig.restart()
    rig.run(3600, imported=5)
    return rig


def events(rig, code):
    """-> [(before, after)] of the clock's ring"""
    found = records(rig, "clock", Event)
    return [(event.before, event.after) for event in found if event.code == code & 0xFF]


def set_clock(rig, utc):
    answer = Client(rig, "utility").change("clock", utc=utc)
    assert answer["ok"] == {"utc": utc}


def closed(rig):
    return [(r.period, r.utc) for r in records(rig, "ledger", Ledger) if r.reason == codes.PERIOD]


@pytest.mark.parametrize("reference", [False, True])
def test_r08_only_the_utility_sets_the_clock(rig, reference):
    now = rig.ports.clock.utc
    args = {"utc": now + 100, "reference": reference}
    assert rig.public("clock", **args)["error"]["code"] == "role"
    assert Client(rig, "reader").change("clock", **args) == "refused"
    assert Client(rig, "utility", some_keys(meter=1)).change("clock", **args) == "refused"
    assert rig.ports.clock.utc == now
    assert Client(rig, "utility").change("clock", **args)["ok"]
    assert rig.ports.clock.utc == now + 100
    assert events(rig, codes.EVENT_CLOCK_SET) == [(now, now + 100)]


def steps(draw):
    return draw.choice((1, 7, 59, 899, 900, 3601, 43_000, 5 * DAY_S)) * draw.choice((1, -1))


@pytest.mark.parametrize("seed", range(6))
def test_r08_steps_of_the_clock_move_no_energy(seed):
    """Set by the utility, or as if somebody had set the chip of the clock behind its back; with
    resets and power cuts between. (With any tariff: tests/host/test_verify_drawn.py, make sim.)"""
    draw, rig = random.Random(seed), running()
    counted, numbers = rig.live.registers[IMPORT], [0]
    carry = 0
    for _ in range(25):
        act = draw.randrange(5)
        utc = rig.ports.clock.utc + steps(draw)
        if act == 0:
            rig.ports.clock.utc = utc
        elif act in (1, 2):
            set_clock(rig, utc)
        elif act == 3:
            rig.restart()
        rig.run(20 * 60, step_s=20, imported=11)
        carry += 60 * 11
        live = rig.live
        assert sum(live.rates) == live.registers[IMPORT] + live.registers[EXPORT]
        assert live.registers[IMPORT] - counted in (carry * 50 // 3, carry * 50 // 3 + 1)
        numbers.append(rig.meter.journal.profile.last_seq)
    assert numbers == sorted(numbers)
    rows = records(rig, "profile", Row)
    assert [row.seq for row in rows] == list(range(rows[0].seq, rows[0].seq + len(rows)))
    assert [row.import_mwh for row in rows] == sorted(row.import_mwh for row in rows)
    assert any(row.status & codes.CLOCK_STEP for row in rows)


def test_r08_a_step_closes_the_interval_and_marks_it(rig):
    rig.run(300, step_s=20, imported=11)  # in the midst of one
    last = rig.meter.journal.profile.last_seq
    set_clock(rig, rig.ports.clock.utc - 7200)
    rig.run(1800, step_s=20, imported=11)
    row = records(rig, "profile", Row)[last]
    assert row.seq == last + 1
    assert row.status & codes.CLOCK_STEP
    assert row.duration_s < 900


def test_r09_no_period_closes_early_without_an_event_and_none_twice(rig):
    """Over the end of the month and back, by the utility and behind the meter's back."""
    month_end = unix(2026, 10, 31, 23)
    now = rig.ports.clock.utc
    set_clock(rig, now + 40 * DAY_S)
    rig.run(600, imported=5)
    assert closed(rig) == [(1, month_end)]
    assert events(rig, codes.EVENT_CLOCK_SET) == [(now, now + 40 * DAY_S)]
    set_clock(rig, now)
    rig.run(31 * DAY_S, step_s=3600, imported=5)  # through the end of the month once more
    assert rig.ports.clock.utc > month_end
    assert closed(rig) == [(1, month_end)]
    assert len(events(rig, codes.EVENT_CLOCK_SET)) == 2

    rig.ports.clock.utc += 40 * DAY_S
    rig.run(600, imported=5)
    ends = [utc for _, utc in closed(rig)]
    assert ends == [month_end, unix(2026, 11, 30, 23)]
    assert len(events(rig, codes.EVENT_CLOCK_STEP)) == 1
    rig.ports.clock.utc -= 40 * DAY_S
    rig.run(30 * DAY_S, step_s=3600, imported=5)
    rig.run(30 * DAY_S, step_s=3600, imported=5)
    ends = [utc for _, utc in closed(rig)]
    assert ends == [month_end, unix(2026, 11, 30, 23), unix(2026, 12, 31, 23)]
    assert [period for period, _ in closed(rig)] == [1, 2, 3]


def test_r10_without_a_clock_energy_is_the_fallback_rates_and_marked(rig):
    """Its year is before 2020, or it says that it stood still, from the start on."""
    for utc, good in ((946_684_800, 0), (946_684_800, 2), (START + 5 * 3600, 0)):
        rig = running()
        rig.run(3 * 3600, imported=1)
        now, night, day = rig.ports.clock.utc, *rig.live.rates[:2]
        rig.cut()
        rig.ports.clock.utc, rig.ports.clock.good = utc, good
        rig.run(1200, step_s=1, imported=2)
        assert rig.live.rates[DAY] == day
        assert rig.live.rates[NIGHT] - night == 1200 * 2 * 50 // 3
        assert rig.live.status & codes.CLOCK_INVALID
        assert events(rig, codes.EVENT_CLOCK_INVALID)
        set_clock(rig, now + 1200)
        rig.run(1200, step_s=1, imported=2)
        assert rig.live.rates[NIGHT] - night == 1200 * 2 * 50 // 3
        assert rig.live.registers[IMPORT] == sum(rig.live.rates)


def test_r10_a_clock_behind_the_journal_at_the_start_is_not_believed(rig):
    """Though it says that it is right: three days of peak must not become the night's."""
    rig.run(3 * 3600, imported=1)
    began, day, seq = rig.ports.clock.utc, rig.live.rates[DAY], rig.meter.journal.profile.last_seq
    assert rig.live.t + EPOCH == began
    rig.cut()
    rig.ports.clock.utc -= 3 * DAY_S
    behind = rig.ports.clock.utc
    rig.run(1800, step_s=20, imported=3)
    assert "clock invalid: fallback rate" in rig.meter.alerts()
    assert rig.live.status & codes.CLOCK_INVALID
    assert rig.live.rates[DAY] == day
    assert rig.live.t + EPOCH == began
    assert rig.live.registers[IMPORT] == sum(rig.live.rates)
    (event,) = events(rig, codes.EVENT_CLOCK_INVALID)
    assert behind <= event[0] <= behind + 60

    rig.cut()  # nor the second time
    rig.run(1800, step_s=20, imported=3)
    assert rig.live.rates[DAY] == day

    set_clock(rig, began + 3600)
    rig.run(1800, step_s=20, imported=3)
    assert not rig.meter.alerts()
    found = [e for e in records(rig, "power", Event) if e.code == codes.EVENT_POWER_FAIL & 0xFF]
    assert found[-1].before == began
    rows = records(rig, "profile", Row)[seq:]
    assert any(row.status & codes.POWER_FAIL for row in rows)
    assert any(row.status & codes.CLOCK_INVALID for row in rows)


@pytest.mark.parametrize("reference", [False, True])
def test_r10_a_clock_that_is_said_to_be_right_is_believed_behind_the_journal(rig, reference):
    """It was the journal that had the wrong time."""
    rig.cut()
    rig.ports.clock.utc -= 3 * DAY_S
    rig.run(60, imported=3)
    utc = rig.ports.clock.utc
    answer = Client(rig, "utility").change("clock", utc=utc, reference=reference)
    assert answer["ok"]["utc"] == utc
    rig.run(60, imported=3)
    assert not rig.meter.alerts()
    assert rig.live.t + EPOCH == rig.ports.clock.utc


def test_r09_a_clock_is_not_set_over_more_periods_than_the_ledger_keeps(rig):
    now = rig.ports.clock.utc
    answer = Client(rig, "utility").change("clock", utc=now + 6 * 366 * DAY_S)
    assert answer["error"]["code"] == "state"
    assert rig.ports.clock.utc == now
    set_clock(rig, now + 3 * 366 * DAY_S)
    assert [period for period, _ in closed(rig)] == list(range(1, 37))
    set_clock(rig, now + 6 * 366 * DAY_S)  # in steps, whoever means it


def test_a_sealed_meter_without_a_clock_lets_only_the_clock_be_changed(rig):
    rig.ports.clock.good = 0
    client = Client(rig, "utility")
    assert client.change("unseal") == "refused"
    assert "ok" in client.read("info")
    set_clock(rig, START + DAY_S)
    assert client.change("commit")["ok"]
