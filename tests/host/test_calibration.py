"""After a calibration a meter with bad sensors is right: driver and model of each IC, fed by
waveforms through sensors of 3 % gain error, 1 degree phase error, offsets and noise."""

import math

import calibration_bench as benches
import pytest

from boards.virtual.waveform import Sensors
from meter import calibration as record_of
from wattledger.calibration import atm90e32
from wattledger.calibration.limits import CLASSES, DIRECT, TRANSFORMER
from wattledger.calibration.plan import CAPACITIVE, INDUCTIVE
from wattledger.calibration.sensor import Comparison, fit
from wattledger.errors import ToolError

PARTS = (0.05, 0.1, 0.2, 0.5, 1)  # of Imax


def loads(imax_a=60):
    return [
        {"i": imax_a * part, "angle": angle}
        for angle in (0, INDUCTIVE, CAPACITIVE)
        for part in PARTS
    ]


CHECK = loads()
ALLOWED = {0: 0.2, INDUCTIVE: 0.3, CAPACITIVE: 0.3}  # percent


def make(sensors=None, ic=benches.atm90e32, **settings):
    return benches.Bench(
        lambda load, now_ms, sleep_ms: ic(load, now_ms, sleep_ms, **settings),
        sensors or benches.faulty(),
    )


def errors(rows):
    return {(row.point.i, row.point.angle): row.error for row in rows if row.kind == "error"}


@pytest.mark.parametrize(
    ("ic", "sensors", "imax_a"),
    [
        (benches.atm90e32, benches.faulty(), 60),
        (benches.ade7953, benches.faulty(), 60),
        (benches.bl0942, benches.shunt(), 30),
    ],
)
def test_a_calibrated_meter_is_right_from_5_to_100_percent(ic, sensors, imax_a):
    bench, check = make(sensors, ic), loads(imax_a)
    _, rows, record = bench.calibrate(imax_a=imax_a, check=check)
    found = errors(rows)
    assert len(found) == len(check)
    for (_, angle), error in found.items():
        assert abs(error) <= ALLOWED[angle], found
    assert record_of.unpack(bench.store.held[0]) == record
    assert len(record["results"]) == len(check)
    assert all(row.good for row in rows)


def test_a_bl0942_cannot_undo_a_phase_error():
    bench = make(benches.faulty(), benches.bl0942)
    with pytest.raises(ToolError, match=r"phase error -1\.\d\d degree, .* no register for it"):
        bench.procedure().compute()


@pytest.mark.parametrize("b_gain", ["own", "shared"])
def test_two_circuits_of_an_ade7953(b_gain):
    """One source alone says what AVGAIN is to channel B: a second calibration settles it."""
    sensors = [Sensors(30_000, 10_000, 1000), Sensors(30_000, -20_000, -500), Sensors()]
    bench = benches.Bench(
        lambda *ports: benches.ade7953(*ports, wiring="2c", b_gain=b_gain), sensors, (0, 1)
    )
    bench.calibrate(check=[{"i": 5}])
    _, rows, _ = bench.calibrate(check=CHECK)
    assert {row.phase for row in rows} == {0, 1}
    assert all(abs(row.error) <= ALLOWED[row.point.angle] for row in rows)


def test_uncalibrated_it_is_not():
    bench = make()
    found = errors(bench.procedure(check=CHECK).check())
    assert all(abs(error) > 0.05 for error in found.values())
    assert max(map(abs, found.values())) > 2.5


def test_energy_counted_is_the_energy_that_flowed():
    """Not only what the IC shows: an hour at each load, in its registers and in ours."""
    bench = make()
    bench.calibrate(check=[{"i": 5}])
    meter, model = bench.rig.meter, bench.model
    for i, angle in ((3, 0), (60, 0), (3, INDUCTIVE), (60, CAPACITIVE)):
        bench.set(bench.plan(check=[{"i": i, "angle": angle}]).check[0])
        bench.wait(2)
        before, chip = meter.live.registers[0], model.true_counts()[0]
        bench.wait(3600)
        flowed = bench.load.true.p_mw[0]  # mW for an hour
        counted = meter.live.registers[0] - before
        assert abs(counted / flowed - 1) * 100 <= ALLOWED[angle]
        # 3200 imp/kWh: a count is 3.125 mWh
        assert abs(counted - (model.true_counts()[0] - chip) * 25 / 8) < 2 * 25 / 8


def test_the_software_adds_no_error():
    """What is billed is what the IC has counted, to the count, with the rest carried."""
    bench = make(imp_per_kwh=480)  # a count is 62.5 / 3 mWh
    bench.calibrate(check=[{"i": 5}])
    meter, model = bench.rig.meter, bench.model
    start = (meter.live.registers[0], meter.sample.counts[0])
    for i in (0.3, 7, 61, 0.02, 33):
        bench.set(bench.plan(check=[{"i": i}]).check[0])
        bench.wait(301)
    counts = meter.sample.counts[0]
    assert counts == model.true_counts()[0]
    num, den = bench.driver.energy_ratio
    exact = (counts - start[1]) * num / den
    assert abs(meter.live.registers[0] - start[0] - exact) < 1
    assert meter.live.registers[0] == counts * num // den
    assert sum(meter.live.rates) == meter.live.registers[0]


def test_three_phases_each_with_its_own_errors():
    sensors = [
        Sensors(u_gain_ppm=20_000, i_gain_ppm=-10_000, lead_mdeg=700, seed=2),
        Sensors(u_gain_ppm=-30_000, i_gain_ppm=5_000, lead_mdeg=-900, seed=3),
        Sensors(i_gain_ppm=30_000, coupling_ua_per_v=-20, seed=4),
    ]
    bench = benches.Bench(
        lambda *ports: benches.atm90e32(*ports, wiring="3p4w"), sensors, (0, 1, 2)
    )
    computed, rows, record = bench.calibrate(check=CHECK)
    assert {row.phase for row in rows} == {0, 1, 2}
    assert all(abs(row.error) <= ALLOWED[row.point.angle] for row in rows)
    assert len(record["results"]) == 3 * len(CHECK)
    assert computed.after["PhiA"] < 0x8000 <= computed.after["PhiB"]


def test_60_hz():
    bench = benches.Bench(lambda *ports: benches.atm90e32(*ports), benches.faulty(), line_hz=60)
    _, rows, _ = bench.calibrate(check=CHECK)
    assert all(abs(row.error) <= ALLOWED[row.point.angle] for row in rows)


def test_a_second_calibration_starts_from_the_first():
    bench = make()
    first, _, _ = bench.calibrate(check=[{"i": 5}])
    second, _, _ = bench.calibrate(check=[{"i": 5}])
    assert second.before == first.after
    for name in ("UgainA", "IgainA", "PhiA"):
        assert second.after[name] == pytest.approx(first.after[name], abs=10)  # 1 mA of 5 A


def test_no_load_and_starting_current_of_the_class():
    """115 % Un without current for as long as the class says, and 0.004 Ib."""
    bench = make()
    bench.calibrate(check=[{"i": 5}])
    plan = bench.plan()
    no_load = plan.no_load_point()
    assert (round(no_load.v, 1), no_load.i, no_load.ticks) == (264.5, 0, 816)
    rows = bench.procedure(
        check=[{"v": no_load.v, "i": 0, "ticks": no_load.ticks}, {"i": 0.004 * 5, "ticks": 60}]
    ).check()
    assert [(row.kind, row.good) for row in rows] == [("no-load", True), ("start", True)]
    assert rows[0].pulses == 0
    assert rows[1].pulses == pytest.approx(4.6 * 60 / 3.6e6 * 3200, rel=0.1)


def test_an_ic_that_creeps_and_one_that_does_not_start_are_found():
    creeping = make(Sensors(coupling_ua_per_v=200))  # 12 W from nothing, not calibrated
    rows = creeping.procedure(check=[{"v": 264.5, "i": 0, "ticks": 300}]).check()
    assert not rows[0].good
    assert rows[0].pulses > 1
    deaf = make(Sensors(i_gain_ppm=-600_000))
    rows = deaf.procedure(check=[{"i": 0.02, "ticks": 60}]).check()
    assert (rows[0].kind, rows[0].good, rows[0].pulses) == ("start", False, 0)


def test_pulses_against_a_reference_meter_give_gain_and_phase():
    """As a person counts them: nothing of the meter is asked but its registers."""
    bench = make(Sensors(i_gain_ppm=20_000, lead_mdeg=1000))
    adjust = []
    for angle in (0, INDUCTIVE):
        bench.set(bench.plan(check=[{"i": 5, "angle": angle}]).check[0])
        bench.wait(2)
        before = bench.model.true_counts()[0]
        bench.wait(1800)
        pulses = (bench.model.true_counts()[0] - before) / 100
        wh = bench.load.true.p_mw[0] / 2 / 1000
        adjust.append({"i": 5, "angle": angle, "pulses": pulses, "wh": wh})
    computed, rows, _ = bench.calibrate(adjust=adjust, check=CHECK)
    assert "measure" not in bench.link.asked[: bench.link.asked.index("info")]
    assert computed.after["UgainA"] == computed.after["IgainA"] == 0x8000
    assert all(abs(row.error) <= ALLOWED[row.point.angle] for row in rows)


def test_pulses_of_a_bl0942_stand_before_its_gain():
    """Its LED goes on showing what the IC counts: twice calibrated, still the same gain."""
    bench = make(benches.shunt(), benches.bl0942)
    gains = []
    for _ in range(2):
        table = {"imax_a": 30, "adjust": [{"i": 5, "error_percent": 1.5}], "check": [{"i": 5}]}
        computed, rows, _ = bench.calibrate(**table)
        gains.append(computed.after["P_GAIN"])
        assert abs(rows[0].error) < 0.1
    assert gains == [round(0x8000 / 1.015)] * 2


def test_a_reverse_sensor_and_a_dead_phase_are_named():
    bench = make(Sensors(i_gain_ppm=-2_000_000))
    with pytest.raises(ToolError, match="phase A: power is negative: turn its current sensor"):
        bench.procedure().compute()
    with pytest.raises(ToolError, match="phase A: the meter sees no voltage"):
        fit([Comparison(0, 230, 5, 0, 0, 5, 1150)])
    with pytest.raises(ToolError, match="phase B: no point has a current"):
        fit([Comparison(1, 230, 0, 0, 230, 0, 0)])


def test_more_than_a_register_can_undo_is_refused_and_nothing_written():
    bench = make(Sensors(u_gain_ppm=-600_000))
    with pytest.raises(ToolError, match=r"UgainA would be 8\d+, expected 1 to 65535"):
        bench.procedure().compute()
    bench = make(Sensors(lead_mdeg=3000))
    with pytest.raises(ToolError, match=r"PhiA: phase error -3\.\d\d degree, expected at most 2"):
        bench.procedure().compute()
    assert bench.store.held == [None, None]


def test_vectors_of_the_application_note():
    """AN 46103A: -13.78 % -> gain 1475h; 0.95 % at PF 0.5L -> phase 24h."""
    gain = fit([Comparison(0, 230, 5, 0, None, None, 1150 * (1 - 0.1378))])
    assert atm90e32.solve({}, {0: gain}, 50, 1)["PQGainA"] == pytest.approx(0x1475, abs=1)
    shown = [
        Comparison(0, 230, 5, 0, None, None, 1150.0),
        Comparison(0, 230, 5, 60, None, None, 575 * 1.0095),
    ]
    assert atm90e32.solve({}, {0: fit(shown)}, 50, 1)["PhiA"] == pytest.approx(0x24, abs=1)
    assert atm90e32.solve({}, {0: fit(shown)}, 60, 1)["PhiA"] == pytest.approx(30, abs=1)


def test_fit_finds_what_was_put_in():
    gain, lag, offset = 1.07, math.radians(-0.4), 0.8
    points = [
        Comparison(0, 230, i, angle, 230 * 0.98, i * 1.1 + 0.003 if i else 0.003, p)
        for i, angle in ((0, 0), (5, 0), (5, 60), (10, -36.87))
        for p in [gain * 230 * i * math.cos(math.radians(angle) + lag) + offset]
    ]
    found = fit(points)
    assert found.p_gain == pytest.approx(gain)
    assert found.lag_rad == pytest.approx(lag)
    assert (found.p_offset, found.i_offset) == pytest.approx((offset, 0.003))
    assert (found.u_gain, found.i_gain) == pytest.approx((0.98, 1.1))


@pytest.mark.parametrize(
    ("name", "connection", "fraction", "angle", "limit"),
    [
        ("1", DIRECT, 0.049, 0, None),
        ("1", DIRECT, 0.05, 0, 1.5),
        ("1", DIRECT, 0.1, 0, 1.0),
        ("1", DIRECT, 12, 0, 1.0),
        ("1", DIRECT, 0.15, 60, 1.5),
        ("1", DIRECT, 0.2, -36.87, 1.0),
        ("1", DIRECT, 0.05, 60, None),
        ("1", DIRECT, 1, 30, None),
        ("1", TRANSFORMER, 0.02, 0, 1.5),
        ("1", TRANSFORMER, 0.1, 60, 1.0),
        ("2", DIRECT, 0.05, 0, 2.5),
        ("2", DIRECT, 1, 60, 2.0),
        ("0.5S", TRANSFORMER, 0.01, 0, 1.0),
        ("0.5S", TRANSFORMER, 0.05, 0, 0.5),
        ("0.5S", TRANSFORMER, 0.02, 60, 1.0),
        ("0.5S", TRANSFORMER, 1, -36.87, 0.6),
        ("0.5S", DIRECT, 1, 0, None),
    ],
)
def test_limits_of_the_classes(name, connection, fraction, angle, limit):
    assert CLASSES[name].limit(connection, fraction, angle) == limit


def test_no_load_time():
    """CLOU's worked formula: 3200 imp/kWh, 230 V: 13.6 min at 60 A, 2.7 min at 3 x 100 A."""
    assert CLASSES["1"].no_load_s(3200, 1, 230, 60) / 60 == pytest.approx(13.6, abs=0.05)
    assert CLASSES["1"].no_load_s(3200, 3, 230, 100) / 60 == pytest.approx(2.7, abs=0.05)
