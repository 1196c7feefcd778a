"""Reports of a made load, of a meter with hostile names, and of the real house and plant."""

import pytest

pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'wattledger[analysis]'")
pytest.importorskip("sklearn", reason="no scikit-learn: pip install 'wattledger[analysis]'")

from tests.reports.subjects import HOUSE, PLANT, Made, report_of


@pytest.fixture(scope="session")
def made():
    return report_of(Made.history())


@pytest.fixture(scope="session")
def house():
    if not HOUSE.exists():
        pytest.skip("the folder ../shared/data is not here")
    return report_of(HOUSE)


@pytest.fixture(scope="session")
def plant():
    if not PLANT.exists():
        pytest.skip("the folder ../shared/data is not here")
    return report_of(PLANT, 100 * 96)  # a year takes long
