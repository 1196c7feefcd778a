"""The campaign on CPython: all targets on all cores, each with a watch on its memory."""

import gc
import os
import signal
import tempfile
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.fuzz.memory import growth, load_all
from tests.fuzz.run import Run
from tests.fuzz.shrink import shrink
from tests.fuzz.targets import TARGETS

# Bytes in which CPython's own caches and tables differ from one time to the next: what each
# input left would be more, and MicroPython is watched more closely (tests.fuzz.in_vm).
GROWTH_MAX = 64 * 1024
_JOBS = 6  # of one target
_LIFE_S = 120  # a life that takes longer hangs
_LIVES_MIN = 16  # of a job


@dataclass
class Result:
    """Of one target. growth: bytes that lie in memory after the last quarter of the inputs, and
    did not after the third (tests.fuzz.memory); of the job in which it was most."""

    name: str
    inputs: int = 0
    failed: int = 0
    growth: int = 0
    seconds: float = 0
    outcomes: Counter = field(default_factory=Counter)
    failures: dict = field(default_factory=dict)  # {kind: (text, inputs)}
    interned: int = 0  # strings, in the VM
    steady: int = 0  # bytes from life to life, in the VM

    def add(self, other):
        self.inputs += other.inputs
        self.failed += other.failed
        self.growth = max(self.growth, other.growth)
        self.seconds += other.seconds
        self.outcomes += other.outcomes
        self.failures = other.failures | self.failures

    @property
    def is_good(self):
        return not self.failed and self.growth <= GROWTH_MAX


def campaign(seed, share=1.0, names=tuple(TARGETS), workers=None):
    """-> [Result], by target. share: of the inputs of a whole campaign."""
    jobs = []
    for name in names:
        inputs = max(1, int(TARGETS[name][2] * share))
        parts = min(_JOBS, max(1, inputs // 1000))
        jobs += [(name, seed, part, parts, inputs) for part in range(parts)]
    results = {name: Result(name) for name in names}
    with tempfile.TemporaryDirectory(prefix="wattledger-fuzz-") as folder:
        if (workers or os.cpu_count()) == 1:
            found = list(map(_job, jobs))
        else:  # they end without a word: what they leave lies in the folder
            with ProcessPoolExecutor(workers, initializer=_in, initargs=(folder,)) as pool:
                found = list(pool.map(_job, jobs))
    for result in found:
        results[result.name].add(result)
    return list(results.values())


def _in(folder):
    tempfile.tempdir = folder


def _job(job):
    """One part of the lives of a target."""
    name, seed, part, parts, inputs = job
    began = time.perf_counter()
    load_all()
    signal.signal(signal.SIGALRM, _hangs)
    tracemalloc.start()
    run, share = Run(name, seed), inputs // parts + (part < inputs % parts)
    lives, held = 0, []
    while run.inputs < share:
        signal.alarm(_LIFE_S)
        run.life(lives * parts + part, min(share - run.inputs, share // _LIVES_MIN + 1))
        lives += 1
        if run.inputs >= share // 2:
            run.rest()
            held.append(_held())
    signal.alarm(0)
    tracemalloc.stop()
    failures = {
        failure.kind: (failure.text, shrink(name, failure.kind, failure.inputs))
        for failure in run.failures.values()
    }
    seconds = time.perf_counter() - began
    outcomes = Counter(run.outcomes)
    return Result(name, run.inputs, run.failed, growth(held), seconds, outcomes, failures)


def _hangs(_signal, _frame):
    raise TimeoutError("hangs")


def _held():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
