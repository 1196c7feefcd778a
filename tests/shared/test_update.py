"""New software: what a manifest must say, what is verified, and a power cut at every step."""

import json
import unittest
from binascii import b2a_base64
from hashlib import sha256

import gate_rig
from gate_rig import GateRig, some_keys
from plain_slots import PlainSlots, digest

from boards.virtual.nor import PowerCut
from meter.security import update as rules
from meter.service import Refused, Service

_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BOOT = b"boot"
OLD = {"app.mpy": b"app", "meter/core.mpy": b"core", "comms/console.mpy": b"console 1"}
NEW = {"app.mpy": b"app", "meter/core.mpy": b"core", "comms/console.mpy": b"console 2" * 90}
OTHER = {"app.mpy": b"app 2", "meter/core.mpy": b"core", "comms/console.mpy": b"console 2"}


def legal_of(files):
    lines = {p: digest(d) for p, d in files.items() if not p.startswith("comms/")}
    lines["boot.py"] = digest(BOOT)
    text = "".join([lines[path] + "  " + path + "\n" for path in sorted(lines)])
    return digest(text.encode())


def manifest_of(files, version, changed=None):
    content = {
        "abi": 6,
        "board": "virtual",
        "files": {path: digest(data) for path, data in files.items()},
        "legal": legal_of(files),
        "min_version": 0,
        "version": version,
    }
    content.update(changed or {})
    return json.dumps(content).encode()


def signed(kind, argument, version=2, target="*", private=_N - 1, until=0):
    """-> an order; gate_rig's maker has the key -1, its utility 1. The secret number is 1 too."""
    words = ("wattledger order 1", kind, target, str(version), str(until), argument)
    h = int.from_bytes(sha256("\n".join(words).encode()).digest(), "big")
    r = gate_rig._G[0] % _N
    s = (h + r * private) % _N
    s = min(s, _N - s)
    sig = b2a_base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return {"target": target, "version": version, "until": until, "sig": str(sig, "ascii").strip()}


class UpdateRig(GateRig):
    """A meter with keys that runs build 1 in slot a. told: what /slot holds, as the files do."""

    def __init__(self, sealed=True, keys=None):
        self.files = {"boot.py": BOOT, "a/manifest.json": manifest_of(OLD, 1)}
        for path, data in OLD.items():
            self.files["a/" + path] = data
        self.told, self.slots = "a", None
        super().__init__(keys=keys or some_keys(), sealed=sealed)

    def _boot(self):
        super()._boot()
        if self.slots is not None:
            self.told = self.slots.told
        self.slots = PlainSlots(self.files, self.told)
        self.ports.slots, self.ports.name = lambda: self.slots, "virtual"
        self.ports.restart_in = 0
        identity = {"serial": "24", "board": "rig", "firmware": "0", "software": legal_of(OLD)}
        self.service = Service(self.meter, identity)

    def refusal(self, do, **args):
        """-> (code, text)"""
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        error = json.loads(self.service.handle("maker", line))["error"]
        return error["code"], error["text"]

    def stage(self, files, manifest):
        """As the host does it."""
        content = dict(files)
        content["manifest.json"] = manifest
        for name in self.ask("stage", **{"from": 0})["names"]:
            if name not in content:
                self.ask("stage", path=name, remove=True)
        for path in sorted(content, key=lambda path: path == "manifest.json"):
            data = content[path]
            if self.ask("stage", path=path, copy=digest(data))["sha256"] == digest(data):
                continue
            for at in range(0, len(data), 512):
                part = str(b2a_base64(data[at : at + 512]), "ascii").strip()
                self.ask("stage", path=path, at=at, data=part)

    def update(self, manifest, **order):
        name = digest(manifest)
        return {"manifest": name, "order": signed("update", name, **order)}

    def install(self, files=NEW, version=2):
        manifest = manifest_of(files, version)
        self.stage(files, manifest)
        return self.ask("update", **self.update(manifest))


class TestManifest(unittest.TestCase):
    def refused(self, data, word):
        try:
            rules.parse(data)
        except Refused as refused:
            self.assertTrue(word in refused.args[1], refused.args[1])
        else:
            self.fail("taken: " + word)

    def test_what_is_none(self):
        self.refused(b"", "no JSON")
        self.refused(b"[1]", "no JSON")
        for name in ("version", "min_version", "abi", "legal", "board"):
            self.refused(manifest_of(OLD, 1, {name: None}), name)
        self.refused(manifest_of(OLD, True), "version")
        self.refused(manifest_of(OLD, "2"), "version")
        self.refused(manifest_of(OLD, 1, {"files": {}}), "files")
        self.refused(manifest_of(OLD, 1, {"files": ["a"]}), "files")
        self.refused(manifest_of(OLD, 1, {"files": {"app.mpy": 1}}), "path")
        self.refused(manifest_of(OLD, 1, {"files": {"manifest.json": "0"}}), "path")

    def test_r16_no_path_leaves_the_slot(self):
        for path in (
            "",
            "/",
            "/app.mpy",
            "../slot",
            "a/../b",
            "a//b",
            "a/",
            ".x",
            "a/.b",
            "A",
            "a b",
        ):
            self.assertFalse(rules.is_path(path), path)
            self.refused(manifest_of(OLD, 1, {"files": {path: "0"}}), "path")
        for path in ("app.mpy", "meter/security/gate.mpy", "a_1/b.c"):
            self.assertTrue(rules.is_path(path), path)
        self.assertFalse(rules.is_path("a" * 61))
        self.assertFalse(rules.is_path(1))

    def test_r15_what_may_follow(self):
        fits = ("virtual", 1, 6, legal_of(NEW))
        cases = (
            ({}, fits, None),
            ({"board": "esp32"}, fits, "board"),
            ({"version": 1}, fits, "version"),
            ({"version": 0}, fits, "version"),
            ({"min_version": 2}, fits, "version"),
            ({"abi": 5}, fits, "abi"),
            ({"abi": 6 | 0x100}, fits, "abi"),
            ({"abi": 6 | 0x100}, ("virtual", 1, 6 | 0x100, None), None),
            ({"legal": legal_of(OTHER)}, fits, "legal"),
            ({"legal": legal_of(OTHER)}, ("virtual", 1, 6, None), None),
        )
        for other, running, word in cases:
            manifest = rules.parse(manifest_of(NEW, 2, other))
            try:
                rules.check(manifest, *running)
                self.assertEqual(word, None)
            except Refused as refused:
                self.assertTrue(word is not None and refused.args[1].startswith(word), other)


class TestUpdate(unittest.TestCase):
    def test_a_sealed_meter_takes_what_leaves_the_legal_digest(self):
        rig = UpdateRig()
        answer = rig.install()
        self.assertEqual((answer["slot"], answer["version"]), ("b", 2))
        self.assertEqual(answer["legal"], legal_of(OLD))
        self.assertEqual(rig.slots.told, "b3")
        self.assertEqual(rig.ports.restart_in > 0, True)

    def test_r17_another_legal_digest_only_with_the_seal_open(self):
        rig = UpdateRig()
        manifest = manifest_of(OTHER, 2)
        rig.stage(OTHER, manifest)
        code, text = rig.refusal("update", **rig.update(manifest))
        self.assertEqual((code, text.split(":")[0]), ("update", "legal"))
        self.assertEqual(rig.slots.told, "a")
        self.assertEqual(rig.vault.load("orders"), None)  # nor was the order used up
        rig.gate.seal.open(rig.ports.clock.utc)
        self.assertEqual(rig.ask("update", **rig.update(manifest))["slot"], "b")

    def test_r16_every_file_is_what_was_signed(self):
        def alter(path, data):
            def step(files):
                files["b/" + path] = data

            return step

        cases = [alter(path, b"x" + data) for path, data in NEW.items()]
        cases += [alter("extra.mpy", b""), alter("comms/extra.mpy", b"1"), alter("app.py", b"")]
        cases += [
            lambda files: files.pop("b/app.mpy"),
            lambda files: files.pop("b/comms/console.mpy"),
        ]
        cases += [lambda files: files.pop("b/manifest.json"), alter("manifest.json", b"{}")]
        cases.append(lambda files: files.update({"boot.py": b"another"}))
        for case in cases:
            rig = UpdateRig()
            manifest = manifest_of(NEW, 2)
            rig.stage(NEW, manifest)
            case(rig.files)
            self.assertEqual(rig.refusal("update", **rig.update(manifest))[0], "update")
            self.assertEqual(rig.slots.told, "a")

    def test_r15_only_with_an_order_of_the_maker_for_this_manifest(self):
        manifest = manifest_of(NEW, 2)
        good = digest(manifest)
        rig = UpdateRig()
        rig.stage(NEW, manifest)
        for order in (
            signed("update", good, private=1),  # the utility's
            signed("tariff", good),
            signed("update", digest(b"another")),
            signed("update", good, target="group:town"),
            signed("update", good, until=1),
            None,
        ):
            code, _ = rig.refusal("update", manifest=good, order=order)
            self.assertEqual(code, "order")
            self.assertEqual(rig.slots.told, "a")
        self.assertEqual(rig.refusal("update", manifest=good)[0], "order")
        rig.ask("update", manifest=good, order=signed("update", good, target="group:village"))

    def test_r15_an_older_build_is_refused_though_it_was_signed(self):
        rig = UpdateRig()
        for version in (1, 0):
            manifest = manifest_of(NEW, version)
            rig.stage(NEW, manifest)
            text = rig.refusal("update", **rig.update(manifest, version=9))[1]
            self.assertEqual(text.split(":")[0], "version")

    def test_a_slot_on_trial_keeps_its_fall_back(self):
        rig = UpdateRig()
        rig.slots.told = "b2"
        before = dict(rig.files)
        self.assertEqual(rig.refusal("stage", path="app.mpy", remove=True)[0], "state")
        self.assertEqual(rig.refusal("stage", path="app.mpy", at=0, data="AAAA")[0], "state")
        self.assertEqual(rig.refusal("update", manifest="0")[0], "state")
        self.assertEqual(rig.files, before)
        self.assertEqual(rig.ask("stage", **{"from": 0})["trial"], True)

    def test_stage_touches_the_free_slot_only(self):
        rig = UpdateRig()
        before = dict(rig.files)
        for path in ("../slot", "/slot", "boot.py/../../a/app.mpy", "../a/app.mpy", 7, None):
            self.assertEqual(rig.refusal("stage", path=path, at=0, data="AAAA")[0], "arguments")
        for data in ("", "=", "A" * 800, 5):
            self.assertEqual(rig.refusal("stage", path="x", at=0, data=data)[0], "arguments")
        self.assertEqual(rig.refusal("stage", path="x", at=4, data="AAAA")[0], "state")
        self.assertEqual(rig.files, before)

    def test_a_part_that_comes_twice_is_written_once(self):
        rig = UpdateRig()
        rig.ask("stage", path="x", at=0, data="AAAA")
        self.assertEqual(rig.ask("stage", path="x", at=3, data="AQID")["size"], 6)
        self.assertEqual(rig.ask("stage", path="x", at=3, data="AQID")["size"], 6)
        self.assertEqual(rig.files["b/x"], b"\0\0\0\1\2\3")
        self.assertEqual(rig.refusal("stage", path="x", at=3, data="AQIE")[0], "state")
        self.assertEqual(rig.ask("stage", path="x", copy=digest(b""))["size"], 6)
        self.assertEqual(rig.ask("stage", path="y"), {"size": None, "sha256": None})

    def test_a_role_below_the_utility_stages_nothing(self):
        rig = UpdateRig()
        for role in ("public", "reader"):
            line = b'{"id":1,"do":"stage","args":{"path":"x","at":0,"data":"AAAA"}}'
            self.assertEqual(json.loads(rig.service.handle(role, line))["error"]["code"], "role")


class TestCuts(unittest.TestCase):
    """R7: the power goes at any step; the meter boots the old software or the new, and the same
    bundle completes it."""

    def survives(self, cut):
        """cut(rig) arms it. -> whether it struck"""
        rig, struck = UpdateRig(), True
        rig.run(60, imported=600)
        total = rig.live.registers[0]
        cut(rig)
        try:
            rig.install()
            struck = False
        except PowerCut:
            rig.slots.steps = None
            rig.ports.flash.power_on()
        rig.told = rig.slots.told
        self.assertTrue(rig.told in ("a", "b3"))
        rig.cut()
        self.assertTrue(rig.live.registers[0] >= total - 600 * 50 // 3)
        for path, data in OLD.items():
            self.assertEqual(rig.files["a/" + path], data)
        if rig.told == "a":
            rig.install()
        self.assertEqual(rig.slots.told, "b3")
        for path, data in NEW.items():
            self.assertEqual(rig.files["b/" + path], data)
        return struck

    def test_r07_at_every_step_on_the_slots(self):
        steps = 0
        while self.survives(lambda rig, at=steps: setattr(rig.slots, "steps", at)):
            steps += 1
        self.assertTrue(steps >= 6, steps)

    def test_r07_at_the_store_of_the_order(self):
        for kept in (False, True):
            self.assertTrue(self.survives(lambda rig, at=kept: rig.vault.cut_after(0, at)))

    def test_r07_in_the_journal(self):
        steps = 0
        while self.survives(lambda rig, at=steps: setattr(rig.ports.flash, "cut_after", at)):
            steps += 37
        self.assertTrue(steps > 300, steps)


if __name__ == "__main__":
    unittest.main()
