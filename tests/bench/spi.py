"""python tests/bench/spi.py: what a tick costs on the bus of each metering IC, beside the least.

The least has two parts. The values: all of the sample once, by the shortest transfer. And what
keeps them right: for a register that a read clears the confirmation that the datasheet has for
it, one look for a reset (IRQSTATA, or a register that is not at its default), and in the BL0942,
whose count no read clears, the note of what has been counted. Against their sum stands the limit:
what a driver takes more is its watch over the configuration, second looks, and halves of a value
that must belong together. The ratio to the values alone is printed beside it. With import only,
a mean over ticks in which everything has its turn.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from wattledger import bundle

ROOT = bundle.root()
sys.path[:0] = [str(ROOT / folder) for folder in ("", "firmware", "tests/shared")]

import chip_ics  # noqa: E402
from chip_rig import Rig  # noqa: E402

RATIO_MAX = 1.5
TICKS = 240  # a multiple of every turn


class Case(NamedTuple):
    """ic          entry of chip_ics.ICS
    driver         None: as the contract makes it; else callable(wire, select, sleep_ms, ticks_ms)
    baud           of the bus, as the boards set it
    values guards  the least: (transfers, bytes) a tick
    """

    name: str
    ic: Any
    driver: Callable[..., Any] | None
    baud: int
    values: tuple[float, float]
    guards: tuple[float, float]


def atm90e32(phases: int) -> tuple[tuple[float, float], ...]:
    """Five energies, a voltage a phase; by turns the current and both halves of the power of a
    phase, or the frequency. LastSPIData for each energy. A transfer is 4 bytes (DS 4.2)."""
    transfers = 5 + phases + (3 * phases + 1) / (phases + 1)
    return (transfers, 4 * transfers), (5 + 1, 4 * (5 + 1))


def ade7953() -> tuple[tuple[float, float], ...]:
    """Three energies and the voltage; by turns current and power, or the period. LAST_RWDATA and
    LAST_ADD for each energy. 3 bytes and the register's 2 or 3 (DS "SPI Interface")."""
    return (3 + 1 + 3 / 2, 4 * 6 + (2 * 6 + 5) / 2), (3 * 2 + 1, 3 * (6 + 5) + 6)


def bl0942() -> tuple[tuple[float, float], ...]:
    """The count and the voltage; in six ticks power twice, current, frequency. The note is read
    and written. The checksum is in each transfer of 6 bytes (DS 3.1)."""
    return (2 + 4 / 6, 6 * (2 + 4 / 6)), (2, 12)


def three_phases(wire: Any, select: Any, sleep_ms: Any, ticks_ms: Any) -> Any:
    from drivers.atm90e32 import Atm90e32

    return Atm90e32(wire, select, sleep_ms, 3200, pmax_w=45000, ticks_ms=ticks_ms)


ICS = chip_ics.ICS
CASES = [
    Case("ATM90E32AS 1p", ICS["atm90e32"], None, 500_000, *atm90e32(1)),
    Case("ATM90E32AS 3p4w", ICS["atm90e32"], three_phases, 500_000, *atm90e32(3)),
    Case("ADE7953 1p", ICS["ade7953"], None, 1_000_000, *ade7953()),
    Case("BL0942", ICS["bl0942"], None, 500_000, *bl0942()),
]


def measure(case: Case) -> tuple[float, float]:
    """-> (transfers, bytes) a tick: what the model was sent."""
    rig = Rig(case.ic)
    if case.driver is not None:
        rig.ic = type("Other", (type(case.ic),), {"driver": staticmethod(case.driver)})()
        rig.restart()
    sent = 0
    through = rig.model.transfer

    def transfer(mosi: bytes) -> bytes:
        nonlocal sent
        sent += len(mosi)
        return bytes(through(mosi))

    for _ in range(10):
        rig.read(1)
    rig.model.transfer = transfer
    first = rig.model.frames
    for _ in range(TICKS):
        rig.read(1)
    return (rig.model.frames - first) / TICKS, sent / TICKS


def main() -> int:
    """-> 1 if a driver takes more than it may."""
    over = False
    for case in CASES:
        transfers, size = measure(case)
        least, least_size = (a + b for a, b in zip(case.values, case.guards, strict=True))
        ratio = max(transfers / least, size / least_size)
        ms, least_ms = (8000 * n / case.baud for n in (size, least_size))
        print(
            f"spi {case.name}: {transfers:.1f} transfers, {size:.0f} B, {ms:.2f} ms a tick at"
            f" {case.baud // 1000} kHz; least {least:.1f} (values {case.values[0]:.1f}),"
            f" {least_size:.0f} B, {least_ms:.2f} ms: {ratio:.2f} of {RATIO_MAX};"
            f" {transfers / case.values[0]:.2f} of the values unguarded"
        )
        over |= ratio > RATIO_MAX
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
