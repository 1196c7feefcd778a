"""`wattledger calibrate`: plans in TOML, the source, a person's answers, and what it prints."""

import json
import sys

import calibration_bench as benches
import pytest
from typer.testing import CliRunner

from boards.virtual.waveform import Sensors
from meter import calibration
from wattledger import session
from wattledger.calibration import plan as plan_of
from wattledger.calibration import procedure as procedure_of
from wattledger.calibration.plan import Point
from wattledger.calibration.source import Command
from wattledger.cli import app
from wattledger.errors import ToolError
from wattledger.security.ordering import UNSIGNED

HEAD = {"reference": "bench", "un_v": 230, "ib_a": 5, "imax_a": 60}


class Meter(benches.Link):
    """The bench as the command opens it: time passes when it is asked, and the load follows
    whatever the plan's next point is."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def bench(monkeypatch):
    made = benches.Bench(
        lambda *ports: benches.atm90e32(*ports),
        Sensors(u_gain_ppm=10_000, i_gain_ppm=20_000, lead_mdeg=500),
    )
    made.wait(1)
    made.rig._boot()
    made.wait(2)
    monkeypatch.setattr(session, "meter", lambda ctx: Meter(made))
    compare = procedure_of.Procedure._compare

    def with_the_load(self, point):
        if point.measured is None and point.error_percent is None and point.pulses is None:
            made.set(point)
        return compare(self, point)

    monkeypatch.setattr(procedure_of.Procedure, "_compare", with_the_load)
    monkeypatch.setattr(
        procedure_of.Procedure.__init__, "__defaults__", (made.wait, print, UNSIGNED)
    )
    return made


def run(*args, answers=None, code=0):
    done = CliRunner().invoke(app, ["calibrate", *map(str, args)], input=answers)
    if code == 0 and done.exception:
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def test_a_person_is_guided(bench):
    """Ratings, then three points and the load points, each with what the reference shows."""
    text = run("--yes", answers="\n\n\n\n\nbench 7, class 0.05\n" + "\n" * 200)
    assert "Set the reference to 230 V on every phase, no current." in text
    assert "230 V and 5 A on every phase, power factor 1." in text
    assert "5 A on every phase, current lagging by 60 degrees." in text
    assert "0.020 A" in text or "0.02 A" in text  # starting current
    assert "OUTSIDE" not in text
    assert "IEC 62053-21 class 1" in text
    assert "not a type approval" in text
    shown = run("--show")
    assert "ATM90E32AS" in shown
    assert "bench 7, class 0.05" in shown
    assert "UgainA" in shown
    assert "of the configuration log says" in shown
    forged = calibration.pack(calibration.unpack(bench.store.held[0]) | {"reference": "other"})
    bench.store.held = [forged, forged]
    assert "NOT the record of event" in run("--show")


def test_a_person_says_what_the_reference_really_gives(bench):
    """231 V where 230 are set: the meter is made to show what the reference shows."""
    answers = "\n\n\n\n\nbench\n" + "231\n" + "231\n\n" + "231\n\n\n"
    run("--dry-run", answers=answers)
    assert bench.store.held == [None, None]
    text = run("--dry-run", "--json", answers=answers)
    after = json.loads(text[text.index("{\n") :])["after"]
    assert after["UgainA"] == pytest.approx(0x8000 * 231 / 232.3, abs=3)


def test_a_person_counts_pulses(bench):
    answers = "\n\n\n\n\nbench\n" + "3264\n1000\n" + "3264\n1000\n"
    text = run("--pulses", "--dry-run", "--json", answers=answers)
    after = json.loads(text[text.index("{\n") :])["after"]
    assert after["PQGainA"] == 0x10000 + round((1 / 1.02 - 1) * 0x8000)
    assert after["UgainA"] == 0x8000
    assert bench.store.held == [None, None]


def test_no_is_no(bench):
    run(answers="\n\n\n\n\nbench\n" + "\n" * 6 + "n\n", code=1)
    assert bench.store.held == [None, None]


def test_points_recorded_before(bench, tmp_path):
    plan = tmp_path / "points.toml"
    plan.write_text(
        'reference = "r"\nun_v = 230\nib_a = 5\nimax_a = 60\n'
        "[[adjust]]\ni = 5\nmeasured = {v = 232.3, i = [5.1], p = 1184.73}\n"
        "[[check]]\ni = 5\nerror_percent = 0.25\n[[check]]\ni = 5\npulses = 3232\nwh = 1000\n"
    )
    text = run("--points", plan, "--json")
    found = json.loads(text[text.index("{\n") :])
    assert found["after"]["IgainA"] == round(0x8000 / 1.02)
    assert [point["error_percent"] for point in found["points"]] == [0.25, 1.0]


def test_outside_of_the_class_is_a_failure(bench, tmp_path):
    plan = tmp_path / "points.toml"
    plan.write_text(
        'reference = "r"\nun_v = 230\nib_a = 5\nimax_a = 60\n'
        "[[adjust]]\ni = 5\nerror_percent = 1\n"
        "[[check]]\ni = 5\nerror_percent = -1.01\n"
    )
    with pytest.raises(ToolError, match="1 of 1 load points are outside class 1"):
        run("--points", plan)


def test_nothing_kept_yet(bench):
    assert "never calibrated" in run("--show")


# plans


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"un_v": None}, "un_v is missing"),
        ({"un_v": "230"}, "un_v: expected float"),
        ({"volts": 230}, "volts: not known"),
        ({"class": "3"}, "class 3: expected 1 2 0.5S"),
        ({"connection": "ct"}, "connection: expected direct or transformer"),
        ({"phases": [4]}, "phases: expected 1 to 3"),
        ({"adjust": [{"v": 230}]}, "adjust 1: i is missing"),
        ({"adjust": [{"i": 5}, {"i": -5}]}, "adjust 2: expected v > 0, i >= 0"),
        ({"check": [{"i": 5, "angle": 90}]}, "check 1: expected .* within 90 degrees"),
        ({"check": [{"i": 5, "pulses": 3}]}, "check 1: pulses and wh belong together"),
        ({"check": [5]}, "check 1: expected a table"),
        ({"check": [{"i": True}]}, "i: expected float"),
    ],
)
def test_a_plan_that_cannot_be(table, told):
    known = {key: value for key, value in {**HEAD, **table}.items() if value is not None}
    with pytest.raises(ToolError, match=f"plan.toml: .*{told}"):
        plan_of.of(known, {}, "plan.toml")


def test_a_plan_from_a_file(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("un_v = [")
    with pytest.raises(ToolError, match=r"plan\.toml: .*not TOML"):
        plan_of.read(path, {})
    with pytest.raises(ToolError, match=r"none\.toml: No such file"):
        plan_of.read(tmp_path / "none.toml", {})


def test_usual_points_cover_the_class():
    plan = plan_of.of(HEAD, {}, "p")
    assert [(point.i, point.angle) for point in plan.adjust] == [(0, 0), (5, 0), (5, 60)]
    assert {point.i for point in plan.check if not point.angle} == {0.02, 3, 5, 30, 60}
    assert {point.angle for point in plan.check} == {0, 60, -36.87}


# the source


def test_a_command_sets_the_source_and_says_what_it_gives():
    code = (
        "import sys, json; v, i, a = map(float, sys.argv[1:]);"
        "print(json.dumps({'v': v + 1, 'i': i, 'angle': a}))"
    )
    source = Command((sys.executable, "-c", code, "{v}", "{i}", "{angle}"))
    assert source.set(Point(230, 5, 60)) == Point(231, 5, 60)
    assert Command((sys.executable, "-c", "")).set(Point(230, 5)) == Point(230, 5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("/no/such/program",), "source: /no/such/program"),
        ((sys.executable, "-c", "raise SystemExit('no current')"), "ended with 1: no current"),
        ((sys.executable, "-c", "print('{}')"), "source said {}: expected"),
    ],
)
def test_a_source_that_fails(words, told):
    with pytest.raises(ToolError, match=told):
        Command(words).set(Point(230, 5))
