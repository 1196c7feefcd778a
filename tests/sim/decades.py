"""Simulated decades: seeded years of loads, tariffs and faults on the real core.

    python -m tests.sim.decades --seed 1 --years 10

Each week is a list of operations made from the seed alone, so a run that fails is told by its
seed and the time, and shrinks by leaving weeks and operations out.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT / "firmware", ROOT / "host_tools", ROOT):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from tests.sim.decades_ops import KINDS  # noqa: E402
from tests.sim.decades_shrink import Case, attempt, shrink  # noqa: E402

WEEKS_A_YEAR = 365.25 / 7


def main(seed, years, first=0, until=None, only=None, without=(), shrinks=True):
    """-> exit code: 0 when every promise held, 1 with the one command that shows the failure."""
    weeks = max(1, round(years * WEEKS_A_YEAR))
    keep = frozenset(only) if only is not None else None
    case = Case(seed, first, weeks, until, keep, frozenset(without))
    began = time.perf_counter()
    run, failure = attempt(case, show=True)
    seconds = time.perf_counter() - began
    print(summary(run, seconds))
    if failure is None:
        return 0
    failed = case.until_failure(run)
    print(f"FAILED: {failure}\n  replay: {failed.command()}")
    if shrinks:
        print(f"  shrunk: {shrink(failed, failure).command()}")
    return 1


def summary(run, seconds):
    years = run.simulated_s / (365.25 * 86400)
    oracle, reader = run.oracle, run.reader
    doubts = ", ".join(f"{name}: {counts}" for name, counts in sorted(oracle.doubts.items()))
    return (
        f"seed {run.seed}: {years:.2f} years in {seconds:.0f} s, {60 * years / seconds:.1f} years"
        f" a minute\n  {oracle.counters['commits']} commits, {oracle.counters['ticks']} ticks,"
        f" {oracle.counters['starts']} starts, {len(run.periods.closed)} periods closed,"
        f" {reader.bills} bills, {reader.verified} times verified\n"
        f"  operations: {sum(run.done.values())}; watchdog resets: {run.watchdogs};"
        f" counts lost or in doubt: {doubts or 'none'}"
    )


def arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--years", type=float, default=1)
    parser.add_argument("--first", type=int, default=0, help="week to begin with")
    parser.add_argument("--until", type=int, help="Unix second of the world at which to stop")
    parser.add_argument("--only", help="operations, as 12.3,12.7; the others are left out")
    parser.add_argument("--without", default="", help=f"kinds to leave out: {' '.join(KINDS)}")
    return parser.parse_args(argv)


def run(args, shrinks=True):
    """-> exit code. args: as `arguments` gives them."""
    only = args.only.split(",") if args.only is not None else None
    without = args.without.split(",") if args.without else ()
    return main(args.seed, args.years, args.first, args.until, only, without, shrinks)


if __name__ == "__main__":
    sys.exit(run(arguments(sys.argv[1:])))
