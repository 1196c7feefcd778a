"""`wattledger audit`: a dump of an honest meter holds; of one that somebody worked on, the first
record that shows it is named, and the exit code is 1."""

import copy
import json

import pytest
import tariffs
from gate_rig import GateRig, in_line, some_keys
from rig import LAYOUT
from test_chain_check import Link, altered, forge, seq_of
from typer.testing import CliRunner

from meter import codes
from wattledger import cli, reading
from wattledger.audit import check, dump
from wattledger.commands import audit as command
from wattledger.errors import ToolError
from wattledger.flashing import backup
from wattledger.reading import Entry
from wattledger.verification import heads
from wattledger.verification.replay import Difference

KEYS = {1: some_keys().evidence}
SECTOR = 4096
SERIAL = "246f28010203"


def busy():
    rig = GateRig()
    rig.push(tariffs.text())
    for day in range(3):
        rig.run(9 * 3600, step_s=900, imported=500 + day, exported=day)
        rig.cut(off_s=100)
        rig.run(15 * 3600, step_s=900, imported=300)
        if day == 0:
            rig.ask("keys", data=in_line(some_keys()))
    rig.ask("seal")
    rig.run(600, step_s=60, imported=1)
    rig.ask("commit")
    return rig


@pytest.fixture(scope="module")
def rig():
    return busy()


@pytest.fixture(scope="module")
def image(rig):
    return image_of(rig)


@pytest.fixture(scope="module")
def whole(image):
    return dump.of_image(image, "image", LAYOUT)


@pytest.fixture
def found(whole):
    return copy.deepcopy(whole)


def image_of(rig):
    buf = bytearray(rig.ports.flash.sectors * SECTOR)
    rig.ports.flash.read(0, buf)
    return bytes(buf)


def refused(found, keys=KEYS):
    with pytest.raises(ToolError) as caught:
        check.audit(found, keys)
    return str(caught.value)


class TestImage:
    def test_it_has_what_the_meter_gives(self, rig, whole):
        assert whole.rings == {
            ring: reading.read_from(Link(rig), ring, 1) for ring in reading.RINGS
        }
        assert whole.newest.registers == rig.live.registers

    def test_it_holds(self, found):
        said = check.audit(found, KEYS)
        assert said[0].split()[0] == str(sum(map(len, found.rings.values())))
        assert said[-1].endswith("keyed")
        assert check.is_keyed(found)

    def test_of_a_full_size_partition(self, image):
        """The layout of the real one: only a mount of it, as it is blank."""
        with pytest.raises(ToolError, match="blank: no meter has counted there"):
            dump.of_image(b"\xff" * 320 * SECTOR, "image")
        with pytest.raises(ToolError, match="foreign"):
            dump.of_image(b"\xff" * 16 * SECTOR + image[16 * SECTOR :], "image", LAYOUT)
        with pytest.raises(ToolError, match="cut short"):
            dump.of_image(image[:-1], "image", LAYOUT)
        with pytest.raises(ToolError, match="no partition of a meter"):
            dump.of_image(image[: 8 * SECTOR], "image", LAYOUT)

    @pytest.mark.parametrize("ring", ["profile", "ledger", "snapshots", "power", "security"])
    def test_a_bit_of_a_record_in_the_flash(self, rig, image, ring):
        """The ring does not take it for a record any more: what is missing is named."""
        rings = dict(zip(("profile", "ledger", "snapshots", *codes.GROUPS),
                         rig.meter.journal.rings[2:], strict=True))  # fmt: skip
        seq, buf = 1, bytearray(rings[ring].slot_size)
        assert rings[ring].read(seq, buf)
        at = image.index(bytes(buf))
        broken = bytearray(image)
        broken[at + 20] ^= 1
        text = refused(dump.of_image(bytes(broken), "image", LAYOUT))
        assert text.startswith((f"{ring}: ", "ledger: record", "snapshots: record"))

    def test_an_older_image(self, found):
        seen = heads.of_rings(found.rings, 0)
        assert check.audit(found, KEYS)
        older = copy.deepcopy(found)
        for ring in ("power", "profile"):
            older.rings[ring].pop()
        older.newest = None
        older.seen = seen
        assert "is gone" in refused(older)

    def test_a_ledger_that_was_cut_short(self, found):
        found.contract.period += 1
        assert refused(found).startswith("ledger: part 2 is open and 0 is the last that was")
        found.contract.period -= 1
        found.rings["ledger"].clear()
        assert refused(found) == "ledger: part 1 is open and no record opened it: it was removed"


class TestCounters:
    def test_a_row_that_falls(self, found):
        entries = found.rings["profile"]
        raw = bytearray(entries[50].raw)
        raw[8:14] = bytes(6)
        entries[50] = Entry.of("profile", bytes(raw))
        assert refused(found).startswith("profile: row 51: register 0 is 0, it was")

    def test_the_newest_commit(self, found):
        found.newest.registers[0] -= 1
        assert "newest commit: its rates add up to" in refused(found)
        found.newest.rates[0] -= 1
        found.newest.registers[0] -= 10**6
        found.newest.rates[1] -= 10**6
        assert refused(found).startswith("newest commit: register 0 is")

    def test_the_rates_of_a_snapshot(self, found):
        """Whoever has the key can make the chain right, and the sums stay wrong."""
        entries = found.rings["snapshots"]
        raw = bytearray(entries[-1].raw)
        rates = entries[-1].record().rates
        at = raw.index(rates[0].to_bytes(6, "little"))
        raw[at : at + 6] = (rates[0] + 1).to_bytes(6, "little")
        entries[-1] = Entry.of("snapshots", bytes(raw))
        forge(entries, KEYS[1], len(entries) - 1, "snapshots")
        name = f"snapshots: record {seq_of(entries[-1])}: its rates add up to"
        assert refused(found).startswith(name)

    def test_an_event_that_counts_nothing(self, found):
        entries = found.rings["power"]
        raw = bytearray(entries[-1].raw)
        raw[10:12] = bytes(2)
        entries[-1] = Entry.of("power", bytes(raw))
        assert refused(found) == f"power: record {seq_of(entries[-1])}: it counts nothing"

    @pytest.mark.parametrize("ring", ["profile", "snapshots", "power"])
    def test_a_gap(self, found, ring):
        gone = found.rings[ring].pop(1)
        text = f"{ring}: record {seq_of(gone) + 1} follows {seq_of(gone) - 1}: what was between"
        assert refused(found).startswith(text)


def folder_of(found, folder):
    """As reading.Cache keeps rings."""
    for ring, entries in found.rings.items():
        reading.Cache(folder).save(ring, entries)
    return folder


def run(*args):
    return CliRunner().invoke(cli.app, ["audit", *map(str, args)])


class TestFolder:
    def test_it_holds(self, found, tmp_path):
        folder = folder_of(found, tmp_path / SERIAL)
        read = dump.load(folder)
        assert read.rings == found.rings
        assert read.serial == SERIAL
        assert check.audit(read, KEYS)
        (folder / "ledger.bin").unlink()
        assert dump.load(folder).rings["ledger"] == []

    def test_damage_is_not_left_out(self, found, tmp_path):
        folder = folder_of(found, tmp_path / SERIAL)
        data = bytearray((folder / "power.bin").read_bytes())
        data[70] ^= 1
        (folder / "power.bin").write_bytes(data)
        with pytest.raises(Difference, match="power: record 2 of the file is damaged"):
            dump.load(folder)
        (folder / "power.bin").write_bytes(data[:10])
        with pytest.raises(Difference, match="power: record 1 of the file is damaged"):
            dump.load(folder)

    def test_its_own_heads_count(self, found, tmp_path):
        folder = folder_of(found, tmp_path / SERIAL)
        heads.Store(folder / "heads.jsonl").add(heads.of_rings(found.rings))
        assert check.audit(dump.load(folder), KEYS)
        entries = found.rings["power"]
        entries[-1] = altered(entries[-1], 20)
        forge(entries, KEYS[1], len(entries) - 1, "power")
        folder_of(found, folder)
        assert "is not the one seen" in refused(dump.load(folder))

    def test_what_is_none(self, tmp_path):
        for path in (tmp_path, tmp_path / "nothing"):
            with pytest.raises(ToolError):
                dump.load(path)


class TestCommand:
    @pytest.fixture
    def file(self, image, tmp_path, monkeypatch):
        """A backup, in the layout of the rig, as the command takes it."""
        monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(command.dump, "load", lambda path, load=dump.load: load(path, LAYOUT))
        path = tmp_path / "meter.bin"
        path.write_bytes(image)
        digest = backup.hashlib.sha256(image).hexdigest()
        header = backup.Header(
            1, SERIAL, "esp32", 0x200000, len(image), digest, "2026-11-01T00:00:00+00:00"
        )
        backup.header_path(path).write_text(json.dumps(backup.asdict(header)))
        return path

    @pytest.fixture
    def keyed(self, monkeypatch):
        monkeypatch.setattr(
            command.evidence_keys, "of_meter", lambda keyring, serial, keyed: (KEYS, 1)
        )

    def test_good(self, file, keyed):
        result = run(file)
        assert result.exit_code == 0, result.output
        assert result.output.splitlines()[-1] == "audited"
        assert "keyed" in result.output
        shown = json.loads(run(file, "--json").output)
        assert shown["audited"] is True
        assert len(shown["checks"]) == 5

    def test_without_keys_it_says_so(self, file):
        assert "key unknown" in run(file).output

    def test_a_break_is_exit_1(self, file, keyed, image):
        file.write_bytes(image[:-SECTOR])
        result = run(file)
        assert isinstance(result.exception, ToolError)
        folder = file.with_name(SERIAL)
        found = dump.of_image(image, "image", LAYOUT)
        found.rings["power"].pop(1)
        folder_of(found, folder)
        result = run(folder)
        assert result.exit_code == 1
        assert "power: record 3 follows 1" in str(result.exception)
        result = run(folder, "--json")
        assert result.exit_code == 1
        assert json.loads(result.output)["audited"] is False

    def test_heads_that_are_newer_than_the_backup_do_not_count(self, file, keyed, image):
        found = dump.of_image(image, "image", LAYOUT)
        newest = heads.of_rings(found.rings, 1_793_000_000)  # October
        later = [heads.Head(h.ring, h.seq + 9, "ab" * 32, 1_800_000_000) for h in newest]
        heads.store_of(SERIAL).add(newest)
        heads.store_of(SERIAL).add(later)
        assert run(file).exit_code == 0
        early = [heads.Head(h.ring, h.seq + 9, "cd" * 32, 1_793_000_001) for h in newest]
        heads.store_of(SERIAL).add(early)
        assert "is gone" in str(run(file).exception)
