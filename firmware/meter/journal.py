"""The rings of the meter on one flash: what a commit is, and where its copies are.

Registers go to two rings that alternate. A cut while a slot is programmed may cost the whole
sector, so no program ever goes to a sector that holds the only copy of the newest E or of the
newest W. To keep that possible W always stands in both rings, and E in at least one:

- `commit_e`: one program, in the ring that does not hold the newest E. A mark comes first if,
  soon after a start and with upkeep behind, a sector is left early.
- `commit_w`: E is copied if it stands in one ring only, then W goes to one ring, and to the
  other: three programs at most. W changes seldom.
- `commit`: both at once in three programs: E and W to one ring, W to the other.

Policy of erases: none inside a commit. The owner calls `maintain` right after each commit: one
step, at most one erase. A ring that crosses into its reserve has 14 slots, about 28 save
periods, to get a new one; should it run out all the same, commits go to the other ring, and
only when both are full is a commit refused with a MeterError.
"""

from meter.compat import const, forget
from meter.errors import MeterError
from meter.fields import COPY
from meter.ring import SLOT_BITS

_BEHIND = const(8)  # sectors that the newest E or W may lie back, so that a mount finds it soon
_E = const(0)
_W = const(1)


class Journal:
    """state      "ready"; "blank": never formatted; "foreign": holds something else
    seq        of the last record; one sequence over both register rings
    newest_e newest_w   EState and WState as the last mount found them; None without one, and
               once a newer one is committed
    rings      all, by ring id; besides: profile, ledger, snapshots, events[group]
    last       register ring of the newest record
    source     register ring of the newest copy of E, of W; where a ring has one, its `keep`
               holds the position, else -1
    record     buffer of one E or W
    """

    def __init__(self, flash, layout=None):
        """layout: None is that of `meter.partition`. MeterError: the flash is too small."""
        from meter import partition

        self.rings = partition.divide(flash, layout)
        forget("meter.partition")
        self.profile, self.ledger, self.snapshots = self.rings[2:5]
        self.events = self.rings[5:]
        self.record = bytearray(self.rings[0].slot_size)
        self.state, self.seq, self.last = "blank", 0, 1
        self.newest_e = self.newest_w = None
        self.source = [0, 0]
        self._turn = -1  # ring that was looked after last; the register rings come first

    def mount(self):
        """Find everything; programs nothing. Sets state, seq, newest_e, newest_w."""
        from meter import mounting

        mounting.mount(self)
        forget("meter.mounting")

    def format(self, salt):
        """Erase what is there and begin anew; only on the order of an operator.

        salt   u32 > 0, by chance: records of an earlier life do not pass as ours
        """
        assert 0 < salt <= 0xFFFFFFFF
        from meter import formatting

        formatting.format(self, salt)
        forget("meter.formatting")
        self.mount()

    def reaffirm(self):
        """Boot: write the newest E and W again, each into the ring where it is not newest.

        What the mount has read may be a record whose last bits were cut short and read right
        only by chance; what is verified now stays. To be called before values are shown.
        """
        from meter import mounting

        mounting.reaffirm(self)
        forget("meter.mounting")

    def commit_e(self, e):
        """Save the registers: one program. Sets e.seq and e.commit. MeterError: not saved."""
        self._save(_E, e, self._choose())

    def commit_w(self, w):
        """Save W in both rings: three programs at most. Sets w.seq and w.commit."""
        r = 1 - self.source[_E]
        if self.rings[r].keep[_E] < 0:
            self.copy(_E, r)
        self.copy(_W, 1 - self._save(_W, w, self._choose()))

    def commit(self, e, w):
        """Save both in three programs. A cut in between may save e alone."""
        self.copy(_W, 1 - self._save(_W, w, self._save(_E, e, self._choose())))

    def maintain(self):
        """One step of upkeep, at most one erase: call it right after a commit.

        -> whether something was done; there may be more.
        """
        if self.state != "ready":
            return False
        done = False
        for r in (0, 1):
            for kind in (_E, _W):
                done = done or (self._is_due(kind, r) and self.copy(kind, r))
        for _ in range(len(self.rings)):
            # By turns: a ring that always has something to do must not starve the others.
            if not done:
                self._turn = (self._turn + 1) % len(self.rings)
                done = self.rings[self._turn].prepare()
        return done

    def copy(self, kind, r):
        """Write the newest E or W once more, into ring r. -> False: not there, or not safe."""
        source = self.rings[self.source[kind]]
        at = source.keep[kind]
        return at >= 0 and source.load(at, self.record) > 0 and self.write_copy(kind, r)

    def write_copy(self, kind, r):
        """Write the E or W in `record`, the newest one, into ring r. -> False: not safe there."""
        ring = self.rings[r]
        if not self._enter(r):
            return False
        self.record[2] |= COPY
        self.seq += 1
        try:
            ring.keep[kind] = ring.append(self.record, self.seq)
        except MeterError:
            return False  # the original stands; `maintain` tries again
        self.last = self.source[kind] = r
        return True

    def _save(self, kind, state, r):
        """Append a state to register ring r, or failing that to the other. -> the ring."""
        if self.state != "ready":
            raise MeterError(f"journal: {self.state}, cannot save: format it first")
        was = state.commit
        self.seq += 1
        # Before the program: an interrupt behind it must find the owner knowing its commit.
        state.seq = state.commit = self.seq
        state.flags &= ~COPY
        state.pack_into(self.record)
        try:
            self.rings[r].append(self.record, self.seq)
        except MeterError:
            r = 1 - r
            try:
                self.rings[r].append(self.record, self.seq)
            except MeterError:
                state.commit = was
                raise
        self.last = self.source[kind] = r
        self.rings[r].keep[kind] = self.rings[r].newest_at
        self.rings[1 - r].keep[kind] = -1
        if kind == _E:  # what the mount found is not the newest any more: never affirm it now
            self.newest_e = None
        else:
            self.newest_w = None
        return r

    def _choose(self):
        """-> the register ring for the next record: not the last one, if nothing is at risk."""
        r = 1 - self.last
        if self.is_safe(r) or (not self.is_safe(1 - r) and self._enter(r)):
            return r
        if self._enter(1 - r):
            return 1 - r
        return r if self.rings[r].target() >= 0 else 1 - r

    def _enter(self, r):
        """Cross into the reserve of ring r if its next slot is not safe. -> whether it is now.

        The sector left behind keeps its records.
        """
        ring = self.rings[r]
        target = ring.target()
        if target < 0 or self.is_safe(r):
            return target >= 0
        if ring.reserve(target) < 0:
            return False
        ring.cross()
        return True

    def is_safe(self, r):
        """Whether the newest E and W would survive the loss of the sector r programs next."""
        ring, other = self.rings[r], self.rings[1 - r]
        target = ring.target()
        for kind in (_E, _W):
            at = ring.keep[kind]
            if other.keep[kind] < 0 <= at and at >> SLOT_BITS == target:
                return False
        return target >= 0

    def _is_due(self, kind, r):
        """Whether ring r wants a fresh copy: W is missing, or lies far back in the ring."""
        ring = self.rings[r]
        at = ring.keep[kind]
        if at < 0:
            due = kind == _W
        else:
            behind = ring.rank(ring.next_at >> SLOT_BITS) - ring.rank(at >> SLOT_BITS)
            due = behind >= min(_BEHIND, ring.sectors // 2)
        return due and self.is_safe(r)
