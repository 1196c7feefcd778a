"""The file of loads that a plan moves: what each needs, at which powers, and between which times.

docs/analysis.md describes every key.
"""

from dataclasses import dataclass
from pathlib import Path

from wattledger.errors import ToolError
from wattledger.tariffs.toml_node import Node, parse

STEP_MW = 10_000  # a charger is set in whole 10 W: finer than any, and a small problem to solve
LOADS_MAX = 16
DAYS_MAX = 7
_NAME_CHARS = 32
_KW_MAX = 1000
_KWH_MAX = 100_000
_STEPS_MAX = 288
_DAY_MIN = 1440


@dataclass(frozen=True)
class Charge:
    """Energy by a deadline; in each slot no power, or one between the two, in whole STEP_MW.

    opens, closes   of each kind of load: minutes of the local day; a window may run over midnight
    """

    name: str
    opens: int
    closes: int
    energy_mwh: int
    min_mw: int
    max_mw: int


@dataclass(frozen=True)
class Heat:
    """Energy in each of its daily windows, at one power, block_s at a time at the least."""

    name: str
    opens: int
    closes: int
    energy_mwh: int
    power_mw: int
    block_s: int


@dataclass(frozen=True)
class Run:
    """A profile that runs once, without interruption: powers of step_s each."""

    name: str
    opens: int
    closes: int
    profile_mw: tuple[int, ...]
    step_s: int


Flexible = Charge | Heat | Run


@dataclass(frozen=True)
class LoadFile:
    """days: how many the plan covers; loads: in the order of the file."""

    name: str
    days: int
    loads: tuple[Flexible, ...]


def read(path: Path) -> LoadFile:
    """ToolError: names the key, what stands there, and the cure."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable file of loads") from None
    except UnicodeDecodeError as error:
        raise ToolError(f"{path}: byte {error.start} is not UTF-8: save it as UTF-8") from None
    return of_text(text, path.name)


def of_text(text: str, file: str) -> LoadFile:
    """file: the name that errors show."""
    at = parse(text, file).fields(("schema", "name", "loads"), ("days",))
    at["schema"].integer((1,), "1, the version this tool knows")
    days = at["days"].integer(range(1, DAYS_MAX + 1), f"1 to {DAYS_MAX}") if "days" in at else 1
    named = at["loads"].named(_NAME_CHARS, LOADS_MAX)
    loads = tuple(_load(name, node) for name, node in named.items())
    return LoadFile(at["name"].text(64), days, loads)


_KEYS = {
    "charge": ("energy_kwh", "power_kw"),
    "heat": ("energy_kwh", "power_kw", "block_min"),
    "run": ("profile_kw", "step_min"),
}


def _load(name: str, node: Node) -> Flexible:
    everything = {key for keys in _KEYS.values() for key in keys}
    at = node.fields(("kind", "between"), sorted(everything))
    kind = at["kind"].choice(_KEYS)
    node.fields(("kind", "between", *_KEYS[kind]))
    opens, closes = _between(at["between"])
    if kind == "run":
        powers = [_power(part) for part in at["profile_kw"].elements(_STEPS_MAX)]
        return Run(name, opens, closes, tuple(powers), 60 * _minutes(at["step_min"]))
    energy_mwh = at["energy_kwh"].scaled(6, 0, _KWH_MAX)
    if not energy_mwh:
        at["energy_kwh"].fail("0 kWh: leave the load out")
    if kind == "heat":
        block_s = 60 * _minutes(at["block_min"])
        return Heat(name, opens, closes, energy_mwh, _power(at["power_kw"], 1), block_s)
    least, most = _two(at["power_kw"], '["1.38", "7.36"], the least and the most')
    min_mw, max_mw = _power(least), _power(most, STEP_MW)
    for power, mw in ((least, min_mw), (most, max_mw)):
        if mw % STEP_MW:
            power.fail("expected whole 10 W, at most two decimals: round it")
    if min_mw > max_mw:
        least.fail("is above the most: give the least first")
    return Charge(name, opens, closes, energy_mwh, min_mw, max_mw)


def _between(node: Node) -> tuple[int, int]:
    opens, closes = (_clock(part) for part in _two(node, '["22:00", "06:00"], local times'))
    if opens in (closes, _DAY_MIN):
        node.fail('a window must have a beginning and an end, such as ["00:00", "24:00"]')
    return opens, closes


def _clock(node: Node) -> int:
    hours, colon, minutes = str(node.value).partition(":")
    if len(hours) == len(minutes) == 2 and colon and (hours + minutes).isdecimal():
        found = 60 * int(hours) + int(minutes)
        if int(minutes) < 60 and found <= _DAY_MIN:
            return found
    node.fail(f'{node.value!r}: expected a local time from "00:00" to "24:00"')


def _two(node: Node, expected: str) -> list[Node]:
    found = node.elements(2)
    if len(found) < 2:
        node.fail(f"one entry: expected {expected}")
    return found


def _power(node: Node, least_mw: int = 0) -> int:
    found = node.scaled(6, 0, _KW_MAX)
    if found < least_mw:
        node.fail("0 kW: expected a power above it")
    return found


def _minutes(node: Node) -> int:
    return node.integer(range(1, _DAY_MIN + 1), f"1 to {_DAY_MIN} minutes")
