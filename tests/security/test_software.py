"""R15, R16, R17: what boots is what the maker signed, newer than what runs, whole; what counts and
bills changes only with the seal open, and its digest is seen."""

import json

import pytest
import tariffs
from gate_rig import CHANGE, READ, Client, some_keys
from test_meter import records
from test_update import BOOT, NEW, OLD, OTHER, UpdateRig, digest, legal_of, manifest_of, signed

from drivers.display import item
from meter import codes
from meter.records import Event, Ledger

UTILITY = 1  # private key of the rig


class Rig(UpdateRig):
    """Asked in envelopes, as by the host."""

    def _boot(self):
        super()._boot()
        self.gate.service = self.service  # that of UpdateRig, which tells its software

    def by(self, role, kind, do, **args):
        client = Client(self, role)
        return client.read(do, **args) if kind == READ else client.change(do, **args)

    def refused_as(self, manifest, order, role="utility"):
        """-> (code, first word) of what an update says; nothing has changed."""
        told, held = self.slots.told, self.vault.load("orders")
        said = self.by(role, CHANGE, "update", manifest=digest(manifest), order=order)
        assert (self.slots.told, self.vault.load("orders")) == (told, held)
        return said["error"]["code"], said["error"]["text"].split(":")[0]

    def updated(self, manifest):
        """-> what the meter answers to who may"""
        args = {"manifest": digest(manifest), "order": order_of(manifest)}
        return self.by("utility", CHANGE, "update", **args)

    def unseal(self):
        assert self.by("utility", CHANGE, "unseal")["ok"]["seal"] == "broken"


def staged(files, manifest):
    rig = Rig()
    rig.stage(files, manifest)
    return rig


def order_of(manifest, version=2, **more):
    return signed("update", digest(manifest), version, **more)


def test_r15_an_older_build_or_the_same_is_refused_though_it_is_signed():
    """Nor is there an order that allows it: who must go back makes a newer build of the old."""
    for version in (0, 1):
        manifest = manifest_of(NEW, version)
        rig = staged(NEW, manifest)
        for open_it in (False, True):
            if open_it:
                rig.unseal()
            assert rig.refused_as(manifest, order_of(manifest, 99)) == ("update", "version")
    manifest = manifest_of(NEW, 3, {"min_version": 2})
    assert staged(NEW, manifest).refused_as(manifest, order_of(manifest)) == ("update", "version")


ORDERS = {
    "none": lambda manifest: None,
    "of the utility": lambda manifest: order_of(manifest, private=UTILITY),
    "of nobody here": lambda manifest: order_of(manifest, private=4711),
    "of another manifest": lambda manifest: order_of(manifest + b" "),
    "of another kind": lambda manifest: signed("calibration", digest(manifest)),
    "of another meter": lambda manifest: order_of(manifest, target="246f28010204"),
    "void": lambda manifest: order_of(manifest, until=1),
}


@pytest.mark.parametrize("name", ORDERS)
def test_r15_only_the_maker_of_this_meter_signs_updates(name):
    manifest = manifest_of(NEW, 2)
    rig = staged(NEW, manifest)
    for role in ("utility", "maker"):
        assert rig.refused_as(manifest, ORDERS[name](manifest), role) == ("order", "order")
    answer = rig.by(
        "utility", CHANGE, "update", manifest=digest(manifest), order=order_of(manifest)
    )
    assert answer["ok"]["version"] == 2


def test_r15_who_may_stage_and_update():
    manifest = manifest_of(NEW, 2)
    rig = staged(NEW, manifest)
    files = dict(rig.files)
    assert rig.by("reader", READ, "stage", path="app.mpy", at=0, data="AAAA") == "refused"
    args = {"manifest": digest(manifest), "order": order_of(manifest)}
    assert rig.by("reader", CHANGE, "update", **args) == "refused"
    assert rig.public("update", **args)["error"]["code"] == "role"
    assert rig.public("stage", path="app.mpy", remove=True)["error"]["code"] == "role"
    assert (rig.files, rig.slots.told) == (files, "a")


def altered(files):
    """Yields (name, files of the slots) with one thing wrong."""
    for path in [path for path in files if path.startswith("b/")]:
        yield path + " altered", {**files, path: files[path][:-1] + b"?"}
        yield path + " longer", {**files, path: files[path] + b"\0"}
        yield path + " gone", {name: data for name, data in files.items() if name != path}
    for path in ("extra.mpy", "app.py", "comms/console.py", "meter/core.mpy.old"):
        yield path + " too many", {**files, "b/" + path: b""}
    yield "another boot.py", {**files, "boot.py": BOOT + b"\n"}


def test_r16_whatever_is_wrong_with_a_slot_it_does_not_boot():
    """Each file altered, longer, gone; a file too many, which Python would take before another."""
    manifest = manifest_of(NEW, 2)
    rig = staged(NEW, manifest)
    good, count = dict(rig.files), 0
    for name, files in altered(good):
        rig.files.clear()
        rig.files.update(files)
        assert rig.refused_as(manifest, order_of(manifest))[0] == "update", name
        count += 1
    assert count == 3 * (len(NEW) + 1) + 5
    rig.files.clear()
    rig.files.update(good)
    answer = rig.by(
        "utility", CHANGE, "update", manifest=digest(manifest), order=order_of(manifest)
    )
    assert answer["ok"]["slot"] == "b"
    assert rig.slots.told == "b3"  # three boots; tests/host/test_boot.py has the fall-back
    assert rig.refused_as(manifest, order_of(manifest)) in (
        ("state", "update"),
        ("update", "version"),
    )


def test_r16_only_an_answered_read_shows_that_there_is_a_way_in():
    """It brings a nonce back, so both ways are open; app confirms no software before."""
    rig, stranger = Rig(), some_keys(meter=1)
    rig.public("hello")
    rig.public("info")
    assert Client(rig, "utility", stranger).read("info") == "refused"
    assert Client(rig, "reader").read("commit") == "refused"  # a change is not read
    assert rig.by("utility", CHANGE, "commit")["ok"]  # a counter can be guessed
    assert not rig.gate.asked
    assert rig.by("reader", READ, "info")["ok"]
    assert rig.gate.asked
    rig.restart()
    assert not rig.gate.asked


def test_r16_a_manifest_cannot_name_a_file_elsewhere():
    for path in ("../a/app.mpy", "/boot.py", "..", "comms/../../slot"):
        files = {**NEW, path: b"evil"}
        manifest = manifest_of(files, 2)
        rig = Rig()
        rig.files["b/manifest.json"] = manifest
        before = dict(rig.files)
        assert rig.refused_as(manifest, order_of(manifest))[0] == "update"
        said = rig.by("utility", READ, "stage", path=path, at=0, data="AAAA")
        assert said["error"]["code"] == "arguments"
        assert rig.files == before


def test_r17_another_legal_part_needs_the_seal_open():
    manifest = manifest_of(OTHER, 2)
    rig = staged(OTHER, manifest)
    assert rig.refused_as(manifest, order_of(manifest)) == ("update", "legal")
    rig.unseal()
    rig.ports.clock.utc += 600
    assert rig.refused_as(manifest, order_of(manifest)) == ("update", "legal")
    rig.unseal()
    answer = rig.by(
        "utility", CHANGE, "update", manifest=digest(manifest), order=order_of(manifest)
    )
    assert answer["ok"]["legal"] == legal_of(OTHER) != legal_of(OLD)


def test_r17_a_manifest_cannot_claim_the_digest_that_runs():
    """The meter reckons it from the files that would boot."""
    manifest = manifest_of(OTHER, 2, {"legal": legal_of(OLD)})
    rig = staged(OTHER, manifest)
    assert rig.refused_as(manifest, order_of(manifest)) == ("update", "legal")


def test_r17_what_talks_can_be_replaced_and_the_digest_stays():
    manifest = manifest_of(NEW, 2)
    rig = staged(NEW, manifest)
    answer = rig.by(
        "utility", CHANGE, "update", manifest=digest(manifest), order=order_of(manifest)
    )
    assert answer["ok"]["legal"] == legal_of(NEW) == legal_of(OLD)
    event = records(rig, "configuration", Event)[-1]
    assert (event.code, event.before, event.after) == (codes.EVENT_UPDATE & 0xFF, 1, 2)


def test_r17_the_digest_is_shown_to_anybody_and_kept_with_each_bill():
    rig = Rig()
    assert rig.public("info")["ok"]["software"] == legal_of(OLD)
    rig.meter.book.software = bytes.fromhex(legal_of(OLD))
    rig.push(tariffs.text())
    ledger = records(rig, "ledger", Ledger)
    assert ledger[-1].software.hex() == legal_of(OLD)


def test_r17_the_display_shows_it():
    rig = Rig()
    rig.meter.book.software = bytes.fromhex(legal_of(OLD))
    shown, number = [], 0
    while (found := item(rig.meter, number)) is not None:
        shown.append(found)
        number += 1
    assert shown[-1] == ("software", legal_of(OLD)[:16])


def test_r17_meter_and_host_reckon_the_same_digest(board, cli):
    """The build on the virtual board: from its files, by its manifest, by the host's build."""
    board.start(clock="real")
    cli("deploy")
    shown = json.loads(cli("info", "--json"))["software"]
    manifest = json.loads((board.files / "a/manifest.json").read_text())
    assert manifest["legal"] == shown
    assert any(path.startswith("comms/") for path in manifest["files"])
    (board.files / "a/comms/console.mpy").write_bytes(b"another")
    board.mpremote("soft-reset")
    assert json.loads(cli("info", "--json"))["software"] == shown
    (board.files / "a/meter/extra.mpy").write_bytes(b"another")
    board.mpremote("soft-reset")
    assert json.loads(cli("info", "--json"))["software"] != shown
