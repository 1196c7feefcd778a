"""Signatures that the meter believes: ECDSA on P-256 (FIPS 186-5, SP 800-186), verification only,
so that nothing here is secret and time may tell what it likes.

The big integers are MicroPython's own: one `%` costs less than any reduction in bytecode.
"""

from meter.compat import const

_P = const(0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF)
_N = const(0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551)
_HALF = const(0x7FFFFFFF800000007FFFFFFFFFFFFFFFDE737D56D38BCF4279DCE5617E3192A8)  # N // 2
_B = const(0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B)
_GX = const(0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296)
_GY = const(0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
_DIGITS = const(257)
_INFINITY = (1, 1, 0)  # points are Jacobian: (X / Z**2, Y / Z**3)


def on_curve(public):
    """-> whether 64 bytes x || y are a point of the curve, both below its prime."""
    return len(public) == 64 and _on_curve(*_numbers(public))


def verify(public, digest, signature, feed):
    """-> whether a signature is good.

    public      x || y, digest: 32 bytes, signature: r || s; all big-endian. Of the two s of each
                signature only the lower is taken, so that nobody makes a second one of it
    feed        called 257 times on the way, evenly
    """
    if len(public) != 64 or len(digest) != 32 or len(signature) != 64:
        return False
    key = _numbers(public)
    r, s = _numbers(signature)
    if not (0 < r < _N and 0 < s <= _HALF and _on_curve(*key)):
        return False
    w = pow(s, _N - 2, _N)  # 1 / s
    g_digits = _digits(int.from_bytes(digest, "big") * w % _N)
    q_digits = _digits(r * w % _N)
    g_table, q_table = _multiples(_GX, _GY), _multiples(*key)
    point = _INFINITY
    for i in range(_DIGITS - 1, -1, -1):
        feed()
        point = _double(*point)
        if g_digits[i]:
            point = _add(point, g_table[g_digits[i]])
        if q_digits[i]:
            point = _add(point, q_table[q_digits[i]])
    x, _, z = point
    zz = z * z % _P
    # x of the point modulo N is r: it is r itself, or r + N, which is rarely below P
    return z != 0 and (r * zz % _P == x or (r + _N < _P and (r + _N) * zz % _P == x))


def _numbers(pair):
    return int.from_bytes(pair[:32], "big"), int.from_bytes(pair[32:], "big")


def _on_curve(x, y):
    return x < _P and y < _P and (y * y - (x * x - 3) * x - _B) % _P == 0


def _digits(k):
    """-> 257 digits of k, least first, one in five not zero: odd, and d > 8 stands for d - 16
    (width-4 NAF; Guide to Elliptic Curve Cryptography, algorithm 3.35)"""
    digits, at = bytearray(_DIGITS), 0
    while k:
        d = k & 15
        if d & 1:
            digits[at] = d
            k, at = (k >> 4) + (d >> 3), at + 4
        else:
            k, at = k >> 1, at + 1
    return digits


def _multiples(x, y):
    """-> table of 1 3 5 7 times a point by digit, and at 16 - d the negatives of them"""
    table = [_INFINITY] * 16
    point = x, y, 1
    twice = _double(*point)
    for d in (1, 3, 5, 7):
        table[d] = point
        table[16 - d] = point[0], _P - point[1], point[2]
        point = _add(point, twice)
    return table


def _double(x, y, z):
    zz = z * z % _P
    yy = y * y % _P
    b = x * yy % _P
    a = 3 * (x - zz) * (x + zz) % _P
    x3 = (a * a - 8 * b) % _P
    return x3, (a * (4 * b - x3) - 8 * yy * yy) % _P, 2 * y * z % _P


def _add(one, other):
    """Sum of any point and another that is not infinity; the two may be the same."""
    x1, y1, z1 = one
    x2, y2, z2 = other
    if not z1:
        return other
    zz1 = z1 * z1 % _P
    zz2 = z2 * z2 % _P
    u = x1 * zz2 % _P
    s = y1 * zz2 % _P * z2 % _P
    h = (x2 * zz1 - u) % _P
    r = (y2 * zz1 % _P * z1 - s) % _P
    if not h:
        return _INFINITY if r else _double(x1, y1, z1)
    hh = h * h % _P
    v = u * hh % _P
    hhh = h * hh % _P
    x3 = (r * r - hhh - 2 * v) % _P
    return x3, (r * (v - x3) - s * hhh) % _P, h * z1 % _P * z2 % _P
