"""The fault campaign: which lives of the journal are cut where, on all cores, and what it shows.

`main(seed)` runs it whole, `replay(name)` one failed case. What a cut does and what must hold
after it is in tests/shared/journal_*.py, which runs in the MicroPython VM too.

Promised, and so judged: E and W through any one fault of the list, through chains of cuts that
tear in any way ("plain"), through chains of cuts that disturb or kill sectors ("harsh"). Data
rings: see journal_rings. Not promised: a sector lost at a start while the newest record, torn by
the cut before, reads right only by chance; of chains that mix all faults 1 in 300 loses a commit.
"""

import multiprocessing
import time

import journal_cuts
import journal_damage
import journal_rings
from journal_life import Case, Life, judge
from rich.console import Console

from boards.virtual.nor_faults import ERASE_FAULTS, PROGRAM_FAULTS
from tests.sim.power_cut_result import Result, table

RINGS = (4, 4, 5, 8)  # sectors of a register ring
SAME_STARTS = 320  # cut at the same operation: more than any counter of a byte
# Without `fading`: a dozen starts, each cut in the same program, each leaving a page that reads
# right at the next start and never after, would outlive the last good copy.
SAME_FAULTS = tuple(kind for kind in PROGRAM_FAULTS if kind != "fading")
REPLAYS = {
    "life": Life.step,
    "cut": journal_cuts.cut,
    "chain": journal_cuts.chain,
    "same": journal_cuts.same_again,
    "ring": journal_rings.cut,
    "flip": journal_damage.flip,
    "read": journal_damage.fail_read,
    "stuck": journal_damage.stuck,
    "wear": journal_damage.wear,
}


def cuts(result, seed, rings, start, ops, stride):
    """Cut `ops` operations of a life at every stride-th step."""
    life = Life(seed, rings)
    life.skip_to(start)
    for phase in range(ops):
        life.step()
        for found in (
            journal_cuts.sweep(life, stride, phase=phase),
            journal_cuts.sweep_erases(life),
        ):
            for kind, number in found.items():
                result.add("cut", kind, "cuts", number)


def every_byte(result, seed, rings, start, ops):
    """Cut operations at each byte in each way."""
    life = Life(seed, rings)
    life.skip_to(start)
    for _ in range(ops):
        life.step()
        for program in PROGRAM_FAULTS:
            for kind, number in journal_cuts.sweep(life, 1, (program,)).items():
                result.add("cut", kind, "cuts", number)


def chains(result, seed, rings, start, count):
    """Cuts inside of what follows a cut."""
    life = Life(seed, rings)
    life.skip_to(start)
    for index in range(count):
        step_to_work(life)
        family = tuple(journal_cuts.FAMILIES)[index % len(journal_cuts.FAMILIES)]
        made = judge(journal_cuts.chain, "chain", life, index, family)
        result.add("chain", family, "trials")
        result.add("chain", family, "cuts", made)


def same_again(result, seed, start, nths, kinds):
    """The same operation of a start is cut each time, hundreds of times."""
    life = Life(seed)
    life.skip_to(start)
    for nth in nths:
        step_to_work(life)
        for i, kind in enumerate(kinds):
            erase = ERASE_FAULTS[(nth + i) % len(ERASE_FAULTS)]
            trial = judge(journal_cuts.same_again, "same", life, nth, kind, erase, SAME_STARTS)
            result.add("same again", kind, "trials")
            result.add("same again", kind, "cuts", trial)
            worst = max(life.scratch.erase_counts) - max(life.nor.erase_counts)
            result.add("same again", kind, "most erases", worst)


def damage(result, seed, start, flips, reads):
    """Flipped bits, and reads that fail."""
    life = Life(seed)
    life.skip_to(start)
    for index in range(flips):
        if index % 20 == 0:
            life.step()
        back = judge(journal_damage.flip, "flip", life, index)
        how = "1 bit" if index % 2 else "2..8 bits of a page"
        result.add("flip", how, "trials")
        result.add("flip", how, "E before found", int(back == 1))
        result.add("flip", how, "older E found", int(back > 1))
    for index in range(reads):
        if index % 20 == 0:
            life.step()
        judge(journal_damage.fail_read, "read", life, index * 7 % 220)
        result.add("failed read", "once", "trials")


def broken(result, seed, ops):
    """A stuck sector in each register ring."""
    life = Life(seed, 5 + seed % 2 * 3)
    life.skip_to(seed * 13 % 60)
    commits = judge(journal_damage.stuck, "stuck", life, ops)
    how = "reported" if life.nor.loud else "silent"
    result.add("stuck sector", how, "trials")
    result.add("stuck sector", how, "commits", commits)


def wear(result, seed, ops):
    life = Life(seed)
    fewest, most = judge(journal_damage.wear, "wear", life, ops)
    result.add("no fault", "wear of register sectors", "most erases", most)
    result.add("no fault", "wear of register sectors", "most spread", most - fewest)


def data_rings(result, seed, start, ops, stride):
    """Cuts in profile, ledger, snapshots and events."""
    life = journal_rings.RingLife(seed)
    life.skip_to(start)
    for phase in range(ops):
        life.step()
        for (name, how), found in journal_rings.sweep(life, stride, phase=phase).items():
            result.add(name, how, "cuts", found["cuts"])
            result.add(name, how, "most records lost", found["lost"])
            result.add(name, how, "came and went", found["went"])


def step_to_work(life):
    """Live on to an operation that can be cut."""
    life.step()
    while not life.steps():
        life.step()


def plan(seed, parts):
    """-> the jobs, (function, arguments); parts: 24 is the whole campaign."""
    jobs = []
    for part in range(parts):
        life, start = seed * 1000 + part, part * 37 % 400
        rings = RINGS[part % len(RINGS)]
        jobs += [
            (cuts, (life, rings, start, 110, 6)),
            (chains, (life, rings, start, 200)),
            (data_rings, (life, part * 400 % 3600, 120, 13)),
            (damage, (life, start, 240, 60)),
            (same_again, (life, start, (part % 6,), SAME_FAULTS)),
            (broken, (2 * life, 500)),
            (broken, (2 * life + 1, 500)),
        ]
        if part % 6 == 0:
            jobs += [(every_byte, (life, rings, start, 6)), (wear, (life, 3000))]
    return jobs


def work(job):
    """One job, in a process of its own. -> Result"""
    function, arguments = job
    result = Result()
    try:
        function(result, *arguments)
    except Case as case:
        result.failed.append(str(case))
    return result


def run(seed, parts, processes=None):
    """-> Result of the whole plan."""
    started = time.monotonic()
    result = Result()
    with multiprocessing.Pool(processes) as pool:
        for one in pool.imap_unordered(work, plan(seed, parts)):
            result.merge(one)
    result.seconds = time.monotonic() - started
    return result


def main(seed, parts=24):
    """The campaign, printed. -> exit code."""
    console = Console(highlight=False, width=100)
    result = run(seed, parts)
    console.print(table(result))
    console.print(
        f"power cuts, seed {seed}: {result.cuts:,} cut points, {result.chains:,} nested chains,"
        f" {len(result.failed)} jobs failed, {result.seconds:.0f} s"
    )
    if not result.failed:
        console.print("0 acknowledged commits lost, 0 wrong values, registers never fell")
    for text in result.failed:
        console.print(
            f"FAILED {text}\n  again: make sim CASE={text.split(': ')[0]}", soft_wrap=True
        )
    return 1 if result.failed else 0


def replay(name):
    """Run one failed case again, by its name. Raises what failed."""
    what, seed, rings, op, *words = name.split(":")
    ring_life = what == "ring"
    life = journal_rings.RingLife(int(seed)) if ring_life else Life(int(seed), int(rings))
    life.skip_to(int(op))
    arguments = [int(word) if word.isdigit() else word for word in words]
    REPLAYS[what](life, *arguments)
