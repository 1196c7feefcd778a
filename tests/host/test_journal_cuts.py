"""Power cuts inside every program and every erase of a few hundred commits.

A dict says what was acknowledged and what was in flight. Each cut starts from the state before
the operation; then the meter boots, is cut nowhere, and must hold one of the two.
"""

import random
from dataclasses import dataclass, field

import pytest
from layouts import fields_of

from boards.virtual.nor import Nor, PowerCut
from meter.journal import Journal
from meter.records import EState, Row, WState

# The rings of the meter, small: they go round several times in a test. Large slots in the
# rings that are not written here make their mounts quick.
LAYOUT = ((4, 256, 4), (4, 256, 4), (0, 64, 0), (4, 512, 4), (4, 512, 4)) + ((4, 512, 4),) * 5
SECTORS = 40
SALT = 0x0DDBA11


@dataclass
class Oracle:
    """What must be there (acknowledged) and what may be there (in flight)."""

    acknowledged: dict = field(default_factory=lambda: {"e": None, "w": None, "row": 0})
    in_flight: dict = field(default_factory=dict)

    def done(self):
        self.acknowledged |= self.in_flight
        self.in_flight = {}

    def allows(self, key, value):
        return value in (self.acknowledged[key], self.in_flight.get(key, object()))


def e_state(value):
    e = EState()
    e.utc = value
    e.registers = [value * 1000 + i for i in range(7)]
    e.rates = [value * 7 + i for i in range(16)]
    return e


def w_state(value):
    w = WState()
    w.utc = w.tier_base_mwh = value
    w.money = [-value, value, 0, value << 70]
    return w


def row(value):
    buf = bytearray(64)
    record = Row()
    record.utc = record.import_mwh = value
    record.pack_into(buf)
    return buf


def image(flash):
    buf = bytearray(flash.sectors * flash.sector_size)
    flash.read(0, buf)
    return buf


def twin(journal, content):
    """-> (journal, flash): the same meter at the same moment, to be cut."""
    flash = Nor(SECTORS)
    flash.program(0, content)
    flash.bytes_programmed = 0
    other = Journal(flash, LAYOUT)
    pairs = [(journal, other), *zip(journal.rings, other.rings, strict=True)]
    for source, target in pairs:
        for name, value in vars(source).items():
            if isinstance(value, int | str | None):
                setattr(target, name, value)
            elif name in ("seq", "order", "keep", "source"):
                setattr(target, name, list(value))
    return other, flash


def boot(flash):
    journal = Journal(flash, LAYOUT)
    journal.mount()
    return journal


def check(journal, oracle):
    assert journal.state == "ready"
    for key, newest, made in (
        ("e", journal.newest_e, e_state),
        ("w", journal.newest_w, w_state),
    ):
        value = newest.utc if newest else None
        assert oracle.allows(key, value), (key, value, oracle)
        if newest:
            want = made(value)
            for name, code, _ in fields_of(newest.layout):
                if code != "x" and name not in ("flags", "seq", "commit"):
                    assert getattr(newest, name) == getattr(want, name), name
    last, buf = journal.profile.last_seq, bytearray(64)
    assert oracle.allows("row", last), (last, oracle)
    for seq in range(max(journal.profile.first_seq, last - 3), last + 1):
        assert journal.profile.read(seq, buf)
        record = Row()
        record.unpack(buf)
        assert (record.seq, record.import_mwh) == (seq, seq)


def operations(seed, commits):
    """Yield (what is in flight, function of a journal): a life of the meter."""
    rng = random.Random(seed)
    rows = 0
    for i in range(1, commits + 1):
        kind = rng.random()
        if kind < 0.7:
            yield {"e": i}, lambda journal, i=i: journal.commit_e(e_state(i))
        elif kind < 0.85:
            yield {"w": i}, lambda journal, i=i: journal.commit_w(w_state(i))
        else:
            both = lambda journal, i=i: journal.commit(e_state(i), w_state(i))  # noqa: E731
            yield {"e": i, "w": i}, both
        yield {}, lambda journal: journal.maintain()
        if i % 4 == 0:
            rows += 1
            yield {"row": rows}, lambda journal, n=rows: journal.profile.append(row(n))
            yield {}, lambda journal: journal.maintain()


def sweep(seed, commits, stride):
    """Cut each operation at every stride-th step, another phase each time. -> cuts made."""
    flash = Nor(SECTORS)
    journal = Journal(flash, LAYOUT)
    journal.format(SALT)
    oracle, cuts, phase = Oracle(), 0, 0
    for in_flight, operation in operations(seed, commits):
        oracle.in_flight = in_flight
        before, content = twin(journal, image(flash))[0], image(flash)
        steps = -(flash.bytes_programmed + 16 * flash.erases)
        operation(journal)
        steps += flash.bytes_programmed + 16 * flash.erases
        for step in range(phase % stride, steps, stride):
            cut(before, content, step, operation, oracle)
            cuts += 1
        phase += 5
        oracle.done()
        check(boot(flash), oracle)
    return cuts


def cut(before, content, step, operation, oracle):
    journal, flash = twin(before, content)
    flash.cut_after, flash.torn_mask = step, step * 37 & 0xFF
    with pytest.raises(PowerCut):
        operation(journal)
    flash.power_on()
    flash.programs = flash.erases = flash.changed_bits_refused = 0
    journal = boot(flash)
    assert flash.programs == flash.erases == 0
    check(journal, oracle)
    if step % 3:
        return
    found = journal.newest_e.utc if journal.newest_e else None
    journal.reaffirm()
    journal.commit_w(w_state(9_000_000))
    again = boot(flash)
    assert (again.newest_e.utc if again.newest_e else None) == found
    assert again.newest_w.utc == 9_000_000
    assert flash.changed_bits_refused == 0, "a slot was programmed twice"


def test_cuts_in_every_program_and_erase():
    assert sweep(seed=1, commits=300, stride=17) > 1000


def test_cuts_at_every_byte():
    assert sweep(seed=2, commits=12, stride=1) > 1000
