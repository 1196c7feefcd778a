"""The virtual board of tests/vm, with a meter on it."""

import shutil

import pytest
from typer.testing import CliRunner

from tests.e2e import sealed_meter
from tests.virtual_board import VirtualBoard, board, missing
from wattledger.cli import app
from wattledger.link import Link

__all__ = ("board",)
TARIFF = "docs/tariffs/three-prices-two-seasons.toml"


@pytest.fixture
def cli(board):
    """Run a wattledger command on the board. -> its output; the exit code must be `code`."""

    def run(*args, code=0):
        done = CliRunner().invoke(app, ["--state", str(board.state), *map(str, args)])
        assert done.exit_code == code, done.output + repr(done.exception)
        return done.output

    return run


def _copy(state, to):
    """What survives a power cut, and what the port has said."""
    shutil.copytree(
        state, to, ignore=shutil.ignore_patterns("board.json", "control", "lock", "tty")
    )


@pytest.fixture(scope="session")
def states(tmp_path_factory):
    """-> {"keyed", "sealed"}: state folders of a powered-off meter that was commissioned once."""
    if missing():
        pytest.skip(missing())
    folders = tmp_path_factory.mktemp("states")
    meter = VirtualBoard(folders / "keyed")
    meter.start(clock="real")
    sealed_meter.commission(meter)
    meter.cut()
    _copy(meter.state, folders / "sealed")
    meter = VirtualBoard(folders / "sealed")
    sealed_meter.start_of(meter)
    sealed_meter.seal(meter)
    meter.cut()
    return {name: folders / name for name in ("keyed", "sealed")}


@pytest.fixture
def keyed(board, states):
    """A meter with keys, the REPL open."""
    _copy(states["keyed"], board.state)
    sealed_meter.start_of(board)
    return board


@pytest.fixture
def sealed(board, states):
    _copy(states["sealed"], board.state)
    sealed_meter.start_of(board)
    return board


@pytest.fixture
def ask(board):
    """Send the meter one request. -> what stands under "ok"."""

    def request(do, **args):
        with Link(board.port()) as meter:
            return meter.request(do, **args)

    return request
