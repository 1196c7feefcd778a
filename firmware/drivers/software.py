"""Which software runs here: the digest of its legally relevant part (WELMEC 7.2), computed
from the files themselves."""

import hashlib

from drivers import file_digests
from meter.compat import forget

forget("drivers.file_digests")


def digest(slot):
    """-> 32 bytes: SHA-256 over the lines "<sha256>  <path>" of the slot and boot.py.

    slot   folder of the running software; comms/ and the manifest do not belong to it.
    Sorted by path; the host computes the same from what it compiled.
    """
    files = {path: slot + "/" + path for path in file_digests.paths(slot)}
    files["boot.py"] = "/boot.py"
    whole = hashlib.sha256()
    for path in sorted(files):
        if path != "manifest.json" and not path.startswith("comms/"):
            whole.update((file_digests.of_file(files[path])[1] + "  " + path + "\n").encode())
    return whole.digest()
