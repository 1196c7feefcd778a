"""What the meter writes down at borders: profile rows here; snapshots and the ledger through
`meter.closing`. Each entry rests on a register commit made just before."""

from meter.civil import EPOCH
from meter.compat import const, forget
from meter.fields import LEDGER_SIZE
from meter.rows import Row
from meter.sample import EXPORT, IMPORT, Q1, Q2, Q3, Q4

_UNKNOWN = const(-1)  # no core second: this software is younger than 2020


class Book:
    """Appends to and reads from the rings of closed things.

    key        of the evidence chains, 32 bytes
    software   32 bytes: the digest of the legally relevant part, noted in the ledger
    """

    def __init__(self, journal, key):
        self.journal, self.key = journal, key
        self._buf = bytearray(LEDGER_SIZE)
        self.software = bytes(32)
        self._row_t = self._snapshot_t = _UNKNOWN

    @property
    def row_t(self):
        """Core second of the newest profile row, or None: none is written twice."""
        if self._row_t == _UNKNOWN:
            self._row_t = self._newest_t(self.journal.profile, Row())
        return self._row_t

    @property
    def snapshot_t(self):
        """Core second of the newest snapshot, or None."""
        if self._snapshot_t == _UNKNOWN:
            from meter.records import Snapshot

            forget("meter.records")
            self._snapshot_t = self._newest_t(self.journal.snapshots, Snapshot())
        return self._snapshot_t

    def row(self, live, rate_register, tier, duration_s, prices):
        """Close an interval: one profile row, utc is its end.

        prices   (price id, nano per kWh bought, sold) by the price schedule; zeros: none
        """
        registers, row = live.registers, Row()
        row.seq = self.journal.profile.last_seq + 1
        row.utc = live.t + EPOCH
        row.import_mwh, row.export_mwh = registers[IMPORT], registers[EXPORT]
        row.reactive_plus_mvarh = registers[Q1] + registers[Q2]
        row.reactive_minus_mvarh = registers[Q3] + registers[Q4]
        row.status, row.rate, row.tier = live.status, rate_register, tier
        row.v_min_dv, row.v_max_dv = live.v_min_dv, live.v_max_dv
        row.duration_s = min(duration_s, 0xFFFF)
        row.price_id, row.price_nano, row.export_nano = prices
        self._row_t = _UNKNOWN  # until the append is known to be whole
        view = self.view(row)
        row.pack_into(view)
        self.journal.profile.append(view)
        self._row_t = live.t

    def snapshot(self, reason, live, contract, tier):
        """A daily or tier-crossing copy of the registers.

        tier   set << 3 | tier: at a crossing the one that ends
        """
        self._snapshot_t = _UNKNOWN
        self._closing("snapshot", reason, live, contract, tier)

    def ledger(self, reason, live, contract, money):
        """Close the open part (number 0: open the first one). money: 4 ints, the carry."""
        self._closing("ledger", reason, live, contract, money)

    def closed(self, period):
        """-> the Ledger record that closed the part of this number, or None."""
        return self._closing("closed", period)

    def _closing(self, do, *args):
        from meter import closing

        try:
            return getattr(closing, do)(self, *args)
        finally:
            forget("meter.closing")
            forget("meter.records")

    def view(self, record):
        """-> a buffer of the record's size; the same one for whoever asks next."""
        return memoryview(self._buf)[: record.size]

    def backwards(self, ring, record):
        """Yields `record` with the contents of the ring's records, newest first."""
        view = self.view(record)
        for seq in range(ring.last_seq, max(ring.first_seq, 1) - 1, -1):
            if ring.read(seq, view):
                record.unpack(view)
                yield record

    def _newest_t(self, ring, record):
        for newest in self.backwards(ring, record):
            return newest.utc - EPOCH
        return None
