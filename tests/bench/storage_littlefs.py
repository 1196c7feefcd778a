"""The same commits on littlefs, set as MicroPython's VfsLfs2 sets it, in the ways that people use.

littlefs-python holds the same littlefs 2.11; it lacks MicroPython's time attribute, which adds
12 bytes a commit: what is measured here is a little better than a board.
"""

from itertools import count

from littlefs import LittleFS, lfs
from storage_cost import Cost
from storage_flash import CountingBlocks
from storage_life import schedule

LOG_BYTES = 16 * 1024  # then a log is renamed and the one before is deleted
BLOCK_CYCLES = 100
LOOKAHEAD = 32


def rewrite(fs, name, data):
    handle = lfs.file_open(fs, name, "wb")
    lfs.file_write(fs, handle, data)
    lfs.file_close(fs, handle)


def rename(fs, name, data):
    rewrite(fs, "new", data)
    lfs.rename(fs, "new", name)


class Log:
    """Append and sync to a file that stays open."""

    def __init__(self, fs):
        self._begin(fs)

    def _begin(self, fs):
        self._handle, self._size = lfs.file_open(fs, "log", "wb"), 0

    def __call__(self, fs, name, data):
        if self._size + len(data) > LOG_BYTES:
            lfs.file_close(fs, self._handle)
            lfs.rename(fs, "log", "old")
            self._begin(fs)
        lfs.file_write(fs, self._handle, data)
        lfs.file_sync(fs, self._handle)
        self._size += len(data)


def cost(name, way, minutes, sectors, sizes, prog=32):
    """-> Cost of this way to commit over so many minutes.

    way     (fs, file name, data), or a class that makes one from an fs
    sizes   bytes of an E and of a W; prog: read and program size; the cache is four times that
    """
    blocks = CountingBlocks(sectors)
    whole = LittleFS(  # owns the settings that `fs` refers to
        context=blocks,
        block_size=4096,
        block_count=sectors,
        read_size=prog,
        prog_size=prog,
        cache_size=4 * prog,
        lookahead_size=LOOKAHEAD,
        block_cycles=BLOCK_CYCLES,
    )
    fs = whole.fs
    commit = way(fs) if isinstance(way, type) else way
    started, programmed = blocks.erased[:], blocks.bytes_programmed
    found, number = Cost(name), count()
    for minute, w_due in schedule(minutes):
        for file in ("e", "w") if w_due else ("e",):
            erases, read = blocks.erases, blocks.bytes_read
            commit(fs, file, _content(next(number), sizes[file == "w"]))
            found.commits += 1
            found.erases_inside += blocks.erases > erases
            found.read_max = max(found.read_max, blocks.bytes_read - read)
        if minute % max(1, minutes // 10) == 0:
            found.spreads.append(max(blocks.erased) - min(blocks.erased))
    found.records = found.commits
    found.bytes = blocks.bytes_programmed - programmed
    found.erased = [now - then for then, now in zip(started, blocks.erased, strict=True)]
    found.erases = sum(found.erased)
    return found


def _content(number, size):
    """Bytes that differ from one commit to the next."""
    return (number.to_bytes(4, "little") * (size // 4 + 1))[:size]
