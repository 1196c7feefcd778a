"""A read-only DLMS/COSEM server without I/O: wrapper, association and GET (docs/cosem.md).

TCP wrapper of IEC 62056-4-7, ACSE and xDLMS of IEC 62056-5-3, logical names, no security: the
public client. There is no SET and no ACTION, so nothing that a client sends changes anything.
"""

import struct

from comms import cosem_data as axdr
from comms.cosem_data import Cursor, Denied, Malformed
from meter.compat import const

MAX_REQUEST = const(512)  # bytes of an APDU that a client may send
MAX_ANSWER = const(1024)  # that it gets, unless it wants less
MAX_INPUT = const(1024)  # bytes in one call of `received`
_MIN_ANSWER = const(64)
_HEADER = ">HHHH"  # version, source, destination, size
_HEADER_SIZE = const(8)
_VERSION = const(1)
_PUBLIC = const(16)  # client
_MANAGEMENT = const(1)  # logical device

_AARQ, _RLRQ, _GET = const(0x60), const(0x62), const(0xC0)
_RLRE = b"\x63\x03\x80\x01\x00"  # normal
_LOGICAL_NAMES = b"\x06\x07\x60\x85\x74\x05\x08\x01\x01"  # without ciphering
_NO_SECURITY = b"\x60\x85\x74\x05\x08\x02\x00"
_CONTEXT, _MECHANISM, _USER = const(0xA1), const(0x8B), const(0xBE)
# Diagnostics of an association that is refused, and what was wrong with its InitiateRequest.
_NO_REASON, _NO_CONTEXT, _NO_MECHANISM = const(1), const(2), const(11)
_VERSION_TOO_LOW, _PDU_TOO_SHORT = const(1), const(3)
_DLMS_VERSION = const(6)
CONFORMANCE = const(0x001014)  # block transfer with get, get, selective access
_BLOCKS, _SELECTIVE = const(0x001000), const(0x000004)
# Exception-Response: state error, service error
_NOT_ASSOCIATED = b"\xd8\x01\x01"
_NOT_SUPPORTED = b"\xd8\x02\x02"
_NO_APDU = b"\xd8\x01\x03"
_BLOCK_HEADER = const(12)  # with the longest length of what follows


class Session:
    """One connection of a client. objects: comms.cosem_objects.Objects.

    closed   the connection cannot go on: close it
    """

    def __init__(self, objects):
        self._objects, self._input, self.closed = objects, b"", False
        self._release()

    def received(self, data):
        """bytes of a client -> bytes for it, those of at most one APDU; never raises.

        data   at most MAX_INPUT bytes; b"" until it answers b"": what came with the rest
        """
        if len(data) > MAX_INPUT or len(self._input) > _HEADER_SIZE + MAX_REQUEST + MAX_INPUT:
            self._close()
        if self.closed:
            return b""
        self._input += data
        while len(self._input) >= _HEADER_SIZE and not self.closed:
            version, client, device, size = struct.unpack_from(_HEADER, self._input)
            if version != _VERSION or size > MAX_REQUEST:
                self._close()
                break
            end = _HEADER_SIZE + size
            if len(self._input) < end:
                break
            apdu, self._input = self._input[_HEADER_SIZE:end], self._input[end:]
            answer = self._answer(client, apdu) if device == _MANAGEMENT and size else b""
            if answer:
                return struct.pack(_HEADER, _VERSION, device, client, len(answer)) + answer
        return b""

    def _close(self):
        self.closed, self._input = True, b""
        self._release()

    def _release(self):
        self._conformance = self._max = 0  # 0: not associated
        self._drop()

    def _drop(self):
        self._source, self._pending, self._block = None, b"", 0

    def _answer(self, client, apdu):
        kind, cursor = apdu[0], Cursor(apdu)
        cursor.take(1)
        if kind == _AARQ:
            self._release()
            return self._associate(client, cursor)
        if kind == _RLRQ:
            self._release()
            return _RLRE
        if not self._max or client != _PUBLIC:
            return _NOT_ASSOCIATED
        if kind != _GET:
            return _NOT_SUPPORTED
        try:
            return self._get(cursor)
        except Malformed:
            return _NO_APDU

    def _associate(self, client, cursor):
        """-> AARE"""
        try:
            parts = _parts(cursor)
            if client != _PUBLIC or _USER not in parts:
                return _refusal(_NO_REASON)
            if parts.get(_CONTEXT) != _LOGICAL_NAMES:
                return _refusal(_NO_CONTEXT)
            if parts.get(_MECHANISM, _NO_SECURITY) != _NO_SECURITY:
                return _refusal(_NO_MECHANISM)
            version, conformance, size = _initiate(Cursor(parts[_USER]))
        except Malformed:
            return _refusal(_NO_REASON)
        if version < _DLMS_VERSION:
            return _refusal(_NO_REASON, _VERSION_TOO_LOW)
        if 0 < size < _MIN_ANSWER:
            return _refusal(_NO_REASON, _PDU_TOO_SHORT)
        self._conformance = conformance & CONFORMANCE
        self._max = min(size or MAX_ANSWER, MAX_ANSWER)
        initiate = b"\x08\x00\x06\x5f\x1f\x04\x00" + self._conformance.to_bytes(3, "big")
        return _aare(0, 0, initiate + struct.pack(">HH", MAX_REQUEST, 7))

    def _get(self, cursor):
        """-> GET-Response. Malformed: no GET-Request."""
        kind, invoke = cursor.number(1), cursor.take(1)
        if kind == 2:
            number = cursor.number(4)
            cursor.end()
            return self._next(invoke, number)
        if kind != 1:
            return _NOT_SUPPORTED
        class_id, name = cursor.number(2), cursor.take(6)
        attribute, selector, selection = cursor.number(1), 0, None
        if cursor.number(1):
            selector, selection = cursor.number(1), cursor.value()
        cursor.end()
        self._drop()
        try:
            if selector and not self._conformance & _SELECTIVE:
                raise Denied(axdr.SCOPE_VIOLATED)
            self._source = self._objects.read(class_id, name, attribute, selector, selection)
            if not self._fill(self._max - 4):
                found, self._pending = self._pending, b""
                return b"\xc4\x01" + invoke + b"\x00" + found
            if not self._conformance & _BLOCKS:
                raise Denied(axdr.BLOCK_UNAVAILABLE)
        except Denied as denied:
            self._drop()
            return b"\xc4\x01" + invoke + bytes((1, denied.args[0]))
        return self._next(invoke, 0)

    def _next(self, invoke, number):
        """-> GET-Response with the block after this number."""
        last, room = 0, self._max - _BLOCK_HEADER
        try:
            if self._source is None and not self._pending:
                raise Denied(axdr.NO_LONG_GET)
            if number != self._block:
                raise Denied(axdr.BLOCK_NUMBER_INVALID)
            if not self._fill(room):
                last = 1
        except Denied as denied:
            self._drop()
            head = b"\xc4\x02" + invoke + b"\x01" + number.to_bytes(4, "big")
            return head + bytes((1, denied.args[0]))
        self._block += 1
        block, self._pending = self._pending[:room], self._pending[room:]
        head = b"\xc4\x02" + invoke + bytes((last,)) + self._block.to_bytes(4, "big")
        return head + b"\x00" + axdr.length(len(block)) + block

    def _fill(self, size):
        """Draw from the source. -> whether there is more than this to send. Denied: it broke."""
        if self._source is not None and len(self._pending) <= size:
            for piece in self._source:
                self._pending += piece
                if len(self._pending) > size:
                    return True
            self._source = None
        return len(self._pending) > size


def _parts(cursor):
    """-> {tag: contents} of an AARQ after its own tag. Malformed: it is none."""
    inner = Cursor(cursor.take(cursor.length()))
    cursor.end()
    parts = {}
    while inner.more():
        tag = inner.number(1)
        parts[tag] = inner.take(inner.length())
    return parts


def _initiate(cursor):
    """-> (DLMS version, conformance, most bytes of an answer, 0: any) of an InitiateRequest."""
    if cursor.number(1) != 4:  # octet string
        raise Malformed
    cursor.length()
    if cursor.number(1) != 1:
        raise Malformed
    if cursor.number(1):  # dedicated key: of no use here
        cursor.take(cursor.length())
    for _ in range(2):  # response allowed, quality of service
        if cursor.number(1):
            cursor.take(1)
    version = cursor.number(1)
    if cursor.take(2) != b"\x5f\x1f":
        raise Malformed
    if cursor.number(1) != 4:
        raise Malformed
    found = version, cursor.number(4) & 0xFFFFFF, cursor.number(2)
    cursor.end()
    return found


def _refusal(diagnostic, error=None):
    """-> AARE: rejected permanently. error: of the InitiateRequest"""
    return _aare(1, diagnostic, b"" if error is None else bytes((14, 1, 6, error)))


def _aare(result, diagnostic, user):
    body = b"\xa1\x09" + _LOGICAL_NAMES + bytes((0xA2, 3, 2, 1, result))
    body += bytes((0xA3, 5, 0xA1, 3, 2, 1, diagnostic))
    if user:
        body += bytes((_USER, len(user) + 2, 4, len(user))) + user
    return bytes((0x61, len(body))) + body
