"""python -m tests.fuzz: the campaign on CPython, the guided part, then the MicroPython VM; or one
CASE. SEED, and INPUTS, the share of a whole campaign in percent."""

import os
import signal
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("", "firmware", "tests/shared")]

from tests.fuzz import campaign, guided, in_vm, report  # noqa: E402
from tests.fuzz.run import replay  # noqa: E402
from tests.fuzz.shrink import case_of  # noqa: E402


def main():
    """-> exit code"""
    case, seed = os.environ.get("CASE"), os.environ.get("SEED") or "1"
    if case:
        return again(case)
    # Ended from outside it removes its folders, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    share = int(os.environ.get("INPUTS") or 100) / 100
    results = campaign.campaign(seed, share)
    _show(report.table("CPython", results))
    aimed, note = guided.campaign(seed, share)
    _show([note, *(report.table("guided", aimed) if aimed else ())])
    vm = in_vm.campaign(seed, share)
    _show(report.table("MicroPython", vm, in_vm.GROWTH_MAX))
    for line in report.failures([*results, *aimed, *vm]):
        print(line)
    good = all(result.is_good for result in [*results, *aimed]) and in_vm.is_good(vm)
    return 0 if good else 1


def _show(lines):
    print("\n".join(lines), flush=True)


def again(case):
    """Replay one case. -> exit code"""
    name, inputs = case_of(case)
    failure = replay(name, inputs)
    if failure is None:
        print(f"{name}: good, {len(inputs)} inputs")
        return 0
    traceback.print_exception(failure.error, limit=-8)
    print(f"{name}: {inputs[-1][:1000]!r}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
