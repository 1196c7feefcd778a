"""The event log: the first of a kind is written at once, repeats within an hour are counted
in RAM and written as one, so that nobody can wear the flash out or flood a ring."""

from meter.civil import EPOCH
from meter.compat import const, forget
from meter.errors import MeterError
from meter.rows import EVENT_SIZE, Event

_QUIET_S = const(3600)


class EventLog:
    """Writes events to the rings of the journal, one ring a group.

    key   of the evidence chains, 32 bytes
    """

    def __init__(self, journal, key):
        self._journal, self._key = journal, key
        self._kept = {}  # event -> [core second written, repeats since, before, after]
        self._record = Event()
        self._buf = bytearray(EVENT_SIZE)

    def log(self, event, t, before=0, after=0, quiet_s=_QUIET_S):
        """event: meter.codes EVENT_*; t: core seconds; before, after: what changed, i64;
        quiet_s: within which a repeat is only counted."""
        kept = self._kept.get(event)
        if kept is not None and 0 <= t - kept[0] < quiet_s:
            kept[1] += 1
            kept[2], kept[3] = before, after
            return
        self._write(event, t, 1 + (kept[1] if kept is not None else 0), before, after)

    def flush(self, t):
        """Write the repeats whose hour has passed. Called at interval borders."""
        for event in list(self._kept):
            written, repeats, before, after = self._kept[event]
            if not 0 <= t - written < _QUIET_S:
                if repeats:
                    self._write(event, t, repeats, before, after)
                else:
                    del self._kept[event]

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
            chain.append(self._key, ring, self._buf)
            self._kept[event] = [t, 0, 0, 0]  # an interrupt before this writes it twice, not never
        except MeterError:
            self._kept[event] = [t - _QUIET_S, count, before, after]
        finally:
            forget("meter.chain")
