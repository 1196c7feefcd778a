"""Images, plans and the flash command, with a file for the module and a script for esptool."""

import hashlib
import io
import json
import random
import struct
import subprocess
import sys

import pytest
from gate_rig import SERIAL
from sealed_pty import SealedMeter

from tests.e2e import esp_image
from wattledger import cli, partitions, session
from wattledger.commands import flash as flash_command
from wattledger.errors import ToolError
from wattledger.flashing import backup, console, image, writing
from wattledger.flashing.esptool import Esptool, Module
from wattledger.partitions import TABLE_OFFSET, Partition
from wattledger.security import key_file
from wattledger.security.keyring import Fleet

BOARD = "esp32_atm90e32"
NAME = "ESP32_GENERIC.bin"
FLASH_SIZE = 0x400000
MAC = "a0b765001234"
TABLE_AT = esp_image.TABLE_AT - esp_image.IMAGE_AT
APP_AT = esp_image.APP_AT - esp_image.IMAGE_AT

# esptool on a file; it notes what it is asked, and may spoil what it writes.
ESPTOOL = """
import pathlib, sys
folder = pathlib.Path({folder!r})
words = sys.argv[1:]
with open(folder / "log", "a") as log:
    log.write(" ".join(words) + chr(10))
options = dict(zip(words[::2], words[1::2]))
if options["--chip"] != {chip!r}:
    sys.exit("A fatal error occurred: This chip is {chip}, not " + options["--chip"] + ".")
words = words[2 * [w[:2] == "--" for w in words[::2]].index(False):]
flash = bytearray((folder / "flash").read_bytes())
if words[0] == "flash-id":
    print("MAC:                a0:b7:65:00:12:34")
    print("Detected flash size: {mb}MB")
elif words[0] == "read-flash":
    at, size = int(words[1], 0), int(words[2], 0)
    pathlib.Path(words[3]).write_bytes(flash[at : at + size])
elif words[0] == "write-flash":
    assert words[1:7] == "--flash-mode keep --flash-freq keep --flash-size keep".split()
    for at, path in zip(words[7::2], words[8::2]):
        data = pathlib.Path(path).read_bytes()
        flash[int(at, 0) : int(at, 0) + len(data)] = data
    if {spoil!r} is not None:
        flash[{spoil!r}] ^= 4
    (folder / "flash").write_bytes(flash)
else:
    sys.exit("no such command")
"""


class Bench:
    """A module in files. flash: its bytes; commands(): what esptool was asked."""

    def __init__(self, folder):
        self.folder = folder
        self.flash = b"\xff" * FLASH_SIZE
        self.set()

    def set(self, chip="esp32", mb=4, spoil=None):
        text = ESPTOOL.format(folder=str(self.folder), chip=chip, mb=mb, spoil=spoil)
        (self.folder / "esptool.py").write_text(text)

    @property
    def flash(self):
        return (self.folder / "flash").read_bytes()

    @flash.setter
    def flash(self, data):
        (self.folder / "flash").write_bytes(data)

    def log(self):
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def starts(self):
        """-> for each command: whether the module starts after it."""
        return ["hard-reset" in line for line in self.log()]

    def commands(self):
        names = ("flash-id", "read-flash", "write-flash")
        return [word for line in self.log() for word in line.split() if word in names]


@pytest.fixture
def bench(tmp_path, monkeypatch):
    folder = tmp_path / "module"
    folder.mkdir()
    bench = Bench(folder)
    monkeypatch.setenv("WATTLEDGER_ESPTOOL", f"{sys.executable} {folder / 'esptool.py'}")
    monkeypatch.setattr(console, "wait_for_prompt", lambda port, timeout_s: (False, ""))
    monkeypatch.setattr(session, "sealed_on", lambda port, keyring=None: None)
    monkeypatch.setattr(flash_command, "_deploy", lambda port, board: print(f"deploy {board}"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME).write_bytes(MERGED)
    return bench


@pytest.fixture
def run(bench, monkeypatch, capsys):
    """-> function (arguments) -> (exit code, stdout, stderr)."""

    def run(*arguments):
        words = ["wattledger", "--port", "/dev/module", *map(str, arguments)]
        monkeypatch.setattr("sys.argv", words)
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        else:
            code = 0
        return code, *capsys.readouterr()

    return run


MERGED = esp_image.merged_image()
FLASH = ("flash", "--board", BOARD, "--firmware", NAME)


def table():
    return partitions.of_board(BOARD)


# images


def test_a_good_image_is_understood():
    seen = image.check(NAME, MERGED, "esp32")
    assert (seen.start, seen.app_at, seen.version) == (0x1000, 0x10000, "v1.24.1")
    assert seen.boot_size == 0x4000
    assert seen.app_size == len(MERGED) - APP_AT
    assert seen.flash_size == FLASH_SIZE


@pytest.mark.parametrize("size", [0, 10, 0x2000, 0x4000, TABLE_AT, APP_AT, len(MERGED) - 1])
def test_a_short_image_is_refused(size):
    with pytest.raises(ToolError, match=r"the file ends at|begins with|no partition table"):
        image.check(NAME, MERGED[:size], "esp32")


def test_every_byte_of_the_application_counts():
    draw = random.Random(5)
    places = [draw.randrange(APP_AT, len(MERGED)) for _ in range(40)]
    hashed = len(MERGED) - 32
    for at in [*places, APP_AT, hashed - 1, hashed, len(MERGED) - 1]:
        bad = bytearray(MERGED)
        bad[at] ^= 1 << draw.randrange(8)
        with pytest.raises(ToolError, match=NAME):
            image.check(NAME, bytes(bad), "esp32")


def test_a_checksum_without_a_digest_counts_too():
    bare = bytearray(MERGED[:-32])
    bare[APP_AT + 23] = 0  # hash_appended
    assert image.check(NAME, bytes(bare), "esp32").app_size == len(bare) - APP_AT
    bare[-1] ^= 1
    with pytest.raises(ToolError, match="checksum"):
        image.check(NAME, bytes(bare), "esp32")


def test_xor_of_any_length():
    draw = random.Random(7)
    for size in [0, 1, 2, 3, 4, 5, 7, 16, 255, 1000]:
        data, wanted = draw.randbytes(size), 0
        for byte in data:
            wanted ^= byte
        assert image._xor(data) == wanted


@pytest.mark.parametrize("chip", ["esp32s2", "esp32s3", "esp32c3"])
def test_an_image_of_another_chip_is_named(chip):
    with pytest.raises(ToolError, match=f"made for {chip}, the board has esp32"):
        image.check(NAME, esp_image.merged_image(chip), "esp32")


def test_an_application_of_another_chip_under_the_right_boot_loader():
    other = MERGED[:APP_AT] + esp_image.app_image(0x8000, "esp32s3")
    with pytest.raises(ToolError, match="made for esp32s3"):
        image.check(NAME, other, "esp32")


def test_an_application_alone_is_no_merged_image():
    with pytest.raises(ToolError, match=r"not the \.app-bin"):
        image.check(NAME, esp_image.app_image(0x20000), "esp32")


@pytest.mark.parametrize("version", ["v1.24.0", "v1.25.0-preview.3", "1.30", "v2.0.0", "v1.100.0"])
def test_versions_that_do(version):
    assert image.check(NAME, esp_image.merged_image(version=version), "esp32").version == version


@pytest.mark.parametrize("version", ["v1.23.0", "v1.9.4", "v0.99", "v1.24.0-preview.9", "ab12cd3"])
def test_versions_that_do_not(version):
    with pytest.raises(ToolError, match=r"1\.24"):
        image.check(NAME, esp_image.merged_image(version=version), "esp32")


def test_another_program_is_refused():
    other = MERGED[:APP_AT] + esp_image.app_image(0x8000, project="doorbell")
    with pytest.raises(ToolError, match="holds 'doorbell'"):
        image.check(NAME, other, "esp32")
    none = MERGED[:APP_AT] + esp_image.app_image(0x8000, version=None)
    with pytest.raises(ToolError, match="no descriptor"):
        image.check(NAME, none, "esp32")


def test_only_the_table_changes():
    made = image.with_table(image.check(NAME, MERGED, "esp32"), table())
    assert made[:TABLE_AT] == MERGED[:TABLE_AT]
    assert made[TABLE_AT : TABLE_AT + 0xC00] == partitions.encode(table())
    assert set(made[TABLE_AT + 0xC00 : TABLE_AT + 0x1000]) == {0xFF}
    assert made[TABLE_AT + 0x1000 : len(MERGED)] == MERGED[TABLE_AT + 0x1000 :]
    assert len(made) % 0x1000 == 0
    assert set(made[len(MERGED) :]) <= {0xFF}


def moved(name, **changes):
    return [Partition(**{**vars(p), **changes}) if p.name == name else p for p in table()]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        (moved("meter", offset=0x30000), "meter at 0x30000 overlaps the application"),
        (moved("meter", offset=0x40000, size=0x1000), "overlaps"),  # its last sector
        (moved("factory", offset=0x20000), "app partition: one at 0x20000"),
        ([p for p in table() if p.kind == "data"], "app partition: none"),
        (moved("factory", size=0x20000), "factory has 0x20000"),
        (moved("vfs", size=0xD0000), "a flash of 4 MB"),
    ],
)
def test_a_table_that_cannot_stand_over_the_image(changed, says):
    with pytest.raises(ToolError, match=says):
        image.fit(image.check(NAME, MERGED, "esp32"), changed)
    image.fit(image.check(NAME, MERGED, "esp32"), table())


def test_a_partition_may_begin_where_the_application_ends():
    seen = image.check(NAME, MERGED, "esp32")
    end = seen.app_at + seen.app_size
    image.fit(seen, moved("meter", offset=-(-end // 0x1000) * 0x1000))


def test_tables_come_back():
    assert partitions.decode(partitions.encode(table())) == table()
    assert partitions.decode(b"\xff" * 0xC00) is None
    assert partitions.decode(b"") is None
    bad = bytearray(partitions.encode(table()))
    bad[4] ^= 1
    assert partitions.decode(bytes(bad)) is None


# plans


def plan(present):
    return writing.plan(image.check(NAME, MERGED, "esp32"), table(), present)


def test_a_bare_module_gets_everything():
    todo = plan(None)
    assert [(at, len(data)) for at, data in todo.pieces()] == [(0x1000, len(todo.image))]
    assert [p.name for p in todo.blanked] == ["meter", "vfs"]
    assert todo.kept == []
    assert todo.lost is None


def test_a_meter_keeps_its_data():
    todo = plan(table())
    assert [p.name for p in todo.kept] == ["nvs", "phy_init", "meter", "vfs"]
    assert todo.blanked == []
    assert [at for at, _ in todo.pieces()] == [0x1000, 0x10000]
    for at, data in todo.pieces():
        assert data == todo.image[at - 0x1000 : at - 0x1000 + len(data)]
        assert not at < 0x9000 + 0x6000 + 0x1000 <= at + len(data) - 1 or at == 0x10000
    assert sum(len(data) for _, data in todo.pieces()) == len(todo.image) - 0x7000


def test_another_program_keeps_nothing():
    stock = partitions.decode(esp_image.stock_table())
    todo = plan(stock)
    assert todo.kept == []  # its nvs lies where ours will, but is not ours
    assert todo.lost is None


def test_a_meter_partition_that_moves_is_lost():
    assert plan(moved("meter", size=0x100000)).lost.size == 0x100000
    part = plan(moved("vfs", size=0xB0000))  # as with an older map: the meter is where it was
    assert part.lost is None
    assert [p.name for p in part.blanked] == ["vfs"]


# the command


def test_flash_writes_verifies_and_deploys(run, bench):
    bench.flash = bytes(FLASH_SIZE)
    code, out, err = run(*FLASH, "--yes")
    assert (code, err) == (0, "")
    assert bench.commands() == ["flash-id", "read-flash", "write-flash", "read-flash"]
    made = image.with_table(image.check(NAME, MERGED, "esp32"), table())
    flash = bench.flash
    assert flash[0x1000 : 0x1000 + len(made)] == made
    assert set(flash[0x200000:]) == {0xFF}
    assert set(flash[0x1000 + len(made) : 0x200000]) == {0}  # nobody asked for that
    assert out.index("meter            ERASED") < out.index("read back") < out.index("deploy")
    assert bench.starts() == [False, False, False, True]  # a first start is not broken off


def test_flash_on_a_meter_touches_none_of_its_data(run, bench):
    used = bytearray(random.Random(3).randbytes(FLASH_SIZE))
    used[TABLE_OFFSET : TABLE_OFFSET + 0xC00] = partitions.encode(table())
    bench.flash = used
    assert run(*FLASH, "--yes")[0] == 0
    assert bench.starts() == [False, False, False, False, True]  # two pieces were read back
    flash = bench.flash
    for p in table():
        if p.kind == "data":
            end = p.offset + p.size
            assert flash[p.offset : end] == used[p.offset : end], p.name
    assert flash[0x10000:][: len(MERGED) - APP_AT] == MERGED[APP_AT:]
    bench.folder.joinpath("log").unlink()
    assert run(*FLASH, "--yes", "--erase")[0] == 0
    assert set(bench.flash[0x200000:]) == {0xFF}


def test_flash_asks_first(run, bench, monkeypatch):
    before = bench.flash
    for answer in ("n\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        code, out, _ = run(*FLASH)
        assert code == 1
        assert f"writes module {MAC} on /dev/module and ERASES the module" in out
        assert bench.starts()[-1]  # the meter goes on
    assert "write-flash" not in bench.commands()
    assert bench.flash == before


def test_a_moved_meter_partition_needs_erase(run, bench):
    old = moved("meter", size=0x100000)
    used = bytearray(FLASH_SIZE)
    used[TABLE_OFFSET : TABLE_OFFSET + 0xC00] = partitions.encode(old)
    bench.flash = used
    code, _, err = run(*FLASH, "--yes")
    assert code == 1
    assert "wattledger backup, then flash with --erase" in err
    assert bench.flash == used
    assert run(*FLASH, "--yes", "--erase")[0] == 0


def refused(run, bench, *arguments):
    """-> stderr of a command that fails and writes nothing."""
    before = bench.flash
    code, _, err = run(*arguments)
    assert code == 1
    assert err.startswith("wattledger: ")
    assert err.count("\n") == 1, err
    assert "write-flash" not in bench.commands()
    assert bench.flash == before
    assert not bench.log() or bench.starts()[-1]
    return err


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (esp_image.merged_image("esp32s3"), "made for esp32s3"),
        (MERGED[:-100], "the file ends at byte"),
        (esp_image.merged_image(version="v1.23.0"), "1.24 or newer"),
    ],
    ids=["chip", "short", "old"],
)
def test_a_bad_image_never_reaches_the_port(run, bench, tmp_path, data, says):
    (tmp_path / NAME).write_bytes(data)
    assert says in refused(run, bench, *FLASH, "--yes")
    assert bench.log() == []


def test_a_table_over_the_application_never_reaches_the_port(run, bench, monkeypatch):
    changed = moved("meter", offset=0x30000)
    monkeypatch.setattr(partitions, "of_board", lambda board: changed)
    assert "meter at 0x30000 overlaps" in refused(run, bench, *FLASH, "--yes")
    assert bench.log() == []


def test_a_module_of_another_chip_is_refused(run, bench):
    bench.set(chip="esp32s3")
    assert "This chip is esp32s3, not esp32" in refused(run, bench, *FLASH, "--yes")


def test_a_module_with_little_flash_is_refused(run, bench):
    bench.set(mb=2)
    assert "0x200000 bytes of flash" in refused(run, bench, *FLASH, "--yes")


@pytest.mark.parametrize("at", [0x1000, 0x8004, 0x30001])
def test_what_reads_back_otherwise_is_named(run, bench, at):
    bench.set(spoil=at)
    code, out, err = run(*FLASH, "--yes")
    assert code == 1
    assert f"flash: {at:#x} reads " in err
    assert "deploy" not in out


def test_a_dry_run_prints_each_command_and_runs_none(run, bench, monkeypatch):
    bench.flash = b"\xff" * FLASH_SIZE
    code, out, _ = run(*FLASH, "--dry-run")
    assert code == 0
    assert bench.log() == []
    assert bench.commands() == []
    lines = [line for line in out.splitlines() if "--chip esp32" in line]
    words = ["flash-id", "read-flash 0x8000 0xc00", "write-flash", "read-flash 0x1000"]
    assert len(lines) == len(words)
    for line, wanted in zip(lines, words, strict=True):
        assert wanted in line
    assert out.splitlines()[-1].endswith(f"deploy --board {BOARD}")
    for line in lines:  # they are the commands: what they do is what flash does
        assert subprocess.run(line, shell=True).returncode == 0
    assert bench.flash[0x1000:][: len(MERGED)][APP_AT:] == MERGED[APP_AT:]


def test_flash_without_a_port_names_those_there(bench, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["wattledger", "--port", "virtual", *FLASH])
    with pytest.raises(SystemExit):
        cli.main()
    assert "which port? give --port" in capsys.readouterr().err


# backup


@pytest.fixture
def meter(bench):
    """A meter with something in it. -> its bytes"""
    used = bytearray(random.Random(4).randbytes(FLASH_SIZE))
    used[TABLE_OFFSET : TABLE_OFFSET + 0xC00] = partitions.encode(table())
    bench.flash = used
    return bytes(used)


def test_backup_and_restore(run, bench, meter, tmp_path):
    assert run("backup", "m.bin")[0] == 0
    assert bench.starts() == [False, False, True]
    data = (tmp_path / "m.bin").read_bytes()
    assert data == meter[0x200000:0x340000]
    header = json.loads((tmp_path / "m.bin.json").read_text())
    assert header["serial"] == MAC
    assert header["sha256"] == hashlib.sha256(data).hexdigest()
    assert (header["offset"], header["size"], header["chip"]) == (0x200000, 0x140000, "esp32")
    later = bytearray(meter)
    later[0x200000:0x340000] = bytes(0x140000)
    bench.flash = later
    assert run("restore", "m.bin", "--yes")[0] == 0
    assert bench.flash == meter
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"module", NAME, "m.bin", "m.bin.json"}


def test_restore_refuses(run, bench, meter, tmp_path):
    run("backup", "m.bin")
    path, header = tmp_path / "m.bin", tmp_path / "m.bin.json"
    good, text = path.read_bytes(), header.read_text()
    path.write_bytes(good[:-1])
    assert "cut short" in refused(run, bench, "restore", "m.bin", "--yes")
    path.write_bytes(b"\0" + good[1:])
    assert "SHA-256" in refused(run, bench, "restore", "m.bin", "--yes")
    path.write_bytes(good)
    for junk in ("{}", "[]", "\0", text.replace(MAC, "../../x")):
        header.write_text(junk)
        assert "no header" in refused(run, bench, "restore", "m.bin", "--yes")
    header.write_bytes(b"\xff")
    assert "no header" in refused(run, bench, "restore", "m.bin", "--yes")
    header.write_text(text.replace(MAC, "0" * 12))
    assert "two meters" in refused(run, bench, "restore", "m.bin", "--yes")
    assert run("restore", "m.bin", "--yes", "--other-chip")[0] == 0
    header.write_text(text.replace('"esp32"', '"esp32s3"'))
    bench.folder.joinpath("log").unlink()
    assert "This chip is esp32" in refused(run, bench, "restore", "m.bin", "--yes")
    header.unlink()
    assert "a backup is two files" in refused(run, bench, "restore", "m.bin", "--yes")


def test_a_partition_of_another_size_is_refused(run, bench, meter):
    run("backup", "m.bin")
    used = bytearray(meter)
    used[TABLE_OFFSET : TABLE_OFFSET + 0xC00] = partitions.encode(moved("meter", size=0x100000))
    bench.flash = used
    assert "meter partition has 0x100000" in refused(run, bench, "restore", "m.bin", "--yes")


def test_a_module_without_a_meter_has_no_backup(run, bench):
    assert "no meter partition" in refused(run, bench, "backup", "m.bin")


def test_a_target_is_checked_without_a_port():
    header = backup.Header(1, MAC, "esp32", 0x200000, 0x140000, "", "")
    part = next(p for p in table() if p.name == "meter")
    backup.check_target(header, Module(MAC, 0), part, "esp32", other_chip=False)
    backup.check_target(header, None, part, "esp32", other_chip=False)
    with pytest.raises(ToolError):
        backup.check_target(header, Module("0" * 12, 0), part, "esp32", other_chip=False)


def test_options_of_esptool_are_not_said_twice(monkeypatch):
    tool = Esptool("/dev/x", "esp32")
    assert tool.command(("flash-id",))[-3:] == ["--after", "no-reset", "flash-id"]
    assert tool.command(("flash-id",), last=True)[-3:] == ["--after", "hard-reset", "flash-id"]
    monkeypatch.setenv("WATTLEDGER_ESPTOOL", "my tool --after no-reset")
    command = tool.command(("flash-id",), last=True)
    assert command[:4] == ["my", "tool", "--after", "no-reset"]
    assert command.count("--after") == 1


def test_an_entry_of_the_table_as_idf_packs_it():
    packed = struct.pack("<2sBBLL16sL", b"\xaa\x50", 1, 0x40, 0x200000, 0x140000, b"meter", 0)
    assert packed in image.with_table(image.check(NAME, MERGED, "esp32"), table())


def test_software_that_cannot_save_is_no_reason_to_stop(run, bench, monkeypatch):
    class Broken:
        def __init__(self, port):
            raise ToolError("no MicroPython prompt")

    monkeypatch.setattr(console, "wait_for_prompt", lambda port, timeout_s: (True, ">>> "))
    monkeypatch.setattr(flash_command, "Link", Broken)
    code, out, _ = run(*FLASH, "--yes")
    assert code == 0
    assert "could not save its registers" in out
    assert "read back: as written" in out


def test_a_port_that_is_not_there_is_no_busy_one():
    with pytest.raises(ToolError, match="no such port"):
        console.wait_for_prompt("/dev/nosuch", 0.1)


# a sealed meter: the ROM knows no seal, its console saves the registers before


@pytest.fixture
def sealed(bench, meter, monkeypatch, tmp_path):
    """A sealed meter on a port of its own, with the flash of `meter`. -> SealedMeter"""
    monkeypatch.setattr(session, "sealed_on", SEALED_ON)
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    fleet = Fleet.new()
    passphrase = "correct horse"
    key_file.create(tmp_path / "fleet.keys", fleet, passphrase)
    for role in ("reader", "utility"):
        key_file.create(tmp_path / f"{role}.keys", fleet.derive(SERIAL.hex(), role), passphrase)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", passphrase)
    sealed = SealedMeter(fleet)
    sealed.rig.run(60, imported=1)
    yield sealed
    sealed.close()


SEALED_ON = session.sealed_on
COULD_NOT = "it could not save its registers, the last minute may be missing: "


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ("fleet", "the meter has saved its registers\n"),
        ("utility", "the meter has saved its registers\n"),
        ("reader", COULD_NOT + "keys: they are of a reader, this needs a utility\n"),
        (None, "may be missing: with --keys FILE, a utility's, it is saved first\n"),
    ],
)
def test_a_backup_of_a_sealed_meter(run, bench, meter, sealed, tmp_path, monkeypatch, keys, says):
    if keys:
        monkeypatch.setenv("WATTLEDGER_KEYS", f"{keys}.keys")
    before = sealed.rig.meter.journal.seq
    code, out, err = run("backup", "m.bin", "--port", sealed.port)
    assert (code, err) == (0, "")
    assert says in out
    assert (sealed.rig.meter.journal.seq > before) == ("has saved" in says)
    assert (tmp_path / "m.bin").read_bytes() == meter[0x200000:0x340000]


def test_keys_that_cannot_be_read_stop_a_backup(run, bench, sealed, monkeypatch):
    monkeypatch.setenv("WATTLEDGER_KEYS", "fleet.keys")
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", "wrong horse")
    said = refused(run, bench, "backup", "m.bin", "--port", sealed.port)
    assert "wrong passphrase" in said
    assert bench.log() == []


def test_keys_that_a_sealed_meter_does_not_know_save_nothing(run, bench, sealed, tmp_path):
    key_file.create(tmp_path / "other.keys", Fleet.new(), "correct horse")
    code, out, _ = run("--keys", "other.keys", "backup", "m.bin", "--port", sealed.port)
    assert code == 0
    assert COULD_NOT in out
    assert "refused these keys" in out


def test_flash_leaves_a_sealed_meter_its_software(run, bench, meter, sealed):
    code, out, err = run("--keys", "fleet.keys", *FLASH, "--yes", "--port", sealed.port)
    assert (code, err) == (0, "")
    assert "the meter has saved its registers" in out
    assert out.endswith("runs the software that it had: wattledger update\n")
    assert "deploy" not in out


def test_flash_that_erases_the_seal_deploys(run, bench, sealed):
    code, out, _ = run(*FLASH, "--yes", "--erase", "--port", sealed.port)
    assert (code, out.splitlines()[-1]) == (0, f"deploy {BOARD}")


def test_a_sealed_meter_that_does_not_come_back_is_deployed_to(run, bench, sealed, monkeypatch):
    monkeypatch.setattr(flash_command, "BOOT_TIMEOUT_S", 0.1)
    seen = iter([SEALED_ON])
    monkeypatch.setattr(
        session, "sealed_on", lambda *given: next(seen, lambda *given: None)(*given)
    )
    code, out, _ = run(*FLASH, "--yes", "--port", sealed.port)
    assert (code, out.splitlines()[-1]) == (0, f"deploy {BOARD}")


def test_restore_asks_a_sealed_meter_nothing(run, bench, meter, sealed):
    run("backup", "m.bin", "--port", sealed.port)
    sealed.lines.clear()
    assert run("restore", "m.bin", "--yes", "--port", sealed.port)[0] == 0
    assert sealed.lines == []
    assert bench.flash == meter
