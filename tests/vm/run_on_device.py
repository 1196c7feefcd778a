"""python tests/vm/run_on_device.py PORT: tests/shared on a real board, over mpremote.

The board reads the project's files through a mount; nothing is written to it. A meter that
runs there stops until its next reset.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What boot.py has imported is the deployed core, not the one to be tested.
START = """
import sys
for name in list(sys.modules):
    if name.split('.')[0] in ('app', 'board', 'meter', 'drivers', 'comms'):
        del sys.modules[name]
sys.path[0:0] = ['/remote/' + p for p in ('firmware', '', 'tests/shared', 'tests/vm')]
sys.path.append('/remote/tests/vm/lib')
import run_file
run_file.main({name!r})
"""


def run(port: str, name: str) -> bool:
    """-> whether every test of the file passed."""
    command = [sys.executable, "-m", "mpremote", "connect", port, "mount", str(ROOT)]
    command += ["exec", START.format(name=name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    ran = re.search(r"^@@ (.*)\|(\d+)\|(\d+)\|(\d+)\r?$", done.stdout, re.M)
    good = done.returncode == 0 and ran is not None and ran[2] != "0" and ran[3] == "0"
    if not good:
        print(done.stdout + done.stderr)
    count = f"{ran[2]} ran, {ran[3]} failed, {ran[4]} skipped on {ran[1]}" if ran else "no result"
    print(f"{'ok' if good else 'FAIL'} {name}: {count}", flush=True)
    return good


def main() -> int:
    names = sorted(file.stem for file in (ROOT / "tests/shared").glob("test_*.py"))
    results = [run(sys.argv[1], name) for name in names]
    print(f"{sum(results)} files passed, {len(results) - sum(results)} failed")
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
