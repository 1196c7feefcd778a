"""python tests/bench/storage.py [years]: what the journal costs, beside littlefs, against limits.

Register commits of so many years (1: half a million) on the 320 sectors of a 4 MB chip, carried
on to 15 years; littlefs does the same commits on as many sectors as the register rings have.
Commits are one E each minute and an assumed 100 W a day. No power cuts.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import storage_littlefs as littlefs
from storage_life import (
    MINUTES_A_DAY,
    MINUTES_A_YEAR,
    REGISTER_SECTORS,
    W_A_DAY,
    Life,
    payload_size,
)

from meter.fields import STATE_SIZE
from meter.records import EState, WState
from wattledger import bundle

YEARS = 15
COMMITS = YEARS * MINUTES_A_YEAR * (MINUTES_A_DAY + W_A_DAY) // MINUTES_A_DAY
CYCLES = 100_000  # of a sector: W25Q64JV and its kind, "program-erase cycles"
LITTLEFS_MINUTES = 60_000
BOOTS = 80
BOOT_STEP = 17  # minutes; 80 boots meet every place in a sector of either ring
SIZES = (payload_size(EState), payload_size(WState))
INLINE = (120, 120)
WAYS = (
    ("littlefs: rewrite and close", littlefs.rewrite, SIZES, 32),
    ("littlefs: temporary file, rename", littlefs.rename, SIZES, 32),
    ("littlefs: append and sync", littlefs.Log, SIZES, 32),
    ("littlefs: rewrite, 64 B programs", littlefs.rewrite, SIZES, 64),
    ("littlefs: rewrite, 120 B records", littlefs.rewrite, INLINE, 32),
)


def table(ours, costs):
    """Print the cost of each way, and its ratio to ours."""
    optimum = STATE_SIZE / 4096
    print(
        f"{'per commit':34} {'bytes':>7} {'erases':>8} {'x bytes':>8} {'x erases':>8} "
        f"{'erase in':>9} {'read max':>9} {'worst in 15 y':>14}"
    )
    for cost in (ours, *costs):
        size, erases = cost.bytes / cost.commits, cost.erases / cost.commits
        inside = f"{100 * cost.erases_inside / cost.commits:.1f} %"
        ratios = (size * ours.commits / ours.bytes, erases * ours.commits / ours.erases)
        print(
            f"{cost.name:34} {size:7.1f} {erases:8.5f} {ratios[0]:8.2f} {ratios[1]:8.2f} "
            f"{inside:>9} {cost.read_max:7} B {cost.worst_after(COMMITS):14,.0f}"
        )
    print(f"{'optimum: record / sector':34} {STATE_SIZE:7.1f} {optimum:8.5f}")


def ram(image):
    """-> bytes kept for the register rings, for all rings, for E and W, allocated by a mount."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image"
        path.write_bytes(image)
        command = [bundle.node(), str(bundle.root() / "tests/bench/storage.mjs"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"storage: {done.stdout.strip()} {done.stderr.strip()}")
    nothing, mounted, stateless, registers, allocated = map(int, done.stdout.split())
    return registers - nothing, stateless - nothing, mounted - stateless, allocated


def limits(ours, append, boot, kept):
    """Yield (what, value, "<=" or ">=", limit). Per record: each W record counts as a commit."""
    size, erases = ours.bytes / ours.records, ours.erases / ours.records
    yield "programs in a commit of the registers", ours.e_programs_max, "<=", 1
    yield "bytes of a record", STATE_SIZE, "<=", 256
    yield "overhead in a record, B", STATE_SIZE - min(SIZES), "<=", 32
    yield "programmed per record, less payload, B", size - min(SIZES), "<=", 32
    yield "erases per record", erases, "<=", STATE_SIZE / 4096 * 1.07
    yield "commits that contain an erase", ours.erases_inside, "<=", 0
    yield "worst sector in 15 y, % of 100,000", 100 * ours.worst_after(COMMITS) / CYCLES, "<=", 9
    yield "spread between sectors, erases", max(ours.spreads), "<=", 2
    yield "littlefs append : ours, bytes", append.bytes / append.commits / size, ">=", 8
    yield "littlefs append : ours, erases", append.erases / append.commits / erases, ">=", 14
    yield "read at boot, register rings, B", boot.register_bytes, "<=", 16 * 1024
    yield "read at boot, all rings, B", boot.bytes, "<=", 56 * 1024
    yield "RAM kept, register rings, B", kept[0], "<=", 3 * 1024
    yield "RAM kept, all rings, B", kept[1], "<=", 6 * 1024


def main(years) -> int:
    """Print all figures. -> 1 if a limit is not met."""
    life = Life()
    ours = life.run(int(years * MINUTES_A_YEAR))
    costs = [
        littlefs.cost(name, way, LITTLEFS_MINUTES, REGISTER_SECTORS, sizes, prog)
        for name, way, sizes, prog in WAYS
    ]
    boot = life.boots(BOOTS, BOOT_STEP)
    kept = ram(life.flash.content)
    print(
        f"storage: {ours.commits:,} commits ({years:g} y, one a minute and {W_A_DAY} W a day) of "
        f"{SIZES[0]} B on {REGISTER_SECTORS} sectors; littlefs: {costs[0].commits:,}"
    )
    table(ours, costs)
    print(
        f"records per commit {ours.records / ours.commits:.3f}, as a W and its copies are three; "
        f"per record {ours.bytes / ours.records:.1f} B, {ours.erases / ours.records:.5f} erases\n"
        f"erases of a sector {min(ours.erased)} to {max(ours.erased)}; "
        f"spread on the way {ours.spreads}"
    )
    print(
        f"boot ({boot.boots}): at most {boot.reads} reads; E and W again: at most "
        f"{boot.reaffirm_programs} programs; RAM of the newest E and W {kept[2]} B; "
        f"allocated by a mount {kept[3]} B"
    )
    missed = 0
    for what, value, sign, limit in limits(ours, costs[2], boot, kept):
        met = value <= limit if sign == "<=" else value >= limit
        missed += not met
        shown = f"{value:,.4f}".rstrip("0").rstrip(".")
        print(f"  {what:38} {shown:>10} {sign} {limit:<8.6g} {'met' if met else 'NOT MET'}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if sys.argv[1:] else 1))
