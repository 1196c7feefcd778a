"""Envelopes: the one that answers another, and those that nobody asked for. Loaded on demand.

docs/protocol.md, "Envelope".
"""

import binascii
import struct
from hashlib import sha256

from meter import codes
from meter.chain import tag
from meter.civil import EPOCH
from meter.compat import const
from meter.errors import MeterError
from meter.request import ROLES, is_change
from meter.security.cipher import ctr, same, sub_keys
from meter.security.gate import MARK, from_base64
from meter.service import Refused

_HEADER = "<BBBB6sI16s"  # version kind role zero serial expiry nonce
_HEADER_SIZE = const(30)
_TAG_SIZE = const(32)
_IV_SIZE = const(12)
_NONCE_SIZE = const(16)
_VERSION = const(1)
_CHANGE = const(1)  # kinds
_RECEIPT = const(2)
_PUSH = const(0x40)
_ANSWER = const(0x80)
_UTILITY = const(2)  # its place in ROLES
_NONCE_S = const(60)
_DAY_S = const(86400)
_COUNTERS = "<3Q"


def answer(gate, line, now):
    """-> the line that answers an envelope; None: refused, and nobody is told why."""
    opened = _opened(gate, line)
    if opened is None:
        return None
    kind, role, expiry, nonce, data = opened
    if kind > _CHANGE or not 1 <= role < len(ROLES):
        return None
    head, text = bytes(data[:_HEADER_SIZE]), data[_HEADER_SIZE:-_TAG_SIZE]
    keys = sub_keys(getattr(gate.keys, ROLES[role]))
    if not same(tag(keys[1], head, text), data[-_TAG_SIZE:]):
        _failed(gate, role, now)
        return None
    if not _is_fresh(gate, kind, role, expiry, nonce, now):
        return None
    _crypt(gate, keys[0], head, text)
    admitted = []

    def admit(do, args):
        _admit(gate, kind, role, nonce, do, args)
        admitted.append(do)

    text = gate.service.handle(ROLES[role], bytes(text), admit)
    if not admitted:
        return None
    head = struct.pack(_HEADER, _VERSION, _ANSWER, role, 0, gate.serial6, 0, nonce)
    if kind != _CHANGE:
        gate.asked = True
        text = text[:-1] + b', "nonce": "' + binascii.hexlify(gate.next_nonce()) + b'"}'
    return _closed(gate, keys, head, text)


def push(gate, text, now):
    """-> the envelope of a line that nobody asked for, for the utility; now: Unix s"""
    nonce = gate.crypto.random(_NONCE_SIZE)
    head = struct.pack(_HEADER, _VERSION, _PUSH, _UTILITY, 0, gate.serial6, now, nonce)
    return _closed(gate, sub_keys(gate.keys.utility), head, text)


def receipt(gate, line):
    """-> the line in a receipt of the utility for this meter; None: it is none.

    It has no counter and no expiry: it stays on the broker, and whoever sends it again changes
    nothing by it. So nothing but `comms.uplink` may heed what it says.
    """
    opened = _opened(gate, line)
    if opened is None or opened[:2] != (_RECEIPT, _UTILITY):
        return None
    data, keys = opened[-1], sub_keys(gate.keys.utility)
    head, text = bytes(data[:_HEADER_SIZE]), data[_HEADER_SIZE:-_TAG_SIZE]
    if not same(tag(keys[1], head, text), data[-_TAG_SIZE:]):
        return None
    _crypt(gate, keys[0], head, text)
    return bytes(text)


def _opened(gate, line):
    """-> (kind, role, expiry, nonce, bytes of the envelope); None: not one for this meter"""
    data = bytearray(from_base64(line[len(MARK) :]))
    if len(data) <= _HEADER_SIZE + _TAG_SIZE:
        return None
    fields = struct.unpack(_HEADER, bytes(data[:_HEADER_SIZE]))
    version, kind, role, zero, serial, expiry, nonce = fields
    if (version, zero, serial) != (_VERSION, 0, gate.serial6):
        return None
    return kind, role, expiry, nonce, data


def _closed(gate, keys, head, text):
    """-> the line of an envelope from the meter"""
    text = bytearray(text)
    _crypt(gate, keys[2], head, text)
    return MARK + binascii.b2a_base64(head + text + tag(keys[3], head, text)).strip()


def _crypt(gate, key, head, text):
    """Encrypt or decrypt it in place."""
    ctr(gate.crypto.aes_ecb(key), sha256(head).digest()[:_IV_SIZE], text)


def _is_fresh(gate, kind, role, expiry, nonce, now):
    """Whether an authentic envelope is not one of before. A nonce that was shown is void."""
    if gate.clock.quality() and not now <= expiry <= now + _DAY_S:
        return False
    if kind == _CHANGE:
        return _counter(nonce) > gate.counters[role - 1]
    road = gate.road
    if road.nonce is None or not same(road.nonce, nonce):
        return False
    road.nonce = None
    return 0 <= now - road.at <= _NONCE_S


def _admit(gate, kind, role, nonce, do, args):
    """The last that can refuse; the counter is stored before anything is changed."""
    if is_change(do, args) != (kind == _CHANGE):
        raise Refused("refused", "refused")
    if kind == _CHANGE:
        if not gate.clock.quality() and do != "clock":
            raise Refused("refused", "refused")
        counters = list(gate.counters)
        counters[role - 1] = _counter(nonce)
        gate.vault.store("counters", struct.pack(_COUNTERS, *counters))
        gate.counters = counters
    gate.road.lock.clear()


def _failed(gate, role, now):
    """Somebody without the key tried. An event tells when that locks the road."""
    gate.road.nonce = None
    lock, meter = gate.road.lock, gate.service.meter
    meter.locked = True
    try:
        lock.fail(now)
        if lock.left_s(now) and meter.state == "ready":
            t = max(meter.live.t, now - EPOCH)
            meter.events.log(codes.EVENT_LOCKED, t, role, lock.failures)
    except MeterError as error:  # of the vault
        meter.fault(error)
    finally:
        meter.locked = False


def _counter(nonce):
    return int.from_bytes(nonce[:8], "big")
