"""R7: what arrives in part changes nothing, and the power may go at any step of a file or a vault.

In the journal byte by byte, and for the other deeds: the tests that docs/security.md names.
"""

import os
from base64 import b64encode

import pytest
import tariffs
from gate_rig import Client, GateRig, some_keys
from test_orders import OLD, Ordered, sign

from boards.virtual.nor import PowerCut
from drivers.files import TariffFiles
from meter import tariff_check
from meter.sample import EXPORT, IMPORT

PART = 512


class Power:
    """Every operation on a file is a step; after `left` of them the power is gone."""

    def __init__(self, monkeypatch):
        self.left, self.steps = None, 0
        for name in ("mkdir", "rename", "remove"):
            monkeypatch.setattr(os, name, self._stepped(getattr(os, name)))
        monkeypatch.setattr("drivers.file_parts.open", self._open, raising=False)

    def step(self):
        self.steps += 1
        if self.left is not None:
            if self.left == 0:
                raise PowerCut("files")
            self.left -= 1

    def _stepped(self, call):
        def stepped(*args):
            self.step()
            return call(*args)

        return stepped

    def _open(self, path, mode):
        file = open(path, mode)  # noqa: SIM115
        if mode == "ab":
            write = file.write

            class Half:
                """The power goes when half of it is written."""

                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    file.close()

                def write(_, data):
                    try:
                        self.step()
                    except PowerCut:
                        write(data[: len(data) // 2])
                        raise
                    return write(data)

            return Half()
        return file


class Sealed(Ordered):
    """A sealed meter whose tariff files are files."""

    def __init__(self, folder):
        self.folder = folder
        super().__init__(sealed=True)
        os.makedirs(folder, exist_ok=True)
        for digest, text in self.ports.files.held.items():
            (folder / f"{digest}.json").write_bytes(text)
        self.restart()

    def _boot(self):
        if (self.folder / "").exists():
            self.ports.files = TariffFiles(str(self.folder))
        super()._boot()

    def put(self, text, parts=None):
        """Through the envelope, part by part, as the host does; it begins where the meter is."""
        client, at, size = Client(self, "utility"), 0, len(text)
        while at < size and parts != 0:
            data = b64encode(text[at : at + PART]).decode()
            answer = client.read(
                "put", name=tariff_check.digest(text), at=at, size=size, data=data
            )
            at, parts = answer["ok"]["at"], parts and parts - 1
        return at

    def order(self, text, version=3):
        digest = tariff_check.digest(text)
        order = sign("tariff", digest + " now", version)
        return Client(self, "utility").change("tariff", digest=digest, when="now", order=order)


LONG = tariffs.text(name="new", source="x" * 150)


def test_r07_a_tariff_that_came_in_part_is_none(tmp_path):
    """Whatever part of it is there: the order finds no file, and the old one goes on."""
    rig = Sealed(tmp_path / "cfg")
    for parts in range(1, len(LONG) // PART + 1):
        assert rig.put(LONG, parts) == parts * PART
        answer = rig.order(LONG)
        assert "ok" not in answer
        rig.cut(10)
        rig.run(60, step_s=20, imported=3)
        assert rig.active == "test"
        assert rig.ask("bill")["digest"] == tariff_check.digest(OLD)
    assert rig.put(LONG) == len(LONG)
    assert rig.order(LONG)["ok"]
    assert rig.active == "new"


@pytest.mark.parametrize("cut", ["files", "vault", "vault, but kept"])
def test_r07_the_power_goes_at_each_step_of_a_new_tariff(tmp_path, monkeypatch, cut):
    """The file, the counters, the order. (In the journal, byte by byte: tests/shared/test_orders.)

    Old or new, the bill goes on, and the same again ends what was begun."""
    power, found, at = Power(monkeypatch), [], 0
    while True:
        rig = Sealed(tmp_path / f"{at}")
        try:
            if cut == "files":
                power.left = at
            else:
                rig.vault.cut_after(at, cut.endswith("kept"))
            rig.put(LONG)
            rig.order(LONG)
            break
        except PowerCut:
            power.left = None
        rig.cut(30)
        rig.run(120, step_s=20, imported=7)
        found.append(rig.active)
        assert sum(rig.live.rates) == rig.live.registers[IMPORT] + rig.live.registers[EXPORT]
        text = OLD if rig.active == "test" else LONG
        assert rig.ask("bill")["digest"] == tariff_check.digest(text)
        assert rig.meter.alerts() == []
        rig.put(LONG)
        assert rig.order(LONG)["ok"]
        rig.run(60, step_s=20, imported=7)
        assert rig.active == "new"
        assert sorted(os.listdir(rig.folder)) == sorted(
            tariff_check.digest(t) + ".json" for t in (OLD, LONG)
        )
        at += 1
    assert set(found) == {"test"}  # nothing is in force before its journal record
    assert len(found) == (len(LONG) // PART + 2 if cut == "files" else 2)


@pytest.mark.parametrize("kept", [False, True])
def test_r07_the_power_goes_while_the_view_is_stored(kept):
    order = sign("view", "2 30", 1)
    for stores in range(3):  # the counter, the order, the view
        rig = GateRig(keys=some_keys(), sealed=True)
        rig.vault.cut_after(stores, kept)
        with pytest.raises(PowerCut):
            Client(rig, "utility").change("view", public=2, days=30, order=order)
        rig.cut(5)
        assert rig.gate.view() == ((2, 30) if (stores, kept) == (2, True) else (1, 0))
        assert Client(rig, "utility").change("view", public=2, days=30, order=order)["ok"]
        assert rig.gate.view() == (2, 30)
