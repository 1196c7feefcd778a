"""Says at the end of a run on which machines the shared tests ran."""

import os
import platform
from collections import Counter
from pathlib import Path

import pytest

from tests import on_machine

ROOT = Path(__file__).resolve().parents[1]
WHERE = Counter()


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def node() -> str:
    """Path of a node new enough for the VM."""
    from wattledger import bundle

    return bundle.node()


@pytest.fixture(scope="session")
def program() -> Path:
    """A mosquitto that runs."""
    from wattledger.errors import ToolError
    from wattledger.headend import mosquitto

    try:
        return mosquitto.find()
    except ToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium. Of a module: in one process two cannot be driven at once."""
    reason = "no playwright: pip install 'wattledger[test]'"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    path = on_machine.browser()
    if path is None:
        pytest.skip(f"no {', '.join(on_machine.BROWSERS)} on this machine")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


def pytest_runtest_logreport(report):
    if report.when != "call" or report.skipped:
        return
    if report.nodeid.startswith("tests/shared/"):
        WHERE[f"CPython {platform.python_version()}"] += 1
    for name, value in report.user_properties:
        if name == "shared":
            where, count = value
            WHERE[where] += count


def pytest_terminal_summary(terminalreporter):
    for where, count in sorted(WHERE.items()):
        terminalreporter.write_line(f"shared tests on {where}: {count}")
    if WHERE and not os.environ.get("MICROPYTHON"):
        terminalreporter.write_line("shared tests on a micropython binary: set MICROPYTHON=path")
