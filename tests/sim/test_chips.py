"""A slice of the metering ICs' fault campaign, and drivers with a fault that it must find."""

import chip_faults
import chip_ics
import pytest

from drivers.ade7953 import Ade7953
from drivers.ade7953_intake import Intake
from drivers.atm90e32 import Atm90e32
from drivers.bl0942 import Bl0942
from drivers.bl0942_link import Link
from meter.sample import RESET, SATURATED
from tests.sim import chips

SLICE = 500  # of 10,000


@pytest.fixture(scope="module")
def result():
    return chips.run(seed=1, count=SLICE)


def test_no_schedule_failed(result):
    assert not result.failed, "\n" + "\n".join(result.failed[:10])


@pytest.mark.parametrize("name", chip_ics.ICS)
def test_the_slice_is_what_it_says(result, name):
    assert result.schedules[name] == SLICE
    for kind in chip_faults.KINDS:
        assert result.faults[name, kind] > SLICE * chip_faults.STEPS / 20, kind
    for flag in ("none", "reset", "saturated"):
        assert result.told[name, flag] > 0, flag
    # The BL0942 takes every transfer again whose checksum is wrong, so nothing is in doubt.
    assert (result.told[name, "glitch"] > 0) == (name != "bl0942")
    assert chips.table(result).row_count == len(chip_faults.KINDS) + 4


def test_a_schedule_is_run_again_by_its_name():
    for name in chip_ics.ICS:
        chips.replay(f"chip:{name}:1000007")


def takes_what_came(self, value, last):
    return value


def nothing(self, *_):
    """Leaves undone what it stands for."""


def always(self, *_):
    return True


def keeps(driver, flag):
    """-> a `read` that never tells this flag."""
    whole = driver.read

    def read(self, sample):
        whole(self, sample)
        sample.flags &= ~flag

    return read


def believes(self, register):
    """BL0942's Link.get without a look at the checksum."""
    frame = self._frame
    frame[0], frame[1] = 0x58, register
    frame[2] = frame[3] = frame[4] = frame[5] = 0xFF
    self._cs(1)
    self._cs(0)
    self._spi.write_readinto(frame, frame)
    self._cs(1)
    return frame[2] << 16 | frame[3] << 8 | frame[4]


MUTATIONS = {
    "what was broken off is forgotten": (Atm90e32, "_recover", nothing),
    "an unconfirmed value is believed": (Atm90e32, "_settle", takes_what_came),
    "a reset is not told": (Atm90e32, "read", keeps(Atm90e32, RESET)),
    "a full register is not told": (Atm90e32, "read", keeps(Atm90e32, SATURATED)),
    "a lost configuration is let be": (Atm90e32, "_restart", nothing),
    "ADE7953: what was broken off is forgotten": (Intake, "recover", nothing),
    "ADE7953: LAST_ADD is not asked": (Intake, "_settle", always),
    "ADE7953: a reset is not looked for": (Intake, "settled", always),
    "ADE7953: a reset is not told": (Ade7953, "read", keeps(Ade7953, RESET)),
    "ADE7953: a roll-over is not told": (Ade7953, "read", keeps(Ade7953, SATURATED)),
    "BL0942: the base is not kept": (Bl0942, "_keep", nothing),
    "BL0942: a reset is not looked for": (Bl0942, "_is_ours", always),
    "BL0942: a reset is not told": (Bl0942, "read", keeps(Bl0942, RESET)),
    "BL0942: any checksum is right": (Link, "get", believes),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_driver_is_found(name, monkeypatch):
    driver, attribute, instead = MUTATIONS[name]
    monkeypatch.setattr(driver, attribute, instead)
    ic = name.split(":")[0].lower() if ":" in name else "atm90e32"
    assert chips.work((ic, 1_000_000, 60)).failed
