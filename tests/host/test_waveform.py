"""Loads of sampled waves: what is flowing, what sensors make of it, what the models meter."""

import math

import numpy as np
import pytest

from boards.virtual.waveform import Sensors, Waveform, measured, waves

RICH = {3: (0.30, 0), 5: (0.20, 0)}


def test_a_sine():
    point = measured([waves(230, 10, 60)], 50000)
    assert (point.v_mv, point.i_ma) == ([230000, 0, 0], [10000, 0, 0])
    assert point.p_mw == [1150000, 0, 0]
    assert point.q_mvar[0] == round(2300000 * math.sin(math.radians(60)))
    assert point.spectra[0] == [(1, 1150000000, round(2.3e9 * math.sin(math.radians(60))))]


@pytest.mark.parametrize("degrees", [0, 60, -37, 180])
def test_power_is_the_mean_of_v_times_i(degrees):
    v, i = waves(230, 5, degrees, {3: (0.05, 20), 5: (0.03, 200)}, {3: (0.3, 70), 5: (0.2, 110)})
    point = measured([(v, i)], 50000)
    assert point.p_mw[0] == round(1000 * np.mean(v * i))
    assert point.i_ma[0] == round(5000 * math.sqrt(1 + 0.09 + 0.04))
    assert len(point.spectra[0]) == 3
    assert abs(sum(p for _, p, _ in point.spectra[0]) - 1000 * point.p_mw[0]) < 1000


def test_a_constant_part_is_filtered():
    sensors = Sensors(u_dc_mv=500, i_dc_ma=2000)
    load = Waveform([waves(230, 5)], sensors)
    assert load.point.p_mw == load.true.p_mw
    assert load.point.i_ma == load.true.i_ma


@pytest.mark.parametrize("degrees", [0, 60, -37])
def test_a_delay_undoes_a_lead(degrees):
    phases = [waves(230, 5, degrees, RICH, {3: (0.3, 40), 5: (0.2, 80)})]
    load = Waveform(phases, Sensors(lead_mdeg=1000))
    assert abs(load.point.p_mw[0] - load.true.p_mw[0]) > 200
    delay_ns = round(20e6 / 360)
    p_mw, q_mvar = load.point.delayed(0, delay_ns)
    assert abs(p_mw - load.true.p_mw[0]) <= 2
    assert abs(q_mvar - load.true.q_mvar[0]) <= 2
    assert load.point.delayed(0, 0) == (load.point.p_mw[0], load.point.q_mvar[0])


def test_a_transformer_leads_less_at_each_order():
    phases = [waves(230, 5, 0, {3: (0.3, 0)}, {3: (0.3, 0)})]
    time, transformer = (
        Waveform(phases, Sensors(lead_mdeg=1000, transformer=t)).point.spectra[0][1]
        for t in (False, True)
    )
    degrees = [math.degrees(math.atan2(q, p)) for _, p, q in (time, transformer)]
    assert degrees[0] == pytest.approx(-3, abs=1e-3)
    assert degrees[1] == pytest.approx(-1 / 3, abs=1e-3)


def test_sensors():
    errors = Sensors(30000, -30000, u_noise_mv=100, i_noise_ma=8, coupling_ua_per_v=20)
    load = Waveform([waves(230, 5, 60)], errors)
    assert load.point.v_mv[0] == pytest.approx(230000 * 1.03, rel=2e-5)
    want = 1.03 * 0.97 * (575000 + 230 * 230 * 0.02)
    assert load.point.p_mw[0] == pytest.approx(want, abs=30)
    idle = Waveform([waves(230, 0)], errors)
    assert idle.point.i_ma[0] == pytest.approx(math.hypot(8, 0.97 * 4.6), abs=1)
    again = Waveform([waves(230, 0)], errors)
    assert again.point.p_mw == idle.point.p_mw, "the noise is the same each time"


def test_three_phases_with_sensors_of_their_own():
    phases = [waves(230, amperes) for amperes in (1, 2, 3)]
    load = Waveform(phases, [Sensors(), Sensors(i_gain_ppm=10000), Sensors(u_gain_ppm=-10000)])
    assert load.point.p_mw == [230000, 464600, 683100]
    load.use(phases, Sensors())
    assert load.point.p_mw == load.true.p_mw == [230000, 460000, 690000]
