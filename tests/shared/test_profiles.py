"""Profiles of communication: kept encrypted, never given back, bound to their place."""

import json
import unittest
from binascii import b2a_base64

from gate_rig import START, Client, GateRig, some_keys

from comms import profiles
from meter import codes
from meter.errors import MeterError
from meter.security import safe

SECRET = "correct horse 17"
HOME = {"profile": "home", "host": "broker.lan", "port": 1883, "tls": "none", "user": "wl"}
UTILITY = {"profile": "mqtt", "host": "mqtt.utility.example", "port": 8883, "tls": "ca"}


def der(size):
    return bytes([0x30, 0x82]) + bytes([i & 0xFF for i in range(size - 2)])


def in_line(data):
    return str(b2a_base64(data), "ascii").strip()


class Case(unittest.TestCase):
    def setUp(self):
        self.rig = GateRig(START, keys=some_keys())

    def kept(self, name):
        return safe.load(self.rig.gate, name)

    def refused(self, do, text, **args):
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        held = dict(self.rig.held)
        error = json.loads(self.rig.service.handle("maker", line))["error"]
        self.assertIn(text, error["text"])
        self.assertFalse(SECRET in error["text"])
        self.assertEqual(self.rig.held, held)
        return error["code"]


class TestSet(Case):
    def test_wifi_is_set_changed_and_forgotten(self):
        self.assertEqual(profiles.wifi(self.kept), None)
        self.assertEqual(self.rig.ask("wifi", ssid="home", password=SECRET), {"set": True})
        self.assertEqual(profiles.wifi(self.kept), ("home", SECRET))
        self.rig.restart()
        self.assertEqual(profiles.wifi(self.kept), ("home", SECRET))
        self.rig.ask("wifi", ssid="other", password="12345678", ntp="time.example")
        self.assertEqual(profiles.wifi(self.kept), ("other", "12345678", "time.example"))
        self.assertEqual(self.rig.ask("wifi", ssid=None), {"set": False})
        self.assertEqual(profiles.wifi(self.kept), None)

    def test_the_two_brokers_have_nothing_in_common(self):
        self.rig.ask("mqtt", password=SECRET, commands=True, live_s=5, **HOME)
        self.assertEqual(profiles.broker(self.kept, "mqtt"), None)
        fields = profiles.broker(self.kept, "home")
        self.assertEqual((fields["host"], fields["password"]), ("broker.lan", SECRET))
        self.assertEqual((fields["tls"], fields["commands"], fields["live_s"]), (None, True, 5))
        self.rig.ask("mqtt", **UTILITY)
        self.assertEqual(profiles.broker(self.kept, "mqtt")["host"], "mqtt.utility.example")
        self.rig.ask("mqtt", profile="home", host=None)
        self.assertEqual(profiles.broker(self.kept, "home"), None)
        self.assertTrue(profiles.broker(self.kept, "mqtt"))

    def test_certificates_come_in_parts(self):
        self.rig.ask("mqtt", **UTILITY)
        tls = profiles.broker(self.kept, "mqtt")["tls"]
        self.assertEqual(tls, {"name": "mqtt.utility.example"})
        for part, size in (("ca", 394), ("cert", 466), ("key", 121)):
            self.rig.ask("mqtt", profile="mqtt", part=part, data=in_line(der(size)))
            tls = profiles.broker(self.kept, "mqtt")["tls"]
            self.assertEqual(tls.get("cert") is None, part != "key")
        self.assertEqual((tls["ca"], tls["cert"], tls["key"]), (der(394), der(466), der(121)))

    def test_a_pre_shared_key(self):
        args = dict(UTILITY)
        args.update({"tls": "psk", "psk_identity": "m1", "psk_key": in_line(der(32))})
        self.rig.ask("mqtt", **args)
        tls = profiles.broker(self.kept, "mqtt")["tls"]
        self.assertEqual((tls["psk_identity"], tls["psk_key"]), (b"m1", der(32)))

    def test_local_roads_are_set_at_once_and_those_not_named_run_no_more(self):
        self.assertEqual(profiles.local(self.kept), {})
        p1 = {"uart": 2, "tx": 17, "request": 32, "invert": True, "role": "reader"}
        self.rig.ask("local", p1=p1, readout=None, t1=[1, 3])
        p1["t1"] = [1, 3]
        self.assertEqual(profiles.local(self.kept), {"p1": p1})
        readout = {"uart": 1, "tx": 16, "rx": 32}
        self.rig.ask("local", readout=readout, cosem={})
        self.assertEqual(profiles.local(self.kept), {"readout": readout, "cosem": {}})
        self.assertEqual(self.rig.ask("local"), {"set": False})
        self.assertEqual(profiles.local(self.kept), {})
        before = [e[1] for e in self.rig.events() if e[0] == codes.EVENT_PROFILE & 0xFF]
        self.assertEqual(before[-1], 3 << 8)

    def test_each_change_leaves_an_event_and_is_counted(self):
        self.rig.ask("wifi", ssid="home", password=SECRET)
        self.rig.ask("mqtt", profile="home", part="ca", data=in_line(der(100)))
        self.rig.ask("wifi", ssid=None)
        events = [e for e in self.rig.events() if e[0] == codes.EVENT_PROFILE & 0xFF]
        self.assertEqual([before for _, before, _ in events], [0, 2 << 8 | 1, 0])
        self.assertEqual([bool(after) for _, _, after in events], [True, True, False])
        self.assertEqual(self.rig.gate.profiles, 3)


class TestRefused(Case):
    def test_without_keys_there_is_nothing_to_keep_it_under(self):
        self.rig = GateRig(START)
        code = self.refused("wifi", "no keys to keep it under", ssid="home", password=SECRET)
        self.assertEqual(code, "state")
        self.refused("mqtt", "no keys to keep it under", password=SECRET, **HOME)

    def test_what_cannot_be(self):
        for args in (
            {"ssid": "", "password": SECRET},
            {"ssid": "x" * 33, "password": SECRET},
            {"ssid": "home", "password": ""},
            {"ssid": "home", "password": "short"},
            {"ssid": "home", "password": 12345678},
            {"ssid": 5, "password": SECRET},
        ):
            self.assertEqual(self.refused("wifi", "wifi: ", **args), "arguments")
        for change in (
            {"profile": "wifi"},
            {"part": "other"},
            {"tls": "maybe"},
            {"port": 0},
            {"port": "1883"},
            {"host": "x" * 65},
            {"host": ""},
            {"other": 1},
            {"commands": 1},
            {"live_s": 0},
            {"user": "x" * 64, "password": "y" * 64, "prefix": "z" * 33},
            {"tls": "psk"},
        ):
            args = dict(HOME)
            args.update(change)
            self.assertEqual(self.refused("mqtt", "mqtt: ", **args), "arguments")
        plain = dict(UTILITY)
        plain["tls"] = "none"
        self.refused("mqtt", "never talked to in plain text", **plain)
        self.refused("mqtt", "466", profile="mqtt", part="ca", data=in_line(der(467)))
        args = dict(HOME)
        del args["user"]
        self.refused("mqtt", "without a user", password=SECRET, **args)

    def test_what_is_no_base64_changes_nothing(self):
        """It was taken for "forget it", or for a key that nobody else has."""
        rig = self.rig
        rig.ask("mqtt", profile="mqtt", part="ca", data=in_line(der(394)))
        whole = in_line(der(394))
        for data in ("!", "====", "MA", whole[:-1], "?" + whole):
            self.refused("mqtt", "base64", profile="mqtt", part="ca", data=data)
        psk = dict(UTILITY)
        psk.update({"tls": "psk", "psk_identity": "m1", "psk_key": "correct horse 17"})
        self.refused("mqtt", "base64", **psk)
        self.assertEqual(rig.ask("mqtt", profile="mqtt", part="ca", data=""), {"set": False})

    def test_a_local_road_gets_no_pin_of_the_meter_and_no_right(self):
        good = {"uart": 2, "tx": 17}
        for name, change in (
            ("p1", {"tx": 5}),  # the metering IC's
            ("p1", {"tx": 18}),
            ("p1", {"rx": 25}),
            ("p1", {"request": 34}),
            ("p1", {"tx": True}),
            ("p1", {"tx": "17"}),
            ("p1", {"uart": 0}),  # the console's
            ("p1", {"uart": 3}),
            ("p1", {"role": "utility"}),
            ("p1", {"role": "maker"}),
            ("p1", {"invert": 1}),
            ("p1", {"other": 1}),
            ("p1", {"rx": 17}),
            ("readout", {}),  # it has no rx
            ("readout", {"rx": 32, "invert": True}),
            ("cosem", {"port": 1}),
            ("cosem", {"role": "utility"}),
            ("other", {}),
        ):
            settings = dict(good) if name != "cosem" else {}
            settings.update(change)
            code = self.refused("local", "local: ", **{name: settings})
            self.assertEqual(code, "arguments", (name, change))
        twice = {"uart": 2, "tx": 16, "rx": 32}
        self.refused("local", "one UART", p1=good, readout=twice)
        self.refused("local", "one GPIO", p1=good, readout={"uart": 1, "tx": 16, "rx": 17})
        for rates in ([0], [17], ["1"], 1, [True]):
            self.refused("local", "rate numbers", p1=good, t1=rates)
        self.refused("local", "rate numbers", t1=[1])
        self.refused("wifi", "ntp", ssid="home", password=SECRET, ntp="x" * 65)

    def test_by_envelope_of_the_utility_only(self):
        rig = GateRig(START, keys=some_keys(), sealed=True)
        args = {"ssid": "home", "password": SECRET}
        self.assertEqual(rig.public("wifi", **args)["error"]["code"], "role")
        self.assertEqual(Client(rig, "reader").change("wifi", **args), "refused")
        self.assertEqual(Client(rig, "utility").read("wifi", **args), "refused")
        self.assertEqual(Client(rig, "utility").change("wifi", **args)["ok"], {"set": True})


class TestAtRest(Case):
    def test_nothing_of_it_can_be_seen_in_the_vault(self):
        self.rig.ask("wifi", ssid="my network", password=SECRET)
        self.rig.ask("mqtt", password=SECRET, **HOME)
        for data in self.rig.held.values():
            for text in (SECRET, "my network", "broker.lan"):
                self.assertFalse(text.encode() in data)

    def test_no_request_says_it(self):
        self.rig.ask("wifi", ssid="my network", password=SECRET)
        self.rig.ask("mqtt", password=SECRET, **HOME)
        for do in ("hello", "info", "registers", "live", "control", "quality", "wifi", "mqtt"):
            for args in ({}, {"profile": "home"}, {"ssid": "x"}):
                line = json.dumps({"id": 1, "do": do, "args": args}).encode()
                said = self.rig.service.handle("maker", line)
                for text in (SECRET, "my network", "broker.lan"):
                    self.assertFalse(text.encode() in said)

    def test_the_same_twice_looks_different(self):
        self.rig.ask("wifi", ssid="home", password=SECRET)
        first = self.rig.held["wifi"]
        self.rig.ask("wifi", ssid="home", password=SECRET)
        self.assertTrue(self.rig.held["wifi"][2:14] != first[2:14])
        self.assertTrue(self.rig.held["wifi"][14:30] != first[14:30])

    def test_local_roads_of_another_shape_are_none(self):
        for data in (b"[[1]]", b'[["p1", {}]]', b'"p1"', b"null", b"7"):
            safe.store(self.rig.gate, "local", data)
            with self.assertRaises(ValueError):
                profiles.local(self.kept)

    def test_altered_moved_or_of_other_keys_it_is_refused(self):
        self.rig.ask("wifi", ssid="home", password=SECRET)
        good = self.rig.held["wifi"]
        for at in range(0, len(good), 5):
            bad = bytearray(good)
            bad[at] ^= 1
            self.rig.held["wifi"] = bytes(bad)
            with self.assertRaises(MeterError):
                self.kept("wifi")
        for bad in (good[:-1], good[:20], b"S1", b"x"):
            self.rig.held["wifi"] = bad
            with self.assertRaises(MeterError):
                self.kept("wifi")
        self.rig.held["wifi"] = good
        self.rig.held["home"] = good
        with self.assertRaises(MeterError):
            self.kept("home")
        self.rig.gate.keys = some_keys(2)
        with self.assertRaises(MeterError):
            self.kept("wifi")
