"""python tests/bench/p1.py: what a telegram of the P1 port costs in the MicroPython VM, time and
bytes that are allocated: with what answers it kept, as app.py does while the port runs, and loaded
anew each time. A telegram asks `info` or `registers` in turn, seldom `live` and `quality`.

Compiled as `deploy` does, the bench's own files too: constants are folded over all of them. Of
the flash only a model is there, whose reads allocate: `registers` looks at seven heads of rings.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from wattledger import build, bundle

ROOT = bundle.root()
OTHERS = {
    "rig.py": "tests/shared/rig.py",
    "tariffs.py": "tests/shared/tariffs.py",
    "boards/virtual/nor.py": "boards/virtual/nor.py",
    "p1_in_vm.py": "tests/bench/p1_in_vm.py",
}
TIME_MAX = 0.9  # of a minute of telegrams, kept / loaded anew


def compile_into(folder: Path) -> None:
    """Firmware without its composition, and OTHERS."""
    firmware = ROOT / "firmware"
    sources = {p.relative_to(firmware).as_posix(): p for p in firmware.rglob("*/*.py")}
    sources |= {name: ROOT / path for name, path in OTHERS.items()}
    for path, data in build.compiled(sources).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def main() -> int:
    """Print the mean of each kind of telegram. -> 1 if keeping them is not worth it"""
    with tempfile.TemporaryDirectory() as folder:
        compile_into(Path(folder))
        command = [bundle.node(), str(ROOT / "tests/bench/p1.mjs"), folder]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"p1: {done.stdout.strip()}")
    total_us = {"kept": 0, "anew": 0}
    for line in sorted(done.stdout.splitlines()):
        asked, how, *numbers = line.split()
        count, us, size = map(int, numbers)
        total_us[how] += us
        print(f"p1 {asked}, {how}: {us / count:.0f} us, {size // count} B ({count} telegrams)")
    ratio = total_us["kept"] / total_us["anew"]
    print(f"p1 time of all telegrams, kept / anew: {ratio:.2f} of {TIME_MAX}")
    return int(ratio > TIME_MAX)


if __name__ == "__main__":
    sys.exit(main())
