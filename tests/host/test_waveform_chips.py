"""The metering ICs at sampled waves: harmonics are metered, sensor errors go by registers."""

import chip_ics
import numpy as np
import pytest
from chip_rig import Rig

from boards.virtual.waveform import Sensors, Waveform, waves

RICH_I = {3: (0.30, 25), 5: (0.20, 190)}
RICH_U = {3: (0.04, 10), 5: (0.03, 170)}
CASES = [(ic, option) for ic in chip_ics.ICS.values() for option in ic.options]
IDS = [f"{ic.name} {option}" for ic, option in CASES]


def metered_mw(rig, point, seconds=3600):
    """-> mean import (less export) of so long a time at a point, from the counts."""
    rig.use(point)
    rig.read(1)
    before = rig.sample.counts
    step_s = rig.ic.window_s // 2
    for _ in range(seconds // step_s):
        assert rig.read(step_s) == 0
    num, den = rig.driver.energy_ratio
    imported, exported = (rig.sample.counts[k] - before[k] for k in (0, 1))
    return (imported - exported) * num * 3600 / den / (seconds // step_s * step_s)


@pytest.mark.parametrize(("ic", "option"), CASES, ids=IDS)
@pytest.mark.parametrize("degrees", [0, 60, -37, 150])
def test_harmonics_are_metered_as_true_active_power(ic, option, degrees):
    """3rd 30 %, 5th 20 %: the reference is the mean of v times i, sample by sample."""
    v, i = waves(230, 8, degrees, RICH_U, RICH_I)
    true_mw = 1000 * float(np.mean(v * i))
    fundamental_mw = 1000 * 230 * 8 * np.cos(np.radians(degrees))
    assert abs(true_mw - fundamental_mw) > 0.005 * abs(true_mw), "harmonics carry power here"
    rig = Rig(ic, option)
    metered = metered_mw(rig, Waveform([(v, i)] * ic.phases).point)
    assert metered == pytest.approx(ic.phases * true_mw, rel=2e-4)


ERRORS = Sensors(30000, -30000, 1000, u_dc_mv=300, i_dc_ma=50, coupling_ua_per_v=4)


@pytest.mark.parametrize(("amperes", "degrees"), [(32, 0), (2, 0), (10, 60), (10, -36.87)])
def test_registers_of_the_atm90e32_undo_sensor_errors(amperes, degrees):
    """Gains, one degree of phase and a power offset, by the formulas of its application note."""
    ic = chip_ics.ICS["atm90e32"]
    offset_mw = 1.03 * 0.97 * 230 * 230 * 4e-6 * 1000
    calibration = {
        "UgainA": round(0x8000 / 1.03),
        "IgainA": round(0x8000 / 0.97),
        "PhiA": round(1 / 360 / 50 * 2_048_000),
        "PoffsetA": -round(offset_mw / 0.32) & 0xFFFF,
    }
    load = Waveform([waves(230, amperes, degrees)], ERRORS)
    rig = Rig(ic)
    raw = metered_mw(rig, load.point)
    rig.driver.start(calibration)
    metered = metered_mw(rig, load.point)
    true = load.true.p_mw[0]
    assert metered == pytest.approx(true, rel=1e-3)
    assert abs(metered - true) * 2 < abs(raw - true) or degrees == 0
