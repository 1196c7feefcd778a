"""The seal: its states, its ten minutes, and that a cut leaves the old state or the new one."""

import struct
import unittest

import tariffs
from gate_rig import START, Client, GateRig, in_line, some_keys
from plain_vault import PlainVault

from boards.virtual.nor import PowerCut
from meter import chain, codes
from meter.errors import MeterError
from meter.security.seal import Seal

KEYS, SEAL, UNSEAL = codes.EVENT_KEYS & 255, codes.EVENT_SEAL & 255, codes.EVENT_UNSEAL & 255


def fail(*_args):
    raise MeterError("flash: takes nothing any more: replace it")


class TestStates(unittest.TestCase):
    def test_a_new_meter_is_open_and_stays_so(self):
        seal = Seal(PlainVault())
        self.assertEqual(
            (seal.name, seal.repl_open(0), seal.repl_open(START)), ("open", True, True)
        )
        self.assertFalse(seal.tick(0) or seal.tick(START))

    def test_sealed_it_has_no_repl_at_any_time(self):
        vault = PlainVault()
        Seal(vault).close()
        self.assertEqual(vault.held["seal"], struct.pack("<BxxxII", 1, 0, 0))
        seal = Seal(vault)
        self.assertEqual(seal.name, "sealed")
        for now in (0, START, 0xFFFFFFFF):
            self.assertFalse(seal.repl_open(now) or seal.tick(now))

    def test_unsealed_it_is_open_for_ten_minutes_and_broken_for_good(self):
        vault = PlainVault()
        seal = Seal(vault)
        seal.close()
        seal.open(START)
        for found in (seal, Seal(vault)):
            opened = [found.repl_open(START + s) for s in (-1, 0, 599, 600, 9999)]
            self.assertEqual(opened, [False, True, True, False, False])
            self.assertFalse(found.repl_open(0))
            self.assertEqual(found.name, "broken")
        seal.close()
        self.assertEqual((seal.name, seal.repl_open(START)), ("sealed", False))

    def test_what_nobody_here_wrote_does_not_open(self):
        for data in (b"", b"\0", bytes(11), bytes(13), b"\x03" + bytes(11), b"\xff" * 12):
            seal = Seal(PlainVault({"seal": data}))
            self.assertEqual((seal.name, seal.repl_open(START)), ("broken", False))

    def test_a_witness_alone_does_not_open(self):
        """What drivers.vault tells of a seal that NVS has lost: its first byte, or none of it."""
        for data in (b"", b"\0", b"\1", b"\2"):
            for keys in (None, b"some"):
                vault = PlainVault({"seal": data})
                if keys:
                    vault.held["keys"] = keys
                seal, is_cut = Seal(vault), data == b"\1" and keys is not None
                self.assertEqual(seal.name, "sealed" if is_cut else "broken")
                for now in (0, START, 0xFFFFFFFF):
                    self.assertFalse(seal.repl_open(now) or seal.tick(now))

    def test_a_witness_ends_with_the_next_change(self):
        vault = PlainVault({"seal": b"\1", "keys": b"some"})
        Seal(vault).open(START)
        seal = Seal(vault)
        self.assertEqual((seal.name, seal.repl_open(START)), ("broken", True))
        seal.close()
        self.assertEqual((Seal(vault).name, len(vault.held["seal"])), ("sealed", 12))


class TestTheEndOfTheWindow(unittest.TestCase):
    def test_it_is_told_once(self):
        seal = Seal(PlainVault())
        seal.close()
        seal.open(START)
        self.assertEqual(
            [seal.tick(START + s) for s in (0, 1, 599, 600, 601, 5)], [0, 0, 0, 1, 0, 0]
        )

    def test_a_clock_that_goes_bad_ends_it(self):
        seal = Seal(PlainVault())
        seal.open(START)
        self.assertEqual([seal.tick(now) for now in (START, 0, 0)], [False, True, False])

    def test_sealing_ends_it(self):
        for opened in (False, True):
            seal = Seal(PlainVault())
            if opened:
                seal.open(START)
            seal.tick(START)
            seal.close()
            self.assertEqual([seal.tick(START) for _ in range(2)], [True, False])

    def test_who_was_told_that_it_is_open_is_told_the_end(self):
        vault = PlainVault()
        Seal(vault).open(START)
        seal = Seal(vault)
        self.assertTrue(seal.repl_open(START + 599))
        self.assertTrue(seal.tick(START + 600))

    def test_a_start_after_it_is_no_end(self):
        vault = PlainVault()
        Seal(vault).open(START)
        self.assertFalse(Seal(vault).tick(START + 600))


class TestRequests(unittest.TestCase):
    def refusal(self, rig, do, **args):
        try:
            rig.ask(do, **args)
        except AssertionError as error:
            return error.args[0]["error"]["code"]
        self.fail(do + " was not refused")

    def test_without_keys_there_is_no_seal(self):
        rig = GateRig()
        self.assertEqual(self.refusal(rig, "seal"), "state")
        self.assertEqual((rig.gate.seal.name, rig.events()), ("open", []))

    def test_without_a_journal_there_is_no_seal(self):
        rig = GateRig(keys=some_keys())
        rig.meter.state = "foreign"
        self.assertEqual(self.refusal(rig, "seal"), "state")
        self.assertEqual(rig.gate.seal.name, "open")

    def test_the_events_of_a_life(self):
        rig = GateRig(keys=some_keys())
        rig.ask("seal")
        self.assertEqual(rig.ask("seal"), {"seal": "sealed"})  # twice the same is one event
        rig.restart()
        self.assertEqual(rig.ask("info")["seal"], "sealed")
        client = Client(rig, "utility")
        said = client.change("unseal")["ok"]
        self.assertEqual(said, {"seal": "broken", "until": START + 600})
        self.assertTrue(rig.gate.leave)
        client.change("unseal")  # within the hour, and still an event of its own
        client.change("seal")
        self.assertFalse(rig.gate.leave)
        expected = [(KEYS, 0, 1), (SEAL, 0, 1), (UNSEAL, 1, START + 600)]
        expected += [(UNSEAL, 2, START + 600), (SEAL, 2, 1)]
        self.assertEqual(rig.events(), expected)

    def test_broken_is_shown_until_it_is_sealed_again(self):
        rig = GateRig(keys=some_keys(), sealed=True)
        Client(rig, "utility").change("unseal")
        rig.run(7200)
        rig.restart()
        self.assertEqual(rig.public("info")["ok"]["seal"], "broken")
        self.assertEqual(rig.public("hello")["ok"]["seal"], "broken")
        self.assertFalse(rig.gate.seal.repl_open(rig.ports.clock.utc))
        Client(rig, "maker").change("seal")
        self.assertEqual(rig.public("info")["ok"]["seal"], "sealed")

    def test_unseal_does_nothing_to_an_open_meter(self):
        rig = GateRig(keys=some_keys())
        self.assertEqual(rig.ask("unseal"), {"seal": "open", "until": None})
        self.assertEqual(rig.events(), [(KEYS, 0, 1)])

    def test_without_its_event_nothing_is_opened(self):
        rig = GateRig(keys=some_keys(), sealed=True)
        rig.meter.journal.events[4].append = fail
        answer = Client(rig, "utility").change("unseal")
        self.assertEqual(answer["error"]["code"], "meter")
        self.assertEqual((rig.gate.seal.name, rig.gate.leave), ("sealed", False))

    def test_a_meter_without_a_journal_can_be_opened(self):
        rig = GateRig(keys=some_keys(), sealed=True)
        rig.meter.state = "blank"
        self.assertEqual(Client(rig, "utility").change("unseal")["ok"]["seal"], "broken")


class TestKeys(unittest.TestCase):
    def refusal(self, rig, **args):
        try:
            rig.ask("keys", **args)
        except AssertionError as error:
            return error.args[0]["error"]["code"]
        self.fail("keys were not refused")

    def test_from_then_on_the_chains_have_their_key(self):
        rig, keys = GateRig(), some_keys()
        self.assertEqual(rig.ask("keys", data=in_line(keys)), {"generation": 1})
        meter = rig.meter
        for key in (meter.key, meter.book.key, meter.events.key):
            self.assertEqual(key, keys.evidence)
        self.assertTrue(rig.ask("info")["keyed"])

    def test_the_event_is_the_last_link_of_the_old_chain(self):
        keys = [bytes(32), some_keys().evidence, some_keys(2).evidence]
        rig = GateRig(keys=some_keys())
        rig.ask("keys", data=in_line(some_keys(2)))
        rig.ask("seal")
        rig.restart()
        Client(rig, "utility", some_keys(2)).change("unseal")
        ring, previous = rig.meter.journal.events[4], bytes(32)
        self.assertEqual([event[0] for event in rig.events()], [KEYS, KEYS, SEAL, UNSEAL])
        for seq, key in zip(range(1, 5), keys + keys[2:]):
            self.assertTrue(ring.read(seq, ring.slot))
            record = bytearray(ring.slot)
            found = bytes(chain.field(record))
            chain.field(record)[:] = bytes(32)
            self.assertEqual(found, chain.tag(key, previous, record[:-4]))
            previous = found

    def test_the_same_again_is_nothing(self):
        rig = GateRig(keys=some_keys())
        stores = rig.vault.stores
        self.assertEqual(rig.ask("keys", data=in_line(some_keys())), {"generation": 1})
        self.assertEqual((rig.events(), rig.vault.stores), ([(KEYS, 0, 1)], stores))

    def test_the_first_may_be_of_any_generation_the_next_is_one_more(self):
        rig = GateRig(keys=some_keys(7))
        for generation in (1, 6, 9, 4_000_000_000):
            keys = some_keys(generation)
            self.assertEqual(self.refusal(rig, data=in_line(keys)), "state")
        self.assertEqual(self.refusal(rig, data=in_line(some_keys(7, meter=1))), "state")
        self.assertEqual(rig.ask("keys", data=in_line(some_keys(8))), {"generation": 8})
        self.assertEqual(rig.events(), [(KEYS, 0, 7), (KEYS, 7, 8)])

    def test_what_is_no_blob_of_keys(self):
        rig, good = GateRig(), in_line(some_keys())
        for data in ("", "AAAA", good[:-4], good[:40] + "AAAA" + good[44:], "A"):
            self.assertEqual(self.refusal(rig, data=data), "arguments")
        self.assertEqual((rig.gate.keys, rig.events(), rig.held), (None, [], {}))

    def test_a_sealed_meter_takes_none_even_from_the_maker(self):
        rig = GateRig(keys=some_keys(), sealed=True)
        maker = Client(rig, "maker")
        data = in_line(some_keys(2))
        self.assertEqual(maker.change("keys", data=data)["error"]["code"], "state")
        Client(rig, "utility").change("unseal")
        rig.ports.clock.utc += 600
        self.assertEqual(maker.change("keys", data=data)["error"]["code"], "state")
        Client(rig, "utility").change("unseal")
        self.assertEqual(maker.change("keys", data=data)["ok"], {"generation": 2})
        self.assertEqual(maker.change("seal"), "refused")
        maker = Client(rig, "maker", some_keys(2))
        self.assertEqual(maker.hello()["counters"][2], 3)  # they go on across a rotation
        self.assertEqual(maker.change("seal")["ok"], {"seal": "sealed"})


class TestPowerCut(unittest.TestCase):
    """At each store of the vault and each program of the flash: the old state or the new one,
    the event is there before the state is, and the same request again ends what was begun."""

    def cases(self):
        """Yields (rig before, do, args, states that may follow)"""
        yield lambda: GateRig(keys=some_keys()), "seal", {}, SEAL
        yield lambda: GateRig(keys=some_keys(), sealed=True), "unseal", {}, UNSEAL
        yield GateRig, "keys", {"data": in_line(some_keys())}, KEYS
        rotated = {"data": in_line(some_keys(2))}
        yield lambda: GateRig(keys=some_keys()), "keys", rotated, KEYS

    def state(self, rig):
        rig.gate.seal.tick(rig.ports.clock.utc)
        generation = rig.gate.keys.generation if rig.gate.keys else 0
        return rig.gate.seal.name, generation, rig.meter.key

    def outcomes(self, make, do, args):
        before = self.state(make())
        rig = make()
        rig.ask(do, **args)
        return before, self.state(rig)

    def after(self, rig, do, args, code, known):
        """What holds after the power is back, whatever it was cut in."""
        rig.ports.flash.power_on()
        rig.cut(5)
        found = self.state(rig)
        self.assertIn(found, known)
        if found == known[1]:
            self.assertEqual(rig.events()[-1][0], code)
        rig.push(tariffs.text())
        rig.run(120, imported=60_000)
        self.assertTrue(rig.ask("bill")["total"] > 0)
        rig.ask(do, **args)
        self.assertEqual(self.state(rig)[:2], known[1][:2])
        rig.restart()
        self.assertEqual(self.state(rig), known[1])
        self.assertEqual(rig.events()[-1][0], code)

    def test_at_each_store_of_the_vault(self):
        for make, do, args, code in self.cases():
            known = self.outcomes(make, do, args)
            for kept in (False, True):
                rig = make()
                rig.vault.cut_after(0, kept)
                self.assertRaises(PowerCut, rig.ask, do, **args)
                self.assertEqual(rig.events()[-1][0], code)
                self.after(rig, do, args, code, known)

    def test_at_each_byte_of_the_event(self):
        for make, do, args, code in self.cases():
            known = self.outcomes(make, do, args)
            for cut_after in range(0, 64, 7):
                rig = make()
                stores = rig.vault.stores
                rig.ports.flash.cut_after = cut_after
                self.assertRaises(PowerCut, rig.ask, do, **args)
                self.assertEqual(rig.vault.stores, stores)
                self.after(rig, do, args, code, known)

    def test_in_an_envelope_the_counter_is_the_first_store(self):
        for stores in (0, 1):
            for kept in (False, True):
                rig = GateRig(keys=some_keys(), sealed=True)
                client = Client(rig, "utility")
                rig.vault.cut_after(stores, kept)
                self.assertRaises(PowerCut, client.change, "unseal")
                rig.cut(5)
                opened = (stores, kept) == (1, True)
                self.assertEqual(rig.gate.seal.name, "broken" if opened else "sealed")
                counter = int((stores, kept) != (0, False))
                self.assertEqual(client.hello()["counters"], [0, counter, 0])
                again = rig.send(client.sent)
                self.assertEqual(again.startswith(b"WL1 "), counter == 0)
                self.assertTrue(client.change("unseal")["ok"])


if __name__ == "__main__":
    unittest.main()
