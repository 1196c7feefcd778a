"""The fault campaign of the metering ICs: each driver over its model, in schedules of faults.

A schedule and what must hold in it: tests/shared/chip_faults.py, which the MicroPython VM runs
too. `main(seed)` runs COUNT of them for each IC on all cores, `replay("chip:NAME:SEED")` one.
"""

import multiprocessing
import time
from collections import Counter

import chip_faults
import chip_ics
from rich.console import Console
from rich.table import Table

from meter.sample import GLITCH, RESET, SATURATED

COUNT = 10_000
_JOB = 250
_FLAGS = {"reset": RESET, "glitch": GLITCH, "saturated": SATURATED}


class Result:
    """schedules   of each IC: how many ran
    faults      (IC, kind): how many were tried
    told        (IC, flag): schedules in which it was raised; (IC, "none"): in which none was
    failed      texts, each begins with "chip:NAME:SEED"
    """

    def __init__(self):
        self.schedules, self.faults, self.told = Counter(), Counter(), Counter()
        self.failed, self.seconds = [], 0.0

    def merge(self, other):
        self.schedules += other.schedules
        self.faults += other.faults
        self.told += other.told
        self.failed += other.failed


def work(job):
    """(IC, first seed, how many), in a process of its own. -> Result"""
    name, first, count = job
    result = Result()
    for seed in range(first, first + count):
        result.schedules[name] += 1
        try:
            schedule = chip_faults.Schedule(chip_ics.ICS[name], seed).run()
        except chip_faults.Broken as broken:
            result.failed.append(f"chip:{broken}")
            continue
        for kind in schedule.kinds:
            result.faults[name, kind] += 1
        result.told[name, "none"] += schedule.flags == 0
        for flag, bit in _FLAGS.items():
            result.told[name, flag] += schedule.flags & bit != 0
    return result


def run(seed, count, processes=None):
    """`count` schedules of each IC. -> Result"""
    started = time.monotonic()
    result = Result()
    jobs = [
        (name, seed * 1_000_000 + first, min(_JOB, count - first))
        for first in range(0, count, _JOB)
        for name in chip_ics.ICS
    ]
    with multiprocessing.Pool(processes) as pool:
        for one in pool.imap_unordered(work, jobs):
            result.merge(one)
    result.seconds = time.monotonic() - started
    return result


def table(result):
    """-> rich table: a row for each kind of fault, a column for each IC."""
    names = sorted(result.schedules)
    shown = Table("faults tried", *names)
    for column in shown.columns[1:]:
        column.justify = "right"
    for kind in chip_faults.KINDS:
        shown.add_row(kind, *[f"{result.faults[name, kind]:,}" for name in names])
    shown.add_section()
    for flag in ("none", *_FLAGS):
        row = [f"{result.told[name, flag]:,}" for name in names]
        shown.add_row(f"schedules that told {flag}", *row)
    return shown


def main(seed, count=COUNT):
    """The campaign, printed. -> exit code."""
    console = Console(highlight=False, width=100)
    result = run(seed, count)
    console.print(table(result))
    console.print(
        f"metering ICs, seed {seed}: {count:,} schedules of faults for each of"
        f" {', '.join(sorted(result.schedules))}, {len(result.failed)} failed,"
        f" {result.seconds:.0f} s"
    )
    if not result.failed:
        console.print("every count is the model's, or an event bounds the doubt")
    for text in result.failed[:20]:
        console.print(
            f"FAILED {text}\n  again: make sim CASE={text.split(' ')[0]}", soft_wrap=True
        )
    return 1 if result.failed else 0


def replay(name):
    """Run one schedule again, by its name. Raises what failed."""
    _, ic, seed = name.split(":")
    chip_faults.Schedule(chip_ics.ICS[ic], int(seed)).run()
