"""Which software runs here: the digest of its legally relevant part (WELMEC 7.2), computed
from the files themselves."""

import hashlib
import os

_DIRECTORY = 0x4000


def digest(slot):
    """-> 32 bytes: SHA-256 over the lines "<sha256>  <path>" of the slot and boot.py.

    slot   folder of the running software; comms/ and the manifest do not belong to it.
    Sorted by path; the host computes the same from what it compiled.
    """
    files = {path: slot + "/" + path for path in _walk(slot, "")}
    files["boot.py"] = "/boot.py"
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(_sha256_hex(files[path]) + b"  " + path.encode() + b"\n")
    return whole.digest()


def _walk(slot, below):
    for entry in os.ilistdir(slot + "/" + below if below else slot):
        path = below + entry[0]
        if entry[1] == _DIRECTORY:
            if path != "comms":
                yield from _walk(slot, path + "/")
        elif path != "manifest.json":
            yield path


def _sha256_hex(path):
    found, buf = hashlib.sha256(), bytearray(256)
    with open(path, "rb") as file:
        size = file.readinto(buf)
        while size:
            found.update(memoryview(buf)[:size])
            size = file.readinto(buf)
    return found.digest().hex().encode()
