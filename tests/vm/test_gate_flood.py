"""Junk on the console of a sealed meter takes no memory, and alters nothing."""

import json
import subprocess

from wattledger import bundle

SCRIPT = bundle.root() / "tests/vm/gate_flood.mjs"


def test_r06_ten_thousand_lines_of_junk(node):
    done = subprocess.run([node, SCRIPT], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["lines"] == 10_000
    assert found["same"]
    assert found["bytes"] <= 1024  # what is left of lines would be megabytes
