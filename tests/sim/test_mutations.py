"""The campaign can fail: each journal here lacks one of its rules, and is found out.

A trial that fails must fail again by its name, which is what `make sim CASE=` runs.
"""

import functools

import journal_cuts
import journal_damage
import pytest
from journal_life import Case, Life, judge

from meter import mounting
from meter.errors import MeterError
from meter.journal import Journal
from meter.ring import Ring
from tests.sim import power_cut

REPLAYED = ("cut", "chain", "same", "flip", "stuck")


def swept(ops, kinds, make=Journal, start=0):
    life = Life(1, make=make)
    life.skip_to(start)
    for phase in range(ops):
        life.step()
        journal_cuts.sweep(life, 9, kinds, phase)


def chained(count, family, make=Journal):
    life = Life(1, make=make)
    for index in range(count):
        power_cut.step_to_work(life)
        judge(journal_cuts.chain, "chain", life, index, family)


def with_stuck_sectors(lives, ops):
    for seed in range(lives):
        life = Life(seed, 5)
        life.skip_to(10)
        judge(journal_damage.stuck, "stuck", life, ops)


def test_the_journal_that_ships_passes_all_of_this():
    swept(30, ("solid", "random", "late", "kill", "fading"))
    chained(30, "plain")
    chained(30, "harsh")
    with_stuck_sectors(6, 200)


def test_without_the_compare_after_a_program(monkeypatch):
    write = Ring._write
    monkeypatch.setattr(Ring, "_write", lambda ring, at, record: [write(ring, at, record)] != [])
    with pytest.raises(Case, match=r"found, allowed") as caught:
        with_stuck_sectors(6, 200)
    again(caught)


def test_without_reading_back(monkeypatch):
    def unread(ring, at, record):
        flash, read = ring.flash, ring.flash.read
        ring.flash.read = lambda address, buf: None
        try:
            return [write(ring, at, record)] != []
        finally:
            flash.read = read

    write = Ring._write
    monkeypatch.setattr(Ring, "_write", unread)
    with pytest.raises(AssertionError, match="never read back"):
        swept(10, ("solid",))


def test_without_a_reserve(monkeypatch):
    """A sector is erased when it is needed: in a commit."""
    append, prepare = Ring.append, Ring.prepare

    def on_demand(ring, record, seq=0):
        try:
            return append(ring, record, seq)
        except MeterError:
            prepare(ring)
            return append(ring, record, seq)

    monkeypatch.setattr(Ring, "append", on_demand)
    monkeypatch.setattr(Ring, "due", functools.partialmethod(late_due, Ring.due))
    with pytest.raises(AssertionError, match=r"no sector prepared|an erase inside"):
        swept(60, ("solid",))


def late_due(ring, due):
    return due(ring) if ring.target() < 0 else -1


class OneRing(Journal):
    """Both copies of everything in the first ring."""

    def _choose(self):
        return 0

    def is_safe(self, r):
        return True

    def write_copy(self, kind, r):
        return super().write_copy(kind, 0)


@pytest.mark.parametrize("fault", ["kill", "disturb"])
def test_one_ring_only(fault):
    with pytest.raises(Case, match="found, allowed"):
        swept(40, (fault,), OneRing)


def test_without_skipping_a_slot(monkeypatch):
    find_next = mounting._find_next

    def at_once(ring, half):
        find_next(ring, half)
        ring.next_at -= 1

    monkeypatch.setattr(mounting, "_find_next", at_once)
    monkeypatch.setattr(Ring, "mark", lambda ring: setattr(ring, "doubt", False))
    with pytest.raises(Case, match=r"programmed again|had fallen|programs") as caught:
        swept(60, ("random", "late"))
    again(caught)


def test_without_marking_the_skipped_slot(monkeypatch):
    monkeypatch.setattr(Ring, "mark", lambda ring: setattr(ring, "doubt", False))
    with pytest.raises(Case, match=r"programmed again|had fallen|programs") as caught:
        swept(60, ("late",))
    again(caught)


def test_without_affirming(monkeypatch):
    monkeypatch.setattr(mounting, "reaffirm", mark_only)
    with pytest.raises(Case, match="found, allowed") as caught:
        swept(60, ("fading",))
    again(caught)


def test_affirming_what_is_read_a_second_time(monkeypatch):
    """Bits that a cut left between 0 and 1 may have read right only once."""

    def read_again(journal):
        for kind in (0, 1):
            journal.copy(kind, 1 - journal.source[kind])
        mark_only(journal)

    monkeypatch.setattr(mounting, "reaffirm", read_again)
    with pytest.raises(Case, match="found, allowed") as caught:
        swept(60, ("fading",))
    again(caught)


def mark_only(journal):
    for ring in journal.rings[:2]:
        if ring.doubt:
            ring.mark()


def again(caught):
    """The name that the failure has fails in the same way."""
    name = caught.value.name
    assert name.split(":")[0] in REPLAYED
    with pytest.raises(AssertionError) as second:
        power_cut.replay(name)
    assert str(second.value) in str(caught.value)
