"""One file that fetches and runs nothing, the same each time, whatever texts are in it."""

import re

import pytest

from tests.reports.subjects import Page, metered
from wattledger import html_page
from wattledger.reports import drawing, editions, palette, study
from wattledger.reports.editions import Edition

THEMES = ((html_page.LIGHT, palette.LIGHT), (html_page.DARK, palette.DARK))
HOSTILE = '<script src="//x">&1'


def luminance(colour):
    """WCAG 2.2: relative luminance of #rrggbb."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("base", "more"), THEMES, ids=["light", "dark"])
def test_colours_have_the_contrast_of_aa(base, more):
    for name in ("ink", "dim"):
        assert contrast(base[name], base["back"]) >= 4.5
    assert contrast(more["use"], base["back"]) >= 4.5  # links
    drawn = ["use", "other", "sold", *(f"rate{n}" for n in range(palette.RATES)), "level7"]
    for name in drawn:
        assert contrast(more[name], base["back"]) >= 3, name
    levels = [contrast(more[f"level{n}"], base["back"]) for n in range(palette.LEVELS)]
    assert levels == sorted(levels)


def test_it_is_one_file_that_runs_nothing(made):
    for html in (made.households, made.utilities):
        page = Page(html)
        assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
        assert "default-src 'none'" in html
        assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", html)
        links = [value for name, value in page.attributes if name == "href"]
        anchors = {value for name, value in page.attributes if name == "id"}
        assert links
        assert {link[1:] for link in links} <= anchors
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
        used = set(re.findall(r"var\(--([a-z0-9]+)\)", html))
        assert used <= {name for theme in THEMES[0] for name in theme}


def test_who_does_not_see_it_is_told(made):
    for html in (made.households, made.utilities):
        page = Page(html)
        assert page.tags["h1"] == page.tags["main"] == page.tags["nav"] == 1
        assert page.tags["caption"] == page.tags["table"]
        labels = [value for name, value in page.attributes if name == "aria-label"]
        assert page.tags["svg"] == page.tags["figure"] == html.count('role="img"')
        assert all(len(label) > 5 for label in labels)
        assert '<html lang="en">' in html


def test_the_same_history_gives_the_same_bytes(made):
    again = study.of(made.study.subject)
    for edition, before in zip(Edition, (made.households, made.utilities), strict=True):
        assert editions.render(again, edition) == before


def test_texts_are_texts():
    rates = [
        {"name": "<i>night</i>", "export": 0, "prices": [100_000_000]},
        {"name": '"day" & <b>', "export": 0, "prices": [300_000_000, 350_000_000]},
    ]
    found = metered(rates=rates, name=HOSTILE, taxes=[["<u>VAT", 210_000, ["energy", "fixed"]]])
    for edition in Edition:
        html = editions.render(found, edition)
        page = Page(html)
        assert not {"script", "img", "i", "b", "u"} & set(page.tags)
        said = "".join(page.texts)
        for text in (HOSTILE, "<i>night</i>", '"day" & <b>', "<u>VAT"):
            assert text in said
        assert found.subject.name in said


def test_texts_in_pictures_are_texts():
    figure = drawing.Figure(100)
    figure.axes.set_xlabel("</text><script>alert(1)</script>")
    svg = figure.svg('" onload="alert(1)')
    assert "<script" not in svg
    assert "&lt;/text&gt;&lt;script&gt;" in svg
    assert 'aria-label="&quot; onload=&quot;alert(1)"' in svg


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("M 1.004 2 L 1.003 5 L 3.5 5 L 3.5 2 z", "M1 2V5H3.5V2z"),
        ("M 0 0 L 1.239 -0.001 L 2 3", "M0 0H1.24L2 3"),
    ],
)
def test_paths_are_short(path, short):
    assert drawing.compact(path) == short


def test_as_many_colours_as_prices():
    assert palette.rate_colours([5]) == ["rate0"]
    assert palette.rate_colours([7, 5, 7]) == ["rate1", "rate0", "rate1"]
    many = palette.rate_colours(list(range(12)))
    assert many[0] == "rate0"
    assert many[-1] == f"rate{palette.RATES - 1}"
    assert many == sorted(many)
