"""The crypto port of a test on OpenSSL: a campaign has no time for AES in Python."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from plain_crypto import PlainCrypto


class QuickCrypto(PlainCrypto):
    def aes_ecb(self, key):
        return _Aes(key)


class _Aes:
    def __init__(self, key):
        self._cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def encrypt(self, block):
        assert len(block) == 16
        return self._cipher.update(bytes(block))
