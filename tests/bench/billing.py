"""python tests/bench/billing.py [meters]: bill-years per second, beside NREL's PySAM in one run.

The same rate sheets and loads through both; the bills are compared before they are timed. PySAM:
its whole call, from a list of numbers to the monthly amounts. One bill: from a row of integers to
all lines of 12 bills, the calendar worked out anew. Fleet: a matrix of meters, the calendar once.
Processor time of one core, the least of several runs.
"""

import sys
import time
from fractions import Fraction

import numpy as np

from meter.civil import DAY_S, days
from wattledger import bundle, simulate
from wattledger.engine import timeline
from wattledger.engine.load import of_rows
from wattledger.fleet import bills as fleet
from wattledger.tariffs.tariff_file import compile_text

sys.path.insert(0, str(bundle.root() / "tests/host"))
import sam

METERS = 1000
RUNS = 7
STEPS_S = (900, 3600)
START = days(sam.YEAR, 1, 1) * DAY_S
MW_S_PER_KWH = 3_600_000_000
ONE_BILL_MAX = {900: 1.0, 3600: None}  # of PySAM's time
FLEET_MIN = 20  # times as fast as PySAM
NEAR = 1e-6  # of the currency, between PySAM's doubles and exact fractions


def schedule(*runs):
    """(hours, period) ... -> 12 equal months of hours."""
    return [[period for hours, period in runs for _ in range(hours)]] * 12


def sheets():
    """-> {name: (sheet in the form of OpenEI's URDB, PySAM's metering option)}"""
    common = {
        "label": "bench", "name": "bench", "utility": "bench", "country": "USA", "uri": "",
        "fixedchargefirstmeter": 12.5, "fixedchargeunits": "$/month",
    }  # fmt: skip
    flat = {
        "energyratestructure": [[{"rate": 0.21}]],
        "energyweekdayschedule": schedule((24, 0)),
        "energyweekendschedule": schedule((24, 0)),
    }
    tiered = {
        "energyratestructure": [
            [{"rate": 0.11, "max": 300}, {"rate": 0.17}],
            [{"rate": 0.29, "max": 300}, {"rate": 0.41}],
        ],
        "energyweekdayschedule": schedule((8, 0), (4, 1), (5, 0), (4, 1), (3, 0)),
        "energyweekendschedule": schedule((24, 0)),
    }
    demand = {
        "energyratestructure": [[{"rate": 0.09}], [{"rate": 0.12}], [{"rate": 0.17}]],
        "energyweekdayschedule": schedule((8, 0), (4, 1), (6, 2), (3, 1), (3, 0)),
        "energyweekendschedule": schedule((24, 0)),
        "flatdemandstructure": [[{"rate": 17.5}]],
        "flatdemandmonths": [0] * 12,
        "demandratestructure": [[{"rate": 0}], [{"rate": 5.2}], [{"rate": 19.1}]],
        "demandweekdayschedule": schedule((8, 0), (4, 1), (6, 2), (3, 1), (3, 0)),
        "demandweekendschedule": schedule((24, 0)),
    }
    return {
        "flat": ({**common, **flat}, sam.PRORATA),
        "time of use, tiers pro rata": ({**common, **tiered}, sam.PRORATA),
        "time of use, tiers by clock": ({**common, **tiered}, sam.CHRONOLOGICAL),
        "time of use and demand": ({**common, **demand}, sam.PRORATA),
    }


def loads(step_s, meters):
    """-> int64 (meters, rows), mW s: whole mWh of homes with mornings, evenings and chance."""
    numbers = np.random.default_rng(step_s)
    rows = 365 * DAY_S // step_s
    hour = np.arange(rows) * step_s % DAY_S / 3600
    shape = 250 + 500 * np.exp(-((hour - 7.5) ** 2) / 4) + 900 * np.exp(-((hour - 19) ** 2) / 6)
    mean_w = shape * numbers.uniform(0.4, 2.5, size=(meters, 1))
    mwh = (mean_w * numbers.exponential(1, size=(meters, rows)) * step_s / 3.6).astype(np.int64)
    return mwh * 3600


def least(call, runs=RUNS):
    """-> seconds of the processor."""
    best = None
    for _ in range(runs):
        began = time.process_time()
        call()
        spent = time.process_time() - began
        best = spent if best is None else min(best, spent)
    return best


def one_bill(tariff, step_s, row):
    timeline.forget_calendars()
    return simulate.bills_of([tariff], of_rows(START, step_s, row))


def agree(sheet, option, tariff, step_s, rows):
    """Both engines, and one bill with the fleet's, or the bench says nothing."""
    kw = rows[0] / step_s / 1e6
    reference = sam.bills(sheet, kw, option)
    bills = one_bill(tariff, step_s, rows[0])
    for month, bill in enumerate(bills):
        exact = sum(Fraction(*line["amount"]) for line in bill.lines) / 10**15
        theirs = sum(reference[part][month] for part in sam.PARTS)
        assert abs(float(exact) - theirs) < NEAR, (month, float(exact), theirs)
    return kw


def same_as_fleet(tariff, step_s, rows, found):
    for meter in (0, len(rows) // 2, len(rows) - 1):
        bills = one_bill(tariff, step_s, rows[meter])
        assert [bill.total for bill in bills] == found.totals[meter].tolist()


def measure(name, sheet, option, step_s, rows, has_sam):
    """Print one line. -> 1 if a target is missed."""
    toml = sam.imported(_text(sheet), "bench", option, step_s).text
    tariff = compile_text(toml, "bench", wide=True).tariff()
    found = fleet.bills([tariff], START, step_s, rows)
    same_as_fleet(tariff, step_s, rows, found)
    one_s = least(lambda: one_bill(tariff, step_s, rows[0]))
    fleet_s = least(lambda: fleet.bills([tariff], START, step_s, rows), 3) / len(rows)
    line = f"{name:28} {step_s // 60:3} min {1 / one_s:8,.0f}/s {1 / fleet_s:10,.0f}/s"
    if not has_sam:
        print(line)
        return 0
    kw = agree(sheet, option, tariff, step_s, rows)
    sam_s = least(lambda: sam.bills(sheet, kw, option))
    ratio, times = one_s / sam_s, sam_s / fleet_s
    limit = ONE_BILL_MAX[step_s]
    missed = times < FLEET_MIN or (limit is not None and ratio > limit)
    print(
        f"{line} {1 / sam_s:8,.0f}/s   one bill {ratio:5.2f} of PySAM's time, fleet"
        f" {times:6.1f} times as fast{': MISSED' if missed else ''}"
    )
    return int(missed)


def main() -> int:
    """-> 1 if one bill at 15 min is slower than PySAM's, or a fleet not so much faster."""
    meters = int(sys.argv[1]) if len(sys.argv) > 1 else METERS
    try:
        import PySAM.Utilityrate5  # noqa: F401

        has_sam = True
    except ImportError as error:
        has_sam = False
        print(f"billing: {error}: no peer to compare with: pip install NREL-PySAM")
    print(f"{'bill-years a second':36} {'one':>9} {meters:>8,} meters {'PySAM':>9}")
    missed = 0
    for step_s in STEPS_S:
        rows = loads(step_s, meters)
        for name, (sheet, option) in sheets().items():
            missed |= measure(name, sheet, option, step_s, rows, has_sam)
    return missed


def _text(sheet):
    import json

    return json.dumps({"items": [sheet]})


if __name__ == "__main__":
    sys.exit(main())
