"""Deploy and push on a device that loses power after any step: the old one stays whole."""

import hashlib
from pathlib import Path
from unittest import mock

import pytest

from wattledger import build, deploy
from wattledger.commands import tariff as tariff_command
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_file

DEMO = Path(__file__).parents[2] / "docs" / "tariffs" / "three-prices-two-seasons.toml"


class PowerCut(BaseException):
    """The device is dark; nobody may catch this by accident."""


class FakeDevice:
    """Files as a device keeps them. A write is torn, and all ends, after `steps` steps.

    A step is one byte of a write, a rename, a removal or a new folder.
    """

    def __init__(self, files=(), steps=None):
        self.files = dict(files)
        self.steps = steps
        self.requests = []

    def _step(self):
        if self.steps is not None:
            if self.steps == 0:
                raise PowerCut
            self.steps -= 1

    def hash_tree(self, folder):
        return {p: build.sha256(d) for p, d in self.files.items() if p.startswith(folder + "/")}

    def hash_file(self, path):
        return build.sha256(self.files[path]) if path in self.files else None

    def read(self, path):
        return self.files.get(path)

    def write(self, path, data, progress=None):
        self.files[path] = b""
        for at in range(len(data)):
            self._step()
            self.files[path] = data[: at + 1]
        if progress:
            progress(len(data))

    def replace(self, path, data):
        self.write(path + ".new", data)
        self.rename(path + ".new", path)

    def rename(self, old, new):
        self._step()
        self.files[new] = self.files.pop(old)

    def remove(self, path):
        self._step()
        del self.files[path]

    def mkdir(self, path):
        self._step()

    def request(self, do, **args):
        if do != "info":
            self.requests.append((do, args))
        return {"at": 1790000000, "state": "ready", "keyed": False}


def software(version):
    """A small Build whose files all carry the version."""
    slot = {
        "app.mpy": b"app " + version,
        "meter/core.mpy": b"core " + version,
        "meter/same.mpy": b"same",
        build.MANIFEST: b"manifest " + version,
    }
    root = {"boot.py": b"boot " + version, "main.py": b"main"}
    return build.Build("virtual", slot, root, build.legal_digest(slot, root))


def put(device, made):
    deploy.install(device, made, deploy.plan(device, made))


def running(device):
    """-> the files of the slot that boots, by path in the slot."""
    slot = deploy.active_slot(device)
    return {p[3:]: d for p, d in device.files.items() if slot and p.startswith(f"/{slot}/")}


def test_a_bare_device_gets_slot_a():
    device = FakeDevice()
    put(device, software(b"1"))
    assert device.files["/slot"] == b"a"
    assert running(device) == software(b"1").slot
    assert device.files["/boot.py"] == b"boot 1"


def test_only_what_differs_is_copied():
    device = FakeDevice()
    for version in (b"1", b"2"):
        put(device, software(version))
    assert running(device) == software(b"2").slot
    todo = deploy.plan(device, software(b"3"))
    assert todo.slot == "a"
    assert "meter/same.mpy" not in todo.copy
    assert todo.copy[-1] == build.MANIFEST
    assert todo.root == ["boot.py"]
    assert deploy.plan(device, software(b"2")).current


def test_what_the_build_has_not_is_removed():
    device = FakeDevice()
    put(device, software(b"1"))
    device.files["/b/meter/gone.mpy"] = b"stale"
    put(device, software(b"2"))
    assert running(device) == software(b"2").slot


@pytest.mark.parametrize("history", [(), (b"1",), (b"1", b"2")], ids=["bare", "one", "two"])
def test_a_cut_at_any_byte_leaves_the_old_software_active(history):
    before = FakeDevice()
    for version in history:
        put(before, software(version))
    old = running(before)
    new = software(b"next")
    steps = 0
    while True:
        device = FakeDevice(before.files, steps)
        try:
            put(device, new)
        except PowerCut:
            assert running(device) == old
            device.steps = None
            put(device, new)  # the next try completes it
            assert running(device) == new.slot
        else:
            break
        steps += 1
    assert running(device) == new.slot
    assert steps > 20


def test_a_file_that_arrives_altered_is_not_booted():
    device = FakeDevice()
    put(device, software(b"1"))
    with mock.patch.object(
        FakeDevice, "hash_tree", lambda self, folder: {f"{folder}/app.mpy": "0" * 64}
    ):
        todo = deploy.plan(device, software(b"2"))
        with pytest.raises(ToolError, match=r"/b/.*: arrived altered"):
            deploy.install(device, software(b"2"), todo)
    assert running(device) == software(b"1").slot


def test_a_cut_in_a_push_leaves_no_tariff_that_could_run():
    compiled = compile_file(DEMO)
    name = f"/cfg/{compiled.digest}.json"
    for steps in (0, 1, 2, len(compiled.text) // 2, len(compiled.text), len(compiled.text) + 1):
        device = FakeDevice(steps=steps)
        with pytest.raises(PowerCut):
            tariff_command.run(device, compiled, "now")
        assert name not in device.files
        assert device.requests == []
    device = FakeDevice()
    assert tariff_command.run(device, compiled, "now") == 1790000000
    assert hashlib.sha256(device.files[name]).hexdigest() == compiled.digest
    assert device.requests == [("tariff", {"digest": compiled.digest, "when": "now"})]


@pytest.mark.parametrize(
    ("state", "forced", "asked"),
    [("ready", True, 0), ("blank", False, 1), ("foreign", True, 1)],
)
def test_when_the_journal_is_formatted(state, forced, asked):
    device = FakeDevice()
    assert deploy.prepare_journal(device, {"state": state}, forced) == bool(asked)
    assert len(device.requests) == asked


def test_foreign_data_is_not_erased_unasked():
    device = FakeDevice()
    with pytest.raises(ToolError, match="--format"):
        deploy.prepare_journal(device, {"state": "foreign"}, over_foreign=False)
    assert device.requests == []


def test_the_digest_leaves_communications_out():
    slot, root = software(b"1").slot, software(b"1").root
    digest = build.legal_digest(slot, root)
    assert digest == build.legal_digest({**slot, "comms/mqtt.mpy": b"x"}, root)
    assert digest != build.legal_digest({**slot, "drivers/x.mpy": b"x"}, root)
    assert digest != build.legal_digest(slot, {**root, "boot.py": b"x"})
