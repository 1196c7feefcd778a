"""Counter mode, the comparison, and the plain crypto port that the other tests stand on."""

import unittest
from binascii import unhexlify

from plain_crypto import PlainCrypto

from meter.security import cipher

# FIPS 197, appendices B and C.1
FIPS_KEY = unhexlify("000102030405060708090a0b0c0d0e0f")
FIPS_PLAIN = unhexlify("00112233445566778899aabbccddeeff")
FIPS_CIPHER = unhexlify("69c4e0d86a7b0430d8cdb78070b4c55a")
# SP 800-38A, F.1.1, ECB-AES128
SP_KEY = unhexlify("2b7e151628aed2a6abf7158809cf4f3c")
SP_PLAIN = unhexlify("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
SP_CIPHER = unhexlify("3ad77bb40d7a3660a89ecaf32466ef97f5d3d58503b9699de785895a96fdbaaf")
# OpenSSL 3, aes-128-ctr: this key, the counter block iv || 00000000, 37 bytes of zeros
IV = unhexlify("f0f1f2f3f4f5f6f7f8f9fafb")


class Blocks:
    """An ecb that notes the blocks which it is given."""

    def __init__(self):
        self.seen = []

    def encrypt(self, block):
        self.seen.append(bytes(block))
        return bytes([len(self.seen) & 0xFF] * 16)


def crypted(key, iv, data):
    buf = bytearray(data)
    cipher.ctr(PlainCrypto().aes_ecb(key), iv, buf)
    return bytes(buf)


class TestBlock(unittest.TestCase):
    def test_published_vectors(self):
        self.assertEqual(PlainCrypto().aes_ecb(FIPS_KEY).encrypt(FIPS_PLAIN), FIPS_CIPHER)
        ecb = PlainCrypto().aes_ecb(SP_KEY)
        for i in (0, 16):
            self.assertEqual(ecb.encrypt(SP_PLAIN[i : i + 16]), SP_CIPHER[i : i + 16])

    def test_random_bytes_repeat_from_a_seed_and_never_in_a_row(self):
        one, other = PlainCrypto(5), PlainCrypto(5)
        first = one.random(100)
        self.assertEqual(first, other.random(100))
        self.assertEqual(len(first), 100)
        self.assertNotEqual(first, one.random(100))
        self.assertNotEqual(first, PlainCrypto(6).random(100))


class TestCounterMode(unittest.TestCase):
    def test_blocks_are_the_iv_and_a_counter_from_zero(self):
        ecb, buf = Blocks(), bytearray(16 * 300 + 1)
        cipher.ctr(ecb, IV, buf)
        self.assertEqual(len(ecb.seen), 301)
        for i in (0, 1, 255, 256, 300):
            self.assertEqual(ecb.seen[i], IV + i.to_bytes(4, "big"))

    def test_the_stream_is_xored_in_place(self):
        for size in (0, 1, 15, 16, 17, 31, 32, 33, 100):
            data = bytes([i * 7 & 0xFF for i in range(size)])
            buf = bytearray(data)
            cipher.ctr(Blocks(), IV, buf)
            wanted = bytes([data[i] ^ (i // 16 + 1) for i in range(size)])
            self.assertEqual(bytes(buf), wanted)

    def test_vector(self):
        wanted = unhexlify(
            "492491535998fa241efbcb031abe0667434196253bd95a3e346ebc766815af390508b32dcc"
        )
        self.assertEqual(crypted(SP_KEY, IV, bytes(37)), wanted)

    def test_twice_is_nothing(self):
        data = b"a message that is not of whole blocks"
        once = crypted(FIPS_KEY, IV, data)
        self.assertNotEqual(once, data)
        self.assertEqual(crypted(FIPS_KEY, IV, once), data)

    def test_an_iv_of_another_length_is_our_bug(self):
        for size in (0, 11, 13, 16):
            with self.assertRaises(AssertionError):
                cipher.ctr(Blocks(), bytes(size), bytearray(4))


class TestSame(unittest.TestCase):
    def test_equal(self):
        for data in (b"", b"a", bytes(32), bytes(range(32))):
            self.assertTrue(cipher.same(data, bytes(data)))
            self.assertTrue(cipher.same(memoryview(data), bytearray(data)))

    def test_every_bit_counts(self):
        tag = bytes(range(32))
        for bit in range(256):
            other = bytearray(tag)
            other[bit // 8] ^= 1 << bit % 8
            self.assertFalse(cipher.same(tag, other))

    def test_lengths_count(self):
        tag = bytes(range(1, 33))
        for other in (b"", tag[:1], tag[:31], tag + b"\0", tag + tag, bytes(32), bytes(31)):
            self.assertFalse(cipher.same(tag, other))
            self.assertFalse(cipher.same(other, tag))
        self.assertFalse(cipher.same(bytes(32), b""))
        self.assertFalse(cipher.same(b"", bytes(32)))
        self.assertFalse(cipher.same(bytes(32), bytes(31)))
        self.assertFalse(cipher.same(bytes(256), b""))

    def test_all_of_it_is_looked_at_whatever_is_given(self):
        class Counted:
            def __init__(self, data):
                self.data, self.looks = data, 0

            def __len__(self):
                return len(self.data)

            def __getitem__(self, i):
                self.looks += 1
                return self.data[i]

        tag = bytes(range(32))
        for given in (tag, bytes(32), b"\xff" * 32, b"", tag[:5], tag + tag):
            expected = Counted(tag)
            cipher.same(expected, given)
            self.assertEqual(expected.looks, 32)


if __name__ == "__main__":
    unittest.main()
