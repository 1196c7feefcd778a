"""The campaign in the MicroPython VM: tests/vm/fuzz.mjs, and what it prints."""

import json
import subprocess
from collections import Counter

from tests.fuzz.campaign import Result
from tests.fuzz.targets import PLANTED, TARGETS
from wattledger import bundle

# MicroPython takes every word in the heap for a pointer that looks like one, and the simulated
# flash lies there too: what a few such words point to stays, one payload or file each. That comes
# in steps, and not more often with four times the inputs; nothing may grow from life to life.
# A chip's flash is not in its heap: `again`, on meters that live on, and `letters` leave nothing.
GROWTH_MAX = 16384
# Interned strings stay for ever. Only a text in the place of a list in a signed file is taken
# apart letter by letter, the first few of it, before it is refused.
_INTERNED_MAX = {"tariffs": 12, "prices": 12}
# Of this one each life differs much from the next, and it takes more of them until nothing new
# comes: the same inputs over and over leave nothing. In all, from life to life (less than what
# each tenth input would leave):
_LIVELY = {"mqtt": (2 * GROWTH_MAX, 48)}
_MEASURED_MIN = 80  # inputs; with fewer not all has been loaded once at the half
_TIMEOUT_S = 1800


def campaign(seed, share=1.0, names=tuple(TARGETS)):
    """-> [Result], by target, in processes of their own, two at a time"""
    inputs = {name: (TARGETS.get(name) or PLANTED[name])[3] for name in names}
    words = [f"{name}={max(1, int(inputs[name] * share))}" for name in names]
    script = bundle.root() / "tests/vm/fuzz.mjs"
    running = [
        subprocess.Popen([bundle.node(), script, seed, *part], stdout=subprocess.PIPE, text=True)
        for part in (words[0::2], words[1::2])
        if part
    ]
    lines = [line for process in running for line in _lines(process)]
    found = {result.name: result for result in map(_result, lines)}
    return [found.get(name) or _crash(name, "the VM has ended without a word") for name in names]


def _lines(process):
    return process.communicate(timeout=_TIMEOUT_S)[0].splitlines()


def _result(line):
    told = json.loads(line)
    if "crash" in told:
        return _crash(told["name"], told["crash"])
    failures = {
        kind: (text, [bytes.fromhex(data) for data in inputs])
        for kind, text, inputs in told["failures"]
    }
    return Result(
        name=told["name"],
        inputs=told["inputs"],
        failed=told["failed"],
        growth=told["bytes"],
        steady=told["steady"],
        interned=told["interned"],
        seconds=told["ms"] / 1000,
        outcomes=Counter(told["outcomes"]),
        failures=failures,
    )


def _crash(name, text):
    return Result(name, failed=1, failures={text: (text, [])})


def is_good(results):
    return all(_is_good(result) for result in results)


def _is_good(result):
    if result.failed or result.inputs < _MEASURED_MIN:
        return not result.failed
    interned_max = _INTERNED_MAX.get(result.name, 0)
    growth_max, steady_max = _LIVELY.get(result.name, (GROWTH_MAX, 0))
    steady = result.growth <= growth_max and result.steady <= steady_max
    return steady and result.interned <= interned_max
