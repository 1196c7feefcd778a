"""A sealed meter on a real pty, and everything that opens the REPL of an unsealed one."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.e2e.sealed_meter import (
    HELLO,
    PROMPTS,
    connect,
    hello,
    talk,
    wait_for,
)
from wattledger import bundle
from wattledger.errors import ToolError
from wattledger.link import Link

REFUSED = b'{"id": null, "error": {"code": "refused", "text": "refused"}}'
WINDOW_S = 600


def never_a_prompt(said):
    return not any(prompt in said for prompt in PROMPTS)


def source(board, name, old, new):
    """Put a module's source beside its .mpy, with a change: MicroPython takes the source."""
    text = (bundle.root() / "firmware" / name).read_text()
    assert old in text
    (board.files / "a" / name).write_text(text.replace(old, new))


KEYS = {
    "ctrl-a": b"\x01",
    "ctrl-b": b"\x02",
    "ctrl-c": b"\x03\x03",
    "ctrl-d": b"\x04",
    "ctrl-e": b"\x05",
    "all of them, line by line": b"\r\x01\r\x02\r\x03\r\x04\r\x05\r",
    "as mpremote comes": b"\r\x03\x03\r\x01",
    "a command in the raw REPL": b"\x03\x01print(1)\x04",
    "raw paste": b"\x03\x01\x05A\x01print(1)\x04",
    "paste mode": b"\x05print(1)\x04",
    "a line of Python": b"\rprint(1)\r",
    "overlong": b"x" * 5000,
    "a flood of ctrl-c": b"\x03" * 20_000,
    "all bytes": bytes(range(256)) * 20,
    "no text": b"\xff\xfe\n\xff",
}


def test_r19_no_key_opens_the_repl_or_stops_the_console(sealed):
    resets = sealed.status()["resets"]
    for name, keys in KEYS.items():
        said = talk(sealed, keys + HELLO)
        assert never_a_prompt(said), (name, said[-200:])
        assert b'"seal": "sealed"' in said, (name, said[-200:])
    assert sealed.status()["resets"] == resets
    assert sealed.status()["cpu"] == "main.py"


def test_r06_what_is_too_long_is_refused_once_and_not_kept(sealed):
    said = talk(sealed, b"y" * 1601 + b"\n" + HELLO)
    assert said.count(REFUSED) == 1
    said = talk(sealed, b"\n\r\n\r\r\n")
    assert said == b""


def refused_by(board, *command):
    """-> what mpremote says as it gives up."""
    port = board.port(timeouts=True)  # on the other it waits for ever for a prompt
    done = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", port, *command],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_r19_stock_mpremote_gets_nothing(sealed):
    resets = sealed.status()["resets"]
    for command in (("exec", "print(1)"), ("resume", "exec", "print(1)")):
        assert "could not enter raw repl" in refused_by(sealed, *command)
    assert hello(sealed)["seal"] == "sealed"
    assert sealed.status()["resets"] == resets


def flood(board, stop):
    port = os.open(board.port(), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while not stop.is_set():
            with contextlib.suppress(BlockingIOError):
                os.write(port, b"\x03" * 50)
            time.sleep(0.002)
    finally:
        os.close(port)


@pytest.fixture
def flooded(sealed):
    """Ctrl-C without end, from before a reset until after the test."""
    stop = threading.Event()
    thread = threading.Thread(target=flood, args=(sealed, stop))
    thread.start()
    yield sealed
    stop.set()
    thread.join()


def reset_by_hand(board):
    """The reset button."""
    pid = board.status()["child_pid"]
    os.kill(pid, signal.SIGKILL)

    def is_back():
        seen = board.status()
        return seen["child_pid"] != pid and seen["cpu"] == "main.py"

    wait_for(is_back)


def test_r19_a_flood_of_ctrl_c_through_a_reset(flooded):
    for _ in range(3):
        reset_by_hand(flooded)
        time.sleep(0.5)
        assert flooded.status()["cpu"] == "main.py"


def test_that_flood_does_strike(flooded):
    """Without its handlers boot.py would be broken off, if not by the first reset: the test above
    can fail."""
    path = flooded.files / "boot.py"
    text = path.read_text().replace("except KeyboardInterrupt:", "except ZeroDivisionError:")
    path.write_text(text)

    def is_struck():
        with contextlib.suppress(AssertionError):
            os.kill(flooded.status()["child_pid"], signal.SIGKILL)
            wait_for(lambda: flooded.status()["cpu"] == "prompt", timeout_s=4)
            return True

    wait_for(is_struck, timeout_s=60)


def test_r19_an_exception_in_the_console_resets_it_and_says_nothing(sealed):
    head = "if size == 0:"
    source(sealed, "comms/console.py", head, "1 // (size - 4)\n        " + head)
    reset_by_hand(sealed)
    resets = sealed.status()["resets"]
    assert never_a_prompt(talk(sealed, b"boom\n", wait_s=1.0))
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    assert sealed.status()["resets"] == resets + 1
    assert sealed.status()["cpu"] == "main.py"


@pytest.mark.parametrize("error", ["1 // 0", "raise MemoryError", "assert 0, 'a bug of ours'"])
def test_r19_an_exception_in_the_tick_resets_it_and_says_nothing(sealed, error):
    head = '    """Confirm new software, and reset the module when that is due."""\n'
    source(sealed, "app.py", head, head + f"    if _good[0] == 2:\n        {error}\n")
    reset_by_hand(sealed)
    resets = sealed.status()["resets"]
    wait_for(lambda: sealed.status()["resets"] > resets + 1)
    said = talk(sealed, b"")
    assert never_a_prompt(said), said


def test_r20_software_that_cannot_start_says_nothing(sealed):
    (sealed.files / "a/app.py").write_text("secret = 'of the meter'\n1 // 0\n")
    resets = sealed.status()["resets"]
    os.kill(sealed.status()["child_pid"], signal.SIGKILL)
    wait_for(lambda: sealed.status()["resets"] > resets + 1)
    said = talk(sealed, b"")
    assert never_a_prompt(said)
    assert b"secret" not in said
    assert sealed.status()["cpu"] != "prompt"
    (sealed.files / "a/app.py").unlink()
    wait_for(lambda: hello(sealed)["seal"] == "sealed")


def test_metering_goes_on_under_a_flood(sealed):
    def imported():
        with connect(sealed) as meter:
            return meter.request("registers")["registers"]["1.8.0"]

    sealed.set_clock(held=True)
    sealed.advance(seconds=60, step_s=1)
    before = imported()
    stop = threading.Event()
    thread = threading.Thread(target=flood, args=(sealed, stop))
    thread.start()
    sealed.advance(seconds=60, step_s=1)
    stop.set()
    thread.join()
    talk(sealed, b"\n")
    assert imported() - before == 100_000  # mWh: 6 kW for a minute


def test_unseal_opens_the_repl_for_stock_mpremote_and_for_a_while(sealed):
    with connect(sealed) as meter:
        assert meter.request("unseal")["seal"] == "broken"
    wait_for(lambda: sealed.status()["cpu"] == "prompt")
    assert sealed.mpremote("resume", "exec", "print(6 * 7)") == "42\n"
    assert (
        sealed.mpremote("exec", "print(6 * 7)") == "42\n"
    )  # resets softly, and main.py is not run
    assert "boot.py" in sealed.mpremote("fs", "ls")
    sealed.mpremote("soft-reset")
    assert sealed.mpremote("exec", "import app; print(app.gate.seal.name)") == "broken\n"
    sealed.mpremote("reset")
    time.sleep(1)
    assert sealed.mpremote("exec", "print(6 * 7)") == "42\n"
    now_s = sealed.status()["unix_ms"] // 1000
    sealed.set_clock(unix_s=now_s + WINDOW_S + 1)
    wait_for(lambda: hello(sealed)["seal"] == "broken")  # by the console, until it is sealed
    assert sealed.status()["cpu"] == "main.py"
    assert never_a_prompt(talk(sealed, b"\r\x03\x03\x01" + HELLO))
    assert "could not enter raw repl" in refused_by(sealed, "exec", "print(1)")
    with connect(sealed) as meter:
        assert meter.request("info")["seal"] == "broken"
        meter.request("seal")
        assert meter.request("info")["seal"] == "sealed"


def test_r19_a_soft_reset_out_of_the_raw_repl_after_sealing(keyed):
    """The raw REPL outlives a soft reset, and main.py would be skipped."""
    code = "import app, machine; app.gate.seal.close(); machine.Timer(0).deinit()"
    keyed.mpremote("resume", "exec", code)
    refused_by(keyed, "resume", "soft-reset")  # it waits for a prompt, and none comes
    wait_for(lambda: hello(keyed)["seal"] == "sealed")
    assert keyed.status()["cpu"] == "main.py"
    assert keyed.status()["reset_cause"] == 2  # hard


def test_a_window_does_not_outlive_a_clock_that_lost_its_time(sealed):
    with connect(sealed) as meter:
        meter.request("unseal")
    wait_for(lambda: sealed.status()["cpu"] == "prompt")
    sealed.cut()
    sealed.start(battery_dead=True)
    wait_for(lambda: hello(sealed)["seal"] == "broken")
    assert sealed.status()["cpu"] == "main.py"


def test_a_key_of_another_fleet_opens_nothing(sealed):
    from wattledger.security.keyring import Fleet

    with connect(sealed, Fleet.new()) as meter, pytest.raises(ToolError):
        meter.request("unseal")
    assert sealed.status()["cpu"] == "main.py"


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_r07_a_cut_at_each_step_of_sealing(keyed, steps):
    """Two of them are of the commit in NVS; the third never comes."""
    keyed.inject("nvs", "cut_after", steps)
    with contextlib.suppress(ToolError), Link(keyed.port()) as meter:
        meter.request("seal")
    if steps == 2:
        keyed.cut()
    wait_for(lambda: not keyed.is_running())
    keyed.start()
    wait_for(lambda: hello(keyed)["seal"] == "sealed")


@pytest.mark.parametrize("steps", range(5))
def test_r07_a_cut_at_each_step_of_unsealing(sealed, steps):
    """Commits of the counter and of the seal."""
    with connect(sealed) as meter:
        meter.request("info")
        sealed.inject("nvs", "cut_after", steps)
        with contextlib.suppress(ToolError, OSError):
            meter.request("unseal")
    if steps == 4:
        sealed.cut()
    wait_for(lambda: not sealed.is_running())
    sealed.start()
    if steps < 3:
        assert hello(sealed)["seal"] == "sealed"
        with connect(sealed) as meter:
            assert meter.request("unseal")["seal"] == "broken"
    wait_for(lambda: sealed.status()["cpu"] == "prompt")
