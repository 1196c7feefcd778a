"""python -m tests.sim: the power-cut campaign, then that of the metering ICs; with YEARS set
simulated years too; or one CASE."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("", "firmware", "tests/shared")]

from tests.sim import chips, power_cut  # noqa: E402


def main():
    """-> exit code."""
    case, seed, years = (os.environ.get(name) for name in ("CASE", "SEED", "YEARS"))
    if case:
        (chips if case.startswith("chip:") else power_cut).replay(case)
        print(f"{case}: good")
        return 0
    code = power_cut.main(int(seed or 1))
    code = chips.main(int(seed or 1)) or code
    if years and importlib.util.find_spec("tests.sim.decades"):
        decades = importlib.import_module("tests.sim.decades")
        code = decades.main(int(seed or 1), int(years)) or code
    return code


if __name__ == "__main__":
    sys.exit(main())
