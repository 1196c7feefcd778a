"""The rows of meters as loads of the core's engine, for what sums alone cannot answer.

Between two rows of a journal is what its registers rose by, also where rows are missing; the
engine splits it where it has to, in proportion to time, as a meter does with a late tick.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from meter import limits
from meter.sample import CHANNELS, EXPORT, IMPORT, Q1
from wattledger.engine.load import COUNTS_PER_MWH, Ints, Load
from wattledger.fleet.store import REGISTERS, Store

_CHANNELS = (IMPORT, EXPORT, Q1)  # of REGISTERS; who asks for Q1 means Q1 and Q2
_ROWS_A_TIME = 1_000_000  # of 8 columns in RAM
_MARGIN_S = 40 * 86400  # a gap at an end of the span is not longer, or it is none of the span's


@dataclass(frozen=True)
class Loads:
    """serials of meters whose rows have the same edges, and their load."""

    serials: list[str]
    load: Load


@dataclass(frozen=True)
class Refused:
    serial: str
    reason: str


def read(store: Store, serials: list[str], start: int, end: int) -> Iterator[Loads | Refused]:
    """Yields what each of the meters used within [start, end], core seconds.

    A meter whose rows begin or end within has a shorter load; one without any is left out.
    """
    rows = store.rows(start - _MARGIN_S, end + _MARGIN_S)
    rows = rows.filter((rows.utc > start - _MARGIN_S) & (rows.utc < end + _MARGIN_S))
    each = max(1, _ROWS_A_TIME // max(1, (end - start) // 900))
    for at in range(0, len(serials), each):
        part = serials[at : at + each]
        wanted = rows.filter(rows.serial.between(part[0], part[-1]))
        found = store.engine.fetch(wanted.order_by("serial", "salt", "seq"))
        yield from _alike(_meters(found, set(part), start, end))


def _alike(meters: "Iterator[tuple[str, _Spans | str]]") -> Iterator[Loads | Refused]:
    """Yields meters together whose edges are the same."""
    groups: dict[bytes, list[tuple[str, _Spans]]] = {}
    for serial, found in meters:
        if isinstance(found, str):
            yield Refused(serial, found)
        else:
            groups.setdefault(found.edges.tobytes(), []).append((serial, found))
    for group in groups.values():
        counts: list[Ints | None] = [None] * CHANNELS
        for i, channel in enumerate(_CHANNELS):
            stacked = np.stack([spans.counts[i] for _, spans in group])
            if channel == IMPORT or stacked.any():
                counts[channel] = stacked
        yield Loads([serial for serial, _ in group], Load(group[0][1].edges, counts))


@dataclass(frozen=True)
class _Spans:
    """edges int64 (n + 1), core seconds; counts int64 (3, n + 1), from the first edge on."""

    edges: Ints
    counts: Ints


def _meters(
    found: Any, wanted: set[str], start: int, end: int
) -> Iterator[tuple[str, "_Spans | str"]]:
    """found: rows by serial, salt, seq. Yields (serial, its spans, or why it has none)."""
    if not found.num_rows:
        return
    import pyarrow.compute as pc

    runs = pc.run_end_encode(found["serial"].combine_chunks())
    borders = np.append(0, runs.run_ends.to_numpy())
    columns = {
        name: found[name].to_numpy() for name in ("salt", "seq", "utc", "duration_s", *REGISTERS)
    }
    for serial, first, last in zip(runs.values.to_pylist(), borders, borders[1:], strict=False):
        if serial in wanted:
            one = {name: column[first:last] for name, column in columns.items()}
            spans = _spans(one, start, end)
            if spans is not None:
                yield serial, spans


def _spans(rows: dict[str, Ints], start: int, end: int) -> "_Spans | str | None":
    """-> what the journals of one meter hold within [start, end]."""
    begins, ends, energies = [], [], []
    for salt in np.unique(rows["salt"]):
        here = rows["salt"] == salt
        utc = rows["utc"][here]
        registers = np.stack([rows[name][here] for name in REGISTERS])
        if rows["seq"][here][0] == 1:
            opened = utc[0] - rows["duration_s"][here][0]
            utc = np.append(opened, utc)
            registers = np.concatenate((np.zeros((3, 1), np.int64), registers), axis=1)
        kept = np.append(True, utc[1:] != utc[:-1])  # a row of no time counts with the next
        utc, registers = utc[kept], registers[:, kept]
        begins.append(utc[:-1])
        ends.append(utc[1:])
        energies.append(np.diff(registers))
    starts, stops = np.concatenate(begins), np.concatenate(ends)
    grown = np.concatenate(energies, axis=1)
    here = (stops > start) & (starts < end)
    starts, stops, grown = starts[here], stops[here], grown[:, here]
    if not len(starts):
        return None
    order = np.argsort(starts, kind="stable")
    starts, stops, grown = starts[order], stops[order], grown[:, order]
    wrong = _wrong(starts, stops, grown)
    return wrong or _cut(starts, stops, grown * COUNTS_PER_MWH, start, end)


def _wrong(starts: Ints, stops: Ints, grown: Ints) -> str | None:
    if (starts >= stops).any() or (stops[:-1] > starts[1:]).any():
        return "two rows overlap: a clock was set back, or two journals ran at once"
    if (grown < 0).any():
        return "a register went back"
    most = int(grown.max()) * COUNTS_PER_MWH
    if int(grown.sum()) > limits.REGISTER_MAX or most * int((stops - starts).max()) >= 1 << 62:
        return "more in a row than a meter counts"
    return None


def _cut(starts: Ints, stops: Ints, grown: Ints, start: int, end: int) -> _Spans:
    edges = np.unique(np.concatenate((starts, stops)))
    counts = np.zeros((3, len(edges)), dtype=np.int64)
    counts[:, np.searchsorted(edges, starts) + 1] = grown
    np.cumsum(counts, axis=1, out=counts)
    for t in (start, end):
        at = int(np.searchsorted(edges, t))
        if 0 < at < len(edges) and edges[at] != t:
            began, span = int(edges[at - 1]), int(edges[at] - edges[at - 1])
            inside = (counts[:, at] - counts[:, at - 1]) * (t - began) // span
            edges = np.insert(edges, at, t)
            counts = np.insert(counts, at, counts[:, at - 1] + inside, axis=1)
    within = (edges >= start) & (edges <= end)
    edges, counts = edges[within], counts[:, within]
    return _Spans(edges, counts - counts[:, :1])
