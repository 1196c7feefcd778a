"""The meter as a calibration sees it: its record, and sums of what it measures."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from meter import calibration as record_of
from wattledger.errors import ToolError
from wattledger.security.ordering import UNSIGNED, Signer

FOLDER = "/cfg"
POLL_S = 1.0
_PATIENCE = 3  # ticks may be late, but not that much
IC_NAMES = {"ATM90E32": "ATM90E32AS", "ADE7953": "ADE7953", "BL0942": "BL0942"}


class Meter(Protocol):
    """What we need of wattledger.link.Link."""

    def request(self, do: str, **args: Any) -> Any: ...
    def mkdir(self, path: str) -> None: ...
    def replace(self, path: str, data: bytes) -> None: ...
    def remove(self, path: str) -> None: ...


@dataclass(frozen=True)
class Kept:
    """ic: driver's name; record: None where there is none; fault: what the meter says of it;
    num, den: mWh a count."""

    ic: str
    record: dict[str, Any] | None
    digest: str | None
    fault: str | None
    num: int
    den: int

    @property
    def registers(self) -> dict[str, int]:
        return dict(self.record["registers"]) if self.record else {}


@dataclass(frozen=True)
class Means:
    """Of one measurement, by phase: V, A, W. counts: of the energy channels."""

    v: list[float]
    i: list[float]
    p: list[float]
    counts: list[int | None]
    seconds: int


def read(meter: Meter) -> Kept:
    """-> the record that is in force on the meter."""
    data, answer = b"", meter.request("calibration")
    while True:
        data += base64.b64decode(answer["data"])
        if len(data) >= answer["size"]:
            break
        answer = meter.request("calibration", **{"from": len(data)})
    record = record_of.unpack(data) if data else None
    if data and hashlib.sha256(data).hexdigest() != answer["digest"]:
        raise ToolError("calibrate: the record changed while it was read: try again")
    return Kept(
        answer["ic"], record, answer["digest"], answer["fault"], answer["num"], answer["den"]
    )


def write(meter: Meter, record: dict[str, Any], signer: Signer = UNSIGNED) -> str:
    """Make it the record in force. -> its digest. MeterError: not a record."""
    data = record_of.pack(record)
    digest = hashlib.sha256(data).hexdigest()
    signed = signer.sign(meter, "calibration", digest)
    meter.mkdir(FOLDER)
    path = f"{FOLDER}/{digest}.cal"
    meter.replace(path, data)
    try:
        answer = meter.request("calibration", digest=digest, **signed)
    finally:
        meter.remove(path)
    if answer["digest"] != digest:
        raise ToolError("calibrate: the meter kept another record: try again")
    return digest


def measure(meter: Meter, ticks: int, wait: Callable[[float], None]) -> Means:
    """-> means over so many ticks. wait(seconds) lets time pass."""
    found = meter.request("measure", ticks=ticks)
    for _ in range(_PATIENCE * (ticks + 10)):
        if found["ticks"] >= found["of"]:
            break
        wait(POLL_S)
        found = meter.request("measure")
    else:
        raise ToolError("calibrate: the meter does not tick: see wattledger info")
    n = found["ticks"] * 1000.0
    v, i, p = ([total / n for total in found[key]] for key in ("v_mv", "i_ma", "p_mw"))
    return Means(v, i, p, found["counts"], found["seconds"])
