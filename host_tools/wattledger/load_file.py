"""Load files: somebody's consumption, for the virtual board and for bills without a meter."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meter.civil import EPOCH
from wattledger import bundle, profile
from wattledger.engine.load import UJ_PER_MWH, Load, Span, of_spans
from wattledger.errors import ToolError


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
        raise ToolError(f"{error}: correct it, or give the --zone of its stamps") from None


def read(path: Path, start: datetime | None, zone: str | None) -> Load:
    """A load file, or the CSV of a meter's profile -> Load of one meter.

    start, zone   as in opened, start in UTC; a profile has its own times
    """
    if is_profile(path):
        if start is not None:
            raise ToolError(f"{path}: a profile has its own times: leave --start out")
        return of_spans(profile_spans(profile.read_csv(path)))
    start_s = int(start.replace(tzinfo=UTC).timestamp()) if start else None
    return of_spans(spans(opened(path, start_s, zone)))


def spans(load: Any) -> Iterator[Span]:
    """The rows of a load, one span each, to the last microjoule."""
    for index in range(load.count):
        begin_s = load.first_ms // 1000 - EPOCH + index * (load.step_ms // 1000)
        p_uj, q_uj = load.row(index)[:2]
        yield Span(
            begin_s,
            begin_s + load.step_ms // 1000,
            imported=max(p_uj, 0),
            exported=max(-p_uj, 0),
            lagging=max(q_uj, 0),
            leading=max(-q_uj, 0),
        )


def profile_spans(intervals: Iterable[profile.Interval]) -> Iterator[Span]:
    """A profile as the spans of a load, exactly.

    A row of no time, which a start or a step of the clock leaves, gives its energy to the next.
    """
    kept = [0] * 4
    for i in intervals:
        energies = i.import_mwh, i.export_mwh, i.reactive_plus_mvarh, i.reactive_minus_mvarh
        kept = [old + new * UJ_PER_MWH for old, new in zip(kept, energies, strict=True)]
        if i.end > i.start:
            yield Span(i.start - EPOCH, i.end - EPOCH, *kept)
            kept = [0] * 4


def is_profile(path: Path) -> bool:
    """-> whether it has the columns of `wattledger profile`. ToolError: it cannot be read."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            columns = file.readline().strip().split(",")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable load file") from None
    return set(columns) >= set(profile.COLUMNS)
