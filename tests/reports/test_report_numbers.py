"""Every number of a report is the bill's and the profile's, to the last unit."""

import json
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from typer.testing import CliRunner

from meter.price_schedule import Schedule
from tests.reports.subjects import HOUSE, TARIFFS, THREE, Made, Page, metered
from wattledger import cli, simulate
from wattledger.analysis import advice, costs, unpriced
from wattledger.bills import bill_units
from wattledger.reports import editions, study
from wattledger.reports.editions import Edition
from wattledger.reports.subject import Span, of_history
from wattledger.tariffs.tariff_file import compile_file

REPORTS = ("made", "house", "plant")


@pytest.fixture(params=REPORTS)
def report(request):
    return request.getfixturevalue(request.param)


def plain(text):
    return text.replace("\u202f", "")


def exact(row):
    """-> {place: Fraction} of the cells that are numbers"""
    return {n: Fraction(value) for n, (_, value) in enumerate(row) if value is not None}


def labelled(rows):
    """-> {label: exact numbers of the row}, without the head"""
    return {row[0][0]: list(exact(row).values()) for row in rows[1:]}


def test_each_text_is_its_number_rounded(report):
    for html in (report.households, report.utilities):
        page = Page(html)
        assert len(page.numbers) > 100
        for text, value in page.numbers:
            decimals = len(plain(text).partition(".")[2])
            assert bill_units.decimal(Fraction(value), decimals) == plain(text)


def test_bills_are_those_of_simulate(report):
    subject = report.study.subject
    tariff, unit = subject.tariff, 10**subject.tariff.decimals
    bills = simulate.bills_of([tariff], subject.history.load())
    page = Page(report.households)
    rows = page.tables["Each bill"]
    assert [list(exact(row).values()) for row in rows[1:-1]] == [
        [
            sum(Fraction(*line["quantity"]) for line in b.lines if line["kind"] == "energy")
            / 10**6,
            Fraction(b.total, unit),
        ]
        for b in bills
    ]
    lines = defaultdict(lambda: [Fraction(), Fraction()])
    for bill in bills:
        for line in bill.lines:
            tier = f", tier {line['tier'] + 1}" if bill_units.is_tiered(line, tariff) else ""
            found = lines[bill_units.item(line) + tier]
            found[0] += bill_units.quantity(line, tariff)
            found[1] += Fraction(line["rounded"], unit)
    shown = labelled(page.tables["All bills by line"])
    total = sum(Fraction(bill.total, unit) for bill in bills)
    assert shown.pop("total") == [total]
    assert shown == lines
    assert page.figures["To pay"] == (f"{page.figures['To pay'][0]}", str(total))


def test_the_house_is_what_the_command_line_bills(house):
    args = ("simulate", str(THREE), "--load", str(HOUSE), "--zone", "Etc/GMT-1", "--json")
    done = CliRunner().invoke(cli.app, args)
    totals = [Fraction(bill["total"], 100) for bill in json.loads(done.output)]
    rows = Page(house.households).tables["Each bill"]
    assert [list(exact(row).values())[-1] for row in rows[1:]] == [*totals, sum(totals)]


def test_energies_are_those_of_the_profile(report):
    history, tariff = report.study.subject.history, report.study.subject.tariff
    rows = list(
        zip(
            history.import_mwh.tolist(),
            (history.minute // 60).tolist(),
            history.month.tolist(),
            strict=True,
        )
    )
    by_hour, by_month = defaultdict(int), defaultdict(int)
    for mwh, hour, month in rows:
        by_hour[f"{hour:02d}"] += mwh
        by_month[month] += mwh
    page, more = Page(report.households), Page(report.utilities)
    for shown in (page, more):
        found = labelled(shown.tables["Cost by hour"])
        assert {h: found[h][0] * 10**6 for h in by_hour} == by_hour
    months = [exact(row)[1] * 10**6 for row in more.tables["Energy by month"][1:]]
    assert months == [by_month[month] for month in sorted(by_month)]
    total = sum(by_hour.values())
    assert Fraction(page.figures["Bought"][1]) * 10**6 == total
    rates = labelled(page.tables["Energy bought by rate, before tax"])
    assert rates.pop("all")[0] * 10**6 == total
    assert sum(row[0] for row in rates.values()) * 10**6 == total
    assert set(rates) <= set(tariff.rates)
    peaks = next(rows for caption, rows in page.tables.items() if caption.startswith("Peaks"))
    assert exact(peaks[1])[1] * 10**6 == history.power_mw.max()


def test_costs_by_time_are_exact_and_add_up(report):
    history, tariff = report.study.subject.history, report.study.subject.tariff
    spread = costs.of(history, [tariff])
    by_hour = {f"{n:02d}": cost.amount for n, cost in spread.by(history.minute // 60).items()}
    page = Page(report.utilities)
    found = labelled(page.tables["Cost by hour"])
    assert {hour: found[hour][-1] for hour in by_hour} == by_hour
    for caption in ("Cost by hour", "Cost by weekday", "Cost by month"):
        *rows, total = page.tables[caption][1:]
        printed = [Fraction(plain(row[-1][0])) for row in rows]
        assert sum(printed) == Fraction(plain(total[-1][0])) == spread.total
        in_doubt = [row for row in rows if row[0][0] == "rounding"]
        assert all(abs(Fraction(plain(row[-1][0]))) < Fraction(1, 2) for row in in_doubt)


@pytest.mark.parametrize("file", sorted(TARIFFS.glob("*.toml")), ids=lambda file: file.stem)
def test_costs_add_up_under_every_tariff(file):
    tariff = compile_file(file, wide=True).tariff()
    history = replace(Made.history().part(slice(0, 16 * 96)), zone=tariff.calendar.zone)
    found = study.of(of_history(history, "here", None, [(file.name, tariff)], Span()))
    page = Page(editions.render(found, Edition.HOUSEHOLD))
    for caption in ("Cost by hour", "Cost by weekday"):
        *rows, total = page.tables[caption][1:]
        assert sum(Fraction(plain(row[-1][0])) for row in rows) == found.subject.total
        assert Fraction(total[-1][1]) == found.subject.total


@pytest.mark.parametrize("name", ["import_mwh", "export_mwh"])
def test_a_meter_that_counts_nothing_has_a_report_too(name):
    tariff = compile_file(TARIFFS / "day-and-night-feed-in.toml").tariff()
    history = Made.history().part(slice(0, 10 * 96))
    history = replace(history, **{name: np.zeros_like(history.import_mwh)})
    found = study.of(of_history(history, "here", None, [("own", tariff)], Span()))
    page = Page(editions.render(found, Edition.HOUSEHOLD))
    assert Fraction(page.figures["To pay"][1]) == found.subject.total
    assert ("Sold" in page.figures) == (name == "import_mwh")
    assert ("Energy bought by rate, before tax" in page.tables) == (name == "export_mwh")


def test_advice_is_what_advise_says(made):
    subject = made.study.subject
    found = advice.advise(subject.history, subject.tariffs)
    texts = " ".join(Page(made.households).texts)
    assert found
    for one in found:
        assert one.sentence in texts
        assert one.assumption in texts


def test_market_prices_are_billed_and_what_has_none_is_told():
    tariff = compile_file(TARIFFS / "market-price.toml").tariff()
    history = replace(Made.history(), zone=tariff.calendar.zone)
    cents = [n % 24 for n in range(40 * 24)]
    data = {
        "id": 1, "currency": "EUR", "start": int(history.start[0]), "step_s": 3600,
        "import": [10**7 * n for n in cents], "export": [], "events": [],
    }  # fmt: skip
    schedules = [Schedule(data)]
    subject = of_history(history, "here", None, [("own", tariff)], Span(), schedules)
    page = Page(editions.render(study.of(subject), Edition.HOUSEHOLD))
    bills = simulate.bills_of([tariff], history.load(), schedules)
    assert Fraction(page.figures["To pay"][1]) * 100 == sum(bill.total for bill in bills)
    assert Fraction(page.tables["Cost by hour"][-1][-1][1]) == subject.total
    texts = " ".join(page.texts)
    without = unpriced.sentence(bills, tariff)
    assert ": 18." in without  # 9 of 49 days
    assert texts.count(f"{without}.") >= 3  # at the bill, at the advice, at the data


def test_the_hole_is_told(made):
    texts = " ".join(Page(made.households).texts)
    assert "3.2 h are missing" in texts
    rows = Page(made.households).tables["Rules that intervals hit"]
    assert [cell[0] for cell in rows[1]][:5] == ["V1", "missing", "1", "13", "13"]


def test_a_meters_bill_is_the_meters():
    """What its profile does not give, as maxima and a credit of before, is a row of its own."""
    of_meter = metered()
    bill, unit = of_meter.subject.bills[0], 10**of_meter.subject.tariff.decimals
    assert of_meter.beyond
    page = Page(editions.render(of_meter, Edition.UTILITY))
    rows = page.tables["Period 1, closed"][1:]
    assert [exact(row)[max(exact(row))] * unit for row in rows] == [
        *(line["rounded"] for line in bill.lines),
        bill.total,
    ]
    *parts, total = page.tables["Cost by hour"][1:]
    assert Fraction(total[-1][1]) * unit == bill.total
    assert sum(Fraction(plain(row[-1][0])) for row in parts) == Fraction(plain(total[-1][0]))
    beyond = [row for row in parts if "beyond the profile" in row[0][0]]
    assert [Fraction(row[-1][1]) for row in beyond] == [of_meter.beyond]
    document = of_meter.subject.document
    assert [cell[0] for cell in page.tables["Both ends"][1]] == [
        document["registers"][0][key]
        for key in ("obis", "name", "opening", "closing", "difference", "unit")
    ]
    heads = [[cell[0] for cell in row] for row in page.tables[_heads(page)][1:]]
    assert heads == [[h["ring"], str(h["seq"]), h["tag"]] for h in document["chain"]["heads"]]


def _heads(page):
    return next(caption for caption in page.tables if caption.startswith("Heads"))
