"""The envelope around each line to and from a sealed meter (docs/protocol.md, "Envelope").

"WL1 " + base64(header || ciphertext || tag): AES-128-CTR, then HMAC-SHA256 over both, under keys
of one role of one meter, other ones for each direction.
"""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from meter.security import cipher
from wattledger.errors import ToolError

MARK = b"WL1 "
READ, CHANGE, RECEIPT, PUSH, ANSWER = 0, 1, 2, 0x40, 0x80
ROLE_NUMBERS = {"reader": 1, "utility": 2, "maker": 3}
NONCE_SIZE = 16
LINE_CHARS_MAX = 1600
_HEADER = struct.Struct("<BBBB6sI16s")
_VERSION = 1
_TAG_SIZE = 32


@dataclass(frozen=True)
class Header:
    """kind     READ, CHANGE, RECEIPT, PUSH or ANSWER
    role     "reader", "utility", "maker"
    serial   12 hex digits
    expiry   Unix s; 0 in an answer and a receipt; of a push when it was made
    nonce    16 bytes: the meter's own, or for CHANGE a counter and what makes it unique
    """

    kind: int
    role: str
    serial: str
    expiry: int
    nonce: bytes

    def pack(self) -> bytes:
        serial = bytes.fromhex(self.serial)
        role = ROLE_NUMBERS[self.role]
        return _HEADER.pack(_VERSION, self.kind, role, 0, serial, self.expiry, self.nonce)

    def answer(self) -> "Header":
        """-> the one header that the answer to this may have."""
        return Header(ANSWER, self.role, self.serial, 0, self.nonce)


class Envelopes:
    """Seals requests and opens answers with the key of one role."""

    def __init__(self, key: bytes) -> None:
        self._cipher, self._mac, self._answer_cipher, self._answer_mac = cipher.sub_keys(key)

    def seal(self, header: Header, line: bytes) -> bytes:
        """-> the line that is sent, without its end. ToolError: too long."""
        head = header.pack()
        body = head + _ctr(self._cipher, head, line)
        sealed = MARK + base64.b64encode(body + _tag(self._mac, body))
        if len(sealed) > LINE_CHARS_MAX:
            raise ToolError(f"envelope: {len(sealed)} characters, at most {LINE_CHARS_MAX}")
        return sealed

    def open(self, header: Header, sealed: bytes) -> bytes:
        """-> the line in the answer to the request with this header.

        ToolError: it is not what this meter said to this request.
        """
        data = _decoded(sealed)
        head = header.answer().pack()
        if not data.startswith(head):
            raise ToolError("envelope: no answer to this request: try again")
        return self._opened(data)

    def open_push(self, serial: str, sealed: bytes) -> tuple[int, bytes]:
        """What this meter sent without being asked. -> (Unix s by its clock, the line)

        ToolError: it is not from this meter.
        """
        data = _decoded(sealed)
        head = data[: _HEADER.size]
        if len(head) == _HEADER.size:
            version, kind, role, zero, of, utc, _ = _HEADER.unpack(head)
            expected = (_VERSION, PUSH, ROLE_NUMBERS["utility"], 0, bytes.fromhex(serial))
            if (version, kind, role, zero, of) == expected:
                return utc, self._opened(data)
        raise ToolError(f"envelope: not a message of meter {serial}")

    def _opened(self, data: bytes) -> bytes:
        body, tag = data[:-_TAG_SIZE], data[-_TAG_SIZE:]
        if not hmac.compare_digest(tag, _tag(self._answer_mac, body)):
            raise ToolError("envelope: a message that this meter did not make: look at the line")
        return _ctr(self._answer_cipher, body[: _HEADER.size], body[_HEADER.size :])


def _decoded(sealed: bytes) -> bytes:
    """-> bytes of an envelope; b"" where it is none"""
    if not sealed.startswith(MARK):
        return b""
    try:
        return base64.b64decode(sealed.removeprefix(MARK), validate=True)
    except binascii.Error:
        return b""


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()


def _ctr(key: bytes, head: bytes, data: bytes) -> bytes:
    """Both ways; the stream's start is the header's, and no header is there twice."""
    start = hashlib.sha256(head).digest()[:12] + bytes(4)
    stream = Cipher(AES(key), CTR(start)).encryptor()
    return stream.update(data) + stream.finalize()
