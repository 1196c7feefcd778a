"""What an update must be before it may boot; docs/formats.md, "Manifest". Loaded on demand.

The manifest names every file of a slot by its SHA-256, and an order of the maker names the
manifest by its own: so everything that boots is what the maker signed.
"""

import json
from binascii import hexlify
from hashlib import sha256

from meter.compat import const
from meter.service import Refused

MANIFEST = "manifest.json"
MANIFEST_BYTES = const(16384)
_FILES_MAX = const(200)
_PATH_CHARS = const(60)
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_."
_FIELDS = {"version": int, "min_version": int, "abi": int, "legal": str, "board": str}


def is_path(path):
    """-> whether it is a path below a slot: folders and a name of lower case, digits, _ and ."""
    if not isinstance(path, str) or not 0 < len(path) <= _PATH_CHARS:
        return False
    for part in path.split("/"):
        # No letter is taken out: MicroPython would intern it, and never let go of it.
        if not part or part.startswith(".") or part.strip(_LETTERS):
            return False
    return True


def parse(data):
    """bytes -> the manifest, a dict of version, min_version, abi, legal, board and files. Refused:
    it is none."""
    try:
        manifest = json.loads(data)
    except (ValueError, RuntimeError):  # the second: too many brackets for CPython
        manifest = None
    if not isinstance(manifest, dict):
        _refuse("manifest: no JSON object")
    for name, kind in _FIELDS.items():
        if type(manifest.get(name)) is not kind:
            _refuse("manifest: " + name + " is missing")
    files = manifest.get("files")
    if not isinstance(files, dict) or not 0 < len(files) <= _FILES_MAX:
        _refuse("manifest: expected 1 to 200 files")
    for path, digest in files.items():
        if not is_path(path) or path == MANIFEST or not isinstance(digest, str):
            _refuse("manifest: no path of a file: " + str(path)[:_PATH_CHARS])
    return manifest


def check(manifest, board, version, abi, legal):
    """Whether it may follow what runs: its board, version and abi, and the digest of its legally
    relevant part, None: any. Refused: it may not."""
    if manifest["board"] != board:
        _refuse("board: made for " + manifest["board"][:20] + ", this one is " + board)
    if manifest["version"] <= version:
        _refuse("version: %d, and %d runs: make a newer one" % (manifest["version"], version))
    if manifest["min_version"] > version:
        _refuse("version: %d runs, %d first" % (version, manifest["min_version"]))
    flags = manifest["abi"] >> 8
    if manifest["abi"] & 0xFF != abi & 0xFF or flags not in (0, abi >> 8):
        _refuse("abi: %d, the interpreter has %d: compile it for that" % (manifest["abi"], abi))
    if legal is not None and manifest["legal"] != legal:
        _refuse("legal: another digest than that of the seal: open it first")


def verify(manifest, slots, feed):
    """Look at every byte that would boot. Refused: a file is missing, altered or one too many.

    slots   drivers.slots.Slots; feed: called before each file
    """
    files = manifest["files"]
    for path in slots.names():
        if path not in files and path != MANIFEST:
            _refuse("files: " + path + " is not in the manifest: remove it")
    for path in files:
        feed()
        found = slots.digest(path)
        if found is None or found[1] != files[path]:
            _refuse("files: " + path + " is missing or altered: send it again")
    boot = slots.digest("boot.py", "")
    if boot is None or legal_digest(files, boot[1]) != manifest["legal"]:
        _refuse("legal: not the digest of these files with this boot.py: deploy it")


def legal_digest(files, boot):
    """-> SHA-256 in hex over the lines "<sha256>  <path>" of the legally relevant files, sorted by
    path, as drivers.software computes it. files: {path: sha256 hex}; boot: that of boot.py."""
    lines = {path: digest for path, digest in files.items() if not path.startswith("comms/")}
    lines["boot.py"] = boot
    whole = sha256()
    for path in sorted(lines):
        whole.update((lines[path] + "  " + path + "\n").encode())
    return str(hexlify(whole.digest()), "ascii")


def _refuse(text):
    raise Refused("update", text)
