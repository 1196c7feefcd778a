"""The table at the end of a campaign, and what failed."""

from tests.fuzz.campaign import GROWTH_MAX
from tests.fuzz.shrink import command

_LINE = "{:14} {:>8} {:>7} {:>9} {:>9} {:>9} {:>7}  {}"


def table(where, results, growth_max=GROWTH_MAX):
    """-> lines"""
    names = "inputs", "failed", "growth B", "a life B", "interned", "s"
    yield _LINE.format(where, *names, "what became of them")
    for result in results:
        yield _row(result)
    total = sum(result.inputs for result in results)
    failed = sum(result.failed for result in results)
    growth = max((result.growth for result in results), default=0)
    interned = sum(result.interned for result in results)
    steady = max((result.steady for result in results), default=0)
    seconds = sum(result.seconds for result in results)
    limits = f"0 to fail, growth at most {growth_max} B, 0 from life to life"
    yield _LINE.format("all", total, failed, growth, steady, interned, f"{seconds:.0f}", limits)


def _row(result):
    what = ", ".join(f"{count} {name}" for name, count in sorted(result.outcomes.items()))
    seconds = f"{result.seconds:.0f}"
    counts = result.inputs, result.failed, result.growth, result.steady, result.interned
    return _LINE.format(result.name, *counts, seconds, what)


def failures(results):
    """-> two lines for each kind of failure"""
    for result in results:
        for kind, (text, inputs) in result.failures.items():
            place = kind.rpartition(" ")[2]
            yield f"{result.name}: {text[:300]} {place}"
            yield "  replay: " + command(result.name, inputs)
