"""Our verification of P-256 signatures beside OpenSSL's, on what a signer makes and on what none
would. The two agree, but for the higher s, which OpenSSL takes."""

import random
from hashlib import sha256

import plain_p256
import pytest
import test_p256
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from plain_p256 import G, N, P, joined

from meter.security import p256

PREHASHED = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
NUMBER = st.integers(1, N - 1)
EDGE = st.one_of(
    st.integers(0, 3), st.integers(N - 3, N + 3), st.integers(P - 3, P + 3), st.just(2**256 - 1)
)


def ours(key, digest, r, s):
    return p256.verify(joined(*key), joined(digest), joined(r, s), lambda: None)


def opened(key):
    """-> OpenSSL's key, from its encoded form: from numbers it takes x + P for x."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\4" + joined(*key))


def openssl(key, digest, r, s):
    try:
        opened(key).verify(utils.encode_dss_signature(r, s), joined(digest), PREHASHED)
    except (ValueError, InvalidSignature):
        return False
    return True


def alike(key, digest, r, s):
    """-> our verdict, which is OpenSSL's."""
    found = ours(key, digest, r, s)
    assert found == (openssl(key, digest, r, s) and s <= N // 2)
    return found


def signed(private, digest):
    """-> (key, r, s) of OpenSSL, with the s that it made."""
    signer = ec.derive_private_key(private, ec.SECP256R1())
    numbers = signer.public_key().public_numbers()
    r, s = utils.decode_dss_signature(signer.sign(joined(digest), PREHASHED))
    return (numbers.x, numbers.y), r, s


def test_hundreds_of_signatures():
    draw, high = random.Random(256), 0
    for _ in range(400):
        digest = draw.getrandbits(256)
        key, r, s = signed(draw.randrange(1, N), digest)
        assert p256.on_curve(joined(*key))
        assert alike(key, digest, r, s) == (s <= N // 2)
        assert alike(key, digest, r, min(s, N - s))
        assert not alike(key, digest ^ 1 << draw.randrange(256), r, min(s, N - s))
        high += s > N // 2
    assert 100 < high < 300  # the refused ones have been among them


@given(NUMBER, st.integers(0, 2**256 - 1), st.integers(0, 511), st.booleans())
@settings(max_examples=150, deadline=None, derandomize=True)
def test_a_flipped_bit(private, digest, bit, of_key):
    key, r, s = signed(private, digest)
    pair = [*key] if of_key else [r, min(s, N - s)]
    pair[bit // 256] ^= 1 << bit % 256
    assert not (alike(pair, digest, r, min(s, N - s)) if of_key else alike(key, digest, *pair))


@given(NUMBER, EDGE, EDGE, EDGE | NUMBER)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_numbers_at_the_edge(private, digest, r, s):
    alike(plain_p256.times(private, G), digest, r, s)
    alike(plain_p256.times(private, G), digest, s, r)


@given(EDGE | NUMBER, EDGE | NUMBER)
@settings(max_examples=200, deadline=None, derandomize=True)
@example(0, 0)
@example(P, plain_p256.lift(0)[1])
def test_keys_at_the_edge(x, y):
    assume(x < 2**256 and y < 2**256)
    try:
        opened((x, y))
    except ValueError:
        assert not p256.on_curve(joined(x, y))
    else:
        assert p256.on_curve(joined(x, y))


@given(st.integers(1, 40), st.integers(1, 40), st.booleans(), st.booleans(), NUMBER)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_sums_of_what_is_alike(d, k, minus_d, minus_k, u2):
    """The key is a small multiple of the base point, and so is the signature's point: the two
    halves of the sum meet in the same table entries, their negatives, and infinity."""
    d, k = (N - d if minus_d else d), (N - k if minus_k else k)
    key, r = plain_p256.times(d, G), plain_p256.times(k, G)[0] % N
    s = r * pow(u2, -1, N) % N
    digest = (k - u2 * d) * s % N
    assert alike(key, digest, r, min(s, N - s))


@given(st.integers(0, 400), NUMBER, NUMBER, st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_points_where_x_is_near_its_ends(x, s, digest, above):
    point = plain_p256.lift(N + x if above else x)
    assume(point and x)
    s = min(s, N - s)
    key = plain_p256.key_for(point, x, s, digest)
    assume(key)
    assert alike(key, digest, x, s)
    if not above:  # r + N is x modulo P
        folded = x + P - N
        key = plain_p256.key_for(point, folded, s, digest)
        assert not alike(key, digest, folded, s)


@given(NUMBER, NUMBER, NUMBER)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_sum_of_infinity(d, digest, s):
    r = -digest * pow(d, -1, N) % N
    assert not alike(plain_p256.times(d, G), digest, r, min(s, N - s))


@pytest.mark.parametrize("name", [name for name in dir(test_p256) if name.endswith("_KEY")])
def test_fixed_vectors_are_openssl_s(name):
    key = getattr(test_p256, name)
    cases = [(test_p256.DIGEST, (r, test_p256.S)) for r in (3, 5, 5 + P - N)]
    cases += [(sha256(b"test").digest(), test_p256.TEST)]
    found = [alike(key, int.from_bytes(digest, "big"), *pair) for digest, pair in cases]
    assert sum(found) == (0 if name == "FOLDED_KEY" else 1)


def test_multiples_of_the_base_are_what_they_say():
    for d, key in test_p256.KEYS.items():
        assert plain_p256.times(d, G) == key


def test_pieces_of_a_signature_are_no_signature():
    key, r, s = signed(7, 99)
    good = joined(r, min(s, N - s))
    assert p256.verify(joined(*key), joined(99), good, lambda: None)
    for size in (*range(64), 65, 96):
        assert not p256.verify(joined(*key), joined(99), (good + good)[:size], lambda: None)
