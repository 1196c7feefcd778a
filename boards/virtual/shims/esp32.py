"""`esp32` of the ESP32 port: Partition and NVS over the simulated flash.

Source of behaviour and errors: ports/esp32/esp32_partition.c and esp32_nvs.c.
"""

from binascii import hexlify, unhexlify

import _board
import _esp
from uctypes import addressof

_SECTOR = 4096


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, id, block_size=_SECTOR):
        if isinstance(id, int):
            if id not in (self.BOOT, self.RUNNING):
                raise ValueError
            id = "factory"
        found = [p for p in _esp.call(do="partitions")["table"] if p[4] == id]
        if not found:
            raise OSError(2)
        self._set(found[0], block_size)

    def _set(self, row, block_size):
        if block_size <= 0:
            raise ValueError
        self._info = tuple(row)
        self._at, self._size, self._block = row[2], row[3], block_size

    @staticmethod
    def find(type=TYPE_APP, subtype=0xFF, label=None, block_size=_SECTOR):
        found = []
        for row in _esp.call(do="partitions")["table"]:
            if row[0] != type or subtype not in (0xFF, row[1]) or label not in (None, row[4]):
                continue
            part = object.__new__(Partition)
            part._set(row, block_size)
            found.append(part)
        return found

    def info(self):
        return self._info

    def _check(self, at, n):
        # esp_partition.c: a start beyond the end is an argument error, an end beyond it a size one
        if at < 0 or at > self._size:
            _esp.check(_esp.INVALID_ARG)
        if at + n > self._size:
            _esp.check(_esp.INVALID_SIZE)

    def readblocks(self, block, buf, offset=0):
        at, n = block * self._block + offset, len(buf)
        self._check(at, n)
        if n:
            _esp.answer(_board.flash_read(self._at + at, addressof(buf), n))

    def writeblocks(self, block, buf, offset=None):
        at, n = block * self._block, len(buf)
        if offset is None:
            self._erase(at, n)
        else:
            at += offset
        self._check(at, n)
        if n:
            _esp.answer(_board.flash_program(self._at + at, addressof(buf), n))

    def _erase(self, at, n):
        self._check(at, n)
        if at % _SECTOR:
            _esp.check(_esp.INVALID_ARG)
        if n % _SECTOR:
            _esp.check(_esp.INVALID_SIZE)
        _esp.answer(_board.flash_erase(self._at + at, n))

    def ioctl(self, cmd, arg):
        if cmd in (1, 2, 3):
            return 0
        if cmd == 4:
            return self._size // self._block
        if cmd == 5:
            return self._block
        if cmd == 6:
            if self._block != _SECTOR:
                return -22
            self._erase(arg * _SECTOR, _SECTOR)
            return 0
        return None


class NVS:
    """What is set reaches the simulated flash at commit(), the moment that ESP-IDF promises."""

    def __init__(self, namespace):
        if not 0 < len(namespace) <= 15:
            _esp.check(0x1106)
        self._space = namespace

    def _call(self, act, key, value=None, kind=None):
        if key is not None and len(key) > 15:
            _esp.check(0x1109)
        if key is not None and not key:
            _esp.check(0x1106)
        reply = _esp.call(do="nvs", act=act, space=self._space, key=key, kind=kind, value=value)
        _esp.check(reply["code"])
        return reply.get("value")

    def set_i32(self, key, value):
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise OverflowError("overflow converting long int to machine word")
        self._call("set", key, value, "i32")

    def get_i32(self, key):
        return self._call("get", key, kind="i32")

    def set_blob(self, key, value):
        if isinstance(value, str):
            value = value.encode()
        self._call("set", key, hexlify(value).decode(), "blob")

    def get_blob(self, key, buffer):
        value = unhexlify(self._call("get", key, kind="blob"))
        if len(value) > len(buffer):
            _esp.check(0x110C)
        buffer[: len(value)] = value
        return len(value)

    def erase_key(self, key):
        self._call("erase", key)

    def commit(self):
        self._call("commit", None)
