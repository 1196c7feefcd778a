"""`cryptolib` of the ESP32 port: aes in ECB (1) and CBC (2); errors as extmod/modcryptolib.c."""

import _board
from uctypes import addressof

_ECB, _CBC = 1, 2
_NEW, _ENCRYPT, _DECRYPT = 0, 1, 2


class aes:
    def __init__(self, key, mode, IV=None):
        if mode not in (_ECB, _CBC):
            raise ValueError("mode")
        if len(key) not in (16, 32):
            raise ValueError("key")
        if IV is not None and len(IV) != 16:
            raise ValueError("IV")
        if IV is None and mode == _CBC:
            raise ValueError("IV")
        self._key, self._mode = bytearray(key), mode
        self._iv = bytearray(16 if IV is None else IV)
        self._use = _NEW

    def _process(self, use, data, out):
        n = len(data)
        if n % 16:
            raise ValueError("blksize % 16")
        given = out is not None
        if not given:
            out = bytearray(n)
        elif len(out) < n:
            raise ValueError("output too small")
        if self._use not in (_NEW, use):
            raise ValueError("can't encrypt & decrypt")
        self._use = use
        if n and _board.aes(
            self._mode,
            use == _ENCRYPT,
            addressof(self._key),
            len(self._key),
            addressof(self._iv),
            addressof(data),
            addressof(out),
            n,
        ):
            raise OSError(5)
        return out if given else bytes(out)

    def encrypt(self, data, out=None):
        return self._process(_ENCRYPT, data, out)

    def decrypt(self, data, out=None):
        return self._process(_DECRYPT, data, out)
