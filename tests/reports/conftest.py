"""Reports of a made load, of a meter with hostile names, and of the real house and plant."""

import shutil

import pytest

pytest.importorskip("matplotlib", reason="no matplotlib: pip install 'wattledger[analysis]'")
pytest.importorskip("sklearn", reason="no scikit-learn: pip install 'wattledger[analysis]'")

from tests.reports.subjects import HOUSE, PLANT, Made, report_of

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


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


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Of a module: in one process two cannot be driven at once."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)}")
    with sync_api.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
