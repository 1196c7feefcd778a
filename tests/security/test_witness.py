"""R7, R19: a seal has a witness in a file, so that a meter whose NVS was erased stays shut."""

import builtins
import os
from binascii import a2b_base64

import gate_rig
import pytest
from gate_rig import START, Client, GateRig, some_keys

from boards.virtual.nor import PowerCut
from drivers import vault
from meter import codes
from meter.rows import Event
from tests.e2e.sealed_meter import HELLO, PROMPTS, connect, hello, talk, wait_for
from wattledger import session
from wattledger.errors import ToolError

NOT_FOUND = 0x1102


class Module:
    """What the vault's driver has on the chip: NVS and files. steps: until the power goes."""

    def __init__(self, root):
        self.root, self.held, self._set, self.steps = root, {}, {}, None

    def step(self):
        if self.steps is not None:
            if not self.steps:
                raise PowerCut("module")
            self.steps -= 1

    def nvs(self, space):
        return self

    def get_blob(self, key, buf):
        if key not in self.held:
            raise OSError(-NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        buf[: len(self.held[key])] = self.held[key]
        return len(self.held[key])

    def set_blob(self, key, data):
        self._set = {key: bytes(data)}

    def commit(self):
        self.step()
        self.held.update(self._set)
        self.step()

    def open(self, path, mode):
        if mode == "wb":
            self.step()
        return builtins.open(path, mode)

    def rename(self, old, new):
        self.step()
        os.replace(old, new)

    def files(self):
        return sorted(os.listdir(self.root))

    def erase(self):
        self.held.clear()
        for name in self.files():
            os.remove(os.path.join(self.root, name))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The vault of the rigs is the driver's, on this."""
    made = Module(str(tmp_path))
    monkeypatch.setattr(os, "rename", made.rename)
    monkeypatch.setattr(vault, "open", made.open, raising=False)
    monkeypatch.setattr(gate_rig, "PlainVault", lambda _: vault.Vault(made.nvs, made.root))
    return made


def cut_in(module, do, steps):
    """-> (rig on which the power was cut at this step of a request, whether it came to that)"""
    module.erase()
    rig, struck = GateRig(keys=some_keys(), sealed=do == "unseal"), False
    module.steps = steps
    try:
        rig.ask(do)
    except PowerCut:
        struck = True
    module.steps = None
    rig.cut(5)
    return rig, struck


OUTCOMES = {"seal": ("open", "sealed"), "unseal": ("sealed", "broken")}


@pytest.mark.parametrize("do", OUTCOMES)
def test_r07_a_cut_at_each_step_of_it_leaves_the_old_or_the_new(module, do):
    old, new = OUTCOMES[do]
    steps, struck, seen = 0, True, []
    while struck:
        rig, struck = cut_in(module, do, steps)
        seen.append(rig.gate.seal.name)
        assert rig.gate.seal.repl_open(START + 10) == (seen[-1] != "sealed")
        if seen[-1] == "open":
            rig.ask("seal")
        elif do == "seal":  # by the witness, and nobody is locked out
            assert Client(rig, "utility").change("seal")["ok"] == {"seal": "sealed"}
        else:
            assert Client(rig, "utility").change("unseal")["ok"]["seal"] == "broken"
        rig.restart()
        assert rig.gate.seal.name == new
        steps += 1
    assert seen == sorted(seen, key=OUTCOMES[do].index)
    assert set(seen) == {old, new}
    assert steps == 5  # file, rename, commit twice, and none


@pytest.mark.parametrize("do", OUTCOMES)
def test_r19_after_each_of_these_cuts_a_lost_nvs_opens_nothing(module, do):
    steps, struck = 0, True
    while struck:
        rig, struck = cut_in(module, do, steps)
        was_open = rig.gate.seal.name == "open"
        module.held.clear()
        rig.cut(5)
        assert rig.gate.seal.name == ("open" if was_open else "broken")
        assert rig.gate.seal.repl_open(START + 10) == was_open
        steps += 1
    assert Client(rig, "utility").change("unseal") == "refused"  # no key is left


def test_a_witness_that_cannot_be_written_is_no_seal(module):
    rig = GateRig(keys=some_keys())
    os.mkdir(module.root + "/sealed.new")
    with pytest.raises(AssertionError, match=r"vault: seal not stored.*try again"):
        rig.ask("seal")
    rig.restart()
    assert (rig.gate.seal.name, "seal" in module.held) == ("open", False)


def test_a_witness_that_cannot_be_read_shuts(module):
    os.mkdir(module.root + "/sealed")
    assert GateRig().gate.seal.name == "broken"


def security_events(board):
    """-> [(code, before, after)] of the security ring, oldest first"""
    with connect(board) as meter:
        rows = meter.request("rows", ring="security", from_seq=1)["rows"]
    found = []
    for row in rows:
        record = Event()
        record.unpack(a2b_base64(row))
        found.append((record.code, record.before, record.after))
    return found


def test_r19_a_sealed_meter_whose_nvs_was_erased_meters_on_and_stays_shut(sealed):
    """As MicroPython does at a start where ESP-IDF finds no free page in NVS."""
    nvs = sealed.state / "nvs.json"
    sealed.set_clock(held=True)
    sealed.advance(seconds=7200)  # an hour after the keys came: of a kind it has one event
    with connect(sealed) as meter:
        meter.request("commit")
        before = meter.request("registers")["registers"]["1.8.0"]
    sealed.cut()
    kept = nvs.read_bytes()
    nvs.unlink()
    sealed.start(clock="held")
    wait_for(lambda: sealed.status()["cpu"] == "main.py")
    told = talk(sealed, b"\r\x03\x03\x01\x04" + HELLO)
    assert not any(prompt in told for prompt in PROMPTS), told
    told = hello(sealed)
    assert (told["seal"], told["generation"]) == ("broken", 0)
    with pytest.raises(ToolError, match="has lost its keys"), connect(sealed) as meter:
        meter.request("unseal")
    sealed.advance(seconds=120, step_s=1)
    with session.connect("virtual", sealed.state) as meter:
        info, after = meter.request("info"), meter.request("registers")["registers"]["1.8.0"]
    assert (info["state"], info["seal"], info["keyed"]) == ("ready", "broken", False)
    assert info["alert_count"] > 0
    assert after - before >= 200_000 * 9 // 10  # mWh: 6 kW for two minutes, less the start
    sealed.cut()
    nvs.write_bytes(kept)  # esptool with a backup of the partition
    sealed.start(clock="held")
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    assert security_events(sealed)[-1] == (codes.EVENT_KEYS & 255, 0, 0)
