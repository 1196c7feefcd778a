"""python tests/bench/tick.py: bytes that a tick allocates on the chip, and what it costs with a
tariff that has everything beside one flat rate, against their limits.

The meter that allocates is sealed, its chains keyed. The VM's words and objects have the chip's
size. The metering IC is the test rig's: like the
real driver it makes one tuple a read. Half an hour of ticks is timed, borders and commits too.
"""

import subprocess
import sys

from wattledger import bundle

LIMITS = {"plain": 512, "commit": 1024}  # bytes; design, section 7
COST_MAX = 3  # times the tick with one flat rate


def main() -> int:
    """Print the worst tick of each kind. -> 1 if a limit is exceeded."""
    command = [bundle.node(), str(bundle.root() / "tests/bench/tick.mjs")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"tick: {done.stdout.strip()}")
    over, cost_us = 0, {}
    for line in done.stdout.splitlines():
        name, most, count = line.split()
        if name not in LIMITS:
            cost_us[name] = int(most) / int(count)
            continue
        limit = LIMITS[name]
        ratio = int(most) / limit
        print(f"tick {name}: at most {most} of {limit} B: {ratio:.2f} ({count} ticks)")
        over |= int(most) > limit
    ratio = cost_us["everything"] / cost_us["flat"]
    for name, us in cost_us.items():
        print(f"tick {name}: {us:.0f} us in the VM")
    print(f"tick everything / flat: {ratio:.2f} of {COST_MAX}")
    return int(over or ratio > COST_MAX)


if __name__ == "__main__":
    sys.exit(main())
