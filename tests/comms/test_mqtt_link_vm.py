"""The link on MicroPython: its tasks, its close and its cancellation differ from CPython's."""

import subprocess

from wattledger import bundle


def test_a_life_of_two_connections(node):
    script = bundle.root() / "tests/comms/link_in_vm.mjs"
    done = subprocess.run([node, script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [1000, "10", "32", "30", "closed", 1000, "10", "e0", "closed"]
    assert done.stdout.splitlines()[-1] == repr([said, [True], (2, True, ""), True, 0])
