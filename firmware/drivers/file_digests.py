"""SHA-256 of what lies in the file system. Loaded by modules that are on demand themselves."""

import binascii
import hashlib
import os

from meter.compat import const

_DIRECTORY = const(0x4000)
_CHUNK = const(512)


def of_file(path):
    """-> (size, SHA-256 in hex). OSError: it is not to be read."""
    found, buf = hashlib.sha256(), bytearray(_CHUNK)
    view, total = memoryview(buf), 0
    with open(path, "rb") as file:
        size = file.readinto(buf)
        while size:
            found.update(view[:size])
            total += size
            size = file.readinto(buf)
    return total, str(binascii.hexlify(found.digest()), "ascii")


def paths(folder):
    """-> paths of all files below a folder, sorted; none where it is not there"""
    found = []
    _walk(folder, "", found)
    found.sort()
    return found


def _walk(folder, below, found):
    """os.ilistdir would be MicroPython's own."""
    try:
        entries = os.listdir(folder + "/" + below if below else folder)
    except OSError:
        return
    for name in entries:
        path = below + name
        if os.stat(folder + "/" + path)[0] & _DIRECTORY:
            _walk(folder, path + "/", found)
        else:
            found.append(path)
