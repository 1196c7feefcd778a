"""Where the record of a calibration is kept: in NVS and in a file. Loaded on demand.

Two places that nothing erases together: a new file system leaves NVS, and a new NVS the files.
"""

import os

from meter.compat import const
from meter.errors import MeterError

_SIZE_MAX = const(2048)
_ENOENT = const(2)
_NVS_NOT_FOUND = const(0x1102)
_SPACE = "wl"
_KEY = "calibration"


class CalibrationStore:
    """nvs      esp32.NVS, or what opens a namespace as it does; it is opened when it is needed, so
             that one which fails is a copy that is lost, no more
    folder   of the files
    """

    def __init__(self, nvs, folder="/cfg"):
        self._open, self._folder = nvs, folder

    def copies(self):
        """-> [bytes or None of NVS, bytes or None of the file]"""
        return [self._from_nvs(), self._read(_KEY)]

    def candidate(self, digest):
        """-> bytes of <digest>.cal, which the host has written, or None."""
        return self._read(digest + ".cal") if len(digest) == 64 else None

    def store(self, data):
        """Keep it in both places. MeterError: one of them failed; the other may have it."""
        try:
            nvs = self._open(_SPACE)
            nvs.set_blob(_KEY, data)
            nvs.commit()
            path = self._folder + "/" + _KEY
            if not _exists(self._folder):
                os.mkdir(self._folder)
            with open(path + ".new", "wb") as file:
                file.write(data)
            os.rename(path + ".new", path)  # littlefs: the old or the new, never a part
        except OSError as error:
            raise MeterError(f"calibration: not stored: {error}, expected room: try again")
        if self.copies() != [data, data]:
            raise MeterError("calibration: stored and read back another: try again")

    def _from_nvs(self):
        buf = bytearray(_SIZE_MAX)
        try:
            return bytes(buf[: self._open(_SPACE).get_blob(_KEY, buf)])
        except OSError as error:
            return None if error.errno == -_NVS_NOT_FOUND else b""  # what is there is no record

    def _read(self, name):
        try:
            with open(self._folder + "/" + name, "rb") as file:
                return file.read(_SIZE_MAX + 1)
        except OSError as error:
            return None if error.errno == _ENOENT else b""


def _exists(path):
    try:
        os.stat(path)
    except OSError:
        return False
    return True
