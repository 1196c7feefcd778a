"""The guided part of the campaign: tests/fuzz/aimed.py by target, if atheris is there."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.campaign import Result
from tests.fuzz.shrink import shrink

ROOT = Path(__file__).resolve().parents[2]
# Where it pays: texts that are parsed, and refused at many places.
RUNS = {
    "lines": 5_000,
    "requests": 5_000,
    "tariffs": 10_000,
    "prices": 10_000,
    "manifests": 20_000,
    "calibrations": 20_000,
    "key blobs": 10_000,
}
_TIMEOUT_S = 900
_COVERED = re.compile(r"cov: (\d+)")


def campaign(seed, share=1.0):
    """-> ([Result], a line on how it went)"""
    if importlib.util.find_spec("atheris") is None:
        return [], "guided: skipped: no atheris here: pip install '.[fuzz]' (Python 3.11 to 3.13)"
    names, done = list(RUNS), []
    with tempfile.TemporaryDirectory(prefix="wattledger-aimed-") as folder:
        while names:  # two at a time
            running = [_start(name, seed, share, folder) for name in names[:2]]
            done += [_end(*started) for started in running]
            del names[:2]
    covered = ", ".join(f"{result.name} {first} to {last}" for result, first, last in done)
    return [result for result, _, _ in done], f"guided: places reached, by target: {covered}"


def _start(name, seed, share, folder):
    where = Path(folder) / f"{name}.json"
    runs = max(1, int(RUNS[name] * share))
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.aimed", name, str(runs), seed, str(where)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": folder},  # libFuzzer ends it without a word
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    return name, process, where, time.perf_counter()


def _end(name, process, where, began):
    """-> (Result, places reached by the first inputs, by all)"""
    said = process.communicate(timeout=_TIMEOUT_S)[1]
    covered = _COVERED.findall(said) or ["0"]
    seconds = time.perf_counter() - began
    if process.returncode or not where.exists():
        failures = {"": (f"atheris ended with {process.returncode}: {said[-300:]}", [])}
        return Result(name, failed=1, seconds=seconds, failures=failures), covered[0], covered[-1]
    told = json.loads(where.read_text())
    failures = {
        kind: (text, [bytes.fromhex(data) for data in inputs])
        for kind, text, inputs in told["failures"]
    }
    failures = {
        kind: (text, shrink(name, kind, inputs)) for kind, (text, inputs) in failures.items()
    }
    result = Result(
        name=name,
        inputs=told["inputs"],
        failed=told["failed"],
        seconds=seconds,
        outcomes=Counter(told["outcomes"]),
        failures=failures,
    )
    return result, covered[0], covered[-1]
