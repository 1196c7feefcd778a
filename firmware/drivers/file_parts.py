"""Tariff files that come and go in parts, over the wire of a sealed meter. Loaded on demand.

A new file is <digest>.new until it is whole and its SHA-256 is its name: no part of one, and no
other one, is ever found under <digest>.json.
"""

import os

from drivers import file_digests
from meter.compat import const, forget
from meter.errors import MeterError

forget("drivers.file_digests")
PART = const(512)
_SIZE_MAX = const(8192)
_DIGITS = const(64)
_NEW = ".new"
_WHOLE = ".json"


def candidate(folder, name, at, data, size):
    """Add data to the candidate, if it is what comes next. -> bytes held: where to go on; size
    when the file is whole, and then it is there under its name.

    name   its SHA-256, 64 hex digits; another candidate than this is dropped
    at     of the file; where it is not what is held, nothing is written
    MeterError: too large, no room, or it is whole and not what its name says: begin again.
    """
    if not 0 < size <= _SIZE_MAX or at + len(data) > size:
        raise MeterError("files: %d bytes, expected at most %d" % (size, _SIZE_MAX))
    path = folder + "/" + name
    try:
        if _size(path + _WHOLE) == size and _digest(path + _WHOLE) == name:
            return size
        _alone(folder, name)
        held = _size(path + _NEW)
        if held > size or (held == size and _digest(path + _NEW) != name):
            os.remove(path + _NEW)
            held = 0
        if at == held and held < size:
            with open(path + _NEW, "ab") as file:
                file.write(data)
            held += len(data)
        if held == size:
            if _digest(path + _NEW) != name:
                os.remove(path + _NEW)
                raise MeterError("files: " + name[:16] + ": not what it is named: send it again")
            os.rename(path + _NEW, path + _WHOLE)  # littlefs: there, or not there
    except OSError as error:
        raise MeterError("files: %s: %s, expected room: send it again" % (name[:16], error))
    return held


def read(folder, name, at):
    """name: the whole or the beginning of a digest. -> (digest, size of the file, its bytes from
    `at` on, at most 512), or None. MeterError: it is not to be read."""
    for found in names(folder):
        if found.startswith(name):
            path = folder + "/" + found + _WHOLE
            try:
                with open(path, "rb") as file:
                    file.seek(at)
                    return found, _size(path), file.read(PART)
            except OSError as error:
                raise MeterError("files: %s: %s, expected to read it" % (path, error))
    return None


def names(folder):
    """-> digests of the files that are there, in order."""
    try:
        found = os.listdir(folder)
    except OSError:
        return []
    whole = _DIGITS + len(_WHOLE)
    return sorted([n[:_DIGITS] for n in found if len(n) == whole and n.endswith(_WHOLE)])


def remove(folder, name):
    """It may be gone already."""
    path = folder + "/" + name + _WHOLE
    if _size(path):
        os.remove(path)


def _alone(folder, name):
    """Make the folder; drop every other candidate."""
    try:
        found = os.listdir(folder)
    except OSError:
        os.mkdir(folder)
        return
    for other in found:
        if len(other) == _DIGITS + len(_NEW) and other.endswith(_NEW) and other != name + _NEW:
            os.remove(folder + "/" + other)


def _size(path):
    """-> bytes, 0 where there is no such file"""
    try:
        return os.stat(path)[6]
    except OSError:
        return 0


def _digest(path):
    return file_digests.of_file(path)[1]
