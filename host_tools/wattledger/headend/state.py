"""What the head-end keeps in RAM of each meter, and of what is on its way into the store."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from wattledger.security.envelope import Envelopes

INTERVALS_KEPT = 8  # of each meter

Place = tuple[int, str]  # salt of a journal, ring


@dataclass(frozen=True)
class Known:
    """What the store has of a ring: its highest seq, and the latest utc in it."""

    serial: str
    salt: int
    ring: str
    seq: int
    utc: int


@dataclass(frozen=True)
class Interval:
    """utc: its END, Unix s; mw: average from the grid, negative: to it."""

    utc: int
    duration_s: int
    mw: int


@dataclass
class Meter:
    """have     highest seq of each ring, what is not durable yet included; stored: without it
    salt     of the journal that it has now, None: nothing has come
    told_at  Unix s, by its own clock, of the newest message
    """

    serial: str
    envelopes: tuple[Envelopes, ...]
    salt: int | None = None
    have: dict[Place, int] = field(default_factory=dict)
    stored: dict[Place, int] = field(default_factory=dict)
    last: bytes | None = None  # row
    intervals: deque[Interval] = field(default_factory=lambda: deque(maxlen=INTERVALS_KEPT))
    registers: dict[str, Any] = field(default_factory=dict)
    live: dict[str, Any] = field(default_factory=dict)
    online: bool | None = None
    told_at: int = 0
    read_at: dict[str, int] = field(default_factory=dict)
    utc: int = 0  # of the newest row
    gaps: int = 0
    refused: Counter[str] = field(default_factory=Counter)


@dataclass
class Batch:
    """serial, salt, ring, raw record; receipts: serials that are due one."""

    rows: list[tuple[str, int, str, bytes]] = field(default_factory=list)
    receipts: set[str] = field(default_factory=set)
