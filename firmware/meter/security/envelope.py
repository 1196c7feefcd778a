"""What is in an envelope, and the one that answers it: loaded on demand, for one message.

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
from meter.security.cipher import ctr, same, sub_keys
from meter.security.gate import MARK, from_base64
from meter.service import ROLES, Refused, is_change

_HEADER = "<BBBB6sI16s"  # version kind role zero serial expiry nonce
_HEADER_SIZE = const(30)
_TAG_SIZE = const(32)
_IV_SIZE = const(12)
_VERSION = const(1)
_CHANGE = const(1)  # kinds
_ANSWER = const(0x80)
_NONCE_S = const(60)
_DAY_S = const(86400)
_COUNTERS = "<3Q"


def answer(gate, line, now):
    """-> the line that answers an envelope; None: refused, and nobody is told why."""
    data = bytearray(from_base64(line[len(MARK) :]))
    if len(data) <= _HEADER_SIZE + _TAG_SIZE:
        return None
    head, text = bytes(data[:_HEADER_SIZE]), data[_HEADER_SIZE:-_TAG_SIZE]
    version, kind, role, zero, serial, expiry, nonce = struct.unpack(_HEADER, head)
    if (version, zero, serial) != (_VERSION, 0, gate.serial6):
        return None
    if kind > _CHANGE or not 1 <= role < len(ROLES):
        return None
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
    head = struct.pack(_HEADER, _VERSION, _ANSWER, role, 0, serial, 0, nonce)
    if kind != _CHANGE:
        gate.asked = True
        text = text[:-1] + b', "nonce": "' + binascii.hexlify(gate.next_nonce()) + b'"}'
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
