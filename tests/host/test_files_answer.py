"""Tariff files over the wire of a sealed meter: whole under their name, or not there."""

import hashlib
from base64 import b64decode, b64encode

import pytest
from gate_rig import GateRig, some_keys

from drivers.files import TariffFiles

TEXT = bytes(range(256)) * 5
PART = 512


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cfg"


@pytest.fixture
def rig(folder):
    rig = GateRig(keys=some_keys())
    rig.ports.files = rig.meter.contract.files = TariffFiles(str(folder))
    return rig


def name_of(text):
    return hashlib.sha256(text).hexdigest()


def put(rig, text, at, name=None, size=None, data=None):
    data = text[at : at + PART] if data is None else data
    args = {"name": name or name_of(text), "at": at, "size": size or len(text)}
    return rig.ask("put", **args, data=b64encode(data).decode())["at"]


def push(rig, text):
    at = 0
    while at < len(text):
        at = put(rig, text, at)


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_in_parts(rig, folder):
    assert [put(rig, TEXT, at) for at in (0, 512)] == [512, 1024]
    assert files(folder) == [name_of(TEXT) + ".new"]
    assert rig.ports.files.load(name_of(TEXT)) is None
    assert put(rig, TEXT, 1024) == len(TEXT)
    assert files(folder) == [name_of(TEXT) + ".json"]
    assert rig.ports.files.load(name_of(TEXT)[:16]) == TEXT


def test_a_part_that_is_not_the_next_is_not_written(rig, folder):
    put(rig, TEXT, 0)
    for at in (0, 1024, 100):
        assert put(rig, TEXT, at) == 512
    assert (folder / f"{name_of(TEXT)}.new").read_bytes() == TEXT[:512]


def test_whole_already(rig, folder):
    push(rig, TEXT)
    assert put(rig, TEXT, 0) == len(TEXT)
    assert files(folder) == [name_of(TEXT) + ".json"]


def test_what_is_not_its_name_never_gets_it(rig, folder):
    altered = TEXT[:-1] + b"x"
    for at in (0, 512):
        put(rig, altered, at, name_of(TEXT))
    with pytest.raises(AssertionError, match="not what it is named"):
        put(rig, altered, 1024, name_of(TEXT))
    assert files(folder) == []


def test_an_altered_file_is_replaced(rig, folder):
    push(rig, TEXT)
    (folder / f"{name_of(TEXT)}.json").write_bytes(bytes(len(TEXT)))
    push(rig, TEXT)
    assert (folder / f"{name_of(TEXT)}.json").read_bytes() == TEXT


def test_one_candidate_at_a_time_and_nothing_else_is_touched(rig, folder):
    folder.mkdir()
    for other in ("calibration", "calibration.new", "00.json"):
        (folder / other).write_bytes(b"mine")
    put(rig, TEXT, 0)
    put(rig, TEXT[1:], 0)
    kept = ["00.json", "calibration", "calibration.new"]
    assert files(folder) == sorted([*kept, name_of(TEXT[1:]) + ".new"])


@pytest.mark.parametrize("held", [1280, 1400])
def test_a_candidate_that_a_cut_left(rig, folder, held):
    """Whole, but without its name yet; or longer than it may be."""
    folder.mkdir()
    (folder / f"{name_of(TEXT)}.new").write_bytes((TEXT + TEXT)[:held])
    push(rig, TEXT)
    assert files(folder) == [name_of(TEXT) + ".json"]
    assert rig.ports.files.load(name_of(TEXT)) == TEXT


@pytest.mark.parametrize(
    "args",
    [
        {"name": "../boot.py"},
        {"name": "a" * 63},
        {"name": "A" * 64},
        {"name": 5},
        {"at": -1},
        {"at": True},
        {"at": "0"},
        {"size": 8193},
        {"size": 0},
        {"size": 3},
        {"data": ""},
        {"data": b64encode(bytes(513)).decode()},
        {"data": 7},
    ],
    ids=str,
)
def test_what_is_no_part_of_a_file(rig, folder, args):
    good = {"name": name_of(TEXT), "at": 0, "size": 1280, "data": b64encode(b"data").decode()}
    with pytest.raises(AssertionError):
        rig.ask("put", **{**good, **args})
    assert not folder.exists() or files(folder) == []


def test_get(rig):
    push(rig, TEXT)
    data, name = b"", name_of(TEXT)
    for at in (0, 512, 1024):
        answer = rig.ask("get", name=name[:16], **{"from": at})
        assert (answer["name"], answer["size"]) == (name, len(TEXT))
        data += b64decode(answer["data"])
    assert data == TEXT
    assert rig.ask("get", name=name, **{"from": 5000})["data"] == ""


@pytest.mark.parametrize("name", ["", "0" * 7, "0" * 65, "/" * 16, None, ["0" * 16]], ids=str)
def test_get_what_is_no_name(rig, name):
    with pytest.raises(AssertionError):
        rig.ask("get", name=name)


def test_get_what_is_not_there(rig):
    with pytest.raises(AssertionError, match="no file"):
        rig.ask("get", name="0" * 16)


def test_names_in_parts(rig, folder):
    assert rig.ask("get") == {"names": [], "of": 0}
    texts = [b"%d" % n for n in range(23)]
    for text in texts:
        push(rig, text)
    found = []
    while len(found) < 23:
        answer = rig.ask("get", **{"from": len(found)})
        assert answer["of"] == 23
        found += answer["names"]
    assert found == sorted(map(name_of, texts))


def test_old_price_schedules_go_and_tariffs_stay(rig, folder):
    schedules = [b'{"end":%d,"kind":"prices"}' % n for n in range(4)]
    push(rig, TEXT)
    push(rig, schedules[0])
    rig.meter.contract.w.price_digest = bytes.fromhex(name_of(schedules[0]))[:8]
    for schedule in schedules[1:]:
        push(rig, schedule)
    left = {name_of(text) + ".json" for text in (TEXT, schedules[0], schedules[3])}
    assert set(files(folder)) == left


def test_roles(rig):
    for role, do, may in (("public", "get", False), ("reader", "get", True),
                          ("reader", "put", False), ("utility", "put", True)):  # fmt: skip
        answer = rig.service.handle(role, b'{"id":1,"do":"%s","args":{}}' % do.encode())
        assert (b'"role"' not in answer) == may
