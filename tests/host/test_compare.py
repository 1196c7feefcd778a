"""Tariffs side by side, and what a change costs: the sums of the bills, line by line."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from wattledger import cli

OLD = """
schema = 1
name = "Old"
currency = "EUR"
timezone = "Europe/Madrid"
billing_day = 1
fallback = "all"
valid_from = 2026-01-01
[rates.all]
price = "0.20"
[seasons.year]
from = "01-01"
week = "always"
[weeks.always]
mon-sun = "always"
[days.always]
all = "otherwise"
[fixed.standing]
price = "3"
per = "month"
"""
NEW = OLD.replace('"Old"', '"New"').replace('"0.20"', '"0.25"').replace("2026-01", "2026-02")


@pytest.fixture
def files(tmp_path):
    """Two tariffs, and 1 kWh an hour from January to March, local time."""
    for name, text in (("old.toml", OLD), ("new.toml", NEW)):
        (tmp_path / name).write_text(text)
    t = datetime(2025, 12, 31, 23, tzinfo=UTC)
    end = datetime(2026, 3, 31, 22, tzinfo=UTC)
    rows = ["timestamp,kwh"]
    while t < end:
        rows.append(f"{t:%Y-%m-%dT%H:%M}Z,1")
        t += timedelta(hours=1)
    (tmp_path / "load.csv").write_text("\n".join(rows) + "\n")
    return [str(tmp_path / name) for name in ("old.toml", "new.toml", "load.csv")]


def run(*args):
    done = CliRunner().invoke(cli.app, list(args))
    assert done.exit_code == 0, done.output or done.exception
    return done.output


def test_diff_names_each_line(files):
    old, new, load = files
    found = json.loads(run("tariff", "diff", old, new, "--load", load, "--json"))
    # 90 days less the hour that March loses: 2159 kWh at 0.20 or 0.25
    energy, fixed = found["lines"]
    assert (energy["old"], energy["new"], energy["change"]) == ("2159/5", "2159/4", "2159/20")
    assert energy["old_quantity"] == energy["new_quantity"] == "2159"
    assert (fixed["old"], fixed["new"], fixed["change"]) == ("9", "9", "0")
    shown = run("tariff", "diff", old, new, "--load", load)
    assert "440.80" in shown
    assert "548.75" in shown
    assert "107.95" in shown


def test_several_tariffs_are_a_comparison(files):
    old, new, load = files
    found = json.loads(run("tariff", "simulate", load, old, new, "--json"))
    assert [row["tariff"] for row in found] == ["old.toml", "new.toml"]
    assert [row["total"] for row in found] == ["2204/5", "2195/4"]
    shown = run("tariff", "simulate", load, old, new)
    assert "107.95" in shown
    assert "24.5" in shown  # per cent


def test_versions_follow_one_another(files):
    old, new, load = files
    found = json.loads(run("tariff", "simulate", load, new, old, "--versions", "--json"))
    # January 744 h at 0.20; February 672 h and March 743 h at 0.25; 3.00 each
    assert [bill["total"] for bill in found] == [14880 + 300, 16800 + 300, 18575 + 300]
    assert len({bill["digest"] for bill in found}) == 2


def test_one_tariff_gives_its_bills(files):
    old, _, load = files
    found = json.loads(run("tariff", "simulate", load, old, "--json"))
    assert found == json.loads(run("simulate", old, "--load", load, "--json"))
    assert len(found) == 3


def test_two_currencies_are_refused(files, tmp_path):
    old, _, load = files
    other = tmp_path / "other.toml"
    other.write_text(OLD.replace('"EUR"', '"USD"'))
    done = CliRunner().invoke(cli.app, ["tariff", "diff", old, str(other), "--load", load])
    assert done.exit_code
    assert "one currency" in str(done.exception)
