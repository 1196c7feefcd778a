"""Damage that is no power cut: flipped bits, reads that fail, sectors that are stuck, and wear."""

from journal_cuts import recover
from journal_life import Case, commit
from journal_oracle import Oracle, expect

from boards.virtual.nor_faults import Dice
from meter.errors import MeterError

_PAGE = 256


def _copy(life):
    """-> (scratch flash as life's is now, oracle of what was acknowledged)."""
    nor, oracle = life.scratch, Oracle()
    nor.restore(life.nor.image())
    nor.tear = nor.cut_in = None
    oracle.commits = life.oracle.commits
    for key, values in life.oracle.allowed.items():
        oracle.allowed[key] = values[-1:]
    return nor, oracle


def flip(life, index):
    """Flip one bit of the register rings, or up to eight of one page.

    The newest E may stand once: without it the E before is found. In a header page eight bits
    may cost a sector, and then an older E is found; never a wrong one, and W stands twice.
    -> how many E further back the one is that was found.
    """
    nor, oracle = _copy(life)
    dice = Dice("flip", life.seed, life.op, index)
    register_bytes = 2 * life.rings * nor.sector_size
    page = dice.below(register_bytes // _PAGE) * _PAGE
    bits = 1 if index % 2 else 2 + dice.below(7)
    for _ in range(bits):
        at = page + dice.below(_PAGE)
        nor.put(at, bytes([nor.peek(at, 1)[0] ^ 1 << dice.below(8)]))
    is_header = page % nor.sector_size == 0
    reach = len(life.saved) if is_header and bits > 1 else 2
    acknowledged = oracle.allowed["e"][0]
    oracle.allowed["e"] = ([None] + life.saved)[-reach:] or [None]
    found = oracle.check(life.mounted(nor))["e"]
    oracle.allowed["e"] = [found]
    recover(life, nor, oracle, strict=False)
    values = [None, *life.saved]
    return values.index(acknowledged) - values.index(found)


def fail_read(life, nth):
    """Let the nth read of a start fail: it is reported or borne, and the next start is good.

    Then let a read-back fail: the commit takes another slot.
    """
    nor, oracle = _copy(life)
    nor.fail_read_in = nth
    try:
        journal = life.mounted(nor)
        oracle.check(journal)
        journal.reaffirm()
    except MeterError:
        pass  # what cannot be read is said, nothing is taken for blank
    nor.fail_read_in = None
    oracle.check(life.mounted(nor))
    journal = life.mounted(nor)
    journal.reaffirm()
    nor.fail_read_in = 0
    commit(journal, nor, oracle, "e", life.value + 1000, strict=False)
    oracle.done("e")
    nor.fail_read_in = None
    recover(life, nor, oracle, strict=False)


def stuck(life, ops):
    """Live on while a sector of each register ring is stuck. -> commits.

    None is refused, unless the sectors that both rings had ready died after they were prepared,
    and one commit meets both: no erase is allowed inside of it. Upkeep then makes room.
    """
    dice = Dice("stuck", life.seed)
    nor, life.strict, life.lazy_steps = life.nor, False, 0
    nor.loud = life.seed // 2 % 2 == 1
    for first in (0, life.rings):
        sector, what = first + dice.below(life.rings), dice.below(3)
        if what != 0:
            nor.stuck_programs.add(sector)
        if what != 1:
            nor.stuck_erases.add(sector)
    refused = 0
    while life.op < ops:
        try:
            life.step()
        except Case as case:
            refused += 1
            if refused > 1 or not isinstance(case.error, MeterError) or not _both_died(life):
                raise
            life.oracle.shown(life.oracle.check(life.mounted(life.nor)))
        if life.op % 7 == 0:
            check_acknowledged(life)
    check_acknowledged(life)
    return life.value


def _both_died(life):
    """-> whether each register ring has given up a sector that was prepared and is stuck."""
    for ring in life.journal.rings[:2]:
        dead = [i for i in range(ring.sectors) if ring.retired >> i & 1 and ring.seq[i]]
        if not dead or not all(ring.first_sector + i in life.nor.stuck_programs for i in dead):
            return False
    return True


def check_acknowledged(life):
    """What the last step acknowledged is what a start finds."""
    for key in ("e", "w"):
        life.oracle.done(key)
    life.oracle.check(life.mounted(life.nor))


def wear(life, ops):
    """Live without faults, restarts and laziness. Broken: uneven wear, or a false count of it.

    -> (fewest, most) erases of a sector of the register rings
    """
    life.restarts = life.lazy_steps = 0
    life.skip_to(ops)
    counts = life.nor.erase_counts[: 2 * life.rings]
    expect(max(counts) - min(counts) <= 2, "erases differ by more than 2:", counts)
    for ring in life.mounted(life.nor).rings[:2]:
        most = max(counts[ring.first_sector : ring.first_sector + ring.sectors])
        expect(ring.erases_max == most, "header says", ring.erases_max, "erases, not", most)
    return min(counts), max(counts)
