"""A virtual board for the tests that need one, and stock mpremote as a subprocess on it."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.security import key_search
from wattledger import bundle, virtual

TIMEOUT_S = 30


class VirtualBoard:
    """A board in a folder of its own; `start`, `cut`, `advance`, ... as in wattledger.virtual."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.files = state / "fs"
        self.said = state / "port.out"  # every byte of it, over all its lives

    def start(self, **options):
        return virtual.start(self.state, record=self.said, **options)

    def __getattr__(self, name):
        call = getattr(virtual, name)
        return lambda *args, **kwargs: call(self.state, *args, **kwargs)

    def mpremote(self, *args, code=0):
        """Run it. -> stdout; the test fails when the exit code is another."""
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", self.port(), *map(str, args)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout.replace("\r", "") + done.stderr

    def run(self, code):
        """Run Python on the board without a soft reset. -> what it printed."""
        return self.mpremote("resume", "exec", textwrap.dedent(code)).strip()

    def script(self, name, code):
        """Put a script on the board from behind, as if it had been copied before."""
        self.files.mkdir(parents=True, exist_ok=True)
        (self.files / name).write_text(textwrap.dedent(code))


def missing():
    """-> what keeps the virtual board from running here, or None"""
    try:
        bundle.node(), bundle.vm_folder()
    except FileNotFoundError as error:
        return str(error)
    return None


@pytest.fixture
def board(tmp_path):
    """Powered off; whatever the test leaves is cut off."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    board = VirtualBoard(tmp_path / "board")
    yield board
    if board.is_running():
        board.cut()
    # Whatever the test was about: no key of the meter left it.
    assert key_search.leaks_of(board) == []


@pytest.fixture
def running(board):
    board.start(clock="real")
    return board
