"""A meter of a fleet on the virtual board, and who sits at its serial port without a key."""

import base64
import contextlib
import os
import select
import time
import tty

from wattledger import session
from wattledger.commands import deploy
from wattledger.errors import ToolError
from wattledger.link import Link, open_port
from wattledger.security.keyring import Fleet
from wattledger.security.line import Line

FLEET = Fleet.new()
LOAD = {"constant": {"p_mw": 6_000_000, "q_mvar": 0, "v_mv": 230_000}}
AFTER_POWER_S = 12  # meter.timekeeping.HOLD_S, and two seconds to write in
HELLO = b'\n{"id":1,"do":"hello"}\n'
PROMPTS = (b">>>", b"raw REPL", b"=== ", b"Traceback", b"Error", b"MicroPython", b'File "')


def connect(board, fleet=FLEET):
    """-> Link to an open meter, SealedLink to a sealed one"""
    return session.connect("virtual", board.state, lambda: fleet)


def commission(board):
    """Software, journal and keys; the REPL stays open."""
    with Link(board.port()) as meter:
        deploy.run(meter, "virtual")
    with Link(board.port()) as meter:
        serial = meter.request("info")["serial"]
        meter.request("keys", data=_base64(FLEET.blob(serial, FLEET.generation)))


def start_of(board):
    """Power for a meter whose software is there already; it is past the seconds in which nothing
    is written."""
    board.start(clock="held", load=LOAD)
    board.advance(seconds=AFTER_POWER_S, step_s=1)
    board.set_clock(held=False)


def seal(board):
    """By the REPL; returns when the console is there."""
    with Link(board.port()) as meter:
        meter.request("seal")
    wait_for(lambda: hello(board)["seal"] == "sealed")


def _base64(data):
    return base64.b64encode(data).decode()


def talk(board, data, wait_s=0.4, limit_s=8):
    """Put bytes on the line. -> all that came until wait_s of silence, or limit_s in all."""
    port = os.open(board.port(), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        tty.setraw(port)
        began = time.monotonic()
        said, quiet_at = b"", began + wait_s
        while time.monotonic() < min(quiet_at, began + limit_s):
            readable, writable, _ = select.select([port], [port] if data else [], [], 0.05)
            if writable:
                with contextlib.suppress(BlockingIOError):
                    data = data[os.write(port, data[:256]) :]
                    quiet_at = time.monotonic() + wait_s
            if readable:
                with contextlib.suppress(BlockingIOError):
                    said += os.read(port, 4096)
                    quiet_at = time.monotonic() + wait_s
        return said
    finally:
        os.close(port)


def hello(board):
    """-> what the console answers to anybody. ToolError: there is none."""
    transport = open_port(board.port())
    try:
        told = Line(transport.serial).hello()
    finally:
        transport.close()
    if told is None:
        raise ToolError("no console")
    return told


def wait_for(done, timeout_s=15):
    """Until done() is true; a board that restarts says nothing meanwhile."""
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(ToolError):
            if done():
                return
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.1)
