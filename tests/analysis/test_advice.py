"""Every saving is the difference of two bills, and the command line makes both again."""

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from meter.civil import DAY_S, EPOCH, days
from wattledger import cli
from wattledger.analysis import advice
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_text

ROOT = Path(__file__).parents[2]
TARIFFS = ROOT / "docs/tariffs"
LOADS = ROOT.parent / "shared" / "data" / "loads"
HOUSE = LOADS / "uci_sceaux_fr_2007_60min.csv"
PLANT = LOADS / "steel_kr_2018_15min.csv"
needs_data = pytest.mark.skipif(not HOUSE.exists(), reason="the folder ../shared/data is not here")
# Small enough to lie above the use of a plant at times, and to be kept by waiting.
EVERYTHING = """
[limiter]
window_min = 15
[limiter.levels.contract]
action = "reprice"
rate = "emergency"
threshold_kw = 560
"""


def run(*args):
    done = CliRunner().invoke(cli.app, [str(arg) for arg in args])
    assert done.exit_code == 0, done.output or done.exception
    return done.output


def total(load, tariff, *prices):
    """-> Fraction, of the bills of the command line; decimals of all tariffs here are two."""
    bills = json.loads(run("tariff", "simulate", load, tariff, *prices, "--json"))
    return Fraction(sum(bill["total"] for bill in bills), 100)


def reproduced(load, zone, tariff, *against, folder, prices=()):
    """-> kinds, each checked: its CSV, billed by the command line, saves what it says.

    prices   options of both commands
    """
    others = [arg for path in against for arg in ("--against", path)]
    args = ("advise", load, "--tariff", tariff, "--zone", zone, *others, *prices)
    found = json.loads(run(*args, "--write", folder, "--json"))
    before = total(folder / "as-it-is.csv", tariff, *prices)
    for item in found:
        saving = before - total(item["load"], item["tariff"], *prices)
        assert saving == Fraction(item["saving"]), item["kind"]
        assert saving > 0
        assert item["sentence"].endswith(" a year.")
    assert [i["yearly"] for i in found] == [
        i["yearly"] for i in sorted(found, key=lambda i: -float(i["yearly"]))
    ]
    return [item["kind"] for item in found]


@needs_data
def test_the_house_can_bill_every_advice_again(tmp_path):
    dear = tmp_path / "dear.toml"
    text = (TARIFFS / "one-price.toml").read_text()
    dear.write_text(text.replace("0.2947", "0.40"))
    three = TARIFFS / "three-prices-two-seasons.toml"
    kinds = reproduced(HOUSE, "Etc/GMT-1", three, dear, folder=tmp_path / "a")
    assert kinds == ["shift", "base"]
    kinds = reproduced(HOUSE, "Etc/GMT-1", dear, three, folder=tmp_path / "b")
    assert kinds[0] == "tariff"
    assert "shift" not in kinds  # there is one price


@needs_data
def test_the_plant_can_bill_every_advice_again(tmp_path):
    tariff = tmp_path / "plant.toml"
    text = (TARIFFS / "commercial.toml").read_text()
    begin, end = text.index("[limiter]"), text.index("[reactive]")
    tariff.write_text(text[:begin] + EVERYTHING + text[end:])
    load = tmp_path / "plant.csv"  # its first ten weeks: a year takes long
    load.write_text("\n".join(PLANT.read_text().split("\n")[: 1 + 70 * 96]) + "\n")
    kinds = reproduced(load, "Asia/Seoul", tariff, folder=tmp_path / "a")
    assert sorted(kinds) == ["away", "base", "limiter", "peak", "reactive", "shift"]


def test_who_pays_market_prices_can_bill_every_advice_again(tmp_path):
    """Two months of an evening, of which the prices of all but a week are known, in two files."""
    draw, prices = np.random.default_rng(5), []
    start = np.datetime64("2026-02-01T00:00") - np.timedelta64(1, "h")  # UTC of local midnight
    for name, first, days_count in (("a", 0, 30), ("b", 30, 22)):
        cents = draw.integers(-5, 40, days_count * 24)
        unix = int((start + np.timedelta64(first, "D")).astype("datetime64[s]").astype(int))
        schedule = {"id": 1, "currency": "EUR", "start": unix, "step_s": 3600, "export": [],
                    "import": [10**7 * n for n in cents.tolist()], "events": []}  # fmt: skip
        (tmp_path / name).write_text(json.dumps(schedule))
        prices += ["--prices", tmp_path / name]
    load = tmp_path / "load.csv"
    energy = draw.integers(100, 300, 59 * 24)
    energy[19::24] += 3000
    rows = [f"{start + np.timedelta64(n, 'h')}Z,{wh / 1000}" for n, wh in enumerate(energy)]
    load.write_text("\n".join(["timestamp,kwh", *rows]) + "\n")
    market, one = TARIFFS / "market-price.toml", TARIFFS / "one-price.toml"
    options = {"folder": tmp_path / "out", "prices": prices}
    assert {"shift", "base"} <= set(reproduced(load, "Etc/UTC", market, one, **options))
    said = run("advise", load, "--tariff", market, *prices, "--write", tmp_path / "out")
    assert "of the energy at dynamic prices is in no price schedule" in " ".join(said.split())
    assert f"--prices {tmp_path / 'b'}" in " ".join(said.split())
    found = json.loads(run("analyse", load, "--tariff", market, *prices, "--json"))
    assert Fraction(found["costs"]["total"]) == total(load, market, *prices)
    assert Fraction(found["costs"]["without_price_kwh"]) == Fraction(
        int(energy[52 * 24 :].sum()), 1000
    )


PEAK = """
schema = 1
name = "Hand"
currency = "EUR"
timezone = "Etc/UTC"
billing_day = 1
interval_min = 60
fallback = "night"
[rates.day]
price = "0.30"
[rates.night]
price = "0.10"
[seasons.year]
from = "01-01"
week = "w"
[weeks.w]
mon-sun = "d"
[days.d]
day = ["18:00-22:00"]
night = "otherwise"
"""


def flat(hours, energy_mwh, peaks=()):
    """-> January 2026 from its beginning, with so much in each hour, and more at some times."""
    tariff = compile_text(PEAK, "hand.toml").tariff()
    starts = days(2026, 1, 1) * DAY_S + EPOCH + 3600 * np.arange(hours, dtype=np.int64)
    energy = np.full(hours, energy_mwh, dtype=np.int64)
    for hour, more in peaks:
        energy[hour] += more
    none = np.zeros(hours, dtype=np.int64)
    zone = tariff.calendar.zone
    return tariff, History(
        "hand", zone, starts, starts + 3600, energy, none, none, none, none, none.astype(bool)
    )


def test_a_hand_worked_shift():
    """30 days of 100 W, and 4 kWh at 18:00: a quarter of it can wait until 22:00 or later."""
    tariff, history = flat(30 * 24, 100_000, [(24 * d + 18, 4_000_000) for d in range(30)])
    found = {a.kind: a for a in advice.advise(history, [("hand", tariff)])}
    # 1 kWh a day at 0.20 less, the last day too: its night has two hours for it
    assert found["shift"].saving == Fraction("6.00")
    assert found["shift"].yearly == Fraction("6.00") * 365 / 30
    assert found["shift"].sentence == (
        "Moving 1.0 kWh a day of what is used 18:00-22:00 to 22:00-18:00 saves 73.00 EUR a year."
    )
    assert "reckoned from 30 days" in found["shift"].assumption
    # 25 W for 720 h, of which 120 h cost 0.30: 3 kWh at 0.30 and 15 kWh at 0.10
    assert found["base"].saving == Fraction("2.40")
    assert set(found) == {"shift", "base"}


def test_nothing_saves_where_nothing_is_used():
    tariff, history = flat(30 * 24, 0)
    assert advice.advise(history, [("hand", tariff)]) == []


def test_the_limiter_is_told_how_often_it_acted():
    text = (
        PEAK.replace("[seasons", '[rates.over]\nprice = "1.00"\n[seasons', 1)
        + """
[limiter]
window_min = 60
[limiter.levels.much]
action = "reprice"
rate = "over"
threshold_kw = 3
"""
    )
    tariff = compile_text(text, "hand.toml").tariff()
    _, history = flat(30 * 24, 500_000, [(24 * d + 8, 3_500_000) for d in range(0, 30, 10)])
    found = {a.kind: a for a in advice.advise(history, [("hand", tariff)])}
    # Three times 4 kWh at 08:00: the hour after it counts into the dear rate, 0.5 kWh each.
    # Below 3 kW nothing does, and the kilowatt hour above waits until 09:00: 3 x 0.5 x 0.90.
    assert found["limiter"].saving == Fraction("1.35")
    assert found["limiter"].sentence.startswith("The limiter acted 3 times: staying below 3.0 kW")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    tariff, history = flat(48, 100_000)
    item = advice.advise(history, [("hand", tariff)])[0]
    shutil.rmtree(tmp_path)
    with pytest.raises(ToolError, match="can be written"):
        item.csv(tmp_path / "x.csv")
