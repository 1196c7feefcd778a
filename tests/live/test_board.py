"""`wattledger serve` itself, on the real firmware in the virtual board."""

import http.client
import json
import os
import signal
import subprocess
import sys
from decimal import Decimal

import pytest

from tests.e2e.conftest import TARIFF, cli
from tests.live.conftest import until
from tests.virtual_board import board

__all__ = ("board", "cli")
LOAD = {"p_mw": 3_000_000, "q_mvar": 0, "v_mv": 230_000}


@pytest.fixture
def serve(board, tmp_path):
    """-> function -> port of a page that is served; every process is ended by Ctrl-C."""
    started = []

    def serve(*args):
        command = [sys.executable, "-m", "wattledger", "--state", board.state, "serve"]
        process = subprocess.Popen(
            [*command, "--port", "0", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "WATTLEDGER_CACHE": str(tmp_path / "cache")},
        )
        started.append(process)
        address = process.stdout.readline()
        assert address.startswith("http://127.0.0.1:"), process.stderr.read()
        return int(address.rstrip("/\n").rpartition(":")[2])

    yield serve
    for process in started:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert (process.returncode, said) == (0, "")


def ask(port, path, body=None):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    line.request("POST" if body else "GET", path, body, {"Content-Type": "application/json"})
    return json.loads(line.getresponse().read())


def test_a_meter_is_served_lost_and_found_again(board, cli, root, serve):
    board.start(clock="real")
    cli("deploy")
    cli("tariff", "push", root / TARIFF, "--when", "now")
    board.set_load(constant=LOAD)
    board.advance(seconds=2000, step_s=60)
    port = serve()
    shown = {}

    def power():
        shown.update(ask(port, "/api/state"))
        facts = {fact["name"]: fact["text"] for fact in shown["now"]["facts"]}
        return Decimal(facts["power"].removesuffix(" W").replace(",", ""))

    until(lambda: 2900 < power() < 3100)
    assert sum(len(shown["day"][name]["points"]) for name in ("today", "yesterday")) >= 1
    found = ask(port, "/api/simulate", json.dumps({"example": "one-price"}))
    assert Decimal(found["new"]["total"]) > 0, found
    assert shown["day"]["bill"]["lines"]
    board.set_load(constant={**LOAD, "p_mw": 0})
    until(lambda: power() < 1)
    board.cut()
    until(lambda: ask(port, "/api/state")["now"]["silence"], seconds=20)
    board.start(clock="real")
    until(lambda: not ask(port, "/api/state")["now"]["silence"], seconds=30)
