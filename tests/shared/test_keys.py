"""The keys of a meter as bytes, and which keys no meter may have."""

import struct
import unittest
from binascii import crc32, hexlify

from meter.errors import MeterError
from meter.security import cipher, keys
from meter.security.keys import FIELDS, SIZE, Keys

# P-256: the base point, and twice the base point.
ONE = (
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
TWO = (
    "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978"
    "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1"
)
SECRETS = "reader utility maker evidence storage".split()
PUBLIC = "utility_public maker_public".split()


def some(**changes):
    """-> Keys that are good, but for what is changed."""
    values = {name: bytes([i + 1] * 32) for i, name in enumerate(SECRETS)}
    values["utility_public"], values["maker_public"] = bytes.fromhex(ONE), bytes.fromhex(TWO)
    values["group"], values["generation"] = "north", 3
    values.update(changes)
    return Keys(values["generation"], *[values[name] for name in FIELDS.split()])


def sealed(data):
    """-> the same with a CRC that fits."""
    return bytes(data[:-4]) + struct.pack("<I", crc32(bytes(data[:-4])))


class KeysTest(unittest.TestCase):
    def refused(self, word, call, argument):
        with self.assertRaises(MeterError) as caught:
            call(argument)
        text = str(caught.exception)
        self.assertTrue(text.startswith("keys: "), text)
        self.assertTrue(word in text, text)
        for secret in (b"\1" * 32, b"\2" * 32):
            self.assertFalse(repr(secret)[2:20] in text)
            self.assertFalse(hexlify(secret).decode()[:8] in text)


class TestBytes(KeysTest):
    def test_layout(self):
        data = keys.pack(some())
        self.assertEqual(len(data), SIZE)
        self.assertEqual(data[:8], b"WK\1\0\3\0\0\0")
        for i, name in enumerate(SECRETS):
            self.assertEqual(data[8 + 32 * i : 40 + 32 * i], getattr(some(), name))
        self.assertEqual(data[168:232], bytes.fromhex(ONE))
        self.assertEqual(data[232:296], bytes.fromhex(TWO))
        self.assertEqual(data[296:312], b"north" + bytes(11))
        self.assertEqual(data[312:], struct.pack("<I", crc32(data[:312])))

    def test_there_and_back(self):
        for changes in ({}, {"group": ""}, {"group": "x" * 16}, {"generation": 0xFFFFFFFF}):
            wanted = some(**changes)
            found = keys.unpack(keys.pack(wanted))
            for name in FIELDS.split() + ["generation"]:
                self.assertEqual(getattr(found, name), getattr(wanted, name))

    def test_every_flipped_bit_is_caught(self):
        good = keys.pack(some())
        for bit in range(8 * SIZE):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            self.refused("CRC", keys.unpack, bytes(bad))

    def test_lengths(self):
        good = keys.pack(some())
        for bad in (b"", good[:4], good[:-1], good + b"\0"):
            self.refused("expected 316", keys.unpack, bad)

    def test_another_format(self):
        good = keys.pack(some())
        for at, value in ((0, 0), (1, 0), (2, 0), (2, 2), (3, 1)):
            bad = bytearray(good)
            bad[at] = value
            self.refused("format", keys.unpack, sealed(bad))


class TestRefused(KeysTest):
    """Both by who makes the keys and by who reads them."""

    def refused_both(self, word, at, value, **changes):
        self.refused(word, keys.pack, some(**changes))
        bad = bytearray(keys.pack(some()))
        bad[at : at + len(value)] = value
        self.refused(word, keys.unpack, sealed(bad))

    def test_generation_zero(self):
        self.refused_both("generation 0", 4, bytes(4), generation=0)

    def test_zero(self):
        for i, name in enumerate(SECRETS):
            self.refused_both(name + " is zero", 8 + 32 * i, bytes(32), **{name: bytes(32)})
        for i, name in enumerate(PUBLIC):
            self.refused_both(name + " is zero", 168 + 64 * i, bytes(64), **{name: bytes(64)})

    def test_equal_to_each_other(self):
        for i, name in enumerate(SECRETS):
            for other in SECRETS[:i]:
                same = getattr(some(), other)
                self.refused_both(name + " is equal to " + other, 8 + 32 * i, same, **{name: same})
        one = bytes.fromhex(ONE)
        self.refused_both("maker_public is equal", 232, one, maker_public=one)

    def test_no_point_of_the_curve(self):
        for i, name in enumerate(PUBLIC):
            off = bytearray(getattr(some(), name))
            off[63] ^= 1
            word = name + " is no point"
            self.refused_both(word, 168 + 64 * i, bytes(off), **{name: bytes(off)})

    def test_group(self):
        for bad in ("a b", "a\n", "\x7f", "\0a"):
            self.refused_both("group", 296, bad.encode(), group=bad)
        self.refused("group", keys.pack, some(group="\u00e9"))
        self.refused("group", keys.pack, some(group="x" * 17))

    def test_lengths_of_the_parts(self):
        for name in SECRETS:
            for size in (31, 33):
                self.refused(name, keys.pack, some(**{name: b"\x77" * size}))


class TestSubKeys(unittest.TestCase):
    def test_four_that_have_nothing_in_common(self):
        found = cipher.sub_keys(bytes(range(32))) + cipher.sub_keys(bytes(range(1, 33)))
        self.assertEqual([len(key) for key in found], [16, 32, 16, 32] * 2)
        self.assertEqual(len({key[:16] for key in found}), 8)

    def test_vectors(self):
        wanted = (
            "37c8363b043c0675c80448c4451e0ed3",
            "75ae1e72a6f0be0c78ece6f998d1d39acd1af69b6d5a9af7c2fd56cd462c9060",
            "a7a5a5e5f744f40249bd4b456c87601c",
            "6e84250ac938f017226c8b1e33d61fa26f3be79d92db56092c73b3248059982c",
        )
        found = [hexlify(key).decode() for key in cipher.sub_keys(bytes(range(32)))]
        self.assertEqual(found, list(wanted))


if __name__ == "__main__":
    unittest.main()
