"""Which colour a rate has in a picture: by its price, from cheap (blue) to dear (red)."""

from typing import Any

_RAMP = (
    (0x4A, 0x90, 0xC4),
    (0xA9, 0xD3, 0xB6),
    (0xF7, 0xE2, 0x8B),
    (0xF0, 0x9A, 0x5B),
    (0xC8, 0x3E, 0x4D),
)


def of_rates(data: dict[str, Any]) -> list[str]:
    """-> "#rrggbb" by import rate; equal first prices have equal colours.

    data   of a compiled tariff
    """
    firsts = [rate["prices"][0] for rate in data["rates"]]
    order = sorted(set(firsts))
    return [_mixed(order.index(first), len(order)) for first in firsts]


def _mixed(rank: int, count: int) -> str:
    at = rank / (count - 1) * (len(_RAMP) - 1) if count > 1 else len(_RAMP) / 2 - 0.5
    low = min(int(at), len(_RAMP) - 2)
    part = at - low
    mixed = (round(a + (b - a) * part) for a, b in zip(_RAMP[low], _RAMP[low + 1], strict=True))
    return "#" + "".join(f"{x:02x}" for x in mixed)
