"""What a soft reset must not lose: the counts since the last commit, in RAM that keeps its
contents while the power is on. No flash is worn; a power cut empties it."""

import binascii
import struct

from meter.compat import const
from meter.sample import CHANNELS

_FORMAT = "<II7I"  # seq of the last register commit, Unix s, counts since by channel
_SIZE = const(40)  # with a CRC32
_MOST = 0xFFFFFFFF


class Retained:
    """Stores and recalls the pending counts through the `retained` port."""

    def __init__(self, port):
        self._port = port
        self._buf = bytearray(_SIZE)
        self._body = memoryview(self._buf)[: _SIZE - 4]
        self._seen = [0] * CHANNELS  # the counts that the last commit holds

    def committed(self, seen):
        """seen: the 7 counts that are in the registers just committed."""
        self._seen[:] = seen

    def store(self, seq, utc, counts):
        """Keep the counts that came since commit seq. counts: 7 cumulative, or None."""
        buf = self._buf
        struct.pack_into("<I", buf, 0, seq)
        struct.pack_into("<I", buf, 4, utc)
        for channel in range(CHANNELS):
            now = counts[channel]
            pending = 0 if now is None else now - self._seen[channel]
            struct.pack_into("<I", buf, 8 + 4 * channel, min(pending, _MOST))
        struct.pack_into("<I", buf, _SIZE - 4, binascii.crc32(self._body))
        self._port.store(self._buf)

    def recall(self, seq):
        """-> 7 counts, zero or below, at which the chip's count must have stood at the last
        commit for what is pending now to be right; None after a power cut.

        seq   of the newest register commit; counts kept for an older one are in it already
        """
        kept = self._port.load()
        if len(kept) != _SIZE:
            return None
        crc = struct.unpack_from("<I", kept, _SIZE - 4)[0]
        if binascii.crc32(memoryview(kept)[: _SIZE - 4]) != crc:
            return None
        fields = struct.unpack_from(_FORMAT, kept, 0)
        if fields[0] == seq:
            self._seen[:] = [-pending for pending in fields[2:]]
        return self._seen
