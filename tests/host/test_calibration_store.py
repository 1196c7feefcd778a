"""Two copies of a calibration, in NVS and in a file, and a board that starts from them."""

import importlib
import os
import sys
from unittest import mock

import pytest

from drivers import calibration_store
from drivers.calibration_store import CalibrationStore
from meter import calibration
from meter.errors import MeterError

RECORD = {
    "ic": "ATM90E32AS",
    "utc": 1767225600,
    "reference": "bench",
    "registers": {"UgainA": 0x8123},
    "results": [],
}
NOT_FOUND, CLOSED = 0x1102, 0x1101


class Nvs:
    """esp32.NVS: what is set counts after commit."""

    def __init__(self):
        self.kept, self._set, self.fails = {}, {}, 0

    def open(self, name):
        assert name == "wl"
        if self.fails == CLOSED:
            raise OSError(-CLOSED, "ESP_ERR_NVS_NOT_INITIALIZED")
        return self

    def get_blob(self, key, buf):
        if self.fails:
            raise OSError(-self.fails, "ESP_ERR")
        if key not in self.kept:
            raise OSError(-NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        data = self.kept[key]
        buf[: len(data)] = data
        return len(data)

    def set_blob(self, key, data):
        self._set[key] = bytes(data)

    def commit(self):
        if self.fails:
            raise OSError(-self.fails, "ESP_ERR")
        self.kept.update(self._set)


@pytest.fixture
def store(tmp_path):
    nvs = Nvs()
    made = CalibrationStore(nvs.open, str(tmp_path / "cfg"))
    made.nvs = nvs
    return made


def test_never_stored(store):
    assert store.copies() == [None, None]
    assert store.candidate("0" * 64) is None


def test_two_copies_and_the_second_replaces_the_first(store):
    for data in (b"first", b"second, longer"):
        store.store(data)
        assert store.copies() == [data, data]


def test_a_candidate_is_named_by_its_digest(store, tmp_path):
    (tmp_path / "cfg").mkdir()
    (tmp_path / "cfg" / ("a" * 64 + ".cal")).write_bytes(b"data")
    assert store.candidate("a" * 64) == b"data"
    assert store.candidate("../cfg/" + "a" * 64) is None


def test_a_board_whose_nvs_cannot_be_opened_has_the_file(ports):
    found, _ = ports(None, GOOD, fails=CLOSED)
    assert found.calibration == RECORD["registers"]
    assert "not stored" in found.calibration_fault


def test_nvs_or_file_that_fails(store, tmp_path):
    store.store(b"good")
    store.nvs.fails = 0x1105
    with pytest.raises(MeterError, match="calibration: not stored"):
        store.store(b"other")
    assert store.copies() == [b"", b"good"]  # a fault is not "never calibrated"
    store.nvs.fails = 0
    (tmp_path / "cfg" / "calibration").unlink()
    (tmp_path / "cfg" / "calibration").mkdir()
    assert store.copies() == [b"good", b""]
    with pytest.raises(MeterError, match="not stored"):
        store.store(b"other")


@pytest.fixture
def ports(monkeypatch, tmp_path):
    """-> a function: copies in NVS and file -> Ports of a board, and its store"""
    esp32 = mock.MagicMock(name="esp32")
    machine = mock.MagicMock(name="machine")
    machine.unique_id.return_value = b"\x24"
    nvs = Nvs()
    esp32.NVS = nvs.open
    part = mock.Mock(name="partition")
    part.ioctl.side_effect = lambda op, arg: {4: 320, 5: 4096, 6: 0}[op]
    esp32.Partition.find.return_value = [part]
    monkeypatch.setitem(sys.modules, "machine", machine)
    monkeypatch.setitem(sys.modules, "esp32", esp32)
    monkeypatch.delitem(sys.modules, "drivers.esp32_ports", raising=False)
    esp32_ports = importlib.import_module("drivers.esp32_ports")
    made = calibration_store.CalibrationStore
    folder = str(tmp_path / "cfg")
    monkeypatch.setattr(calibration_store, "CalibrationStore", lambda n: made(n, folder))

    class Atm90e32:
        pass

    def build(in_nvs, in_file, fails=0):
        nvs.fails = fails
        if in_nvs is not None:
            nvs.kept["calibration"] = in_nvs
        if in_file is not None:
            os.makedirs(folder)
            with open(folder + "/calibration", "wb") as file:
                file.write(in_file)
        found = esp32_ports.Ports("test", Atm90e32(), {"default": 1}, None, 0x400000, None)
        return found, made(nvs.open, folder)

    yield build
    sys.modules.pop("drivers.esp32_ports", None)


GOOD = calibration.pack(RECORD)


def test_a_board_without_a_record_has_its_own_values(ports):
    found, store = ports(None, None)
    assert (found.calibration, found.calibration_fault) == ({"default": 1}, None)
    assert store.copies() == [None, None]


def test_a_board_with_a_record(ports):
    found, _ = ports(GOOD, GOOD)
    assert (found.calibration, found.calibration_fault) == (RECORD["registers"], None)


@pytest.mark.parametrize(
    ("copies", "told"),
    [
        ((GOOD, GOOD[:-1] + b"?"), "a copy was broken"),
        ((GOOD[:30], GOOD), "a copy was broken"),
        ((None, GOOD), "a copy was missing"),
        ((GOOD, None), "a copy was missing"),
    ],
)
def test_one_copy_is_enough_and_the_other_is_mended(ports, copies, told):
    found, store = ports(*copies)
    assert found.calibration == RECORD["registers"]
    assert told in found.calibration_fault
    assert store.copies() == [GOOD, GOOD]


def test_both_broken_is_told(ports):
    found, store = ports(GOOD[:-1] + b"?", b"")
    assert found.calibration == {"default": 1}
    assert "datasheet values until then" in found.calibration_fault
    assert store.copies() == [GOOD[:-1] + b"?", b""]  # evidence stays
