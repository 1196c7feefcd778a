"""A tariff as a picture: what is drawn is what is in force, and every charge is listed."""

import io
import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from typer.testing import CliRunner

from wattledger.commands.tariff import app
from wattledger.tariffs import tariff_colours, tariff_show, tariff_svg, tariff_terms
from wattledger.tariffs.tariff_file import compile_file, compile_text

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "tariffs").glob("*.toml"))
COMMERCIAL = next(path for path in EXAMPLES if path.stem == "commercial")
CAPACITY = next(path for path in EXAMPLES if path.stem == "capacity-and-limiter")
SVG = "{http://www.w3.org/2000/svg}"
YEAR = 2026


def shown(compiled):
    console = Console(width=240, record=True, file=io.StringIO())
    for part in tariff_show.parts(compiled):
        console.print(part)
    return console.export_text()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_charge_is_in_both_pictures(path):
    compiled = compile_file(path)
    text, picture = shown(compiled), tariff_svg.svg(compiled, YEAR)
    drawn = " ".join(ElementTree.fromstring(picture).itertext())
    flat = re.sub(r"\s+", " ", text)
    for rate in compiled.data["rates"] + compiled.data["exports"]:
        assert rate["name"] in text
        assert rate["name"] in drawn
    kinds = {what for what, _, _ in tariff_terms.terms(compiled.data)}
    named = {"tiers", "demand", "limiter", "reactive", "fixed", "minimum", "dynamic"}
    assert kinds & named == {key for key in named if compiled.data[key]}
    assert ("tax" in kinds) == bool(compiled.data["taxes"])
    for _, words, price in tariff_terms.terms(compiled.data):
        assert words in flat
        assert price in flat
        assert words.split()[0] in drawn


def test_words_of_a_commercial_tariff():
    lines = [" ".join(line) for line in tariff_terms.terms(compile_file(COMMERCIAL).data)]
    assert lines == [
        "tiers off_peak, winter_peak: each rate has the tiers in the same shares"
        " 150 kWh x kW of the peak",
        "tiers summer_peak: each rate has the tiers for itself 2000 kWh per billing period",
        "demand facility: highest 15 min sliding by 5; at least 80 % of the 11 periods before"
        " 9.2500 USD/kW",
        "demand summer_peak: highest 15 min sliding by 5 in summer_peak; Jun Jul Aug Sep"
        " 14.1000 USD/kW",
        "limiter contract: all import counts as emergency after 1 x 15 min above, until 1 x at or"
        " below 100 100 kW",
        "reactive Q1 + Q2 beyond 0.328684105 kvarh per kWh 0.0150 USD/kvarh",
        "fixed customer 146.2000 USD per month",
        "fixed meter 0.4928 USD per day",
        "minimum of energy, demand, fixed 250.0000 USD per month",
        "tax utility users tax on energy, demand, reactive, fixed, minimum 7.5 %",
    ]


def test_rows_of_the_picture():
    rows = dict(
        re.findall(r"^(Mon-Fri|Sat-Sun) +([A-Z]{48})$", shown(compile_file(CAPACITY)), re.M)
    )
    assert rows == {"Mon-Fri": "B" * 12 + "A" * 32 + "B" * 4, "Sat-Sun": "B" * 48}


def colour_at(picture, day, minute):
    """-> fill of the rectangle that covers a minute of a day of the year."""
    x = tariff_svg.LEFT + (day + 0.5) * tariff_svg.DAY_X
    y = tariff_svg.TOP + (minute + 0.5) / 60 * tariff_svg.HOUR_Y
    hits = []
    for path in ElementTree.fromstring(picture).iter(f"{SVG}path"):
        for box in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h", path.get("d")):
            left, top, width, height = map(float, box)
            if left <= x < left + width and top <= y < top + height:
                hits.append(path.get("fill"))
    assert len(hits) == 1
    return hits[0]


def test_the_year_is_drawn_as_it_is():
    compiled = compile_file(COMMERCIAL)
    picture = tariff_svg.svg(compiled, YEAR)
    off_peak, winter, summer, _ = tariff_colours.of_rates(compiled.data)
    for day, minute, expected in (
        (date(YEAR, 6, 1), 959, off_peak),
        (date(YEAR, 6, 1), 960, summer),  # a Monday in summer, 16:00
        (date(YEAR, 5, 29), 960, off_peak),
        (date(YEAR, 5, 29), 360, winter),  # a Friday in winter, 06:00
        (date(YEAR, 5, 25), 360, off_peak),  # Memorial Day
        (date(YEAR, 7, 3), 960, off_peak),  # Independence Day, observed
        (date(YEAR, 12, 31), 1439, off_peak),
    ):
        assert colour_at(picture, day.timetuple().tm_yday - 1, minute) == expected


def test_dear_is_not_cheap():
    assert tariff_colours.of_rates({"rates": [{"prices": [p]} for p in (5, 1, 3, 5)]}) == [
        *("#c83e4d", "#4a90c4", "#f7e28b", "#c83e4d")
    ]


def test_a_picture_has_no_markup_of_the_file_and_no_network():
    name = 'A <script>"&" tariff'
    text = COMMERCIAL.read_text().replace("General service, demand", name.replace('"', '\\"'))
    picture = tariff_svg.svg(compile_text(text, "t.toml"), YEAR)
    assert "<script" not in picture
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    assert ElementTree.fromstring(picture).find(f"{SVG}title").text == name


def test_commands(tmp_path):
    run = CliRunner().invoke
    target = tmp_path / "year.svg"
    result = run(app, ["show", str(COMMERCIAL), "--svg", str(target), "--year", "2027"])
    assert result.exit_code == 0, result.output
    assert "General service, demand" in result.output
    assert "2027" in target.read_text()
    result = run(app, ["check", str(COMMERCIAL)])
    assert result.exit_code == 0, result.output
    assert "proved: 20 days of clock change" in result.output
