"""The crypto port in plain Python: AES-128 (FIPS 197), and random bytes that a seed repeats."""

from hashlib import sha256


class PlainCrypto:
    """seed   int; the random numbers of a test are the same each time"""

    def __init__(self, seed=1):
        self._seed, self._drawn = seed, 0

    def aes_ecb(self, key):
        assert len(key) == 16
        return _Aes(key)

    def random(self, size):
        found = b""
        while len(found) < size:
            self._drawn += 1
            found += sha256(b"%d %d" % (self._seed, self._drawn)).digest()
        return found[:size]


def _times_two(a):
    return a << 1 ^ (0x11B if a & 0x80 else 0)


def _make_sbox():
    """Inverse in GF(2**8), by powers of 3 and of 1/3 in step, then the affine map."""
    box, p, q = bytearray(256), 1, 1
    box[0] = 0x63
    while True:
        p ^= _times_two(p)  # p * 3
        q ^= q << 1
        q ^= q << 2
        q = (q ^ q << 4) & 0xFF
        if q & 0x80:
            q ^= 0x09  # q / 3
        ring = q | q << 8  # a byte beside itself: its rotations are shifts
        box[p] = (q ^ ring >> 7 ^ ring >> 6 ^ ring >> 5 ^ ring >> 4) & 0xFF ^ 0x63
        if p == 1:
            return bytes(box)


_SBOX = _make_sbox()


class _Aes:
    def __init__(self, key):
        words = [list(key[i : i + 4]) for i in range(0, 16, 4)]
        round_constant = 1
        for i in range(4, 44):
            word = list(words[i - 1])
            if i % 4 == 0:
                word = [_SBOX[byte] for byte in word[1:] + word[:1]]
                word[0] ^= round_constant
                round_constant = _times_two(round_constant)
            words.append([a ^ b for a, b in zip(word, words[i - 4])])
        self._rounds = [_joined(words[i : i + 4]) for i in range(0, 44, 4)]

    def encrypt(self, block):
        assert len(block) == 16
        state = [a ^ b for a, b in zip(block, self._rounds[0])]
        for i in range(1, 11):
            state = [_SBOX[state[j * 5 % 16]] for j in range(16)]  # SubBytes and ShiftRows
            if i < 10:
                state = _joined([_mix(state[j : j + 4]) for j in range(0, 16, 4)])
            state = [a ^ b for a, b in zip(state, self._rounds[i])]
        return bytes(state)


def _mix(column):
    whole = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[i] ^ whole ^ _times_two(column[i] ^ column[(i + 1) % 4]) for i in range(4)]


def _joined(columns):
    return [byte for column in columns for byte in column]
