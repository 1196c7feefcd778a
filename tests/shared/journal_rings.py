"""The data rings under power cuts: profile, ledger, snapshots, events. Each record stands once.

So the promise is another one than for the registers:
- a torn program or erase: no acknowledged record is lost, none is wrong; the one in flight is
  there or not, and with unstable bits it may be found once and not be there later;
- a disturbed or lost sector: only records of the sector that was being programmed may be
  missing, which `read` says; none is wrong, and the ring goes on.
"""

from journal_cuts import tear_at
from journal_life import SALT, Recorder, judge
from journal_oracle import expect, fill

from boards.virtual.nor_faults import ERASE_FAULTS, PROGRAM_FAULTS, Dice
from meter.journal import Journal
from meter.records import Event, Ledger, Row, Snapshot
from meter.ring import SLOT_BITS

LAYOUT = ((4, 256, 4), (4, 256, 4), (0, 64, 0), (4, 512, 4), (4, 256, 4), (4, 64, 0))
SECTORS = 24
NAMES = ("profile", "ledger", "snapshots", "events")
_RECORDS = {"profile": Row, "ledger": Ledger, "snapshots": Snapshot, "events": Event}
HARSH = ("disturb", "kill")
_CRC_SIZE = 4
_FIRST = 2  # ring id of the profile
_UPKEEP_MAX = 8


class RingLife:
    """As journal_life.Life, of the data rings.

    name         ring of the last step; None: it was a start
    is_append    whether the last step was one, else upkeep
    last first   by ring: the newest acknowledged seq, the oldest that must be held
    """

    rings = 4

    def __init__(self, seed):
        self.seed, self.op = seed, 0
        self.nor, self.scratch = Recorder(SECTORS), Recorder(SECTORS)
        self.dice, self._contents = Dice("rings", seed), {}
        self.journal = Journal(self.nor, LAYOUT)
        self.journal.format(SALT)
        self.last, self.first = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 1)
        self.name, self.is_append = None, False
        self.before = self.trace = None

    def mounted(self, nor):
        journal = Journal(nor, LAYOUT)
        journal.mount()
        expect(journal.state == "ready", "mounted as", journal.state)
        return journal

    def ring(self, journal, name):
        return journal.rings[_FIRST + NAMES.index(name)]

    def content(self, name, seq):
        """-> the record of this seq as bytes, without its CRC."""
        if (name, seq) not in self._contents:
            record = fill(_RECORDS[name](), seq)
            record.seq = seq
            buf = bytearray(record.size)
            record.pack_into(buf)
            self._contents[name, seq] = bytes(buf[:-_CRC_SIZE])
        return self._contents[name, seq]

    def append(self, journal, name, seq):
        ring = self.ring(journal, name)
        ring.append(bytearray(self.content(name, seq) + bytes(_CRC_SIZE)))
        expect(ring.last_seq == seq, name, "appended", ring.last_seq, "instead of", seq)

    def step(self):
        """Append a record, or do the upkeep of that ring, or start anew."""
        self.op += 1
        if self.is_append:
            self.last[self.name] += 1
        self.before, self.nor.trace = self.nor.image(), []
        if self.is_append:
            self.is_append = False
            self.ring(self.journal, self.name).prepare()
        elif self.dice.below(100) < 4:
            self.name, self.journal = None, self.mounted(self.nor)
        else:
            self.name, self.is_append = self.dice.pick(NAMES), True
            self.append(self.journal, self.name, self.last[self.name] + 1)
        for name in NAMES:
            self.first[name] = self.ring(self.journal, name).first_seq
        self.trace = self.nor.trace

    def skip_to(self, op):
        while self.op < op:
            self.step()

    def steps(self):
        return sum([len(data) if data else 16 for _, data in self.trace])


def cut(life, step, program, erase):
    """Cut the last operation, mount, judge, go on.

    -> cuts: 1; lost: acknowledged records gone; went: 1 if the one in flight was seen, and then
    no more
    """
    counts = {"cuts": 1, "lost": 0, "went": 0}
    tear_at(life, step, program, erase)
    nor, name = life.scratch, life.name
    journal = life.mounted(nor)
    harsh = program in HARSH
    seen = {}
    for each in NAMES:
        hurt = harsh and each == name
        seen[each] = check(life, life.ring(journal, each), each, hurt, counts)
    journal = life.mounted(nor)
    counts["went"] = int(life.ring(journal, name).last_seq < seen[name])
    go_on(life, nor, journal, name, harsh)
    expect(nor.rows_again + nor.torn_again == 0, "rows programmed twice")
    return counts


def check(life, ring, name, hurt, counts):
    """One ring after a mount. -> its last_seq."""
    acknowledged, newest = life.last[name], ring.last_seq
    in_flight = acknowledged + (life.is_append and name == life.name)
    expect(newest <= in_flight, name, newest, "was never appended")
    if hurt:
        lost = missing(life, ring, name, range(1, acknowledged + 1))
        held = acknowledged - life.first[name] + 1
        beyond = lost - (acknowledged - held)
        expect(beyond <= 2 * ring.slots, name, beyond, "lost, a sector holds", ring.slots)
        counts["lost"] = max(counts["lost"], beyond)
        return newest
    expect(newest >= acknowledged, name, newest, "is the newest,", acknowledged, "was saved")
    expect(
        ring.first_seq <= life.first[name] or not acknowledged, name, "begins at", ring.first_seq
    )
    some = {newest - i for i in range(3)} | {life.first[name] + i for i in range(2)}
    some |= {life.first[name] + life.dice.below(newest + 1) for _ in range(3)}
    some = [seq for seq in some if life.first[name] <= seq <= acknowledged]
    lost = missing(life, ring, name, some)
    expect(lost == 0, name, lost, "of", some, "lost")
    return newest


def missing(life, ring, name, seqs):
    """-> how many of these seqs are not there. Broken: one has a wrong content."""
    buf, lost = bytearray(ring.slot_size), 0
    for seq in seqs:
        if not ring.read(seq, buf):
            lost += 1
        elif bytes(buf[:-_CRC_SIZE]) != life.content(name, seq):
            expect(False, name, seq, "has a wrong content")
    return lost


def go_on(life, nor, journal, name, harsh):
    """After a start: upkeep, two more records, another start; they are there."""
    ring = life.ring(journal, name)
    for _ in range(_UPKEEP_MAX):
        if not ring.prepare():
            break
    else:
        expect(False, name, "prepare finds work for ever")
    expect(ring.reserve(ring.next_at >> SLOT_BITS) >= 0, name, "has no sector prepared")
    erases, last = nor.erases, ring.last_seq
    for seq in (last + 1, last + 2):
        life.append(journal, name, seq)
    expect(nor.erases == erases, "an erase inside of an append")
    ring = life.ring(life.mounted(nor), name)
    expect(ring.last_seq == last + 2, name, ring.last_seq, "is the newest, not", last + 2)
    expect(missing(life, ring, name, (last + 1, last + 2)) == 0, name, "lost after a start")
    if not harsh and life.last[name]:
        expect(missing(life, ring, name, (life.last[name],)) == 0, name, "newest lost later")


def sweep(life, stride, kinds=PROGRAM_FAULTS, phase=0):
    """Cut the last operation at every stride-th step, faults in turn.

    -> {(ring, "plain" or "harsh"): counts}
    """
    counts, turn = {}, phase
    for step in range(phase % stride, life.steps(), stride):
        turn += 1
        program, erase = kinds[turn % len(kinds)], ERASE_FAULTS[turn % len(ERASE_FAULTS)]
        group = life.name, "harsh" if program in HARSH else "plain"
        found = counts.setdefault(group, {"cuts": 0, "lost": 0, "went": 0})
        for what, number in judge(cut, "ring", life, step, program, erase).items():
            found[what] = max(found[what], number) if what == "lost" else found[what] + number
    return counts
