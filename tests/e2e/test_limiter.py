"""The limiter on the whole board: pins, rate and rows, through a soft reset and a power cut."""

import pytest

from meter import codes
from wattledger import reading
from wattledger.link import Link

START_S = 1791180000  # 2026-10-05 06:00 in Oslo, a Monday
TARIFF = "docs/tariffs/capacity-and-limiter.toml"  # windows of 5 minutes
LOAD_SWITCH, ALARM = 25, 26
ONE_HOUR_S = 3600


def load(watts):
    return {"constant": {"p_mw": 1000 * watts, "q_mvar": 0, "v_mv": 230_000}}


@pytest.fixture
def limited(board, cli, root):
    """A meter whose load has been at 13 kW for 15 minutes: all three levels have tripped."""
    board.start(clock="held", unix_s=START_S)
    cli("deploy")
    board.advance(seconds=1, step_s=1)
    cli("tariff", "push", root / TARIFF, "--when", "now")
    board.set_load(**load(1000))
    board.advance(until=START_S + 900, step_s=60)
    assert levels(board) == (1, 0)
    board.set_load(**load(13_000))
    board.advance(seconds=900, step_s=60)
    assert levels(board) == (0, 1)
    return board


def levels(board):
    """-> levels of the pins of load switch and alarm"""
    outputs = board.status()["outputs"]
    return outputs[str(LOAD_SWITCH)], outputs[str(ALARM)]


def switched(board):
    """-> levels that the load switch has had since power came"""
    return [level for _, pin, level in board.request("outputs")["changes"] if pin == LOAD_SWITCH]


def test_a_limited_load_to_its_return(limited, cli, ask):
    assert ask("info")["rate"] == "overload"
    assert ask("live")["128.35.0"] == 7
    shown = cli("watch", "--once")
    for text in ("notice, 8 kW: reminder", "re-priced to overload", "load switched off"):
        assert text in shown
    before = switched(limited)
    for _ in range(2):
        limited.mpremote("soft-reset")
        limited.mpremote("exec", "import app\nassert app.meter.contract.w.outputs == 3")
    limited.advance(seconds=60, step_s=1)
    assert levels(limited) == (0, 1)
    assert set(switched(limited)[len(before) :]) <= {0}  # it never closed meanwhile

    limited.set_load(**load(500))
    limited.advance(seconds=1800, step_s=60)
    assert levels(limited) == (1, 0)
    assert ask("live")["128.35.0"] == 0
    assert ask("info")["alerts"] == []
    with Link(limited.port()) as meter:
        rows = reading.read_ring(meter, "profile", reading.Cache(None))
    limits = [entry.record().status & codes.LIMITED for entry in rows]
    assert limits[0] == 0
    assert any(limits)


def test_after_a_power_cut_the_load_stays_shed_until_the_rule_lets_it(limited):
    limited.cut()
    limited.start(clock="held", outage_s=60)
    limited.advance(seconds=2, step_s=1)
    assert levels(limited) == (0, 1)
    limited.cut()
    limited.start(clock="held", outage_s=ONE_HOUR_S)
    limited.advance(seconds=30, step_s=1)
    assert levels(limited) == (1, 0)
