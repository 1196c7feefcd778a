"""docs/security.md says what is true: a row and a test for each of R1 to R25, tests that exist,
and eFuse commands that espefuse takes."""

import re
import subprocess
import sys

import pytest

from wattledger.bundle import root

TEXT = (root() / "docs/security.md").read_text()
ROWS = dict(re.findall(r"^\| R(\d+) \| (.*) \|$", TEXT, re.M))
NUMBERS = range(1, 26)


def has_test(path, number):
    return f"def test_r{number:02}_" in (root() / path).read_text()


def test_the_rows_are_r1_to_r25():
    assert list(map(int, ROWS)) == list(NUMBERS)
    for number, row in ROWS.items():
        assert len(row.split(" | ")) == 3, f"R{number}: requirement, how, tests"


@pytest.mark.parametrize("number", NUMBERS)
def test_each_requirement_has_tests_of_its_name_in_the_files_of_its_row(number):
    named = re.findall(r"`(tests/\S+\.py)`", ROWS[str(number)].split(" | ")[2])
    assert all((root() / path).is_file() for path in named)
    assert [path for path in named if path.startswith("tests/security") and has_test(path, number)]


def test_no_test_is_of_a_requirement_that_there_is_not():
    for path in (root() / "tests").rglob("test_*.py"):
        for number in re.findall(r"def test_r(\d+)_", path.read_text()):
            assert int(number) in NUMBERS, path


def test_espefuse_takes_the_commands(tmp_path):
    """On its own emulator of an ESP32, in the order that they are written in."""
    block = re.search(r"```sh\n(espsecure.*?)```", TEXT, re.S)[1]
    for line in block.splitlines():
        name, *arguments = line.split()
        if name == "espefuse":
            arguments[2:2] = ["--virt", "--path-efuse-file", "efuses.bin", "--do-not-confirm"]
        done = subprocess.run(
            [sys.executable, "-m", name, *arguments], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, line + done.stdout + done.stderr
    command = "espefuse --chip esp32 --virt --path-efuse-file efuses.bin summary".split()
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True
    )
    for fuse, value in (
        ("ABS_DONE_1", "True"),
        ("FLASH_CRYPT_CNT", "127"),
        ("JTAG_DISABLE", "True"),
        ("UART_DOWNLOAD_DIS", "True"),
        ("DISABLE_DL_DECRYPT", "True"),
    ):
        assert re.search(rf"^{fuse} .* = {value} ", done.stdout, re.M), done.stdout
