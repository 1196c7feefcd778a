"""The key file of a head-end that runs for years: meters join it while it runs."""

import os

from wattledger.errors import ToolError
from wattledger.headend.key_source import KeySource
from wattledger.security import key_file
from wattledger.security.key_file import KeyFile
from wattledger.security.keyring import Fleet, fleet_of


def key_source(keys: KeyFile) -> KeySource:
    """-> the keys, read again when the file has changed."""
    seen = _mark(keys)

    def reload() -> Fleet | None:
        nonlocal seen
        mark = _mark(keys)
        if mark in (seen, None):
            return None
        seen = mark
        try:
            return fleet_of(key_file.load(keys.path, keys._passphrase).keyring, "headend")
        except ToolError:
            return None  # under another passphrase: what we have is good until we are restarted

    return KeySource(fleet_of(keys.keyring, "headend"), reload)


def _mark(keys: KeyFile) -> tuple[int, int] | None:
    try:
        found = os.stat(keys.path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
