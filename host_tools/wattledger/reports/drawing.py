"""Figures of matplotlib as SVG inside a page: small, the same bytes each time, in its colours.

Drawn narrow, so that text is readable on a phone; a wide page shows two beside one another.
Colours become custom properties of the page, so dark, light and print need one picture.
"""

import io
import re
from html import escape
from typing import Any
from xml.etree import ElementTree

from wattledger.errors import ToolError
from wattledger.reports.palette import named, paint

WIDTH = 380  # px of the drawing, about those of a phone's page
_DPI = 72  # of SVG in matplotlib: 1 pt is 1 px
_TEXT = 11.5
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "wattledger",
    "font.size": _TEXT,
    "axes.labelsize": _TEXT,
    "axes.edgecolor": paint("grid"),
    "axes.labelcolor": paint("dim"),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": paint("grid"),
    "grid.linewidth": 0.7,
    "xtick.color": paint("dim"),
    "ytick.color": paint("dim"),
    "text.color": paint("ink"),
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 6,
    "path.simplify": False,
}
_KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "opacity")
_SVG = "{http://www.w3.org/2000/svg}"


class Figure:
    """One pair of axes, height in px. ToolError: no matplotlib."""

    def __init__(self, height: int) -> None:
        try:
            import matplotlib
            from matplotlib.figure import Figure as Drawn
        except ImportError:
            raise ToolError(
                "report: matplotlib is missing: pip install 'wattledger[analysis]'"
            ) from None
        self._matplotlib = matplotlib
        with matplotlib.rc_context(_STYLE):
            self._drawn = Drawn(figsize=(WIDTH / _DPI, height / _DPI), layout="constrained")
            self.axes: Any = self._drawn.add_subplot()

    def svg(self, says: str) -> str:
        """-> the element. says: what the picture shows, for who does not see it."""
        written = io.StringIO()
        with self._matplotlib.rc_context(_STYLE):
            for artist in self.axes.get_children():
                artist.set_clip_on(False)
            self._drawn.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
        root = ElementTree.fromstring(written.getvalue())
        drawn = "".join(_element(child) for child in root)
        label = escape(says, quote=True)
        return (
            f'<svg viewBox="{root.get("viewBox")}" role="img" aria-label="{label}">{drawn}</svg>'
        )


def _element(node: ElementTree.Element) -> str:
    """-> paths and texts; groups are opened, and what is neither says nothing."""
    tag = node.tag.removeprefix(_SVG)
    if tag == "g":
        inside = "".join(_element(child) for child in node)
        turn = node.get("transform")
        return f'<g transform="{turn}">{inside}</g>' if turn and inside else inside
    if tag == "path" and not _is_unseen(node):
        return f'<path d="{compact(node.get("d", ""))}"{_look(node)}/>'
    if tag == "text":
        places = "".join(
            f' {name}="{_places(value)}"'
            for name in ("x", "y", "transform")
            if (value := node.get(name)) and not value.startswith("rotate(-0 ")
        )
        return f"<text{places}{_look(node)}>{escape(node.text or '')}</text>"
    return ""


def _rules(node: ElementTree.Element) -> dict[str, str]:
    pairs = (rule.partition(":") for rule in node.get("style", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


def _is_unseen(node: ElementTree.Element) -> bool:
    rules = _rules(node)
    return rules.get("fill") == "none" and "stroke" not in rules


def _look(node: ElementTree.Element) -> str:
    rules = _rules(node)
    kept = {name: named(rules[name]) for name in _KEPT if name in rules}
    size = re.match(r"[\d.]+px", rules.get("font-size", rules.get("font", "")))
    if size:  # how it is written differs between versions of matplotlib
        kept["font-size"] = size[0]
    shown = "; ".join(f"{name}: {value}" for name, value in kept.items())
    return f' style="{shown}"' if shown else ""


def _places(text: str) -> str:
    """-> with two decimals at the most"""
    return re.sub(r"-?\d+\.\d+", lambda found: _short(float(found[0])), text)


def _short(value: float) -> str:
    return f"{round(value, 2) + 0:g}"  # + 0: no negative zero


def compact(path: str) -> str:
    """-> the path with two decimals at the most, level and upright lines said as such."""
    made, x, y = [], "", ""
    words = iter(path.split())
    for word in words:
        if word in "zZ":
            made.append("z")
        elif word in ("M", "L"):
            before, x, y = (x, y), *(_short(float(next(words))) for _ in range(2))
            if word == "M":
                made.append(f"M{x} {y}")
            elif before[1] == y:
                made.append(f"H{x}")
            else:
                made.append(f"V{y}" if before[0] == x else f"L{x} {y}")
        else:
            raise AssertionError(f"a path with {word}: figures have straight lines")
    return "".join(made)
