"""What the meter writes down at borders: profile rows, daily and tier-crossing snapshots,
and the ledger of billing periods. Each entry rests on a register commit made just before."""

from meter import codes
from meter.civil import EPOCH
from meter.compat import const, forget
from meter.records import LEDGER_SIZE, Ledger, Row, Snapshot
from meter.sample import EXPORT, IMPORT, Q1, Q2, Q3, Q4

_UNKNOWN = const(-1)  # no core second: this software is younger than 2020


class Book:
    """Appends to and reads from the rings of closed things.

    key        of the evidence chains, 32 bytes
    software   32 bytes: the digest of the legally relevant part, noted in the ledger
    """

    def __init__(self, journal, key):
        self._journal, self._key = journal, key
        self._buf = bytearray(LEDGER_SIZE)
        self.software = bytes(32)
        self._row_t = self._snapshot_t = _UNKNOWN

    @property
    def row_t(self):
        """Core second of the newest profile row, or None: none is written twice."""
        if self._row_t == _UNKNOWN:
            self._row_t = self._newest_t(self._journal.profile, Row())
        return self._row_t

    @property
    def snapshot_t(self):
        """Core second of the newest snapshot, or None."""
        if self._snapshot_t == _UNKNOWN:
            self._snapshot_t = self._newest_t(self._journal.snapshots, Snapshot())
        return self._snapshot_t

    def row(self, live, rate_register, tier, duration_s):
        """Close an interval: one profile row, utc is its end."""
        registers, row = live.registers, Row()
        row.seq = self._journal.profile.last_seq + 1
        row.utc = live.t + EPOCH
        row.import_mwh, row.export_mwh = registers[IMPORT], registers[EXPORT]
        row.reactive_plus_mvarh = registers[Q1] + registers[Q2]
        row.reactive_minus_mvarh = registers[Q3] + registers[Q4]
        row.status, row.rate, row.tier = live.status, rate_register, tier
        row.v_min_dv, row.v_max_dv = live.v_min_dv, live.v_max_dv
        row.duration_s = min(duration_s, 0xFFFF)
        self._row_t = _UNKNOWN  # until the append is known to be whole
        self._append(self._journal.profile, row)
        self._row_t = live.t

    def snapshot(self, reason, live, contract):
        """A daily or tier-crossing copy of the registers; the tier is the one that ends.

        A crossing that is in the ring already is not written again: an interrupt or a power
        cut came before the tier was.
        """
        if reason == codes.TIER and self._crossed(contract.w):
            return
        record = Snapshot()
        record.seq = self._journal.snapshots.last_seq + 1
        self._fill(record, reason, live, contract)
        record.digest = contract.w.active_digest
        self._snapshot_t = _UNKNOWN
        self._append(self._journal.snapshots, record)
        self._snapshot_t = live.t

    def ledger(self, reason, live, contract):
        """Close the open billing period (period 0: open the first one)."""
        record = Ledger()
        record.seq = self._journal.ledger.last_seq + 1
        self._fill(record, reason, live, contract)
        record.period_start = contract.w.period_start
        record.digest = bytes.fromhex(contract.tariff.digest)
        record.snapshot_seq = self._journal.snapshots.last_seq
        record.software = self.software
        self._append(self._journal.ledger, record)

    def closed(self, period):
        """-> the Ledger record that closed this billing period, or None."""
        for record in self.backwards(self._journal.ledger, Ledger()):
            if record.period <= period:
                return record if record.period == period else None
        return None

    def _fill(self, record, reason, live, contract):
        record.utc = live.t + EPOCH
        record.reason, record.tier = reason, contract.w.tier
        record.period = contract.w.period
        record.registers, record.rates = live.registers, live.rates
        record.profile_seq = self._journal.profile.last_seq

    def _append(self, ring, record):
        view = memoryview(self._buf)[: record.size]
        if record.kind >= 0:
            from meter import vouch

            vouch.append(self._key, self._journal, ring, record, view)
            forget("meter.vouch")
        else:
            record.pack_into(view)
            ring.append(view)

    def _crossed(self, w):
        for found in self.backwards(self._journal.snapshots, Snapshot()):
            if found.period < w.period:
                break
            if found.reason == codes.TIER and found.period == w.period:
                return found.tier >= w.tier
        return False

    def backwards(self, ring, record):
        """Yields `record` with the contents of the ring's records, newest first."""
        view = memoryview(self._buf)[: record.size]
        for seq in range(ring.last_seq, max(ring.first_seq, 1) - 1, -1):
            if ring.read(seq, view):
                record.unpack(view)
                yield record

    def _newest_t(self, ring, record):
        for newest in self.backwards(ring, record):
            return newest.utc - EPOCH
        return None
