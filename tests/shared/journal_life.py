"""A life of the journal, on a flash that notes what is done to it: commits, upkeep, restarts.

Runs on CPython and MicroPython; journal_cuts cuts it, journal_damage damages it.
"""

from journal_oracle import KEYS, Oracle, e_state, expect, w_state

from boards.virtual.nor import Nor
from boards.virtual.nor_faults import Dice
from meter.journal import Journal

SALT = 0x0DDBA11
STEPS_PER_ERASE = 16
_OTHERS = ((2, 1024, 4), (2, 1024, 4), (0, 1024, 4))  # not written here, so as small as can be
# name -> (layout, sectors): register rings of 4, 5 and 8 sectors
LAYOUTS = {
    4: (((4, 256, 4), (4, 256, 4)) + _OTHERS, 16),
    5: (((5, 256, 4), (5, 256, 4)) + _OTHERS, 18),
    8: (((8, 256, 4), (8, 256, 4)) + _OTHERS, 24),
}
_PROGRAMS = {"e": 1, "w": 3, "both": 3}


class Recorder(Nor):
    """A flash that notes what is done to it.

    trace       (address, bytes) of each program, (sector, None) of each erase
    unverified  (address, size) of programs that nobody has read back
    cut_in      operations until one is cut at `cut_at`, or None
    """

    def __init__(self, sectors):
        super().__init__(sectors)
        self.trace, self.unverified = [], set()
        self.cut_in, self.cut_at = None, 0

    def read(self, at, buf):
        super().read(at, buf)
        self.unverified.discard((at, len(buf)))

    def program(self, at, buf):
        self._count_down(len(buf))
        super().program(at, buf)
        self.trace.append((at, bytes(buf)))
        if any(buf):  # zeros only mark a slot as used
            self.unverified.add((at, len(buf)))

    def erase(self, sector):
        self._count_down(STEPS_PER_ERASE)
        super().erase(sector)
        self.trace.append((sector, None))

    def _count_down(self, steps):
        if self.cut_in is not None:
            self.cut_in -= 1
            if self.cut_in < 0:
                self.cut_in, self.cut_after = None, self.cut_at * steps // 256


def commit(journal, nor, oracle, name, value, strict=True):
    """One commit of value: "e", "w" or "both". Broken: more programs than promised, an erase."""
    e, w = e_state(value), w_state(value)
    programs, erases = nor.programs, nor.erases
    for key in KEYS:
        if name in (key, "both"):
            oracle.begin(key, value)
    try:
        if name == "e":
            journal.commit_e(e)
        elif name == "w":
            journal.commit_w(w)
        else:
            journal.commit(e, w)
    finally:
        for key, state in (("e", e), ("w", w)):
            if state.commit:
                oracle.commits[key, value] = state.commit
    expect(nor.erases == erases, "an erase inside of a commit")
    if strict:
        expect(nor.programs - programs <= _PROGRAMS[name], nor.programs - programs, "programs")


class Life:
    """Operations by chance, one a `step`: commits, upkeep, restarts.

    make     function (flash, layout) -> Journal; another one to see that the campaign can fail
    before   image of the flash before the last step; trace: what that did to the flash
    oracle   what may be found since the last step began
    op name  number of the last step, and what it was
    saved    every E so far, newest last
    strict   no sector is broken: a commit has its programs and no more
    lazy_steps restarts   operations for which now and then no upkeep is done; starts in 100
    """

    def __init__(self, seed, rings=4, make=Journal):
        self.seed, self.rings, self.make = seed, rings, make
        self.layout, sectors = LAYOUTS[rings]
        self.nor, self.scratch = Recorder(sectors), Recorder(sectors)
        self.oracle, self.dice = Oracle(), Dice("life", seed)
        self.op = self.value = self._lazy = self._behind = 0
        self.name = self.before = self.trace = None
        self.saved, self.strict = [], True
        self.lazy_steps, self.restarts = 5, 5
        self.journal = make(self.nor, self.layout)
        self.journal.format(SALT)
        self.journal.reaffirm()

    def mounted(self, nor):
        """-> a journal as a start finds it on this flash."""
        journal = self.make(nor, self.layout)
        journal.mount()
        return journal

    def step(self):
        """The next operation, uncut. Case: it fails all the same."""
        judge(Life._step, "life", self)

    def _step(self):
        oracle, nor = self.oracle, self.nor
        for key in KEYS:
            oracle.done(key)
        self.op += 1
        self.before, nor.trace = nor.image(), []
        nor.unverified.clear()
        self.name = self._next()
        if self.name == "upkeep":
            self._behind = 0
            self.journal.maintain()
        elif self.name == "boot":
            self.journal = self.mounted(nor)
            self.journal.reaffirm()
        else:
            self.value += 1
            if self.name != "w":
                self.saved.append(self.value)
            # Without upkeep a sector may have to be left early, and a slot marked.
            strict = self.strict and not self._behind
            self._behind += 1
            commit(self.journal, nor, oracle, self.name, self.value, strict)
        self.trace = nor.trace
        expect(not nor.unverified, "programmed, never read back:", nor.unverified)

    def skip_to(self, op):
        """Live on until operation `op` was the last one."""
        while self.op < op:
            self.step()

    def steps(self):
        """-> places to cut in the last operation."""
        return sum([len(data) if data else STEPS_PER_ERASE for _, data in self.trace])

    def _next(self):
        self._lazy = max(0, self._lazy - 1)
        if self.name in _PROGRAMS and not self._lazy:
            return "upkeep"
        chance = self.dice.below(100)
        if chance < 3 and not self._lazy:
            self._lazy = self.lazy_steps  # the owner has better things to do for a while
        if chance < 3 + self.restarts:
            return "boot"
        return "e" if chance < 68 else "w" if chance < 85 else "both"


def judge(trial, what, life, *arguments):
    """-> what trial(life, *arguments) returns. Case: it failed, whatever way."""
    words = [what, life.seed, life.rings, life.op] + list(arguments)
    try:
        return trial(life, *arguments)
    except Exception as error:
        raise Case(":".join([str(word) for word in words]), life.name, error)


class Case(AssertionError):
    """A trial that failed; `name` says how to see it again, as an argument of tests.sim."""

    def __init__(self, name, operation, error):
        super().__init__(f"{name}: in {operation}: {type(error).__name__}: {error}")
        self.name, self.error = name, error
