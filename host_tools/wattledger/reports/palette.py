"""The colours of a report by name, for light and dark: what they mean is in the names."""

RATES = 6  # cheap to dear
LEVELS = 8  # of the heat map, little to much
LIGHT = {
    "use": "#2f6f9f",
    "other": "#b35c00",
    "sold": "#1d7a44",
    "grid": "#d5dbe2",
    **{
        f"rate{n}": colour
        for n, colour in enumerate(
            ("#2f6f9f", "#2f8a84", "#6b8524", "#b17500", "#c8542a", "#8f1d3f")
        )
    },
    **{
        f"level{n}": colour
        for n, colour in enumerate(
            (
                *("#eaf1f6", "#cfe1ee", "#a6cae3", "#72aad1"),
                *("#4587ba", "#25659a", "#124573", "#07264a"),
            )
        )
    },
}
DARK = {
    "use": "#6fb3e0",
    "other": "#f0a04b",
    "sold": "#5ccf8a",
    "grid": "#3a4552",
    **{
        f"rate{n}": colour
        for n, colour in enumerate(
            ("#5a9bd0", "#4fb3a9", "#9dbb4a", "#e0aa3e", "#ef8354", "#f0719c")
        )
    },
    **{
        f"level{n}": colour
        for n, colour in enumerate(
            (
                *("#1b2631", "#1b3850", "#1e5276", "#2a73a2"),
                *("#4797c6", "#7dbbe0", "#b5dcf2", "#eaf6fd"),
            )
        )
    },
}
_NAMES = ("ink", "dim", *LIGHT)
_MARK = "#a5c0"  # of the colours that stand for names while a figure is drawn


def paint(name: str) -> str:
    """-> what a figure is drawn with, for `named` to find again."""
    return f"{_MARK}{_NAMES.index(name):02x}"


def named(colour: str) -> str:
    """-> the CSS of a painted colour; any other, as "none", as it is."""
    if colour.startswith(_MARK):
        return f"var(--{_NAMES[int(colour[len(_MARK) :], 16)]})"
    return colour


def rate_colours(prices: list[int]) -> list[str]:
    """-> a name by rate. prices: of the rates; from cheap to dear, the last ones share a colour
    where there are more prices than colours."""
    order = sorted(set(prices))
    step = max(len(order) - 1, 1)
    most = min(step, RATES - 1)
    spread = RATES - 1 if len(order) > RATES else most
    return [f"rate{order.index(price) * spread // step}" for price in prices]
