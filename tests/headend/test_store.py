"""A batch is in the store whole once it is said to be; a crash at any point leaves all or none."""

import os
import shutil

import pytest

from wattledger.errors import ToolError
from wattledger.headend import catalogue, manifest, store
from wattledger.headend.state import Known
from wattledger.headend.store import MERGE, Store, month_of

from .pushed import NOW, SALT, event, row

OCTOBER = 1_793_487_600  # 2026-10-31 23:00 UTC


class Crash(BaseException):
    """The process or the power goes."""


def batch(seq, meters=3, utc=None):
    """-> one row of each meter, and an event of the first"""
    found = [(f"f{n:011x}", SALT, "profile", row(seq, utc and utc + n)) for n in range(meters)]
    return [*found, (f"f{0:011x}", SALT, "configuration", event(seq, utc=utc))]


def content(folder):
    """-> every record once for each time it is there"""
    return catalogue.query(folder, "SELECT * FROM every ORDER BY ALL")[1]


def test_what_is_appended_is_there(tmp_path):
    with Store(tmp_path) as kept:
        kept.append(batch(1))
        kept.append(batch(2))
        kept.append([])
    assert len(content(tmp_path)) == 8
    names, rows = catalogue.query(tmp_path, "SELECT * FROM intervals ORDER BY serial, seq LIMIT 1")
    told = dict(zip(names, rows[0], strict=True))
    assert told["serial"] == "f00000000000"
    assert (told["import_mwh"], told["utc"], told["duration_s"]) == (1000, NOW + 900, 900)
    assert set(catalogue.known(tmp_path)) >= {
        Known("f00000000002", SALT, "profile", 2, NOW + 1800),
        Known("f00000000000", SALT, "configuration", 2, NOW),
    }
    used = "SELECT used_mwh FROM energy WHERE serial = 'f00000000001' ORDER BY seq"
    assert catalogue.query(tmp_path, used)[1] == [(None,), (1000,)]


def test_registers_of_48_bits_and_signed_prices(tmp_path):
    high = (1 << 48) - 1
    with Store(tmp_path) as kept:
        kept.append([("f00000000000", 1, "profile", row(1, mwh=high, price_nano=-5, rate=15))])
    found = catalogue.query(tmp_path, "SELECT import_mwh, price_nano, rate FROM intervals")[1]
    assert found == [(high, -5, 15)]


def test_an_interval_is_in_the_month_that_it_began_in(tmp_path):
    assert [month_of(1_793_491_200 + n) for n in (0, 1)] == ["2026-10", "2026-11"]
    with Store(tmp_path) as kept:
        kept.append(
            [("f00000000000", 1, "profile", row(n, OCTOBER + 900 * n)) for n in range(1, 9)]
        )
    files = {path.parent.name: path for path in tmp_path.glob("intervals/*/*.parquet")}
    assert sorted(files) == ["month=2026-10", "month=2026-11"]
    assert len(content(tmp_path)) == 8


def test_small_files_become_one_and_nothing_changes(tmp_path):
    with Store(tmp_path) as kept:
        for seq in range(1, MERGE + 1):
            kept.append(batch(seq))
        before = content(tmp_path)
        while kept.merge():
            pass
        assert [f.level for f in kept.manifest.files if f.kind == "intervals"] == [1]
    assert content(tmp_path) == before
    assert len(list(tmp_path.glob("*/*/*"))) == 2
    ordered = "SELECT serial, seq FROM intervals"
    assert catalogue.query(tmp_path, ordered)[1] == sorted(catalogue.query(tmp_path, ordered)[1])


def crash_at(monkeypatch, number, folder):
    """The number-th call that touches the disk does not come back, and of each file that was
    written and not synced half is lost."""
    left, synced = [number], {path.stat().st_ino for path in folder.rglob("*")}

    def lose():
        for path in folder.rglob("*"):
            if path.is_file() and path.stat().st_ino not in synced:
                os.truncate(path, path.stat().st_size // 2)

    def patched(name):
        real = getattr(os, name)

        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                lose()
                raise Crash
            if name == "fsync":
                synced.add(os.fstat(args[0]).st_ino)
                return None  # what the disk does is played here; the real one would take seconds
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name in ("fsync", "replace", "unlink"):
        patched(name)


def test_a_crash_at_any_point_leaves_a_batch_in_or_out(tmp_path, monkeypatch):
    with Store(tmp_path / "before") as kept:
        for seq in range(1, MERGE):
            kept.append(batch(seq, utc=OCTOBER + 3500 + seq))
    before = content(tmp_path / "before")
    last = batch(MERGE, utc=OCTOBER + 3599)  # two months, and files enough for a merge
    with Store(shutil.copytree(tmp_path / "before", tmp_path / "after")) as kept:
        kept.append(last)
    after = content(tmp_path / "after")
    seen = set()
    for number in range(1, 200):
        folder = shutil.copytree(tmp_path / "before", tmp_path / str(number))
        told = False
        with monkeypatch.context() as patch:
            crash_at(patch, number, folder)
            kept = Store(folder)
            try:
                kept.append(last)
                told = True
                while kept.merge():
                    pass
            except Crash:
                ended = False
            else:
                ended = True
            finally:
                kept.close()
        with Store(folder) as again:
            found = content(folder)
            assert found == after or (found == before and not told)
            seen.add(found == after)
            named = {file.path for file in again.manifest.files}
            there = {str(p.relative_to(folder)) for p in folder.glob("*/*/*")}
            assert there == named
            again.append(batch(MERGE + 1))
        assert len(content(folder)) == len(found) + 4
        if ended:
            break
    assert ended
    assert number > 15
    assert seen == {True, False}


def test_a_full_disk_is_said_and_nothing_is_kept(tmp_path, monkeypatch):
    with Store(tmp_path) as kept:
        kept.append(batch(1))
        with monkeypatch.context() as patch:

            def full(*_):
                raise OSError(28, "No space left on device")

            patch.setattr(manifest.os, "replace", full)
            with pytest.raises(ToolError, match="No space left on device: make room"):
                kept.append(batch(2))
        assert len(content(tmp_path)) == 4
        kept.append(batch(2))
    assert len(content(tmp_path)) == 8


def test_two_head_ends_on_one_store(tmp_path):
    with Store(tmp_path), pytest.raises(ToolError, match="another head-end has it"):
        Store(tmp_path)
    with Store(tmp_path):
        pass


def test_a_store_that_somebody_damaged(tmp_path):
    with Store(tmp_path) as kept:
        kept.append(batch(1))
    next(tmp_path.glob("intervals/*/*")).unlink()
    with pytest.raises(ToolError, match="is missing"):
        Store(tmp_path)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ToolError, match="not a manifest"):
        Store(tmp_path)


def test_a_query_that_is_none(tmp_path):
    with pytest.raises(ToolError, match=r"^query: "):
        catalogue.query(tmp_path, "SELECT nothing FROM nowhere")


def test_merges_stop_where_ram_would(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MERGED_ROWS_MAX", 40)
    with Store(tmp_path) as kept:
        for seq in range(1, MERGE + 1):
            kept.append(batch(seq))
        assert kept.merge()  # the events
        assert not kept.merge()
