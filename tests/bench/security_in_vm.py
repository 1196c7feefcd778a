"""Time and bytes of a message in an envelope beside plain text, and of a signature, inside the VM.

What the chip has in C or in hardware and the VM has not is not counted, but for the result that it
leaves on the heap: base64 is Python in this VM, and an AES block is what it encrypts.
"""

import binascii
import gc
import json
import sys

import gate_rig
from gate_rig import START, Client, GateRig, some_keys
from perf import now
from plain_crypto import PlainCrypto

# RFC 6979, A.2.5: P-256 with SHA-256 of "test"
PUBLIC = bytes.fromhex(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
DIGEST = bytes.fromhex("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
SIGNATURE = bytes.fromhex(
    "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
    "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"
)
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class FreeBlocks:
    def encrypt(self, block):
        return bytes(block)


class FreeCrypto(PlainCrypto):
    def aes_ecb(self, key):
        return FreeBlocks()


class Uncounted:
    """A function as if it were in C. ms, heap: what it has taken, of all calls since `clear`."""

    def __init__(self, function):
        self._function = function
        self.clear()

    def clear(self):
        self.ms = self.heap = 0

    def __call__(self, *args):
        start, before = now(), gc.mem_alloc()
        result = self._function(*args)
        self.heap += gc.mem_alloc() - before - len(result) - 16  # the bytes and their object
        self.ms += now() - start  # mem_alloc, which walks through the heap, is not the meter's
        return result


uncounted = [Uncounted(binascii.b2a_base64), Uncounted(binascii.a2b_base64)]
binascii.b2a_base64, binascii.a2b_base64 = uncounted
gate_rig.PlainCrypto = FreeCrypto
rig = GateRig(START, keys=some_keys(), sealed=True)
rig.run(16 * 900, imported=100)
reader = Client(rig, "reader")
loaded = set(sys.modules)
REQUESTS = {"info": {}, "rows": {"ring": "profile", "from_seq": 1, "n": 8}}


def timed(call, *args):
    """-> (result, ms, bytes of heap); nothing is collected on the way"""
    for function in uncounted:
        function.clear()
    before, start = gc.mem_alloc(), now()
    result = call(*args)
    ms, heap = now() - start, gc.mem_alloc() - before
    for function in uncounted:
        ms, heap = ms - function.ms, heap - function.heap
    return result, ms, heap


def message(do):
    """do plain|sealed, ms, heap, bytes of the request, of the answer"""
    line = json.dumps({"id": 7, "do": do, "args": REQUESTS[do]}).encode()
    answer, ms, heap = timed(rig.service.handle, "reader", line)
    assert b'"ok"' in answer
    print(do, "plain", ms, heap, len(line), len(answer))
    nonce = bytes.fromhex(reader.hello()["nonce"])
    sealed = reader.line(gate_rig.READ, nonce, do, **REQUESTS[do])
    answer, ms, heap = timed(rig.gate.handle, sealed)
    assert "ok" in reader.opened(answer, nonce)
    print(do, "sealed", ms, heap, len(sealed), len(answer))


def all_sorts():
    """One round of everything that loads a module: in envelopes, by the public, in vain."""
    for role in ("reader", "maker"):
        client = Client(rig, role)
        for do in ("info", "registers", "rows", "bill", "calibration", "get", "stage"):
            client.read(do, ring="profile", from_seq=1)
    for do in ("commit", "view", "tariff", "prices", "update", "unseal", "seal"):
        client.change(do, public=1, days=0, digest="0" * 64)
    rig.gate.handle(client.sent[:-8] + client.sent[4:12])  # a tag that is wrong
    for do in ("hello", "info", "registers", "live", "none"):
        rig.public(do)
    rig.said = b""
    assert loaded == set(sys.modules), set(sys.modules) - loaded


def signature():
    """verify|inverse, ms, heap"""
    from meter.security import p256

    feeds = []
    good, ms, heap = timed(p256.verify, PUBLIC, DIGEST, SIGNATURE, lambda: feeds.append(0))
    assert good
    print("signature verify", ms, heap, len(feeds), 0)
    _inverse, ms, heap = timed(pow, N // 3, N - 2, N)
    print("signature inverse", ms, heap, 0, 0)


def packed():
    """-> what a vault holds of keys"""
    return gate_rig.keys_of.pack(some_keys())


def load():
    from meter.security import p256

    assert p256.on_curve(PUBLIC)


def drop():
    from meter.compat import forget

    forget("meter.security.p256")
