"""WCAG 2.2 AA (1.4.3, 1.4.11), from the colours in the style sheet."""

import re
from pathlib import Path

import pytest

from wattledger.live import app

TEXT, GRAPHIC = 4.5, 3.0
PAIRS = [
    *(("text", back, TEXT) for back in ("page", "card")),
    *(("muted", back, TEXT) for back in ("page", "card")),
    *(("alert", back, TEXT) for back in ("page", "card")),
    *(("today", back, TEXT) for back in ("page", "card")),
    ("button", "today", TEXT),
    ("yesterday", "card", GRAPHIC),
    ("muted", "card", GRAPHIC),
]


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def themes():
    """-> [{name: colour}, ...]: light, dark"""
    text = (Path(app.__file__).parent / "static" / "page.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", text, re.S)
    assert len(blocks) == 2
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block)) for block in blocks]


def test_the_measure_is_that_of_the_standard():
    assert contrast("#000000", "#ffffff") == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@pytest.mark.parametrize(("fore", "back", "least"), PAIRS)
def test_both_themes_are_readable(themes, fore, back, least):
    for theme in themes:
        assert contrast(theme[fore], theme[back]) >= least


def test_every_colour_is_of_a_theme(themes):
    text = (Path(app.__file__).parent / "static" / "page.css").read_text()
    assert set(themes[0]) == set(themes[1])
    assert len(re.findall(r"#[0-9a-f]{3,6}\b(?=[;\s,)])", text)) == 2 * len(themes[0])
    assert set(re.findall(r"var\(--(\w+)\)", text)) == set(themes[0])
