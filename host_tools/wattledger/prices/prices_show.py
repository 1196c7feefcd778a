"""A price schedule as people read it: a line for each step, and the price events."""

from collections.abc import Iterator

from rich.console import RenderableType

from meter.civil import Zone
from wattledger import show
from wattledger.prices.prices_import import DECIMALS, PriceFile
from wattledger.prices.prices_series import utc

_BAR = 40  # characters of the longest bar


def parts(prices: PriceFile, zone: Zone | None = None) -> Iterator[RenderableType]:
    """zone: of the times; None: UTC."""
    data = prices.data
    count, step_s = len(data["import"]), data["step_s"]
    yield f"{prices.digest}"
    if count:
        end = data["start"] + count * step_s
        yield f"{utc(data['start'])} to {utc(end)}: {count} steps of {step_s // 60} min"
        yield _steps(prices, zone)
    if data["events"]:
        events = show.table("price event from", "to", "rate")
        for begin, end, rate in data["events"]:
            events.add_row(show.instant(begin, zone), show.instant(end, zone), rate)
        yield events


def _steps(prices: PriceFile, zone: Zone | None) -> RenderableType:
    data = prices.data
    exports = data["export"]
    unit = f"{data['currency']}/kWh"
    columns = ["from", f">{unit}", *([f">fed in, {unit}"] if exports else []), ""]
    lines = show.table(*columns)
    highest = max(1, *map(abs, data["import"]))
    for n, nano in enumerate(data["import"]):
        at = show.instant(data["start"] + n * data["step_s"], zone)
        cells = [money(nano), *([money(exports[n])] if exports else [])]
        length = abs(nano) * _BAR // highest
        lines.add_row(at, *cells, ("-" if nano < 0 else "█") * length)
    return lines


def money(nano: int) -> str:
    """Nano-units -> a decimal without needless zeros, at least 4 decimals."""
    text = f"{abs(nano) // 10**DECIMALS}.{abs(nano) % 10**DECIMALS:09d}"
    whole, _, rest = text.partition(".")
    return f"{'-' if nano < 0 else ''}{whole}.{rest[:4]}{rest[4:].rstrip('0')}"
