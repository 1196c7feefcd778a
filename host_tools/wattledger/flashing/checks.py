"""One thing that doctor has looked at, and those that it sees of every meter that answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from wattledger import show

OK, NOTE, BAD = "ok", "note", "bad"
CLOCK_S = 5  # more than this apart is told


@dataclass(frozen=True)
class Check:
    """state: OK, NOTE (may be meant so) or BAD; cure: what to do, "" if nothing"""

    name: str
    state: str
    seen: str
    cure: str = ""


def journal(info: dict[str, Any]) -> Check:
    """info: of a sealed meter that was asked without keys too, here and below"""
    if info["state"] == "ready":
        count = f", {info['records']} records" if "records" in info else ""
        return Check("journal", OK, f"ready{count}")
    cure = "wattledger deploy" + ("" if info["state"] == "blank" else " --format, after a backup")
    return Check("journal", BAD, f"the meter partition is {info['state']}", cure)


def alerts(info: dict[str, Any]) -> Iterator[Check]:
    for text in info.get("alerts", ()):
        yield Check("alert", NOTE, text, "wattledger events tells since when")
    if info.get("alert_count"):
        cure = "give --keys FILE, a reader's or above, to see what"
        yield Check("alert", NOTE, f"{info['alert_count']} of them", cure)


def clock(facts: dict[str, Any], info: dict[str, Any] | None, now_s: float) -> Check:
    """now_s: the computer's clock, Unix seconds"""
    utc, quality = (info["utc"], info["clock"]) if info else (facts["clock"], None)
    seen = show.instant(utc)
    apart = round(utc - now_s)
    if quality == 0:
        return Check("clock", BAD, f"{seen}, and not valid", "wattledger clock set")
    if abs(apart) > CLOCK_S:
        return Check("clock", NOTE, f"{seen}, {apart:+d} s from here", "wattledger clock set")
    return Check("clock", OK, f"{seen}, {apart:+d} s from here")
