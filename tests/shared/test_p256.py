"""Verification of P-256 signatures, and the edges where others have failed.

Where no source is named the cases follow from the curve: the base point as a signature's point,
or a public key made for a signature as tests/host/plain_p256.py does, where OpenSSL agrees.
"""

import unittest
from hashlib import sha256

from meter.security import p256

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# Multiples of G: they meet the table entries of G in the additions.
KEYS = {
    1: G,
    N - 1: (G[0], P - G[1]),
    2: (
        0x7CF27B188D034F7E8A52380304B51AC3C08969E277F21B35A60B48FC47669978,
        0x07775510DB8ED040293D9AC69F7430DBBA7DADE63CE982299E04B79D227873D1,
    ),
    3: (
        0x5ECBE4D1A6330A44C8F7EF951D4BF165E6C6B721EFADA985FB41661BC6E7FD6C,
        0x8734640C4998FF7E374B06CE1A64A2ECD82AB036384FB83D9A79B127A27D5032,
    ),
    7: (
        0x8E533B6FA0BF7B4625BB30667C01FB607EF9F8B8A80FEF5B300628703187B2A3,
        0x73EB1DBDE03318366D069F83A6F5900053C73633CB041B21C55E1A86C1F400B4,
    ),
}

# RFC 6979, A.2.5: P-256, SHA-256
RFC_KEY = (
    0x60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6,
    0x7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299,
)
SAMPLE = (  # its s is the higher one
    0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
    0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
)
TEST = (
    0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
    0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
)

# Under these keys s = 7 over the digest 5a5a.. leads to the point whose x is N + 3, and to x = 5.
DIGEST, S = b"\x5a" * 32, 7
WRAPPED_KEY = (
    0xFE51513FCF953A1324BC40E01FB2374E60CADD467D52907BB3245A5D36DE9CD8,
    0x01E1A699EF95660D79134FC6312294310CAEE32DC19EDAE6C2D3DCF0C7864D22,
)
SMALL_KEY = (
    0x89CB01161D1F00D762A8C89422CBC739BFD38ED468012F57554B63D29143447E,
    0xA4A7A1BD5E196996CA1301FCE400F6D9011167DE0D33C051BCC8B349E1EE96E2,
)
# The same x = 5 for r = 5 + P - N, so that r + N is x modulo P, yet not below it.
FOLDED_KEY = (
    0xFFBA888588E9568A60FDB6A51B84CA05BF306181BBD6EE2AD7208754871FF813,
    0x9C26DFA20069E6D7FDBDC2F2D2E065321CD6D8C5346ADA29B39E7148D99DABB9,
)


def joined(*numbers):
    return b"".join([number.to_bytes(32, "big") for number in numbers])


def verify(key, digest, r, s):
    if isinstance(digest, int):
        digest = joined(digest)
    return p256.verify(joined(*key), digest, joined(r, s), lambda: None)


def low(s):
    return min(s % N, -s % N)


def from_base(d, e):
    """-> (r, s) of the private key d over e whose point is G, or -G for the lower s."""
    return G[0], low(e + G[0] * d)


class TestGood(unittest.TestCase):
    def test_rfc_6979(self):
        self.assertTrue(verify(RFC_KEY, sha256(b"test").digest(), *TEST))
        self.assertTrue(verify(RFC_KEY, sha256(b"sample").digest(), SAMPLE[0], N - SAMPLE[1]))

    def test_every_part_counts(self):
        digest = sha256(b"test").digest()
        for bit in (0, 7, 100, 255):
            flip = 1 << bit
            self.assertFalse(verify(RFC_KEY, int.from_bytes(digest, "big") ^ flip, *TEST))
            self.assertFalse(verify(RFC_KEY, digest, TEST[0] ^ flip, TEST[1]))
            self.assertFalse(verify(RFC_KEY, digest, TEST[0], TEST[1] ^ flip))
        self.assertFalse(verify(G, digest, *TEST))
        self.assertFalse(verify(RFC_KEY, digest, *reversed(TEST)))
        self.assertFalse(verify((RFC_KEY[0], P - RFC_KEY[1]), digest, *TEST))

    def test_feeds_all_the_way(self):
        fed = []
        p256.verify(joined(*RFC_KEY), bytes(32), joined(*TEST), lambda: fed.append(1))
        self.assertEqual(len(fed), 257)

    def test_views_are_as_good_as_bytes(self):
        line = joined(*RFC_KEY) + sha256(b"test").digest() + joined(*TEST)
        view = memoryview(line)
        self.assertTrue(p256.verify(view[:64], view[64:96], view[96:], lambda: None))


class TestDigest(unittest.TestCase):
    def test_zero_and_n_are_the_same(self):
        for d in (1, 3, N - 1):
            for digest in (0, N):
                self.assertTrue(verify(KEYS[d], digest, *from_base(d, 0)))
            self.assertFalse(verify(KEYS[d], 1, *from_base(d, 0)))

    def test_above_n(self):
        for digest in (N - 1, N + 1, 2**256 - 1):
            for d in KEYS:
                self.assertTrue(verify(KEYS[d], digest, *from_base(d, digest)))

    def test_lengths(self):
        good = sha256(b"test").digest()
        for digest in (b"", good[:31], good + b"\0", b"\0" + good):
            self.assertFalse(verify(RFC_KEY, digest, *TEST))


class TestNumbers(unittest.TestCase):
    def test_r_and_s_out_of_range(self):
        digest = sha256(b"test").digest()
        r, s = TEST
        for bad in (0, N - 1, N, N + 1, P, 2**256 - 1):
            self.assertFalse(verify(RFC_KEY, digest, bad, s))
            self.assertFalse(verify(RFC_KEY, digest, r, bad))
            self.assertFalse(verify(RFC_KEY, digest, bad, bad))

    def test_r_and_s_zero_over_a_digest_of_zero(self):
        self.assertFalse(verify(RFC_KEY, 0, 0, 0))
        self.assertFalse(verify(RFC_KEY, 0, 0, 1))
        self.assertFalse(verify(RFC_KEY, 0, N, 1))

    def test_a_second_signature_is_not_made_of_the_first(self):
        self.assertFalse(verify(RFC_KEY, sha256(b"sample").digest(), *SAMPLE))
        self.assertFalse(verify(RFC_KEY, sha256(b"test").digest(), TEST[0], N - TEST[1]))

    def test_the_highest_low_s(self):
        half = N // 2  # with G as the point: s = e + r d
        self.assertTrue(verify(G, (half - G[0]) % N, G[0], half))
        self.assertFalse(verify(G, (half + 1 - G[0]) % N, G[0], half + 1))

    def test_s_of_one(self):
        self.assertTrue(verify(G, (1 - G[0]) % N, G[0], 1))

    def test_lengths(self):
        digest, good = sha256(b"test").digest(), joined(*TEST)
        zero_between = joined(TEST[0]) + b"\0" + joined(TEST[1])
        for bad in (b"", good[:32], good[:63], good + b"\0", b"\0" + good, zero_between):
            self.assertFalse(p256.verify(joined(*RFC_KEY), digest, bad, lambda: None))


class TestPoint(unittest.TestCase):
    """The signature's point: its x is r modulo N."""

    def test_x_above_n(self):
        self.assertTrue(verify(WRAPPED_KEY, DIGEST, 3, S))
        self.assertFalse(verify(WRAPPED_KEY, DIGEST, 4, S))
        self.assertFalse(verify(WRAPPED_KEY, DIGEST, N + 3, S))

    def test_x_is_small(self):
        self.assertTrue(verify(SMALL_KEY, DIGEST, 5, S))

    def test_r_plus_n_is_not_folded_at_p(self):
        self.assertFalse(verify(FOLDED_KEY, DIGEST, 5 + P - N, S))

    def test_infinity_is_no_point(self):
        for e in (G[0], 1, N - 1):  # u1 G + u2 Q = (e + r d) / s G: e = -r d
            for d in KEYS:
                r = -e * pow(d, N - 2, N) % N
                for s in (1, 2, N // 2):
                    self.assertFalse(verify(KEYS[d], e, r, s))


class TestAddition(unittest.TestCase):
    """Sums of a point and itself or its negative: u1 and u2 alike, the key a multiple of G."""

    def test_the_same_point(self):
        self.assertTrue(verify(G, G[0], *from_base(1, G[0])))

    def test_a_table_entry_of_the_other(self):
        for d in KEYS:
            for k in (1, 2, 3, 7, N - 3, N - 7):  # u1 = k u2
                e = k * G[0] % N
                if (k + d) % N:  # else it is infinity
                    self.assertTrue(verify(KEYS[d], e, *from_base(d, e)))

    def test_infinity_on_the_way(self):
        for gap in (1, 2, 3, 7):  # u1 - u2, with -G as the key: infinity until the last digits
            r = KEYS[gap][0] % N
            for u2 in (1, 2**255, N // 3, N - 8):
                s = r * pow(u2, N - 2, N) % N
                e = (u2 + gap) * s % N
                if s > N // 2:
                    s = N - s
                self.assertTrue(verify(KEYS[N - 1], e, r, s))


class TestKey(unittest.TestCase):
    def test_points_of_the_curve(self):
        for key in list(KEYS.values()) + [RFC_KEY, WRAPPED_KEY, SMALL_KEY, FOLDED_KEY]:
            self.assertTrue(p256.on_curve(joined(*key)))

    def test_no_points(self):
        x, y = RFC_KEY
        for key in ((0, 0), (x, y ^ 1), (x ^ 1, y), (y, x), (x, 0), (0, y), (P, P), (x, N)):
            self.refuse(joined(*key))
        self.refuse(b"\xff" * 64)

    def test_a_point_of_another_curve(self):
        x, y = RFC_KEY  # digest 0 and r = s = x: the sum is the key itself, on whichever curve
        self.assertTrue(verify((x, y), 0, x, x))
        for wrong in (y + 1, y - 1, 2, P - y + 1):
            self.assertFalse(verify((x, wrong), 0, x, x))

    def test_coordinates_are_below_p(self):
        x = 0xD7325D7646CD60D80A92738CEB345F844CFFAF35841022CAB176F692DE8DE1D7  # at y = 5
        y = 0x66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4  # at x = 0
        for key, same in (((x, 5), (x, 5 + P)), ((0, y), (P, y))):
            self.assertTrue(p256.on_curve(joined(*key)))
            self.refuse(joined(*same))

    def test_lengths(self):
        x, y = RFC_KEY
        good = joined(x, y)
        zero_between = joined(x) + b"\0" + joined(y)
        for bad in (b"", good[:32], good[:63], good + b"\0", b"\4" + good, zero_between):
            self.refuse(bad)

    def refuse(self, public):
        self.assertFalse(p256.on_curve(public))
        digest = sha256(b"test").digest()
        self.assertFalse(p256.verify(public, digest, joined(*TEST), lambda: None))


if __name__ == "__main__":
    unittest.main()
