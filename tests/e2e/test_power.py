"""What happens to energy when the software or the power goes away."""

import subprocess
import sys
import time
from itertools import pairwise

import pytest

from meter import codes
from meter.records import Event, Row
from tests.e2e.conftest import TARIFF
from wattledger import reading
from wattledger.link import Link

START_S = 1791180000  # 2026-10-05 06:00 in Madrid, a Monday
LOAD = {"constant": {"p_mw": 6_000_000, "q_mvar": 1_500_000, "v_mv": 230_000}}
COUNT_UNITS = 50  # mWh x 3 of one count


@pytest.fixture
def metering(board, cli, root):
    """A meter that runs on a held clock, with a tariff and 6 kW."""
    board.start(clock="held", unix_s=START_S)
    cli("deploy")
    board.advance(seconds=1, step_s=1)
    cli("tariff", "push", root / TARIFF, "--when", "now")
    board.set_load(**LOAD)
    board.advance(seconds=120, step_s=1)
    return board


def all_counted(board):
    """Stop time, let one tick fetch the rest: counts in the registers = counts of the IC."""
    board.set_clock(held=True)
    board.advance(seconds=1, step_s=1)
    true = board.inject("ic", "true_counts")
    seen = eval(board.run("l = app.meter.live\nprint((l.registers, l.carries, l.rates))"))
    registers, carries, rates = seen
    assert registers[0] * 3 + carries[0] == true[0] * COUNT_UNITS
    assert registers[2] * 3 + carries[2] == true[2] * COUNT_UNITS
    assert sum(rates[:15]) == registers[0]
    return registers[0]


def test_a_plain_exec_soft_resets_and_loses_nothing(metering):
    metering.set_clock(held=False)
    for _ in range(3):
        shown = metering.mpremote(
            "exec",
            "import time, app\nbegan, was = time.ticks_ms(), app.meter.sample.counts\n"
            "def passed():\n    return time.ticks_diff(time.ticks_ms(), began)\n"
            "while app.meter.sample.counts == was and passed() < 9000:\n"
            "    time.sleep_ms(20)\nprint(passed())",
        )
        assert int(shown) < 3000  # ms until the IC was read again, inside the session
    all_counted(metering)
    with Link(metering.port()) as meter:
        events = reading.read_ring(meter, "power", reading.Cache(None))
    assert [e.record().code for e in events].count(codes.EVENT_RESTART & 0xFF) >= 1


def test_a_resumed_exec_misses_no_tick(metering):
    metering.run(
        """
        import app
        n, of = [], app.meter.tick
        def tick(now):
            n.append(now)
            of(now)
        app.meter.tick = tick
        """
    )
    metering.set_clock(held=False)
    for _ in range(3):
        metering.run("import time\ntime.sleep_ms(2000)")
        metering.mpremote("resume", "fs", "ls")
    metering.set_clock(held=True)
    seconds = eval(metering.run("print(n)"))
    assert len(seconds) >= 5
    assert all(0 < after - before <= 2 for before, after in pairwise(seconds))
    assert len(seconds) >= seconds[-1] - seconds[0]  # jitter of the VM's clock may skip a digit
    all_counted(metering)


def test_a_cut_costs_at_most_the_save_period_and_is_marked(metering, ask):
    metering.advance(seconds=41, step_s=1)
    before = ask("registers")["registers"]
    metering.cut()
    metering.start(clock="held", outage_s=400, load=LOAD)
    after = ask("registers")["registers"]
    lost = before["1.8.0"] - after["1.8.0"]
    assert 0 <= lost <= 6_000_000 * 60 // 3600
    metering.advance(seconds=900, step_s=1)
    later = ask("registers")["registers"]
    assert all(later[code] >= after[code] for code in after)
    with Link(metering.port()) as meter:
        events = reading.read_ring(meter, "power", reading.Cache(None))
        rows = reading.read_ring(meter, "profile", reading.Cache(None))
    failed = [e.record() for e in events if e.record().code == codes.EVENT_POWER_FAIL & 0xFF]
    assert [isinstance(e, Event) for e in failed] == [True]
    assert 400 <= failed[0].after - failed[0].before <= 400 + 60 + 2
    marked = [r.record() for r in rows if r.record().status & codes.POWER_FAIL]
    assert marked
    assert isinstance(marked[0], Row)


@pytest.mark.parametrize("nth_byte", [1, 100, 255, 300, 700])
def test_a_cut_inside_a_flash_write(metering, cli, ask, nth_byte):
    """The power goes at one byte of a commit; registers stand where a commit left them."""
    before = ask("registers")["registers"]["1.8.0"]
    metering.inject("nor", "cut_after", nth_byte)
    with pytest.raises(Exception, match="virtual board"):
        metering.advance(seconds=300, step_s=1)
    died_by = time.monotonic() + 5
    while metering.is_running():
        assert time.monotonic() < died_by
        time.sleep(0.01)
    metering.start(clock="held", outage_s=5, load=LOAD)
    metering.advance(seconds=120, step_s=1)
    assert ask("registers")["registers"]["1.8.0"] >= before
    cli("verify")


@pytest.mark.parametrize("files_there", [1, 8, 20, 30])
def test_a_deploy_cut_anywhere_leaves_a_meter_that_runs(metering, files_there):
    """SIGKILL to a deploy of other software once so many of its files have arrived.

    The count of files says when, not the clock: a machine may be faster than any delay.
    """
    active = metering.run("print(open('/slot').read())")
    changed = metering.files / ("b" if active == "a" else "a")
    command = [sys.executable, "-m", "wattledger", "--state", str(metering.state)]
    deploy = subprocess.Popen(
        [*command, "deploy", "--board", "esp32_atm90e32"], stdout=subprocess.DEVNULL
    )
    arrived_by = time.monotonic() + 60
    while sum(path.is_file() for path in changed.rglob("*")) < files_there:
        assert deploy.poll() is None, "the deploy ended before its files arrived"
        assert time.monotonic() < arrived_by
        time.sleep(0.002)
    metering.cut()
    assert deploy.wait(20) != 0
    metering.start(clock="held", load=LOAD)
    assert metering.run("print(open('/slot').read())") == active
    assert metering.run("import app; print(app.meter.state)") == "ready"
