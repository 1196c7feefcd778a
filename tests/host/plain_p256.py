"""P-256 by the schoolbook: affine points and fractions, slow and plain, to make signatures that
no signer ever makes. It shares nothing with the code that it tests."""

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = P - 0x4319055358E8617B0C46353D039CDAAE
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def add(one, other):
    """Sum of two points, each (x, y) or None = infinity."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % P == 0:
        return None
    if one == other:
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


def times(k, point):
    found = None
    for bit in bin(k % N)[2:]:
        found = add(found, found)
        if bit == "1":
            found = add(found, point)
    return found


def lift(x):
    """-> a point with this x, or None."""
    square = (x**3 - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    return (x, y) if y * y % P == square else None


def key_for(point, r, s, e):
    """-> the public key under which (r, s) over e leads to that point."""
    return times(pow(r, -1, N), add(times(s, point), times(-e, G)))


def joined(*numbers):
    """-> bytes, 32 of each number, big-endian."""
    return b"".join(number.to_bytes(32, "big") for number in numbers)
