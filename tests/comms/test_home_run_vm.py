"""The loop of a sealed meter on MicroPython: its tasks end and are cancelled in another way."""

import subprocess

from wattledger import bundle


def test_console_wifi_and_a_profile_that_breaks(node):
    script = bundle.root() / "tests/comms/loop_in_vm.mjs"
    done = subprocess.run([node, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    before = ["connected", "connected -50 dBm", "stopped:", True, b"answer to hello\r\n", 0]
    after = ["stopped:", True, False, False]  # broken, ended, radio off, nothing unseen
    assert done.stdout.splitlines()[-2] == repr(before + after)
    local = [True, 1, "on, as public", "stopped: [Errno 5] EIO", 1, 1]  # P1 goes on, and is closed
    assert done.stdout.splitlines()[-1] == repr(local)
