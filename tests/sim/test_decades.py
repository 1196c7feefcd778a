"""Weeks of a decade with all faults on; and that the simulation finds what is planted."""

import re
import shlex

import pytest
import tariffs
from rig import Rig, unix
from test_meter import records
from test_verify import CoreLink

from boards.virtual.nor import PowerCut
from meter.errors import MeterError
from meter.records import Ledger, Row
from tests.sim import decades
from tests.sim.decades_calendar import Plan
from tests.sim.decades_ops import KINDS, week_of
from tests.sim.decades_plants import PLANTS, keeps_nothing_through_a_reset
from tests.sim.decades_shrink import Case, attempt
from wattledger.verification import evidence
from wattledger.verification.verify import verify

# Tiers, a limiter, demand charges, netting; a period closes, and its bill has much to round.
SEED, WEEKS = 649, 6
CALM = ("load", "cut", "reset", "burst")


def failure_of():
    case = Case(SEED, 0, WEEKS, without=frozenset(KINDS) - set(CALM))
    failure = attempt(case)[1]
    return str(failure) if failure else None


def test_a_quarter_with_all_faults_on_holds(capsys):
    assert decades.main(5, 0.25) == 0
    assert "0 bills" not in capsys.readouterr().out


def test_operations_follow_from_the_seed_alone():
    assert week_of(3, 17) == week_of(3, 17)
    assert week_of(3, 17) != week_of(4, 17)
    drawn = {op.kind for week in range(300) for op in week_of(1, week)}
    assert drawn == set(KINDS)


def test_without_a_plant_it_holds():
    assert failure_of() is None


@pytest.mark.parametrize(("plant", "expected"), PLANTS)
def test_what_is_planted_is_found(monkeypatch, plant, expected):
    plant(monkeypatch)
    assert expected in failure_of()


def test_a_failure_prints_a_command_that_shows_it_again(monkeypatch, capsys):
    keeps_nothing_through_a_reset(monkeypatch)
    assert decades.main(SEED, 0.2, without=set(KINDS) - set(CALM)) == 1
    commands = re.findall(r"(?:replay|shrunk): (.*)", capsys.readouterr().out)
    assert len(commands) == 2
    shortest = shlex.split(commands[-1])
    assert len(shortest[shortest.index("--only") + 1].split(",")) <= 3
    for command in commands:
        args = decades.arguments(shlex.split(command)[3:])
        assert decades.run(args, shrinks=False) == 1
        assert "power failure that never was" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("zone", "instant"),
    [("Australia/Lord_Howe", unix(2027, 4, 3, 15)), ("Europe/Madrid", unix(2027, 3, 28, 1))],
)
def test_the_second_calendar_knows_a_change_of_offset(zone, instant):
    """Whole hours of the wall clock, each with a rate of its own."""
    plan = Plan(
        {
            "zone_name": zone,
            "rates": [{"export": 0}] * 24,
            "exports": [{}],
            "seasons": [[1, 1, 0]],
            "weeks": [[0] * 7],
            "days": [[[60 * hour, hour] for hour in range(24)]],
            "special_days": [],
        },
        "",
    )
    pieces = plan.rates_between(instant - 7000, instant + 7000)
    assert [plan.local(start).hour for start, _, _ in pieces] == [rate for _, _, rate in pieces]
    assert len({plan.local(start).utcoffset() for start, _, _ in pieces}) == 2


@pytest.mark.parametrize("cut_after", [256, 600, 900])
def test_a_cut_within_the_close_of_a_period_leaves_its_end(cut_after):
    end = unix(2026, 10, 31, 23)
    rig = Rig(end - 3600)
    rig.run(60)
    rig.push(tariffs.text())
    rig.run(3480, imported=5)
    rig.ports.flash.cut_after = cut_after
    with pytest.raises(PowerCut):
        rig.run(60, imported=5)
    rig.ports.flash.power_on()
    rig.cut(off_s=10 * 86400)
    rig.run(120)
    record, raw = Ledger(), bytearray(512)
    assert rig.meter.journal.ledger.read(2, raw)
    record.unpack(raw)
    assert record.utc == end


def test_a_flash_that_works_again_is_used_again():
    rig = running()
    rig.ports.flash.fail = {"program"}
    rig.restart()
    assert failing_ticks(rig, 5) == 5
    rig.ports.flash.fail = set()
    failing_ticks(rig, 120)
    assert failing_ticks(rig, 60) == 0


def test_a_sector_that_cannot_be_erased_holds_nothing_any_more():
    rig = running()
    flash, erase = rig.ports.flash, rig.ports.flash.erase

    def weak_erase(sector):
        if sector == 18:  # in the profile
            raise MeterError("flash: erase: the sector fails: replace it")
        erase(sector)

    flash.erase = weak_erase
    rig.run(30 * 86400, step_s=900)
    rig.restart()
    ring, raw = rig.meter.journal.profile, bytearray(64)
    seqs = range(ring.first_seq, ring.last_seq + 1)
    assert [seq for seq in seqs if not ring.read(seq, raw)] == []
    assert len(seqs) > 1000


def test_starts_do_not_use_the_ledger_up():
    rig = running()
    rig.run(30 * 86400, step_s=900)
    ring = rig.meter.journal.ledger
    assert ring.last_seq == 2
    rig.ask("clock", utc=unix(2026, 10, 20))
    for _ in range(40):
        rig.run(300)
        rig.restart()
    ring = rig.meter.journal.ledger
    assert len(ring.order) <= 2


def test_export_without_the_tariff_file_verifies():
    exports = [{"name": name, "prices": [1]} for name in "xy"]
    rates = [{"name": name, "export": 1, "prices": [2]} for name in "ab"]
    text = tariffs.text(exports=exports, rates=rates)
    rig = running(text)
    rig.ports.files.held.clear()
    rig.restart()
    rig.run(2 * 86400, step_s=900, exported=5)
    rig.push(text)
    rig.run(3600)
    assert verify(evidence.collect(CoreLink(rig)))


def test_a_cut_before_a_row_at_a_switch_leaves_its_rate():
    rig = running()
    rig.run(3480)  # 07:59 in Madrid, at night
    rig.ports.flash.cut_after = 300
    with pytest.raises(PowerCut):
        rig.run(60)
    rig.ports.flash.power_on()
    rig.cut(off_s=600)
    rig.run(120)
    found = {row.utc: row.rate for row in records(rig, "profile", Row)}
    assert found[unix(2026, 10, 5, 6)] == 0


@pytest.fixture
def late():
    """A meter whose clock is known an hour after the power came back, and what it committed."""
    rig, committed = running(), []
    rig.cut(60)
    rig.ports.clock.good = 0
    rig.run(1200, imported=5)
    rig.push(tariffs.text(name="next"), when="period")
    commit_e = rig.meter.journal.commit_e

    def watched(e):
        commit_e(e)
        committed.append(list(e.registers))

    rig.meter.journal.commit_e = watched
    rig.run(64 * 60, imported=5)
    rig.meter.journal.reaffirm()  # what comes first when the clock is known
    return rig, committed


def test_what_a_late_start_affirms_was_committed(late):
    rig, committed = late
    rig.cut(60)
    assert rig.live.registers in committed


def test_what_a_late_start_affirms_is_the_newest_tariff(late):
    rig, _ = late
    passive = rig.meter.contract.w.passive_digest
    assert passive != bytes(8)
    rig.cut(60)
    assert rig.meter.contract.w.passive_digest == passive


def running(text=None):
    rig = Rig(unix(2026, 10, 5, 4))
    rig.run(60)
    rig.push(text or tariffs.text())
    rig.run(3600)
    return rig


def failing_ticks(rig, seconds):
    failed = 0
    for _ in range(seconds):
        try:
            rig.run(1, step_s=1, imported=1)
        except MeterError:
            failed += 1
    return failed
