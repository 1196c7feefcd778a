"""python tests/bench/forecast.py [load.csv zone tariff.toml]: what forecasts of a bill miss.

The UCI house of 2007 under docs/tariffs/three-prices-two-seasons.toml, if nothing else is given.
Each month is forecast from its beginning, from day 10 and from day 20, by what was known then:
mean absolute errors of the rest of the month, beside the seasonal-naive forecast. "As used" is
what the tool would have done at the time: the model, and the 80 % interval, from earlier months
alone; its errors stand beside the naive ones of the same months.
"""

import sys
from pathlib import Path

from wattledger import bundle
from wattledger.analysis import forecast, history
from wattledger.analysis.forecast import BOOSTED, NAIVE, TRIALS_MIN
from wattledger.tariffs.tariff_file import compile_file

ELAPSED_DAYS = (0, 10, 20)
DAY_S = 86400
HOUSE = "../shared/data/loads/uci_sceaux_fr_2007_60min.csv"
RATIO_MAX = 1.0  # of the trees' error of the intervals to the naive one, over all origins


def as_used(trials):
    """-> [(miss of the model chosen at the time, miss of the naive one, half the interval)]"""
    found = []
    for i in range(TRIALS_MIN, len(trials)):
        model = forecast.best(trials[:i])
        half = forecast.half_units([trial.misses[model].units for trial in trials[:i]])
        misses = trials[i].misses
        found.append((abs(misses[model].units), abs(misses[NAIVE].units), half))
    return found


def show(name, trials, unit):
    """Print the errors of both models. -> ratio of their errors of the intervals."""
    naive, boosted = forecast.scores(trials)
    for score in (naive, boosted):
        held, of = forecast.held([trial.misses[score.model].units for trial in trials])
        columns = (
            (score.units / unit, score.units / naive.units, 2),
            (score.mwh / 10**6, score.mwh / naive.mwh, 1),
            (score.power_w, score.power_w / naive.power_w, 1),
        )
        shown = " ".join(f"{value:9.{n}f} ({ratio:4.2f})" for value, ratio, n in columns)
        print(f"{name:10} {score.model:18} {shown}   {held} of {of}")
    return boosted.power_w / naive.power_w


def main() -> int:
    """-> 1 if the trees miss more than the naive forecast."""
    default = bundle.root() / HOUSE, "Etc/GMT-1", "docs/tariffs/three-prices-two-seasons.toml"
    path, zone, sheet = sys.argv[1:4] if len(sys.argv) > 3 else default
    if not Path(path).exists():
        print(f"forecast: {path} is not here: nothing to measure")
        return 0
    tariff = compile_file(bundle.root() / sheet, wide=True).tariff()
    past = history.read(Path(path), tariff.calendar.zone, zone)
    unit = 10**tariff.decimals
    print(f"{past.name}, {tariff.name}: mean absolute errors (and in parts of the naive one's)")
    print(
        f"{'from':10} {'model':18} {tariff.currency:>9} {'':6} {'kWh':>9} {'':6}"
        f" {'W':>9} {'':6}   80 % interval held"
    )
    used, ratios = [], []
    for days in ELAPSED_DAYS:
        trials = list(forecast.trials(past, tariff, days * DAY_S))
        ratios.append(show(f"day {days + 1}", trials, unit))
        used += as_used(trials)
    chosen, naive = (sum(column) / len(used) for column in list(zip(*used, strict=True))[:2])
    held = sum(miss <= half for miss, _, half in used)
    print(
        f"as used, by what was known: {chosen / unit:.2f} {tariff.currency} beside"
        f" {naive / unit:.2f} ({chosen / naive:.2f}); interval held in {held} of {len(used)}"
    )
    ratio = sum(ratios) / len(ratios)
    missed = ratio > RATIO_MAX
    print(f"{BOOSTED} misses {ratio:.2f} of what {NAIVE} does{': MISSED' if missed else ''}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
