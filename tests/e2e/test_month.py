"""A real load through the whole road, against a computation that knows nothing of the core."""

import csv
import importlib.util
import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.e2e.conftest import TARIFF
from wattledger import demo

LOAD = "../shared/data/loads/uci_sceaux_fr_1min_2006-12-16_27.csv"
ZONE = ZoneInfo("Europe/Madrid")
# The file's days, Saturday to Wednesday in December, moved to a year in which clocks are valid.
SHIFT = datetime(2028, 12, 16) - datetime(2006, 12, 16)
COUNT_MWH = 50 / 3  # one count of the virtual board's IC: a watt for a minute
COUNTED = {  # local hours of the tariff's winter workday; nights and all other days are off-peak
    "peak_winter": {*range(10, 14), *range(18, 22)},
    "shoulder_winter": {8, 9, 14, 15, 16, 17, 22, 23},
}
FREE = {(12, 25)}


def rate_of(local):
    """The sheet's words, not the core: workdays by the hour, weekends and Christmas off-peak."""
    if local.weekday() < 5 and (local.month, local.day) not in FREE:
        for rate, hours in COUNTED.items():
            if local.hour in hours:
                return rate
    return "off_peak_winter"


def expected(path):
    """-> ({rate: mWh}, total mvarh, Unix s of the first row, of the end), from the file."""
    energies, reactive, rows = {}, 0.0, list(csv.DictReader(path.open()))
    for row in rows:
        local = datetime.fromisoformat(row["timestamp"]) + SHIFT
        rate = rate_of(local)
        energies[rate] = energies.get(rate, 0) + float(row["p_kw"] or 0) * 1e6 / 60
        reactive += float(row["q_kvar"] or 0) * 1e6 / 60
    first = datetime.fromisoformat(rows[0]["timestamp"]) + SHIFT
    last = datetime.fromisoformat(rows[-1]["timestamp"]) + SHIFT + timedelta(minutes=1)
    start, end = (int(t.replace(tzinfo=ZONE).timestamp()) for t in (first, last))
    assert end - start == 60 * len(rows)
    return energies, reactive, start, end


def test_registers_equal_the_file_and_simulation_equals_the_bill(board, cli, ask, root, tmp_path):
    path = root / LOAD
    if not path.is_file():
        pytest.skip(f"{LOAD} is not here")
    energies, reactive, start, end = expected(path)
    first_row, last_row = start // 900 * 900, -(-end // 900) * 900
    board.start(clock="held", unix_s=first_row - 60)
    cli("deploy")
    board.advance(until=first_row, step_s=60)  # closes an interval without energy
    cli("tariff", "push", root / TARIFF, "--when", "now")
    board.set_load(path=str(path.resolve()), start=start, zone="Europe/Madrid")
    board.advance(until=last_row, step_s=60)

    shown = json.loads(cli("registers", "--json"))
    registers, names = shown["registers"], shown["names"]
    by_rate = {names[code]: value for code, value in registers.items() if code in names}
    assert shown["utc"] == last_row
    assert abs(registers["1.8.0"] - sum(energies.values())) <= COUNT_MWH
    assert abs(registers["5.8.0"] - reactive) <= COUNT_MWH
    for name, energy in energies.items():
        assert abs(by_rate[name] - energy) <= COUNT_MWH, name
    assert {name for name, value in by_rate.items() if value} == set(energies)

    cli("verify")
    profile = tmp_path / "profile.csv"
    cli("profile", "--csv", profile)
    bill = ask("bill", period=None, line=0)
    lines = [ask("bill", period=bill["period"], line=n)["line"] for n in range(bill["lines"])]
    again = json.loads(cli("simulate", root / TARIFF, "--profile", profile, "--json"))
    assert len(again) == 1
    assert again[0]["lines"] == lines
    for key in ("total", "start", "end", "digest"):
        assert again[0][key] == bill[key], key


def test_a_printed_bill_says_that_it_is_verified(board, cli, root, tmp_path):
    board.start(clock="held", unix_s=1_790_805_600)  # 1 October 2026, 00:00 in Madrid
    cli("deploy")
    cli("tariff", "push", root / TARIFF, "--when", "now")
    board.set_load(constant={"p_mw": 3_000_000, "q_mvar": 0, "v_mv": 230_000})
    board.advance(until=1_790_805_600 + 86400, step_s=60)
    page = tmp_path / "bill.html"
    document = json.loads(cli("bill", "--verify", "--json", "--html", page))
    assert document["verification"]["state"] == "verified"
    assert document["total"]["value"] in page.read_text()
    assert [day["import_kwh"] for day in document["daily"]] == ["72.000000"]
    assert "Not checked" in cli("bill", "--text", "-")


def test_the_demo_ends_with_a_verified_bill(tmp_path, capfd):
    from rich.console import Console

    report = tmp_path / "report.html"
    demo.run(tmp_path / "board", None, 31, report, Console(width=120))
    demo.power_off(tmp_path / "board")
    said = capfd.readouterr().out
    assert "bills: 2, each of their" in said
    assert "power failed" in said
    if importlib.util.find_spec("matplotlib"):
        assert said.endswith(f"What it tells a household: {report}\n")
        assert "Verified: recomputed" in report.read_text(encoding="utf-8")
    else:
        assert "pip install 'wattledger[analysis]'" in said
    assert Path(tmp_path / "board/flash.bin").stat().st_size == 320 * 4096
