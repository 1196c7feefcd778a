"""What a soft reset must not lose: the counts since the last commit, in RAM that keeps its
contents while the power is on. No flash is worn; a power cut empties it."""

import binascii
import struct

from meter.compat import const
from meter.sample import CHANNELS

# commit of the newest E record, Unix s at which a power failure ended that is not logged yet (0:
# none, 1: the clock was not right then), counts since the commit by channel
_FORMAT = "<II7I"
_SIZE = const(40)  # with a CRC32
_MOST = 0xFFFFFFFF


class Retained:
    """Stores and recalls the pending counts through the `retained` port."""

    def __init__(self, port):
        self._port = port
        self._buf = bytearray(_SIZE)
        self._body = memoryview(self._buf)[: _SIZE - 4]
        self._base = 0, (0,) * CHANNELS  # a commit, and the counts that it holds
        self.power_on = 0  # as `recall` found it

    def committed(self, commit, seen):
        """commit: EState.commit; seen: the 7 counts that are in the registers it holds."""
        self._base = commit, tuple(seen)

    def store(self, power_on, counts):
        """Keep the counts that came since the commit.

        power_on   Unix s at which a power failure ended, until that is logged; 0: none, 1: unknown
        counts     7 cumulative, or None
        """
        buf, (commit, seen) = self._buf, self._base
        struct.pack_into("<I", buf, 0, commit)
        struct.pack_into("<I", buf, 4, power_on)
        for channel in range(CHANNELS):
            now = counts[channel]
            pending = 0 if now is None else now - seen[channel]
            struct.pack_into("<I", buf, 8 + 4 * channel, min(pending, _MOST))
        struct.pack_into("<I", buf, _SIZE - 4, binascii.crc32(self._body))
        self._port.store(buf)

    def recall(self, commit):
        """-> 7 counts, zero or below, at which the chip's count must have stood at the last
        commit for what is pending now to be right; None after a power cut.

        commit   of the newest E record; what was kept for an older one is in it already
        """
        self._base = commit, (0,) * CHANNELS
        kept = self._port.load()
        if len(kept) != _SIZE:
            return None
        crc = struct.unpack_from("<I", kept, _SIZE - 4)[0]
        if binascii.crc32(memoryview(kept)[: _SIZE - 4]) != crc:
            return None
        fields = struct.unpack_from(_FORMAT, kept, 0)
        self.power_on = fields[1]  # true also when a reset came between a commit and this
        pending = fields[2:] if fields[0] == commit else (0,) * CHANNELS
        seen = tuple([-counts for counts in pending])
        self._base = commit, seen
        return seen
