"""A calibration on the whole board: source, real firmware, both copies, and a copy that breaks."""

import json
import sys

import pytest

# The world flows 1 % more volts and 2 % more amperes than the reference says: bad sensors.
SOURCE = """
import math, sys
from pathlib import Path
from wattledger import virtual
v, i, angle = map(float, sys.argv[2:])
shown = math.radians(angle)
p = 1000 * v * 1.01 * i * 1.02 * math.cos(shown)
q = 1000 * v * 1.01 * i * 1.02 * math.sin(shown)
constant = {"p_mw": round(p), "q_mvar": round(q), "v_mv": round(v * 1010)}
virtual.set_load(Path(sys.argv[1]), constant=constant)
"""
PLAN = """
reference = "the test"
un_v = 230
ib_a = 5
imax_a = 60
settle_s = 0
ticks = 3
source = [{command}, "{{v}}", "{{i}}", "{{angle}}"]
[[adjust]]
i = 5
[[check]]
i = 6
"""


@pytest.fixture
def bench(board, cli, tmp_path):
    """A deployed meter, and a plan with a source that sets its load. -> path of the plan"""
    board.start(clock="real")
    cli("deploy")
    (tmp_path / "source.py").write_text(SOURCE)
    words = [sys.executable, str(tmp_path / "source.py"), str(board.state)]
    plan = tmp_path / "points.toml"
    plan.write_text(PLAN.format(command=", ".join(map(json.dumps, words))))
    return plan


def test_calibrate_and_lose_a_copy(bench, board, cli):
    assert "never calibrated" in cli("calibrate", "--show")
    shown = json.loads(cli("calibrate", "--points", bench, "--json"))
    assert shown["after"]["UgainA"] == pytest.approx(0x8000 / 1.01, abs=2)
    (point,) = shown["points"]
    assert abs(point["error_percent"]) < 0.05
    assert point["limit_percent"] == 1.0
    kept = json.loads(cli("calibrate", "--show", "--json"))
    assert kept["record"]["registers"] == shown["after"]
    assert kept["record"]["results"][0][:4] == [0, 230_000, 6000, 0]
    assert kept["digest"][:14] in cli("events")
    assert json.loads(cli("info", "--json"))["alerts"] == []

    board.cut()
    (board.files / "cfg" / "calibration").write_bytes(b"WLCA\x01")
    board.start(clock="real")
    assert "a copy was broken" in str(json.loads(cli("info", "--json"))["alerts"])
    assert "calibration or a copy of it lost" in cli("events")
    again = json.loads(cli("calibrate", "--show", "--json"))
    assert again["record"] == kept["record"]
    seen = board.run("import app\nprint(app.ports.calibration['UgainA'])")
    assert int(seen) == shown["after"]["UgainA"]

    board.cut()  # the start before has mended the copy
    board.start(clock="real")
    assert json.loads(cli("info", "--json"))["alerts"] == []
