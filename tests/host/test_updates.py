"""Bundles of software, and staging into a meter that loses its line."""

import base64
import hashlib
import json
import zipfile
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from wattledger import build, cli, updates
from wattledger.errors import ToolError

FILES = {"app.mpy": b"M\x06\x00\x1fapp", "comms/x.mpy": b"M\x06\x00\x1f" + bytes(1200)}


def bundle(files=FILES, version=2):
    hashes = {path: build.sha256(data) for path, data in files.items()}
    manifest = build.manifest("virtual", hashes, "0" * 64, build.abi(files), version)
    return updates.Bundle({**files, build.MANIFEST: manifest}, {"target": "*", "sig": "x"})


class Meter:
    """The free slot, as firmware/meter/security/update_answer.py keeps it."""

    def __init__(self, running=(), free=(), breaks_at=None):
        self.running, self.free = dict(running), dict(free)
        self.requests, self.breaks_at = [], breaks_at

    def request(self, do, **args):
        if len(self.requests) == self.breaks_at:
            raise ToolError("the line broke")
        self.requests.append((do, args))
        return getattr(self, "_" + do)(**args)

    def _stage(self, path=None, at=0, data=None, copy=None, remove=False, **first):
        if path is None:
            names = sorted(self.free)
            return {"names": names[first["from"] :][:2], "of": len(names), "version": 1}
        if data is not None:
            part = base64.b64decode(data)
            assert 0 < len(part) <= 512
            held = self.free.get(path, b"") if at else b""
            assert len(held) == at
            self.free[path] = held + part
            return {"size": len(self.free[path])}
        if remove:
            del self.free[path]
        found = self.free.get(path)
        if copy and _hash(found) != copy and _hash(self.running.get(path)) == copy:
            self.free[path] = found = self.running[path]
        return {"size": None, "sha256": _hash(found)}

    def _update(self, manifest, order=None):
        assert _hash(self.free[build.MANIFEST]) == manifest
        return {"slot": "b", "order": order}


def _hash(data):
    return None if data is None else hashlib.sha256(data).hexdigest()


def test_a_bundle_is_the_same_after_its_file(tmp_path):
    made = bundle()
    updates.save(made, tmp_path / "one.zip")
    updates.save(made, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert updates.load(tmp_path / "one.zip") == made
    assert made.digest == _hash(made.files[build.MANIFEST])


@pytest.mark.parametrize("data", [b"", b"PK\3\4 and no more"])
def test_what_is_no_bundle(tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(ToolError, match="wattledger update --save"):
        updates.load(tmp_path / "file")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (build.MANIFEST, b'{"version":Infinity}', "version is missing"),
        (build.MANIFEST, b"[" * 9000, "no JSON object"),
        ("app.mpy", b"another", "app.mpy: not what the manifest says"),
        ("more.mpy", b"one too many", "more.mpy: in the manifest or the archive only"),
        ("order.json", b"[" * 99_000, "wattledger update --save"),
    ],
)
def test_a_bundle_that_was_altered_reaches_no_meter(tmp_path, name, data, said):
    made, file = bundle(), tmp_path / "file.zip"
    if name == "order.json":
        updates.save(made, file)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(name, data)
    else:
        updates.save(updates.Bundle({**made.files, name: data}), file)
    with pytest.raises(ToolError, match=said):
        updates.load(file)


def test_a_bundle_that_is_none_is_told_before_a_meter_is_looked_for(tmp_path):
    (tmp_path / "file").write_bytes(b"junk")
    given = ["--state", str(tmp_path / "no board"), "update", str(tmp_path / "file")]
    done = CliRunner().invoke(cli.app, given)
    assert "wattledger update --save" in repr(done.exception)


def test_an_archive_that_wants_a_password_is_none(tmp_path):
    updates.save(bundle(), tmp_path / "file.zip")
    raw = bytearray((tmp_path / "file.zip").read_bytes())
    for head, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        for part in [n for n in range(len(raw)) if raw.startswith(head, n)]:
            raw[part + at] |= 1
    (tmp_path / "file.zip").write_bytes(raw)
    with pytest.raises(ToolError, match="wattledger update --save"):
        updates.load(tmp_path / "file.zip")


def test_a_bundle_without_manifest_and_a_huge_one_are_refused(tmp_path):
    updates.save(updates.Bundle(dict(FILES)), tmp_path / "none.zip")
    with pytest.raises(ToolError, match="no manifest"):
        updates.load(tmp_path / "none.zip")
    updates.save(bundle({**FILES, "comms/huge": bytes(2 << 20)}), tmp_path / "huge.zip")
    with pytest.raises(ToolError, match="no bundle"):
        updates.load(tmp_path / "huge.zip")


def test_only_what_the_meter_lacks_is_sent():
    made = bundle()
    meter = Meter(
        running={"app.mpy": FILES["app.mpy"]}, free={"old": b"1", "more": b"2", "x": b""}
    )
    told = []
    sent = updates.stage(meter, made, told.append)
    assert meter.free == made.files
    assert sent == len(FILES["comms/x.mpy"]) + len(made.files[build.MANIFEST])
    assert sum(told) == sum(map(len, made.files.values()))
    assert updates.stage(meter, made) == 0
    assert updates.apply(meter, made)["order"] == made.order
    assert meter.requests[-1] == ("update", {"manifest": made.digest, "order": made.order})


def test_a_line_that_breaks_at_any_request_is_made_up_for():
    made, breaks_at = bundle(), 0
    while True:
        meter = Meter(free={"old": b"1"}, breaks_at=breaks_at)
        try:
            updates.stage(meter, made)
        except ToolError:
            if build.MANIFEST in meter.free:  # it comes last
                assert FILES.items() <= meter.free.items()
            meter.breaks_at = None
            updates.stage(meter, made)
            assert meter.free == made.files
        else:
            break
        breaks_at += 1
    assert breaks_at > 8


def test_the_manifest_has_what_a_meter_asks_for():
    made = build.build("virtual")
    manifest = json.loads(made.slot[build.MANIFEST])
    assert manifest["legal"] == made.digest
    assert manifest["abi"] == 6
    assert manifest["version"] > manifest["min_version"] >= 0
    assert set(manifest["files"]) == set(made.slot) - {build.MANIFEST}


class Restarted:
    """A meter that says these, one a question and the last one on; None: nothing. Time goes by in
    pauses only."""

    def __init__(self, monkeypatch, *says):
        self.says, self.now_s, self.asked = list(says), 0.0, 0
        clock = SimpleNamespace(sleep=self.sleep, monotonic=lambda: self.now_s)
        monkeypatch.setattr(updates, "time", clock)

    def sleep(self, seconds):
        self.now_s += seconds

    def ask(self):
        self.asked += 1
        said = self.says.pop(0) if len(self.says) > 1 else self.says[0]
        if said is None:
            raise ToolError("no console")
        return {"version": said[0], "trial": said[1]}


def test_a_meter_is_asked_until_it_has_confirmed_the_build(monkeypatch):
    meter = Restarted(monkeypatch, None, None, (2, True), (2, True), None, (2, True), (2, False))
    assert updates.follow(meter.ask, 2, wait=True)
    assert meter.asked == 7
    meter = Restarted(monkeypatch, None, (2, True))
    assert not updates.follow(meter.ask, 2, wait=False)
    assert meter.asked == 2
    assert updates.follow(Restarted(monkeypatch, (2, False)).ask, 2, wait=True)


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ([None], "no answer since the restart .no console.: reset the meter three times"),
        ([(1, False)], "build 1 runs, not 2: it failed and fell back"),
        ([None, (2, True), None, (1, False)], "build 2 fell back to 1"),
        ([(2, True)], "still on trial after 120 s"),
        ([(2, True), None], "no console"),
    ],
)
def test_the_wait_for_new_software_has_an_end(monkeypatch, says, words):
    meter = Restarted(monkeypatch, *says)
    with pytest.raises(ToolError, match=words):
        updates.follow(meter.ask, 2, wait=True)
    assert meter.now_s <= updates.BACK_S + updates.CONFIRM_S + 2
