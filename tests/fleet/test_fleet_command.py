"""wattledger fleet: what it prints adds up, and its file has no way out."""

import json
from fractions import Fraction

import pytest
from typer.testing import CliRunner

from tests.fleet.conftest import ROOT
from wattledger.commands import fleet
from wattledger.errors import ToolError
from wattledger.fleet import page
from wattledger.fleet.answer import Answer, Table

TARIFF = ROOT / "docs" / "tariffs" / "day-and-night-feed-in.toml"
SPAN = ("--from", "2026-10-19", "--to", "2026-11-03T00:00+01:00")


def run(*arguments):
    found = CliRunner().invoke(fleet.app, [str(a) for a in arguments])
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "meters.csv"
    path.write_text(
        "serial,group,feeder,role\na,village,n,\nb,village,n,\nlate,,n,\ntwo,,n,feeder\n"
    )
    return path


def test_bills_add_up(folder):
    told = json.loads(run("bill", folder, "--tariff", TARIFF, *SPAN, "--json"))
    assert [m["serial"] for m in told["meters"]] == ["a", "b", "gap", "late", "off", "two"]
    for meter in told["meters"]:
        for period in meter["periods"]:
            lines = sum(Fraction(text) for text in period["lines"].values())
            assert lines == Fraction(period["total"])
    shown = run("bill", folder, "--tariff", TARIFF, *SPAN)
    total = sum(Fraction(p["total"]) for m in told["meters"] for p in m["periods"])
    printed = [line.split()[-1] for line in shown.splitlines() if line.startswith("2026-1")]
    assert sum(map(Fraction, printed)) == total
    assert "back: no bill: two rows overlap" in shown


def test_a_group(folder, roster):
    told = run(
        "bill", folder, "--tariff", TARIFF, "--meters", roster, "--group", "village", "--json"
    )
    assert [m["serial"] for m in json.loads(told)["meters"]] == ["a", "b"]
    # all of the CSV, but for the meter of a feeder
    told = run("bill", folder, "--tariff", TARIFF, "--meters", roster, "--json")
    assert [m["serial"] for m in json.loads(told)["meters"]] == ["a", "b", "late"]
    with pytest.raises(ToolError, match="--group without --meters"):
        run("bill", folder, "--tariff", TARIFF, "--group", "village")


def test_every_question_answers(folder, roster):
    given = (folder, "--tariff", TARIFF, "--meters", roster)
    village = (*given, "--group", "village")
    event = ("--event", "2026-11-02T12:00", "--until", "2026-11-02T13:00", "--other", "2026-11-01")
    one_price = ROOT / "docs" / "tariffs" / "one-price.toml"
    changed = json.loads(run("analyse", "whatif", *village, "--against", one_price, "--json"))
    assert changed["winners"] + changed["losers"] <= len(changed["meters"]) == 2
    losses = json.loads(run("analyse", "losses", *given, "--json"))
    assert losses["feeders"][0]["feeder"] == "n"
    assert json.loads(run("analyse", "suspects", *given, "--json"))["left_out"] == ["n"]
    told = json.loads(run("analyse", "response", *given, *event, "--json"))
    assert {g["group"]: g["meters"] for g in told["groups"]} == {"village": 2, "all": 2}
    assert told["left_out"] == ["late"]
    assert sum(m["actual_mwh"] for m in told["meters"]) == told["groups"][-1]["actual_mwh"]


def test_report(folder, roster, tmp_path):
    out = tmp_path / "fleet.html"
    given = ("report", folder, "--tariff", TARIFF, "--meters", roster, "--out", out)
    assert run(*given).strip() == str(out)
    text = out.read_text()
    assert "default-src 'none'" in text
    assert "3 meters, Day and night with feed-in" in text
    assert "Losses" in text
    assert not list(tmp_path.glob("*.tmp"))


def test_texts_are_texts():
    hostile = "<script>alert(1)</script>&\"'"
    answer = Answer(hostile, [hostile], [Table(hostile, [hostile], [[hostile]])])
    made = page.render(hostile, [answer])
    assert "<script>" not in made
    assert made.count("&lt;script&gt;alert(1)") == 7


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(ToolError, match="name a file"):
        page.write(tmp_path / "none" / "x.html", "t", [])
