"""python tests/bench/tick.py: bytes that a tick allocates on the chip, against their limits.

The VM's words and objects have the chip's size. The metering IC is the test rig's: like the
real driver it makes one tuple a read.
"""

import subprocess
import sys

from wattledger import bundle

LIMITS = {"plain": 512, "commit": 1024}  # bytes; design, section 7


def main() -> int:
    """Print the worst tick of each kind. -> 1 if a limit is exceeded."""
    command = [bundle.node(), str(bundle.root() / "tests/bench/tick.mjs")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"tick: {done.stdout.strip()}")
    over = 0
    for line in done.stdout.splitlines():
        name, most, count = line.split()
        limit = LIMITS[name]
        ratio = int(most) / limit
        print(f"tick {name}: at most {most} of {limit} B: {ratio:.2f} ({count} ticks)")
        over |= int(most) > limit
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
