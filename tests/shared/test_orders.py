"""Orders: only what the right role has signed, for this meter, in time, and never an older one.
A power cut in the midst of one leaves the old tariff or the new."""

import struct
import unittest
from binascii import a2b_base64, b2a_base64, hexlify
from hashlib import sha256

import tariffs
from gate_rig import START, Client, GateRig, in_line, some_keys
from plain_vault import PlainVault

from boards.virtual.nor import PowerCut
from meter import calibration, codes, prices_check, tariff_check
from meter.errors import MeterError
from meter.rows import Event
from meter.sample import EXPORT, IMPORT
from meter.security import orders
from meter.service import Refused

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
UTILITY, MAKER = 1, N - 1  # private keys of the public ones in gate_rig.some_keys
SERIAL = bytes((0x24, 0x6F, 0x28, 1, 2, 3))
HEX = "246f28010203"
REFUSED = ("order", "order: refused")
ARGUMENT = "ab" * 32 + " now"


def sign(kind, argument, version=1, target=HEX, until=0, private=UTILITY, high=False):
    """-> an order. The one-time number is 1, so the point of the signature is G."""
    words = ("wattledger order 1", kind, target, str(version), str(until), argument)
    e = int.from_bytes(sha256("\n".join(words).encode()).digest(), "big")
    s = (e + GX * private) % N
    if (s > N // 2) != high:
        s = N - s
    signature = GX.to_bytes(32, "big") + s.to_bytes(32, "big")
    sig = str(b2a_base64(signature), "ascii").strip()
    return {"target": target, "version": version, "until": until, "sig": sig}


class Watchdog:
    fed = 0

    def feed(self):
        self.fed += 1


class Case(unittest.TestCase):
    def setUp(self):
        self.vault, self.dog = PlainVault(), Watchdog()

    def check(self, order, kind="tariff", argument=ARGUMENT, now=START, keys=None):
        keys = keys or some_keys()
        orders.check(kind, argument, order, keys, self.vault, SERIAL, now, self.dog.feed)

    def refused(self, order, **more):
        held = dict(self.vault.held)
        with self.assertRaises(Refused) as caught:
            self.check(order, **more)
        self.assertEqual(caught.exception.args, REFUSED)
        self.assertEqual(self.vault.held, held)

    def kept(self, kind="tariff"):
        return struct.unpack_from("<I4s", self.vault.held["orders"], 8 * orders.KINDS.index(kind))


class TestCheck(Case):
    def test_a_good_one_is_in_the_vault_when_it_passes(self):
        self.check(sign("tariff", ARGUMENT, 7))
        self.assertEqual(self.kept(), (7, sha256(ARGUMENT.encode()).digest()[:4]))
        self.assertEqual(len(self.vault.held["orders"]), 48)
        self.assertTrue(self.dog.fed > 200)

    def test_if_the_vault_fails_it_does_not_pass(self):
        self.vault.cut_after(0)
        with self.assertRaises(PowerCut):
            self.check(sign("tariff", ARGUMENT))
        self.vault = PlainVault({"orders": bytes(47)})
        with self.assertRaises(MeterError):
            self.check(sign("tariff", ARGUMENT))

    def test_versions_rise_for_each_kind_by_itself(self):
        self.check(sign("tariff", ARGUMENT, 7))
        self.check(sign("prices", ARGUMENT, 3), kind="prices")
        for version in (6, 1):
            self.refused(sign("tariff", ARGUMENT, version))
        self.check(sign("tariff", ARGUMENT, 8))
        self.check(sign("prices", ARGUMENT, 4), kind="prices")
        self.check(sign("tariff", ARGUMENT, 0xFFFFFFFF))
        self.refused(sign("tariff", ARGUMENT, 8))

    def test_the_newest_may_come_again_but_not_with_another_argument(self):
        self.check(sign("tariff", ARGUMENT, 7))
        stores = self.vault.stores
        self.check(sign("tariff", ARGUMENT, 7))
        self.assertEqual(self.vault.stores, stores)
        other = "ab" * 32 + " period"
        self.refused(sign("tariff", other, 7), argument=other)
        self.check(sign("tariff", other, 8), argument=other)
        self.refused(sign("tariff", ARGUMENT, 7))

    def test_whom_it_is_for(self):
        others = ("246f28010204", HEX.upper(), HEX[:-1], "", "group:", "group:town", "village")
        for target in others:
            self.refused(sign("tariff", ARGUMENT, target=target))
        for version, target in enumerate((HEX, "group:village", "*"), 1):
            self.check(sign("tariff", ARGUMENT, version, target))
        alone = some_keys()
        alone.group = ""
        for target in ("group:", "group:village"):
            self.refused(sign("tariff", ARGUMENT, 9, target), keys=alone)

    def test_until_when(self):
        self.refused(sign("tariff", ARGUMENT, until=START - 1))
        self.refused(sign("tariff", ARGUMENT, until=START), now=0)  # who knows
        self.check(sign("tariff", ARGUMENT, 1, until=START))
        self.check(sign("tariff", ARGUMENT, 2), now=0)

    def test_who_signs_what(self):
        for kind in orders.KINDS:
            of_maker = kind in ("calibration", "update")
            right, wrong = (MAKER, UTILITY) if of_maker else (UTILITY, MAKER)
            self.refused(sign(kind, ARGUMENT, private=wrong), kind=kind)
            self.refused(sign(kind, ARGUMENT, private=7), kind=kind)
            self.check(sign(kind, ARGUMENT, private=right), kind=kind)

    def test_every_word_is_signed(self):
        good = sign("tariff", ARGUMENT, 5, "*", START)
        for name, value in (("target", HEX), ("version", 6), ("until", START + 1), ("until", 0)):
            order = dict(good)
            order[name] = value
            self.refused(order)
        self.refused(good, kind="prices")
        self.refused(good, argument=ARGUMENT + "\n")
        self.refused(good, argument=ARGUMENT.replace("now", "period"))
        self.check(good)

    def test_what_is_no_order(self):
        good = sign("tariff", ARGUMENT)
        for order in (None, [], "order", 1, {}, [good]):
            self.refused(order)
        for name in good:
            order = dict(good)
            del order[name]
            self.refused(order)
        odd = (None, True, False, "1", -1, 1 << 32, [], {}, 1.0)
        for name, values in (
            ("version", odd + (0,)),
            ("until", odd),
            ("target", (None, 1, [], {})),
            ("sig", (None, 1, "", "?", "A", "AAAA", good["sig"][:-4], good["sig"] + good["sig"])),
        ):
            for value in values:
                order = dict(good)
                order[name] = value
                self.refused(order)

    def test_the_high_s_of_the_same_signature(self):
        self.refused(sign("tariff", ARGUMENT, high=True))

    def test_bits_of_the_signature(self):
        sig = sign("tariff", ARGUMENT)
        data = a2b_base64(sig["sig"].encode())
        for at in (0, 31, 32, 63):
            broken = bytearray(data)
            broken[at] ^= 1
            sig["sig"] = str(b2a_base64(broken), "ascii").strip()
            self.refused(sig)


class Store:
    """The store port of the calibration, in RAM."""

    def __init__(self, data):
        self.held, self.file = [None, None], data

    def itself(self):
        return self

    def copies(self):
        return list(self.held)

    def candidate(self, digest):
        return self.file

    def store(self, data):
        self.held = [data, data]


OLD, NEW = tariffs.text(), tariffs.text(name="new")


class Ordered(GateRig):
    """A meter with keys under the tariff OLD, whose vault and flash may lose the power."""

    def __init__(self, keys=True, sealed=False):
        super().__init__()
        self.push(OLD)
        self.run(1800, step_s=300, imported=50, exported=5)
        if keys:
            self.ask("keys", data=in_line(some_keys()))
        if sealed:
            self.ask("seal")
        self.restart()
        self.run(600, step_s=60, imported=10)

    def _boot(self):
        self.ports.watchdog = Watchdog()
        super()._boot()

    def give(self, text):
        digest = tariff_check.digest(text)
        self.ports.files.held[digest] = text
        return digest

    def refusal(self, do, **args):
        try:
            self.ask(do, **args)
        except AssertionError as error:
            return error.args[0]["error"]["code"]
        return None

    @property
    def active(self):
        return self.meter.contract.tariff.name

    def told(self, event):
        found, ring = [], self.meter.journal.events[event >> 8]
        for seq in range(ring.first_seq, ring.last_seq + 1):
            record = Event()
            assert ring.read(seq, ring.slot)
            record.unpack(ring.slot)
            found.append(record)
        return [record for record in found if record.code == event & 255]


class TestRequests(unittest.TestCase):
    def test_without_keys_all_is_as_before(self):
        rig = Ordered(keys=False)
        rig.push(NEW)
        self.assertEqual(rig.active, "new")
        self.assertFalse("orders" in rig.held)

    def test_a_tariff(self):
        rig = Ordered()
        digest = rig.give(NEW)
        order = sign("tariff", digest + " period")
        self.assertEqual(rig.refusal("tariff", digest=digest, when="now"), "order")
        self.assertEqual(rig.refusal("tariff", digest=digest, when="now", order=order), "order")
        later = rig.ports.clock.utc + 999
        self.assertEqual(rig.refusal("tariff", digest=digest, when=later, order=order), "order")
        self.assertFalse("orders" in rig.held)
        order = sign("tariff", digest + " " + str(later), 5)
        found = rig.ask("tariff", digest=digest, when=later, order=order)
        self.assertEqual((found["at"], rig.active), (later, "test"))
        rig.run(1020, step_s=60, imported=1)
        self.assertEqual(rig.active, "new")
        # The older tariff was ordered once; that order does not bring it back.
        digest = rig.give(OLD)
        order = sign("tariff", digest + " now", 4)
        self.assertEqual(rig.refusal("tariff", digest=digest, when="now", order=order), "order")
        rig.run(60)
        self.assertEqual(rig.active, "new")

    def test_an_order_again_opens_no_part(self):
        rig = Ordered()
        digest = rig.give(NEW)
        order = sign("tariff", digest + " now", 2)
        for _ in range(3):
            rig.ask("tariff", digest=digest, when="now", order=order)
            rig.run(60, imported=1)
        self.assertEqual(rig.meter.journal.ledger.last_seq, 2)
        self.assertEqual(len(rig.told(codes.EVENT_TARIFF)), 1)

    def test_an_order_before_its_file(self):
        rig = Ordered()
        digest = tariff_check.digest(NEW)
        args = {"digest": digest, "when": "now", "order": sign("tariff", digest + " now")}
        self.assertEqual(rig.refusal("tariff", **args), "meter")
        rig.give(NEW)
        rig.ask("tariff", **args)
        self.assertEqual(rig.active, "new")

    def test_prices(self):
        rig = Ordered()
        day = [rig.ports.clock.utc + 900, rig.ports.clock.utc + 1800, "day"]
        text = (
            '{"schema":1,"kind":"prices","id":1,"currency":"EUR","start":0,"step_s":900,'
            '"import":[],"export":[],"events":[[%d,%d,"%s"]]}' % tuple(day)
        ).replace('"start":0', '"start":%d' % (START // 900 * 900)).encode()  # fmt: skip
        digest = prices_check.digest(text)
        rig.ports.files.held[digest] = text
        self.assertEqual(rig.refusal("prices", digest=digest), "order")
        order = sign("prices", digest, private=MAKER)
        self.assertEqual(rig.refusal("prices", digest=digest, order=order), "order")
        rig.ask("prices", digest=digest, order=sign("prices", digest))
        self.assertEqual(len(rig.told(codes.EVENT_PRICES)), 1)

    def test_through_an_envelope(self):
        rig = Ordered(sealed=True)
        digest = rig.give(NEW)
        utility, maker = Client(rig, "utility"), Client(rig, "maker")
        for client in (utility, maker):  # the key of a role is not the key that signs
            answer = client.change("tariff", digest=digest, when="now")
            self.assertEqual(answer["error"], {"code": "order", "text": "order: refused"})
        self.assertEqual(utility.hello()["orders"], [0] * len(orders.KINDS))
        order = sign("tariff", digest + " now", 9)
        self.assertTrue("ok" in utility.change("tariff", digest=digest, when="now", order=order))
        self.assertEqual(rig.active, "new")
        self.assertEqual(utility.hello()["orders"], [9, 0, 0, 0, 0, 0])

    def test_a_calibration_needs_the_seal_open_and_the_maker(self):
        record = {
            "ic": "CHIP", "utc": START, "reference": "r", "registers": {"A": 1}, "results": [],
        }  # fmt: skip
        data = calibration.pack(record)
        digest = str(hexlify(sha256(data).digest()), "ascii")
        for sealed in (False, True):
            rig, store = Ordered(sealed=sealed), Store(data)
            rig.ports.calibration, rig.ports.calibration_store = {}, store.itself
            self.assertEqual(
                rig.refusal("calibration", digest=digest), "state" if sealed else "order"
            )
            order = sign("calibration", digest, private=UTILITY)
            code = rig.refusal("calibration", digest=digest, order=order)
            self.assertEqual(code, "state" if sealed else "order")
            order = sign("calibration", digest, private=MAKER)
            code = rig.refusal("calibration", digest=digest, order=order)
            self.assertEqual(code, "state" if sealed else None)
            self.assertEqual(store.held[0], None if sealed else data)
            if sealed:
                rig.gate.seal.open(rig.ports.clock.utc)
                rig.ask("calibration", digest=digest, order=order)
                self.assertEqual(store.held, [data, data])


class TestCuts(unittest.TestCase):
    """The power goes at each store of the vault and in each program of a switch of the tariff."""

    STRIDE = 53

    def order(self, rig, when="now"):
        digest = tariff_check.digest(NEW)
        order = sign("tariff", digest + " " + when, 3)
        return rig.ask("tariff", digest=digest, when=when, order=order)

    def is_whole(self, rig):
        rig.cut(30)
        rig.run(120, step_s=20, imported=7)
        self.assertTrue(rig.active in ("test", "new"))
        self.assertEqual(rig.meter.state, "ready")
        self.assertEqual(rig.meter.alerts(), [])
        registers = rig.live.registers
        self.assertEqual(sum(rig.live.rates), registers[IMPORT] + registers[EXPORT])
        bill = rig.ask("bill")
        self.assertTrue(bill["open"] and bill["lines"])
        self.assertEqual(bill["digest"], tariff_check.digest(OLD if rig.active == "test" else NEW))
        before = rig.active
        self.order(rig)  # the same again finishes it
        self.assertEqual(rig.active, "new")
        self.assertEqual(rig.meter.journal.ledger.last_seq, 2)
        rig.run(60, step_s=20, imported=7)
        self.assertTrue(rig.ask("bill", period=1)["lines"] >= 2)
        return before

    def test_of_the_vault(self):
        for kept in (False, True):
            rig = Ordered()
            rig.give(NEW)
            rig.vault.cut_after(0, kept)
            with self.assertRaises(PowerCut):
                self.order(rig)
            self.assertEqual("orders" in rig.held, kept)
            self.assertEqual(self.is_whole(rig), "test")

    def test_of_the_flash(self):
        found, at = [], 0
        while True:
            rig = Ordered()
            rig.give(NEW)
            rig.ports.flash.cut_after = at
            try:
                self.order(rig)
                break
            except PowerCut:
                rig.ports.flash.power_on()
                self.assertEqual(struct.unpack_from("<I", rig.held["orders"])[0], 3)
            found.append(self.is_whole(rig))
            at += self.STRIDE
        self.assertEqual(sorted(set(found)), ["new", "test"])
        self.assertTrue(len(found) > 20)


if __name__ == "__main__":
    unittest.main()
