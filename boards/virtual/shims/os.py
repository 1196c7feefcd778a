"""`os` of the ESP32 port over the host folder: sizes in listings, a file system of 768 KB."""

# ruff: noqa: F401 - what is imported here is offered

from collections import namedtuple as _namedtuple

import _board
import uctypes as _uctypes
from uos import (
    chdir,
    getcwd,
    listdir,
    mkdir,
    mount,
    remove,
    rename,
    rmdir,
    stat,
    umount,
    unlink,
)
from uos import ilistdir as _ilistdir

_BLOCK_SIZE = 4096
_BLOCKS = 192  # the vfs partition of the flash map: 0xC0000
_Uname = _namedtuple("uname", ("sysname", "nodename", "release", "version", "machine"))


def ilistdir(path=""):
    base = path if path.endswith("/") or not path else path + "/"
    for entry in _ilistdir(path):
        size = 0 if entry[1] & 0x4000 else stat(base + entry[0])[6]
        yield (entry[0], entry[1], 0, size)


def statvfs(path):
    stat(path)
    free = max(0, _BLOCKS - _board.used_blocks())
    return (_BLOCK_SIZE, _BLOCK_SIZE, _BLOCKS, free, free, 0, 0, 0, 0, 255)


def urandom(n):
    buf = bytearray(n)
    if n and _board.random(_uctypes.addressof(buf), n):
        raise OSError(5)
    return bytes(buf)


def sync():
    pass


def uname():
    return _Uname("esp32", "esp32", "1.29.0", "v1.29.0 virtual", "WattLedger virtual board")
