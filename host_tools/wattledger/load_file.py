"""Load files: a month of somebody's consumption, for the virtual board and for `simulate`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meter.civil import EPOCH
from wattledger import bundle
from wattledger.errors import ToolError
from wattledger.simulate import Span


def opened(path: Path, start: int | None, zone: str | None) -> Any:
    """-> boards.virtual.load_csv.CsvLoad. ToolError: names the line that is wrong.

    start   Unix second at which the first row begins; None: when its stamp says
    zone    IANA name of the stamps' local time; None: UTC
    """
    bundle.import_boards()
    from boards.virtual.load import open_load

    try:
        return open_load(str(path), start=start, zone=zone)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable load file") from None
    except ValueError as error:
        raise ToolError(f"{error}: correct it") from None


def spans(load: Any) -> Iterator[Span]:
    """The rows of a load, one span each, to the last microjoule."""
    for index in range(load.count):
        t0_ms = load.first_ms + index * load.step_ms
        t1_ms = t0_ms + load.step_ms
        bought = sold = 0
        for ta_ms, tb_ms, point in load.segments(t0_ms, t1_ms):
            energy = sum(point.p_mw) * (tb_ms - ta_ms)
            bought, sold = bought + max(energy, 0), sold + max(-energy, 0)
        yield Span(t0_ms // 1000 - EPOCH, t1_ms // 1000 - EPOCH, bought, sold)
