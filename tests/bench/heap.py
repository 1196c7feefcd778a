"""python tests/bench/heap.py: heap that each module of the firmware takes, in the MicroPython VM.

Modules are compiled as `deploy` does and imported in an order in which each one finds what it
needs already there, so that a row is that module alone. The VM's words are 32 bits, as the
chip's. A module that nothing imports at its head is rare work: loaded on demand, dropped.
Names that are new to the VM (qstr) go into pools of 20, 40, 80 ... 640 entries of 7 bytes: the
module that fills one pays for the next, 4.5 KB at the last, which those that follow use up.
"""

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

from meter import limits
from wattledger import build, bundle

sys.path.append(str(bundle.root() / "tests/shared"))
import tariffs

ROOT = bundle.root()
FIRMWARE = ROOT / "firmware"
BOARDS = sorted((ROOT / "boards").glob("esp32_*/board.py"))
MEASURE = ROOT / "tests/bench/heap.mjs"
# Imported where they are needed, but what they make lives as long as the meter.
KEPT = ["meter.tariff", "meter.calendar"]
# What a board may have beside a meter.
EXTRAS = "quality_ports atm90e32_quality ds3231 load_switch status_led ssd1306 display".split()
# Ours: the design has no row for them. They may take as much as security; no board has them all.
EXTRAS_LIMIT = 12 * 1024
# Who may come in: what the gate needs in RAM between two messages. `Ports.security` makes the two
# ports, and the keys outlive the module that read them.
SECURITY = (
    "meter.security.gate meter.security.seal meter.security.key_set"
    " drivers.vault drivers.crypto_port"
).split()
# What comms.run has of a profile as long as that runs. What begins one (comms.starting, profiles,
# mqtt_connect, tls), discovery, and parts of COSEM are loaded and dropped again: on demand.
COMMS = {
    "comms": "console run",
    "mqtt": "mqtt_codec mqtt_session mqtt_link",
    "wifi": "wifi",
    "uplink": "uplink",
    "home": "home",
    "local": "local obis_lines p1 readout",
    "cosem": "cosem_data cosem_objects cosem cosem_server",
    "ntp": "ntp",
}
# name: (what it has for itself, what it stands on). The limit holds for the first; the sum of both
# is shown against it too, and a profile that needs Wi-Fi is beyond it.
PROFILES = {
    "utility": ("mqtt uplink", "comms wifi"),
    "customer": ("mqtt home", "comms wifi"),
    "P1 and optical port": ("local", "comms"),
    "COSEM": ("cosem", "comms wifi"),
}
PROFILE_LIMIT = 15 * 1024
# bytes. design: heap ledger; core is "resident core + driver + journal + service". The composition
# (app.py), which has no row there, is shown beside it.
LIMITS = {
    "core": 60 * 1024,
    "board extras": EXTRAS_LIMIT,
    "security": 12 * 1024,
}
# Names are stored in chunks of 128 B, and which module begins one differs from board to board.
NOISE = 256
TARIFF_LIMIT = 6 * 1024  # of the tariff in force, beside that

Ledger = dict[tuple[str, str], int]  # {(group, module): bytes}


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


def groups(board: Path) -> dict[str, list[str]]:
    """-> modules by when they are in RAM, each in import order. board: its board.py"""
    own = needs(board)
    named = needs(FIRMWARE / "app.py") + own
    extras = [name for name in named if name.removeprefix("drivers.") in EXTRAS]
    # What only other boards name, and the parts of it, is never loaded on this one.
    foreign = tuple(name for other in BOARDS for name in needs(other) if name not in own)
    rest = [name for name in modules("meter") + modules("drivers") if not name.startswith(foreign)]
    done: list[str] = []
    asked: set[str] = set()
    result = {}
    for group, wanted in (
        ("core", [name for name in named if name not in (*extras, *SECURITY)] + KEPT),
        ("board extras", extras),
        ("security", SECURITY),
        ("composition", ["app"]),
        *((group, [f"comms.{name}" for name in names.split()]) for group, names in COMMS.items()),
        ("on demand", rest + modules("comms")),
    ):
        before = len(done)
        closure(wanted, done, asked)
        result[group] = done[before:]
    return result


def compile_into(folder: Path, board: Path) -> None:
    """What `deploy` puts onto a device."""
    for path, data in build.build(board.parent.name).slot.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


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


def measured(names: list[str], board: Path) -> dict[str, int]:
    """-> bytes of heap that importing each module keeps, and of a large Tariff."""
    with tempfile.TemporaryDirectory() as folder:
        compile_into(Path(folder), board)
        tariff = Path(folder, "tariff.json")
        tariff.write_bytes(large_tariff())
        command = [bundle.node(), str(MEASURE), folder, str(tariff), *names]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"heap: {done.stderr.strip()}")
    rows = (line.split() for line in done.stdout.splitlines())
    return {name: int(size) for name, size in rows}


def shared(ledgers: dict[str, Ledger]) -> Ledger:
    """-> the rows that are the same on all boards, each as the largest."""
    first, *others = ledgers.values()
    found = {}
    for row in first:
        sizes = [ledger.get(row, sys.maxsize) for ledger in (first, *others)]
        if max(sizes) - min(sizes) <= NOISE:
            found[row] = max(sizes)
    return found


def show(title: str, rows: Ledger) -> None:
    print(f"{title}:")
    for (group, name), size in rows.items():
        print(f"  {group:12} {name:26} {size:6} B")


def told(board: str, name: str, ledger: Ledger, parts: list[str], limit: int | None) -> bool:
    """Print the sum of these groups. -> whether it is over the limit"""
    total = sum(size for (of, _), size in ledger.items() if of in parts)
    said = f" of {limit} B: {total / limit:.2f}" if limit else " B"
    print(f"heap {board} {name}: {total}{said}")
    return bool(limit and total > limit)


def main() -> int:
    """Print what all boards share, then for each its other rows and sums. -> 1 if a limit is
    exceeded."""
    ledgers: dict[str, Ledger] = {}
    held = 0
    for board in BOARDS:
        found = groups(board)
        sizes = measured([name for names in found.values() for name in names], board)
        held = max(held, sizes["tariff"])
        ledgers[board.parent.name] = {
            (group, name): sizes[name] for group, names in found.items() for name in names
        }
    same = shared(ledgers)
    show("all boards", same)
    over = held > TARIFF_LIMIT
    for board_name, ledger in ledgers.items():
        show(board_name, {row: size for row, size in ledger.items() if row not in same})
        for group in (*LIMITS, "composition", "on demand"):
            over |= told(board_name, group, ledger, [group], LIMITS.get(group))
    # The least of the boards: a pool of names falls to another module on each.
    least = {
        row: min(ledger.get(row, size) for ledger in ledgers.values())
        for row, size in next(iter(ledgers.values())).items()
    }
    for profile, (own, base) in PROFILES.items():
        over |= told("of profile", profile, least, own.split(), PROFILE_LIMIT)
        whole = f"{own} {base}".split()
        told("of profile", f"{profile}, with {base}", least, whole, PROFILE_LIMIT)
    print(f"heap of a large tariff: {held} of {TARIFF_LIMIT} B: {held / TARIFF_LIMIT:.2f}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
