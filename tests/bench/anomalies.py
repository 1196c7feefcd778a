"""python tests/bench/anomalies.py [draws]: detectors of changes beside three-line rules.

Faults are planted in two real loads, each at a random day or hour, with fixed seeds: the register
is what the fault would have left. A finding within a week of a step, or that overlaps a run by
half, is a hit; every other finding is a false alarm, also those that the clean load has, though
the house was away for true. A detector with a lower F1 than its rule fails the bench.
"""

import sys
from dataclasses import replace

import numpy as np

from meter.civil import Zone
from wattledger import bundle
from wattledger.analysis import change_runs, change_steps, history
from wattledger.analysis.slices import runs

DRAWS = 40
DAY_S = 86400
NEAR_S = 7 * DAY_S
HALF_WEEKS = 14
LOADS = (
    ("house", "uci_sceaux_fr_2007_60min.csv", Zone("CET-1"), "Etc/GMT-1"),
    ("steel plant", "steel_kr_2018_15min.csv", Zone("KST-9"), "Asia/Seoul"),
)


def by_day(load):
    """-> import in mWh (days, intervals of a day); these loads have no other."""
    return load.import_mwh.reshape(-1, DAY_S // load.interval_s)


def with_import(load, days, factor=1.0):
    """-> the load with other imports; what it has of reactive energy times the factor."""
    made = {"import_mwh": days.ravel().astype(np.int64)}
    if np.ndim(factor):
        for name in ("lagging_mvarh", "leading_mvarh"):
            made[name] = (getattr(load, name) * factor).astype(np.int64)
    return replace(load, **made)


def times(load, day, factor):
    factors = np.ones(len(load))
    factors[day * (DAY_S // load.interval_s) :] = factor
    return with_import(load, (load.import_mwh * factors).reshape(by_day(load).shape), factors)


def step_of(load, day):
    start = int(load.start[0]) + day * DAY_S
    return start, start


def dead_phase(load, random):
    day = int(random.integers(30, 330))
    return times(load, day, 2 / 3), step_of(load, day)


def bypass(load, random):
    day = int(random.integers(30, 330))
    return times(load, day, 0.6), step_of(load, day)


def more_base(load, random):
    day = int(random.integers(30, 330))
    days = by_day(load).copy()
    days[day:] += int(0.3 * np.median(np.percentile(days, 10, axis=1)))
    return with_import(load, days), step_of(load, day)


def stuck_register(load, random):
    """The active register stands still, the reactive one does not."""
    first = int(random.integers(100, len(load) - 100_000 // 900 * 4))
    last = first + int(random.integers(12, 240) * 3600 // load.interval_s)
    energy = load.import_mwh.copy()
    energy[first:last] = 0
    last = min(last, len(load))
    found = with_import(load, energy.reshape(by_day(load).shape))
    return found, (int(load.start[first]), int(load.end[last - 1]))


def vacation(load, random):
    """Each day as its own hours from 2 to 5, over and over."""
    day, length = int(random.integers(10, 340)), int(random.integers(3, 15))
    days = by_day(load).copy()
    hour = 3600 // load.interval_s
    for away in range(day, day + length):
        days[away] = np.resize(days[away, 2 * hour : 5 * hour], days.shape[1])
    start = int(load.start[0]) + day * DAY_S
    return with_import(load, days), (start, start + length * DAY_S)


def steps(detector):
    return lambda load: [(step.at, step.at) for step in detector(load)]


def spans(detector):
    return lambda load: [(run.start, run.end) for run in detector(load)]


def best_days(load, scores, score_min):
    """The highest scores that are two weeks apart -> spans."""
    found = []
    while scores.max() >= score_min:
        day = int(np.argmax(scores))
        found.append(step_of(load, day))
        scores[max(0, day - HALF_WEEKS) : day + HALF_WEEKS + 1] = -np.inf
    return found


def sides(values):
    """-> (day, two weeks before, two weeks from it on)"""
    for day in range(HALF_WEEKS, len(values) - HALF_WEEKS + 1):
        yield day, values[day - HALF_WEEKS : day], values[day : day + HALF_WEEKS]


# The three-line rules, with the best of the limits that were tried.


def mean_falls(load):
    means, scores = by_day(load).mean(axis=1), np.full(366, -np.inf)
    for day, before, after in sides(means):
        scores[day] = 1 - after.mean() / before.mean()
    return best_days(load, scores, 0.25)


def base_rises(load):
    base, scores = np.percentile(by_day(load), 10, axis=1), np.full(366, -np.inf)
    for day, before, after in sides(base):
        scores[day] = np.median(after) / np.median(before) - 1
    return best_days(load, scores, 0.2)


def day_of_equals(load):
    same = np.append(np.diff(load.import_mwh) == 0, False)
    found = [(a, b) for a, b in runs(same) if (b - a) * load.interval_s >= DAY_S]
    return [(int(load.start[a]), int(load.end[b])) for a, b in found]


def half_days(load):
    means = by_day(load).mean(axis=1)
    low = np.array([mean < np.median(means[n % 7 :: 7]) / 2 for n, mean in enumerate(means)])
    start = int(load.start[0])
    return [(start + a * DAY_S, start + b * DAY_S) for a, b in runs(low) if b - a >= 2]


CASES = (
    ("dead phase, -1/3", dead_phase, steps(change_steps.shares_lost), mean_falls),
    ("bypass, -40 %", bypass, steps(change_steps.shares_lost), mean_falls),
    ("base load +30 %", more_base, steps(change_steps.base_rises), base_rises),
    ("stuck register", stuck_register, spans(change_runs.stopped), day_of_equals),
    ("vacation", vacation, spans(change_runs.vacations), half_days),
)


def is_hit(found, truth):
    (a, b), (start, end) = found, truth
    if start == end:
        return abs(a - start) <= NEAR_S
    return min(b, end) - max(a, start) >= max(b - a, end - start) / 2


def scores(detect, plant, load, draws):
    """-> precision, precision without what the clean load has too, recall, F1 of the first."""
    random, clean = np.random.default_rng(2027), detect(load)
    hits = alarms = new = 0
    for _ in range(draws):
        faulty, truth = plant(load, random)
        found = detect(faulty)
        wrong = [one for one in found if not is_hit(one, truth)]
        hits += len(wrong) < len(found)
        alarms += len(wrong)
        new += sum(not any(is_hit(one, old) for old in clean) for one in wrong)
    precision, recall = hits / max(1, hits + alarms), hits / draws
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return precision, hits / max(1, hits + new), recall, f1


def main(draws):
    folder = bundle.root().parent / "shared" / "data" / "loads"
    if not folder.exists():
        print("anomalies: skipped, the folder ../shared/data is not here")
        return 0
    print(f"anomalies: {draws} draws of each fault; alarms in the clean year at the right")
    print(f"{'':32}precision  *new*  recall  F1; the three-line rule")
    lost = 0
    for name, file, zone, zone_name in LOADS:
        load = history.read(folder / file, zone, zone_name)
        for words, plant, detect, rule in CASES:
            ours, its = (scores(one, plant, load, draws) for one in (detect, rule))
            shown = "   |  ".join("  ".join(f"{x:.2f}" for x in four) for four in (ours, its))
            clean = f"{len(detect(load))}, rule {len(rule(load))}"
            print(f"{name:12} {words:18} {shown}   clean: {clean}", flush=True)
            lost += ours[-1] < its[-1]
    print(f"anomalies: {lost or 'no'} detectors lose to their rule")
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS))
