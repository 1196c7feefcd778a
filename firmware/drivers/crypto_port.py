"""The crypto port on what the chip has in hardware: AES, and its source of random numbers."""

import os

from cryptolib import aes

from meter.compat import const

_ECB = const(1)  # cryptolib names no modes; extmod/modcryptolib.c
_KEY = const(16)


class Crypto:
    """Its random numbers are the hardware's (esp_random), or there are none."""

    def aes_ecb(self, key):
        """-> object with `encrypt(block16) -> bytes`. key: 16 bytes."""
        assert len(key) == _KEY
        return aes(key, _ECB)

    def random(self, size):
        """-> bytes that nobody can foretell"""
        return os.urandom(size)
