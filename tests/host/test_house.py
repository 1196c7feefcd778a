"""Packaging, set-up and the Makefile: what a newcomer meets first."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from wattledger import bundle

ENV = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def run(*command, **options):
    options = {"env": ENV, **options}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The wheel, unpacked as pip would; built without any package index."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder]
    done = run(sys.executable, "-m", "pip", "wheel", *options, root)
    assert done.returncode == 0, done.stderr
    [file] = folder.glob("wattledger-*-py3-none-any.whl")
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def sources(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_holds_the_tool_and_the_core(root, wheel):
    tops = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    assert tops == {"meter", "wattledger"}
    assert not list(wheel.rglob("__pycache__"))
    assert sources(wheel / "meter") == sources(root / "firmware/meter")
    packed = {name for name in sources(wheel / "wattledger") if not name.startswith("_bundle/")}
    assert packed == sources(root / "host_tools/wattledger")


@pytest.mark.parametrize("folder", ["firmware", "boards"])
def test_wheel_ships_what_goes_to_the_device(root, wheel, folder):
    shipped = wheel / "wattledger/_bundle" / folder
    assert sources(shipped) == sources(root / folder)
    for name in sources(shipped):
        assert (shipped / name).read_bytes() == (root / folder / name).read_bytes()


def test_wheel_finds_its_own_files(wheel, tmp_path):
    script = (
        "import meter, wattledger.bundle as b; b.import_boards(); import boards;"
        "print(meter.__file__, b.root(), *boards.__path__, sep='\\n')"
    )
    done = run(sys.executable, "-c", script, cwd=tmp_path, env={**ENV, "PYTHONPATH": str(wheel)})
    assert done.returncode == 0, done.stderr
    data = wheel / "wattledger/_bundle"
    assert done.stdout.splitlines() == [f"{wheel}/meter/__init__.py", f"{data}", f"{data}/boards"]


def test_checkout_finds_its_own_files(root):
    assert bundle.root() == root
    assert (bundle.vm_folder() / "micropython.wasm").is_file()
    assert re.match(r"v\d+\.", run(bundle.node(), "--version").stdout)


def test_make_alone_explains_every_target(root):
    targets = set(re.findall(r"^([a-z][a-z-]*):", (root / "Makefile").read_text(), re.M))
    shown = run("make", "--no-print-directory", cwd=root).stdout
    described = re.findall(r"^  make ([a-z-]+) +\S", shown, re.M)
    assert sorted(described) == sorted(targets)
    wanted = "setup demo test test-host test-vm test-device lint bench sim wheel clean"
    assert set(wanted.split()) <= targets


def test_setup_does_nothing_twice(root):
    done = run("make", "--question", ".venv/.ready", cwd=root)
    assert done.returncode == 0, "set-up is not up to date: run make setup"


def test_setup_says_when_python_is_too_old(root, tmp_path):
    """A PATH whose every python3 is one that fails the version check."""
    shutil.copy(root / "Makefile", tmp_path)
    for name in ("pyproject.toml", "package.json", "package-lock.json"):
        shutil.copy(root / name, tmp_path)
    (tmp_path / "host_tools").mkdir()
    shutil.copy(root / "host_tools/setup_vm.py", tmp_path / "host_tools")
    old = tmp_path / "bin/python3"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    make = shutil.which("make")
    done = run(make, "setup", cwd=tmp_path, env={"PATH": str(old.parent)})
    assert done.returncode == 2
    said = "setup: no Python 3.11 or newer here: install one, or name it"
    assert done.stdout.startswith(said), done.stdout + done.stderr
    assert not (tmp_path / ".venv").exists()


def test_the_vm_is_pinned_by_version_and_hash(root):
    name = "@micropython/micropython-webassembly-pyscript"
    wanted = json.loads((root / "package.json").read_text())["dependencies"]
    lock = json.loads((root / "package-lock.json").read_text())
    locked = lock["packages"][f"node_modules/{name}"]
    assert wanted == {name: locked["version"]}
    assert re.fullmatch(r"\d+\.\d+\.\d+-\d+", locked["version"])
    assert locked["integrity"].startswith("sha512-")


def test_ci_runs_what_a_developer_runs(root):
    script = root / ".ci/run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "make test"
    rules = (root / "Makefile").read_text()
    needs = re.search(r"^test:(.*)$", rules, re.M)[1].split()
    assert {"lint", "test-host", "test-vm"} <= set(needs)


def test_types_of_the_chip_are_checked(root, tmp_path):
    """The run over the firmware knows the chip's modules, and says so of a planted fault."""
    driver = tmp_path / "planted.py"
    driver.write_text(
        "import machine\nimport time\n\n\ndef read():\n"
        "    machine.SPI(1, baudrate=1).write_readinto(b'', bytearray(1))\n"
        "    return time.ticks_mss()\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy-firmware.ini"]
    done = run(*command, "--cache-dir", tmp_path / "cache", driver, cwd=root)
    assert done.returncode == 1
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout
    assert 'planted.py:7: error: Module has no attribute "ticks_mss"' in errors[0]
