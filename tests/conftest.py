"""Says at the end of a run on which machines the shared tests ran."""

import os
import platform
from collections import Counter
from pathlib import Path

import pytest

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
