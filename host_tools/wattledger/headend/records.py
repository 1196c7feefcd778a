"""Raw records of a meter as the head-end sees them: which ring, which seq, which columns."""

from typing import Any

import numpy as np
import numpy.typing as npt

from meter import codes
from meter.records import Event, Ledger, Row, Snapshot

PROFILE = "profile"
RINGS = (PROFILE, "ledger", "snapshots", *codes.GROUPS)
HEADED = ("ledger", "snapshots")  # their seq and utc stand behind kind, version and flags
SIZES = {
    PROFILE: Row.size,
    "ledger": Ledger.size,
    "snapshots": Snapshot.size,
    **dict.fromkeys(codes.GROUPS, Event.size),
}
_HEADED = {(Ledger.size, 0x4C): "ledger", (Snapshot.size, 0x53): "snapshots"}
_EVENTS = {
    (value >> 8, value & 0xFF)
    for name, value in vars(codes).items()
    if name.startswith("EVENT_") and isinstance(value, int)
}
_TAG = slice(28, 60)
_U48 = ("import_mwh", "export_mwh", "reactive_plus_mvarh", "reactive_minus_mvarh")
_TYPES = {"I": "<u4", "H": "<u2", "B": "u1", "q": "<i8"}


def _dtype() -> Any:
    """-> the packed layout of a row; a u48 is two fields, its low and its high part."""
    fields: list[tuple[str, str]] = []
    for name, kind in zip(Row.layout[::3], Row.layout[1::3], strict=True):
        if kind == "u48":
            fields += [(f"{name}_low", "<u4"), (f"{name}_high", "<u2")]
        else:
            fields.append((name, _TYPES[kind]))
    return np.dtype([*fields, ("crc", "<u4")])


_ROW = _dtype()
assert _ROW.itemsize == Row.size


def ring_of(leaf: str, raw: bytes) -> str | None:
    """-> the ring that a record which came by this topic can only be of, None: of none.

    leaf   last part of the topic: "iv" or "ev"
    """
    if leaf == "iv":
        return PROFILE if len(raw) == Row.size else None
    if len(raw) == Event.size:
        known = (raw[8], raw[9]) in _EVENTS and any(raw[_TAG])
        return str(codes.GROUPS[raw[8]]) if known else None
    return _HEADED.get((len(raw), raw[0])) if raw else None


def seq_of(ring: str, raw: bytes) -> int:
    at = 4 if ring in HEADED else 0
    return int.from_bytes(raw[at : at + 4], "little")


def utc_of(ring: str, raw: bytes) -> int:
    """-> Unix s; of a row the END of its interval."""
    at = 8 if ring in HEADED else 4
    return int.from_bytes(raw[at : at + 4], "little")


def registers_of(row: bytes) -> tuple[int, int]:
    """-> cumulative import and export of a row, mWh"""
    return int.from_bytes(row[8:14], "little"), int.from_bytes(row[14:20], "little")


def duration_of(row: bytes) -> int:
    """-> s that a row covers"""
    return int.from_bytes(row[42:44], "little")


def columns(rows: bytes) -> dict[str, npt.NDArray[Any]]:
    """-> the columns of rows that stand one behind the other; all but their CRC."""
    found = np.frombuffer(rows, _ROW)
    out: dict[str, npt.NDArray[Any]] = {}
    for name in Row.layout[::3]:
        if name in _U48:
            high = found[f"{name}_high"].astype(np.uint64)
            out[name] = high << np.uint64(32) | found[f"{name}_low"]
        else:
            out[name] = np.ascontiguousarray(found[name])
    return out
