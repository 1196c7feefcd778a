"""Years of a meter on its journal: a commit each minute, what changes seldom, rows and days."""

from dataclasses import dataclass

from storage_cost import Cost
from storage_flash import CountingFlash

from meter.journal import Journal
from meter.partition import LAYOUT
from meter.records import EState, Event, Ledger, Row, Snapshot, WState

SECTORS = 320  # of the meter partition on a 4 MB chip
REGISTER_SECTORS = LAYOUT[0][0] + LAYOUT[1][0]
MINUTES_A_DAY = 1440
W_A_DAY = 100  # assumed: demand maxima, limiter, tier, money
MINUTES_A_YEAR = MINUTES_A_DAY * 36525 // 100
FIRST_UTC = 1_767_225_600  # 2026-01-01
ROW_MINUTES = 15
NOT_PAYLOAD = ("kind", "version", "flags", "seq", "boot", "ms", "commit", "")  # and the CRC


def payload_size(state):
    """-> bytes of a record that are the meter's own: its time and all of its state."""
    sizes = {"B": 1, "H": 2, "I": 4, "q": 8, "u48": 6, "i128": 16, "s": 1, "x": 1}
    fields = [state.layout[i : i + 3] for i in range(0, len(state.layout), 3)]
    return sum(sizes[code] * count for name, code, count in fields if name not in NOT_PAYLOAD)


def schedule(minutes, first=0):
    """Yield (minute, whether a W is due), W_A_DAY of them a day."""
    for minute in range(first, first + minutes):
        yield minute, minute * W_A_DAY // MINUTES_A_DAY != (minute + 1) * W_A_DAY // MINUTES_A_DAY


@dataclass
class Boot:
    """Most that a mount read, over the boots tried; and what writing E and W again costs."""

    boots: int = 0
    register_bytes: int = 0
    bytes: int = 0
    reads: int = 0
    reaffirm_programs: int = 0


class Life:
    """A journal on the flash of a 4 MB chip, all its rings filled once."""

    def __init__(self):
        self.flash = CountingFlash(SECTORS, REGISTER_SECTORS)
        self.journal = Journal(self.flash)
        self.journal.mount()
        self.journal.format(0x5EED)
        self.e, self.w = EState(), WState()
        self.minute = 0
        for ring, kind in self._others():
            for i in range(ring.sectors * ring.slots + 3):
                self._append(ring, kind, i)
        self._save_w(0)
        self._save_e(0)

    def run(self, minutes):
        """-> Cost of the register rings over so many minutes."""
        cost, flash, journal = Cost("wattledger: 2 rings, E and W"), self.flash, self.journal
        seq, started = journal.seq, flash.erased[:REGISTER_SECTORS]
        for minute, w_due in schedule(minutes, self.minute):
            programs = self._count(cost, self._save_e, minute)
            cost.e_programs_max = max(cost.e_programs_max, programs)
            if w_due:
                self._count(cost, self._save_w, minute)
            self._keep_books(minute)
            if (minute - self.minute) % max(1, minutes // 10) == 0:
                low = flash.erased[:REGISTER_SECTORS]
                cost.spreads.append(max(low) - min(low))
        self.minute += minutes
        cost.records = journal.seq - seq
        ended = flash.erased[:REGISTER_SECTORS]
        cost.erased = [after - before for before, after in zip(started, ended, strict=True)]
        cost.spreads.append(max(ended) - min(ended))
        cost.erases = sum(cost.erased)
        return cost

    def boots(self, count, step):
        """Start again `count` times, each `step` minutes after the last. -> Boot"""
        found, flash = Boot(), self.flash
        for _ in range(count):
            self.run(step)
            reads, low, total = flash.reads, flash.low_bytes_read, flash.bytes_read
            journal = Journal(flash)
            journal.mount()
            assert journal.newest_e.utc == self.e.utc, "the newest commit was not found"
            found.boots += 1
            found.reads = max(found.reads, flash.reads - reads)
            found.register_bytes = max(found.register_bytes, flash.low_bytes_read - low)
            found.bytes = max(found.bytes, flash.bytes_read - total)
            programs = flash.programs
            journal.reaffirm()
            found.reaffirm_programs = max(found.reaffirm_programs, flash.programs - programs)
            self.journal = journal
        return found

    def _count(self, cost, save, minute):
        """One commit and the upkeep behind it. -> programs in the commit"""
        flash = self.flash
        programmed, erases, read = flash.bytes_programmed, flash.erases, flash.bytes_read
        programs = -flash.programs
        save(minute)
        programs += flash.programs
        cost.commits += 1
        cost.erases_inside += flash.erases > erases
        cost.read_max = max(cost.read_max, flash.bytes_read - read)
        self.journal.maintain()
        cost.bytes += flash.bytes_programmed - programmed
        return programs

    def _save_e(self, minute):
        e = self.e
        e.utc = FIRST_UTC + 60 * minute
        e.registers[0] += 7_654_321 % (minute + 9)
        e.rates[minute % 16] = e.registers[0]
        self.journal.commit_e(e)

    def _save_w(self, minute):
        w = self.w
        w.utc = FIRST_UTC + 60 * minute
        w.demand[minute % 24] = minute
        w.money[0] -= minute
        self.journal.commit_w(w)

    def _keep_books(self, minute):
        """Rows, days, a few events; the ledger a dozen times a year."""
        journal = self.journal
        if minute % ROW_MINUTES:
            return
        self._append(journal.profile, Row(), minute)
        if minute % (MINUTES_A_DAY // 4) == 0:
            self._append(journal.events[minute // MINUTES_A_DAY % 5], Event(), minute)
        if minute % MINUTES_A_DAY == 0:
            self._append(journal.snapshots, Snapshot(), minute)
        if minute % (30 * MINUTES_A_DAY) == 0:
            self._append(journal.ledger, Ledger(), minute)

    def _append(self, ring, record, minute):
        while ring.prepare():
            continue
        record.utc = FIRST_UTC + 60 * minute
        buf = bytearray(record.size)
        record.pack_into(buf)
        ring.append(buf)

    def _others(self):
        journal = self.journal
        yield journal.profile, Row()
        yield journal.ledger, Ledger()
        yield journal.snapshots, Snapshot()
        for ring in journal.events:
            yield ring, Event()
