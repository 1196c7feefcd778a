"""The key file: what a fleet's meters are commissioned and asked with, under a passphrase.

scrypt (RFC 7914) makes the key of AES-256-GCM (NIST SP 800-38D) from the passphrase; the head of
the file is bound to its content. Nothing of it is ever printed. docs/formats.md, "Key file".
"""

import base64
import contextlib
import getpass
import json
import os
import secrets
import sys
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from wattledger.errors import ToolError
from wattledger.security.keyring import Keyring, from_dict

FORMAT = "wattledger keys 1"
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 17, 8, 1  # 128 MiB and half a second for each guess
PASSPHRASE_CHARS_MIN = 8
_SALT_SIZE, _NONCE_SIZE, _KEY_SIZE = 16, 12, 32
_SIZE_MAX = 10_000_000
_HEAD = ("format", "kdf", "n", "r", "p", "salt", "cipher", "nonce")


@dataclass
class KeyFile:
    """An opened key file."""

    path: Path
    keyring: Keyring
    _passphrase: str = field(repr=False)

    def is_open_with(self, passphrase: str) -> bool:
        return passphrase == self._passphrase

    def save(self, keyring: Keyring) -> None:
        """Replace it in one step: after a cut it holds the old or the new."""
        _write(self.path.resolve(), encrypt(keyring, self._passphrase), over=True)
        self.keyring = keyring


def create(path: Path, keyring: Keyring, passphrase: str) -> None:
    """Write a new key file, mode 0600. ToolError: there is a file already; it stays."""
    if len(passphrase) < PASSPHRASE_CHARS_MIN:
        raise ToolError(
            f"keys: a passphrase of {len(passphrase)} characters,"
            f" expected {PASSPHRASE_CHARS_MIN} or more: choose a longer one"
        )
    _write(path, encrypt(keyring, passphrase), over=False)


def load(path: Path, passphrase: str) -> KeyFile:
    """ToolError: no key file, altered, or another passphrase."""
    try:
        with open(path, "rb") as file:
            data = file.read(_SIZE_MAX)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give another --keys") from None
    try:
        return KeyFile(path, decrypt(data, passphrase), passphrase)
    except ToolError as error:
        raise ToolError(f"{path}: {error}") from None


def encrypt(keyring: Keyring, passphrase: str) -> bytes:
    """-> the file's bytes; each time others."""
    head: dict[str, Any] = {
        "format": FORMAT,
        "kdf": "scrypt",
        "n": SCRYPT_N,
        "r": SCRYPT_R,
        "p": SCRYPT_P,
        "salt": secrets.token_hex(_SALT_SIZE),
        "cipher": "AES-256-GCM",
        "nonce": secrets.token_hex(_NONCE_SIZE),
    }
    plain = json.dumps(keyring.as_dict()).encode()
    sealed = _cipher(head, passphrase).encrypt(bytes.fromhex(head["nonce"]), plain, _bound(head))
    return json.dumps({**head, "data": base64.b64encode(sealed).decode()}, indent=1).encode()


def decrypt(data: bytes, passphrase: str) -> Keyring:
    """ToolError: as `load`, without the file's name."""
    try:
        found = json.loads(data)
        head = {name: found[name] for name in _HEAD}
        salt, nonce = bytes.fromhex(head["salt"]), bytes.fromhex(head["nonce"])
        sealed = base64.b64decode(found["data"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ToolError("no key file: give another --keys") from None
    if head["format"] != FORMAT or (len(salt), len(nonce)) != (_SALT_SIZE, _NONCE_SIZE):
        raise ToolError(f"another format, expected {FORMAT}: update wattledger")
    # The head is bound to the content only once its scrypt has run: a forged one must not run.
    if (head["n"], head["r"], head["p"]) != (SCRYPT_N, SCRYPT_R, SCRYPT_P):
        raise ToolError("another scrypt than this wattledger writes: update wattledger")
    try:
        plain = _cipher(head, passphrase).decrypt(nonce, sealed, _bound(head))
    except InvalidTag:
        raise ToolError("wrong passphrase, or the file was altered: try again") from None
    return from_dict(json.loads(plain))


def passphrase(
    file: Path | None, *, variable: str = "WATTLEDGER_PASSPHRASE", new: bool = False
) -> str:
    """-> the first line of the file, else what the variable holds, else what is typed in.

    new   it is asked for twice
    """
    if file is not None:
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise ToolError(f"{file}: not readable: give another --passphrase-file") from None
        found = text.split("\n", 1)[0].rstrip("\r")
    elif variable in os.environ:
        found = os.environ[variable]
    elif not sys.stdin.isatty():
        raise ToolError(
            f"keys: no passphrase, and nobody to ask: set {variable}, or give its file"
        )
    else:
        found = getpass.getpass(f"Passphrase of the {'new ' if new else ''}key file: ")
        if new and getpass.getpass("The same again: ") != found:
            raise ToolError("keys: the two differ: try again")
    if not found:
        raise ToolError("keys: an empty passphrase: choose another")
    if not _is_text(found):
        raise ToolError("keys: a passphrase that is no UTF-8: look at the locale")
    return unicodedata.normalize("NFC", found)  # one text, however a keyboard composes it


def _is_text(text: str) -> bool:
    """Whether it has none of the stand-ins for bytes that are no UTF-8."""
    return not any(0xD800 <= ord(c) < 0xE000 for c in text)


def _cipher(head: dict[str, Any], passphrase: str) -> AESGCM:
    salt = bytes.fromhex(head["salt"])
    kdf = Scrypt(salt=salt, length=_KEY_SIZE, n=head["n"], r=head["r"], p=head["p"])
    return AESGCM(kdf.derive(passphrase.encode()))


def _bound(head: dict[str, Any]) -> bytes:
    return json.dumps([head[name] for name in _HEAD]).encode()


def _write(path: Path, data: bytes, over: bool) -> None:
    try:
        handle, new = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if over:
                os.replace(new, path)
            else:
                os.link(new, path)  # unlike a rename it never replaces what is there
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
        _sync_folder(path.parent)
    except FileExistsError:
        raise ToolError(f"{path}: it exists, and keys are never written over: move it") from None
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: choose another place") from None


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
