"""tests/shared on MicroPython: in the VM, and on the binary that MICROPYTHON= names."""

import os
import re
import subprocess

import pytest

from wattledger import bundle

ROOT = bundle.root()
FILES = sorted((ROOT / "tests/shared").glob("test_*.py"))
RUNNER = ROOT / "tests/vm/run_shared.mjs"
MICROPYTHON = os.environ.get("MICROPYTHON")
# .frozen before lib: a unittest that is built in is taken, ours is for where there is none
BINARY_PATH = ["firmware", "", "tests/shared", "tests/vm", ".frozen", "tests/vm/lib"]

GOOD = """
class TestGood(unittest.TestCase):
    def test_core_is_found(self):
        self.assertEqual(len(Sample().counts), 7)
    @unittest.skip("planted")
    def test_skipped(self):
        self.fail()
"""
PLANTED = {
    "failure": GOOD + "class TestBad(unittest.TestCase):\n    def test_it(self): self.fail()\n",
    "error": GOOD + "class TestBad(unittest.TestCase):\n    def test_it(self): 1 // 0\n",
    "import": GOOD + "import nothing_of_that_name\n",
    "empty": "X = 1\n",
    "skipped": "@unittest.skip('all')\nclass TestNone(unittest.TestCase):\n    pass\n",
}


def in_vm(node, file):
    return subprocess.run(
        [node, RUNNER, file], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_in_vm(node, file, record_property):
    done = in_vm(node, file)
    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.search(r"^ok \S+: (\d+) ran, 0 failed, .* on (MicroPython [\d.]+)", done.stdout, re.M)
    assert ran, done.stdout
    record_property("shared", (f"{ran[2]} (WebAssembly VM)", int(ran[1])))


@pytest.mark.skipif(not MICROPYTHON, reason="no binary given: set MICROPYTHON=path")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_on_binary(file, record_property):
    path = ":".join(str(ROOT / p) if p != ".frozen" else p for p in BINARY_PATH)
    done = subprocess.run(
        [str(MICROPYTHON), ROOT / "tests/vm/run_file.py", file.stem],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    ran = re.search(r"^@@ (.*)\|(\d+)\|0\|\d+$", done.stdout, re.M)
    assert ran, done.stdout + done.stderr
    assert int(ran[2]) > 0, done.stdout
    record_property("shared", (ran[1], int(ran[2])))


def planted(folder, text):
    file = folder / "test_planted.py"
    file.write_text("import unittest\nfrom meter.sample import Sample\n" + text)
    return file


def test_runner_passes_what_is_good(node, tmp_path):
    done = in_vm(node, planted(tmp_path, GOOD))
    assert done.returncode == 0, done.stdout
    assert "1 ran, 0 failed, 1 skipped" in done.stdout


@pytest.mark.parametrize("kind", PLANTED)
def test_runner_refuses_what_is_bad(node, tmp_path, kind):
    done = in_vm(node, planted(tmp_path, PLANTED[kind]))
    assert done.returncode == 1, done.stdout
    assert "FAIL test_planted.py" in done.stdout


@pytest.mark.parametrize(("kind", "counts"), [("failure", "2|1|1"), ("error", "2|1|1")])
def test_our_own_unittest_counts_alike(node, tmp_path, kind, counts):
    """Boards have no unittest; ours must see the planted faults that the VM's own sees."""
    script = f"""
        import {{ copy, ROOT, start }} from {str(ROOT / "tests/vm/vm.mjs")!r};
        const vm = await start(console.log, ["firmware", "tests/vm"]);
        copy(vm, {str(tmp_path)!r}, "/wl/tests/shared");
        vm.runPython(`sys.path.insert(0, "/wl/tests/vm/lib")
import unittest, run_file
assert unittest.__file__.startswith("/wl")
run_file.main("test_planted")`);
    """
    planted(tmp_path, PLANTED[kind])
    done = subprocess.run(
        [node, "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60
    )
    assert f"|{counts}" in done.stdout, done.stdout + done.stderr
