"""A life of the journal, cut everywhere: each operation is recorded once, then replayed up to a
cut on a copy of the flash, whatever the cut leaves behind; then the meter boots and is judged.

Runs on CPython and MicroPython; tests/sim plans how much of it.
"""

from journal_life import STEPS_PER_ERASE, commit, judge
from journal_oracle import KEYS, Oracle, check_rows, expect

from boards.virtual.nor import PowerCut
from boards.virtual.nor_faults import ERASE_FAULTS, PROGRAM_FAULTS, Dice, Tear
from meter.ring import SLOT_BITS

_UPKEEP_MAX = 24  # steps of `maintain` after which there must be nothing to do
# Faults that a chain may mix. Two that come together are no single fault any more: a lost sector
# while the newest record is unstable.
FAMILIES = {
    "plain": ("solid", "random", "unstable", "fading", "late"),
    "harsh": ("solid", "random", "disturb", "kill"),
}


def cut(life, step, program, erase):
    """Cut the last operation at this step, recover, judge. Broken: an invariant does not hold."""
    tear_at(life, step, program, erase)
    recover(life, life.scratch, life.oracle)


def tear_at(life, step, program, erase):
    """Leave in life.scratch what a cut of the last operation at this step leaves."""
    nor = life.scratch
    nor.restore(life.before)
    nor.cut_in, nor.cut_after = None, step
    nor.tear = Tear(program, erase, life.seed, life.op, step)
    try:
        for at, data in life.trace:
            if data is None:
                nor.erase(at)
            else:
                nor.program(at, data)
        raise AssertionError("the cut did not come")
    except PowerCut:
        nor.power_on()


def boot(life, nor, oracle):
    """A start as the meter does it. -> (journal, values found); from now on they are shown."""
    nor.bytes_read = 0
    programs, erases = nor.programs, nor.erases
    journal = life.mounted(nor)
    found = oracle.check(journal)
    expect((nor.programs, nor.erases) == (programs, erases), "a mount programs or erases")
    limit = 3 * nor.sectors * nor.sector_size
    expect(nor.bytes_read <= limit, nor.bytes_read, "bytes read by a mount, limit", limit)
    journal.reaffirm()
    shown = Oracle()
    shown.commits = oracle.commits
    for key in KEYS:
        shown.allowed[key] = oracle.allowed[key][:]
    shown.shown(found)
    return journal, shown


def upkeep(journal):
    """All of it. Broken: it never ends, or no sector is ready ahead."""
    for _ in range(_UPKEEP_MAX):
        if not journal.maintain():
            break
    else:
        expect(False, "maintain finds work for ever")
    for ring in journal.rings[:2]:
        ready = ring.reserve(ring.next_at >> SLOT_BITS) >= 0
        expect(ready, "ring", ring.ring_id, "has no sector prepared")


def recover(life, nor, oracle, strict=True):
    """Start, start again, go on: every invariant that a flash after a cut must keep.

    strict   nothing but cuts has happened: no row twice, no commit with a second try
    """
    oracle.check(life.mounted(nor))
    journal, shown = boot(life, nor, oracle)
    shown.check(life.mounted(nor))
    upkeep(journal)
    shown.check(life.mounted(nor))
    value = life.value + 1_000_000
    for name in KEYS:
        commit(journal, nor, shown, name, value, strict)
        shown.done(name)
    shown.check(life.mounted(nor))
    if strict:
        check_rows(nor)


def chain(life, index, family):
    """Cut the last operation, cut what follows, a few times over; then recover. -> cuts."""
    kinds = FAMILIES[family]
    dice = Dice("chain", life.seed, life.op, index, family)
    nor, oracle = life.scratch, Oracle()
    oracle.commits = dict(life.oracle.commits)
    for key in KEYS:
        oracle.allowed[key] = life.oracle.allowed[key][:]
    tear_at(life, dice.below(life.steps()), dice.pick(kinds), dice.pick(ERASE_FAULTS))
    cuts, value = 1, life.value + 1000
    for _ in range(1 + dice.below(6)):
        nor.tear = Tear(dice.pick(kinds), dice.pick(ERASE_FAULTS), dice.below(65536))
        nor.cut_after = dice.below(1200)
        value += 1
        try:
            journal, oracle = boot(life, nor, oracle)
            upkeep(journal)
            name = dice.pick(("e", "w", "both"))
            commit(journal, nor, oracle, name, value, False)
            for key in KEYS:
                if name in (key, "both"):
                    oracle.done(key)
            upkeep(journal)
        except PowerCut:
            cuts += 1
        nor.power_on()
    recover(life, nor, oracle)
    return cuts


def same_again(life, nth, program, erase, count):
    """Cut the last operation, then `count` starts, each at its nth flash operation. -> cuts."""
    nor, oracle = life.scratch, life.oracle
    dice = Dice("same", life.seed, life.op, nth, program, erase)
    tear_at(life, dice.below(life.steps()), program, erase)
    cuts = 1
    for i in range(count):
        nor.tear = Tear(program, erase, life.seed, nth, i)
        nor.cut_in, nor.cut_at = nth, dice.below(256)
        try:
            journal, oracle = boot(life, nor, oracle)
            upkeep(journal)
        except PowerCut:
            cuts += 1
        nor.cut_in = None
        nor.power_on()
    recover(life, nor, oracle)
    return cuts


def sweep(life, stride, kinds=PROGRAM_FAULTS, phase=0):
    """Cut the last operation at every stride-th step, faults in turn. -> cuts by fault."""
    counts, turn = {}, phase
    for step in range(phase % stride, life.steps(), stride):
        turn += 1
        faults = kinds[turn % len(kinds)], ERASE_FAULTS[turn % len(ERASE_FAULTS)]
        judge(cut, "cut", life, step, *faults)
        kind = kind_at(life, step, *faults)
        counts[kind] = counts.get(kind, 0) + 1
    return counts


def sweep_erases(life):
    """Cut each erase of the last operation in its midst, in every way. -> cuts by fault."""
    counts, step = {}, 0
    for _, data in life.trace:
        if data is None:
            for erase in ERASE_FAULTS:
                for at in range(1, STEPS_PER_ERASE, 2):
                    judge(cut, "cut", life, step + at, "solid", erase)
                kind = "erase " + erase
                counts[kind] = counts.get(kind, 0) + STEPS_PER_ERASE // 2
        step += len(data) if data else STEPS_PER_ERASE
    return counts


def kind_at(life, step, program, erase):
    """-> the fault that a cut at this step is: of an erase or of a program."""
    for _, data in life.trace:
        step -= len(data) if data else STEPS_PER_ERASE
        if step < 0:
            return "program " + program if data else "erase " + erase
    return None
