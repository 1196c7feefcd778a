"""Every command of the README, taken from its text; its hardware path is test_first_meter.py."""

import os
import re
import shlex
import subprocess
import sys

import pytest

TRY = "## Try the commands"
SEE = "## See, understand, act"
SEAL = "## Seal it"
TOUCH = "## In touch"


def commands(root, heading):
    """-> the lines of all sh blocks below a heading."""
    text = (root / "README.md").read_text()
    section = text.split(heading + "\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.S)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def run(board, root, tmp_path):
    """Run one line of the README as a user would, in a folder of its own."""
    env = {**os.environ, "WATTLEDGER_STATE": str(board.state)}
    env["WATTLEDGER_CACHE"] = str(tmp_path / "cache")
    env["WATTLEDGER_PASSPHRASE"] = "correct horse battery staple"
    (tmp_path / "docs").symlink_to(root / "docs")

    def run(line):
        words = shlex.split(line)
        assert words[0] == "wattledger", line
        command = [sys.executable, "-m", "wattledger", *words[1:]]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, line + done.stdout + done.stderr
        return done.stdout

    return run


def test_try_the_commands(run, root, board, tmp_path):
    lines = commands(root, TRY)
    assert lines[0].startswith("make setup")
    said = {line: run(line) for line in lines[1:]}
    assert len(said) >= 10
    assert (tmp_path / "profile.csv").read_text().count("\n") >= 96
    assert "Verified: " in (tmp_path / "bill.html").read_text()
    assert "recomputed to the last unit" in said["wattledger verify"]
    assert not board.is_running()
    for extra in ("matplotlib", "scipy", "sklearn"):
        pytest.importorskip(extra, reason=f"no {extra}: pip install 'wattledger[analysis]'")
    for line in commands(root, SEE):
        run(line)
    assert "<svg" in (tmp_path / "report.html").read_text()
    assert "IntervalReading" in (tmp_path / "greenbutton.xml").read_text()


def test_seal_it(run, root, board):
    lines = commands(root, SEAL)
    said = {line: run(line) for line in lines}
    public, bill = (said[line] for line in lines if line.split()[-1] in ("info", "bill"))
    assert "sealed" in public
    assert "kWh" not in public
    assert "kWh" in bill
    assert not board.is_running()


def test_in_touch(run, root, board, tmp_path):
    """What `make demo-fleet` shows has a test of its own, tests/headend/test_demo_fleet.py."""
    pytest.importorskip("duckdb", reason="no duckdb: pip install 'wattledger[headend]'")
    make, *lines = commands(root, TOUCH)
    assert make == "make demo-fleet"
    said = {line: run(line) for line in lines}
    init, query = (said[line] for line in lines if " headend " in line)
    assert "certificates for 1 meters" in init
    assert "sum(used_mwh)" in query
    assert len(list((tmp_path / "village/meters").glob("*.pem"))) == 1
    assert not board.is_running()


def test_make_prints_what_the_readme_names(root):
    shown = subprocess.run(["make", "-C", root], capture_output=True, text=True).stdout
    for target in re.findall(r"`?make ([a-z-]+)", (root / "README.md").read_text()):
        assert f"make {target}" in shown
