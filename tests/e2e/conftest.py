"""The virtual board of tests/vm, with a meter on it."""

import pytest
from typer.testing import CliRunner

from tests.virtual_board import board
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


@pytest.fixture
def ask(board):
    """Send the meter one request. -> what stands under "ok"."""

    def request(do, **args):
        with Link(board.port()) as meter:
            return meter.request(do, **args)

    return request
