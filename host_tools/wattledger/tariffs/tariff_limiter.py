"""Load management of a tariff file: what happens above a threshold of average power."""

from typing import Any

from meter import limits
from wattledger.tariffs.toml_node import Node

DAY_S = 86400
WINDOW_S = range(limits.LIMITER_WINDOWS_S[0], limits.LIMITER_WINDOWS_S[1] + 1)
WINDOWS = range(1, limits.WINDOWS_MAX + 1)
KW_MAX = 0xFFFFFFFF // 10**6


def compile_limiter(
    node: Node | None, rates: list[str], interval_s: int | None
) -> dict[str, Any] | None:
    """-> limiter of the canonical JSON.

    interval_s   rows that are priced one by one must each have one rate; None: no such rows
    """
    if node is None:
        return None
    at = node.fields(("levels",), ("window_min", "window_s"))
    if ("window_min" in at) == ("window_s" in at):
        node.fail("give either window_min or window_s")
    key = "window_min" if "window_min" in at else "window_s"
    unit = 60 if key == "window_min" else 1
    allowed = [n for n in WINDOW_S if DAY_S % n == 0 and n % unit == 0]
    what = f"{WINDOW_S[0] // unit} to {WINDOW_S[-1] // unit} that divide a day"
    window_s = unit * at[key].integer([n // unit for n in allowed], what)
    if interval_s and window_s % interval_s:
        at[key].fail(
            f"with dynamic prices a window must be whole intervals of {interval_s // 60} minutes"
        )
    levels = [
        _level(name, level, rates)
        for name, level in at["levels"].named(limits.NAME_CHARS, limits.LIMITER_LEVELS).items()
    ]
    return {"window_s": window_s, "levels": levels}


def _level(name: str, node: Node, rates: list[str]) -> dict[str, Any]:
    at = node.fields(
        ("action", "threshold_kw"),
        ("release_kw", "over_windows", "under_windows", "rate", "return"),
    )
    action = at["action"].choice(("remind", "reprice", "shed"))
    threshold_mw = at["threshold_kw"].scaled(6, 0, KW_MAX)
    if not threshold_mw:
        at["threshold_kw"].fail("0 kW is always exceeded: give a threshold above it")
    release_mw = threshold_mw
    if "release_kw" in at:
        release_mw = at["release_kw"].scaled(6, 0, KW_MAX)
        if release_mw > threshold_mw:
            at["release_kw"].fail("is above threshold_kw: give at most that")
    for key, owner, why in (
        ("rate", "reprice", "the rate that all import counts into"),
        ("return", "shed", '"auto" or "manual"'),
    ):
        if (key in at) != (action == owner):
            node.fail(
                f"{key} is missing: {owner} needs {why}"
                if action == owner
                else f"{key} belongs to {owner} only: leave it out"
            )
    manual = action == "shed" and at["return"].choice(("auto", "manual")) == "manual"
    return {
        "name": name,
        "action": action,
        "threshold_mw": threshold_mw,
        "release_mw": release_mw,
        "over": _windows(at.get("over_windows")),
        "under": _windows(at.get("under_windows")),
        "rate": at["rate"].reference(rates, "rate") if "rate" in at else 0,
        "manual": int(manual),
    }


def _windows(node: Node | None) -> int:
    return node.integer(WINDOWS, f"1 to {limits.WINDOWS_MAX} windows") if node else 1
