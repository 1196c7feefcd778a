"""The event log: the first of a kind is written at once, repeats within an hour are counted
in RAM and written as one, so that nobody can wear the flash out or flood a ring. After a start
the ring itself says what was written within the hour; what was only counted is gone."""

import struct

from meter.civil import EPOCH
from meter.compat import const, forget
from meter.errors import MeterError
from meter.rows import EVENT_SIZE, Event

_QUIET_S = const(3600)
_UTC_AT = const(4)  # of an event; behind it are group and code
_LOOK_BACK = const(32)  # records: there are not as many kinds in a group


class EventLog:
    """Writes events to the rings of the journal, one ring a group.

    key   of the evidence chains, 32 bytes
    """

    def __init__(self, journal, key):
        self._journal, self.key = journal, key
        self._kept = {}  # event -> [core second written, repeats since, before, after]
        self._record = Event()
        self._buf = bytearray(EVENT_SIZE)

    def log(self, event, t, before=0, after=0, quiet_s=_QUIET_S):
        """event: meter.codes EVENT_*; t: core seconds; before, after: what changed, i64;
        quiet_s: within which a repeat is only counted."""
        kept = self._kept.get(event) or self._recall(event, t, quiet_s)
        if kept is not None and 0 <= t - kept[0] < quiet_s:
            kept[1] += 1
            kept[2], kept[3] = before, after
            return
        self._write(event, t, 1 + (kept[1] if kept is not None else 0), before, after)

    def flush(self, t):
        """Write the repeats whose hour has passed. Called at interval borders, which a start may
        settle late, when something newer is logged already."""
        for event in list(self._kept):
            written, repeats, before, after = self._kept[event]
            if not -_QUIET_S < t - written < _QUIET_S:
                if repeats:
                    self._write(event, t, repeats, before, after)
                else:
                    del self._kept[event]

    def _recall(self, event, t, quiet_s):
        """-> what to keep of an event that was written in the last quiet_s, by an earlier start
        too, or None: somebody who resets the meter again and again must not flood a ring."""
        ring = self._journal.events[event >> 8]
        try:
            for seq in range(ring.last_seq, max(0, ring.last_seq - _LOOK_BACK), -1):
                if ring.read(seq, self._buf):
                    utc, _, code = struct.unpack_from("<IBB", self._buf, _UTC_AT)
                    if not 0 <= t + EPOCH - utc < quiet_s:
                        break
                    if code == event & 0xFF:
                        kept = self._kept[event] = [utc - EPOCH, 0, 0, 0]
                        return kept
        except MeterError:
            pass  # rather twice than never
        return None

    def _write(self, event, t, count, before, after):
        """Append it; what flash refuses is kept for the next try: metering must not stop."""
        ring = self._journal.events[event >> 8]
        record = self._record
        record.seq, record.utc = ring.last_seq + 1, t + EPOCH
        record.group, record.code = event >> 8, event & 0xFF
        record.count = min(count, 0xFFFF)
        record.before, record.after = before, after
        record.pack_into(self._buf)
        from meter import chain

        try:
            chain.append(self.key, ring, self._buf)
            self._kept[event] = [t, 0, 0, 0]  # an interrupt before this writes it twice, not never
        except MeterError:
            self._kept[event] = [t - _QUIET_S, count, before, after]
        finally:
            forget("meter.chain")
