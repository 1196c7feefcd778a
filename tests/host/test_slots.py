"""The slots port on a folder, with a power cut at each step; boot.py reads what it leaves."""

import hashlib
import os
from unittest import mock

import pytest

from drivers import slots as module
from drivers.slots import Slots
from meter.errors import MeterError


class Cut(BaseException):
    """The power is gone."""


class Power:
    """Steps of the file system until it goes: a byte of a write, a rename, a removal, a folder."""

    def __init__(self):
        self.steps = None

    def step(self):
        if self.steps is not None:
            if not self.steps:
                raise Cut
            self.steps -= 1

    def open(self, path, mode="r"):
        file = open(path, mode)  # noqa: SIM115 - handed on
        return TornFile(file, self) if mode in ("w", "wb", "ab") else file

    def __getattr__(self, name):
        call = getattr(os, name)
        if name not in ("rename", "remove", "mkdir"):
            return call

        def stepped(*args):
            self.step()
            return call(*args)

        return stepped


class TornFile:
    def __init__(self, file, power):
        self._file, self._power = file, power

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def write(self, data):
        for at in range(len(data)):
            self._power.step()
            self._file.write(data[at : at + 1])
        return len(data)


@pytest.fixture
def power():
    made = Power()
    with mock.patch.multiple(module, os=made, open=made.open, create=True):
        yield made


@pytest.fixture
def slots(tmp_path, power):
    for name, data in {"app.mpy": b"app 1", "meter/core.mpy": b"core" * 400}.items():
        path = tmp_path / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "slot").write_text("a")
    (tmp_path / "boot.py").write_bytes(b"boot")
    return Slots("a", str(tmp_path))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_the_free_slot_is_the_other(slots, tmp_path):
    assert (slots.running, slots.free) == ("a", "b")
    assert Slots("b", str(tmp_path)).free == "a"
    assert slots.names() == []
    assert slots.size("app.mpy") is None
    assert slots.digest("app.mpy") is None
    assert slots.digest("app.mpy", "a") == (5, sha256(b"app 1"))
    assert slots.digest("boot.py", "") == (4, sha256(b"boot"))
    assert slots.load("app.mpy", 5, "a") == b"app 1"
    assert slots.load("app.mpy", 5) is None
    with pytest.raises(MeterError, match="over 4 bytes"):
        slots.load("app.mpy", 4, "a")


def test_files_arrive_in_parts_and_are_copied(slots):
    slots.write("comms/new.mpy", 0, b"12345")
    slots.write("comms/new.mpy", 5, b"678")
    slots.copy("meter/core.mpy")
    assert slots.names() == ["comms/new.mpy", "meter/core.mpy"]
    assert slots.load("comms/new.mpy", 99) == b"12345678"
    assert slots.digest("meter/core.mpy") == (1600, sha256(b"core" * 400))
    slots.write("comms/new.mpy", 0, b"9")
    assert slots.size("comms/new.mpy") == 1
    slots.remove("comms/new.mpy")
    assert slots.names() == ["meter/core.mpy"]
    with pytest.raises(MeterError, match="gone"):
        slots.remove("gone")
    with pytest.raises(MeterError, match="gone"):
        slots.copy("gone")


@pytest.mark.parametrize(
    ("told", "trial"),
    [("a", False), ("a\n", False), ("a2", True), ("b3", True), ("", True), ("b", True)],
)
def test_what_is_on_trial(slots, tmp_path, told, trial):
    (tmp_path / "slot").write_text(told)
    assert slots.on_trial() == trial
    slots.confirm()
    assert not slots.on_trial()
    assert (tmp_path / "slot").read_text() == "a"


def test_r07_flip_and_confirm_are_one_step(slots, tmp_path, power):
    for act, old, new in ((slots.flip, "a", "b3"), (slots.confirm, "a2", "a")):
        steps, done = 0, False
        while not done:
            (tmp_path / "slot").write_text(old)
            power.steps = steps
            try:
                act()
                done = True
            except Cut:
                assert (tmp_path / "slot").read_text() == old
            power.steps, steps = None, steps + 1
        assert (tmp_path / "slot").read_text() == new
        assert steps == len(new) + 2  # its bytes, the rename, and none


def test_r07_a_cut_in_staging_never_touches_what_runs(slots, tmp_path, power):
    before = {p: p.read_bytes() for p in (tmp_path / "a").rglob("*.mpy")}

    def stage():
        slots.write("app.mpy", 0, b"app 2")
        slots.copy("meter/core.mpy")
        slots.remove("app.mpy")
        slots.write("comms/x/y.mpy", 0, b"1")

    steps, done = 0, False
    while not done:
        power.steps = steps
        try:
            stage()
            done = True
        except Cut:
            assert {p: p.read_bytes() for p in (tmp_path / "a").rglob("*.mpy")} == before
            assert (tmp_path / "slot").read_text() == "a"
        power.steps, steps = None, steps + 97
    assert slots.names() == ["comms/x/y.mpy", "meter/core.mpy"]


def test_a_file_system_without_room_is_told(slots, power):
    def full(*_):
        raise OSError(28, "No space left on device")

    with mock.patch.object(module, "open", full):
        with pytest.raises(MeterError, match=r"slots: .*/slot: .*No space"):
            slots.flip()
        with pytest.raises(MeterError, match="expected room"):
            slots.write("app.mpy", 0, b"1")
