"""URDB rate sheets: what is imported bills what the sheet says; what cannot be is named."""

import copy
import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import urdb_drawn
from urdb_case import SHEET, ZONE, changed, compiled, imported, notes

from meter.civil import EPOCH
from wattledger import cli
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_text
from wattledger.urdb import sheets as urdb


def test_a_sheet_as_it_is():
    made = imported(SHEET)
    data = compile_text(made.text, "t.toml").data  # for a meter
    assert made.fits_meter
    assert data["name"] == 'Light & Power: Time of use "A"'
    assert data["source"] == "OpenEI URDB 0123456789abcdef01234567"
    assert (data["currency"], data["zone_name"], data["billing_day"]) == ("USD", ZONE, 1)
    rates = {rate["name"]: rate for rate in data["rates"]}
    # Period 1 of energy is split by the six hours of demand period 1.
    assert list(rates) == ["period_0", "period_1", "period_1_demand_1"]
    assert rates["period_0"]["prices"] == [100_000_000, 125_000_000]
    for name in ("period_1", "period_1_demand_1"):
        assert rates[name]["prices"] == [300_000_000, 500_000_000]
    assert {rate["tiers"] for rate in rates.values()} == {0}
    assert data["tiers"] == [{"mode": "prorata", "per": "period", "bounds": [300_000_000]}]
    assert data["seasons"] == [[1, 1, 0]]
    demand = data["demand"]
    assert (demand["window_s"], demand["parts"]) == (1800, 1)
    summer = 0b000011100000
    assert [
        (c["name"], c["rates"], c["months"], c["bounds"], c["prices"]) for c in demand["charges"]
    ] == [
        ("flat_0", [], 4095 ^ summer, [20_000_000], [4 * 10**9, 6_500_000_000]),
        ("flat_1", [], summer, [], [9_250_000_000]),
        ("demand_1", [2], 4095, [], [12 * 10**9]),
    ]
    assert data["fixed"] == [["customer", 5 * 10**9, "month"]]
    assert data["minimum"] == [11 * 10**9, "month", ["energy", "export", "demand", "fixed"]]
    assert data["netting"] == {"mode": "none", "carry": "none"}
    assert made.notes == []


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("mode", urdb.TIER_MODES)
def test_each_hour_has_the_price_and_the_charges_of_its_periods(seed, mode):
    """Against the sheet itself, at random instants of the real calendar."""
    sheet = urdb_drawn.sheet(seed)
    data = compiled(sheet, tier_mode=mode)
    tariff = compile_text(imported(sheet, tier_mode=mode).text, "t.toml", wide=True).tariff()
    rng, zone = random.Random(seed), ZoneInfo(ZONE)
    charges = {c["name"]: c["rates"] for c in (data["demand"] or {"charges": []})["charges"]}
    for _ in range(60):
        instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=rng.randrange(525600))
        local = instant.astimezone(zone)
        part = "weekend" if local.weekday() >= 5 else "weekday"
        tiers = period_at(sheet, "energy", part, local)
        _, rate = tariff.calendar.segment(int(instant.timestamp()) - EPOCH)
        assert data["rates"][rate]["prices"] == [nano(tier) for tier in tiers]
        assert bounds_of(data, rate) == expected_bounds(tiers, local.month)
        if "demandratestructure" in sheet:
            number = sheet[f"demand{part}schedule"][local.month - 1][local.hour]
            priced = any(t["rate"] + t.get("adj", 0) for t in sheet["demandratestructure"][number])
            named = [n for n, rates in charges.items() if n.startswith("demand") and rate in rates]
            assert named == ([f"demand_{number}"] if priced else [])
        month = 1 << local.month - 1
        if "flatdemandstructure" in sheet:
            number = sheet["flatdemandmonths"][local.month - 1]
            prices = [nano(tier) for tier in sheet["flatdemandstructure"][number]]
            found = [
                c["prices"]
                for c in data["demand"]["charges"]
                if c["name"].startswith("flat") and c["months"] & month
            ]
            assert found == ([prices] if any(prices) else [])


def period_at(sheet, kind, part, local):
    number = sheet[f"{kind}{part}schedule"][local.month - 1][local.hour]
    return sheet[f"{kind}ratestructure"][number]


def nano(tier):
    return int((Decimal(str(tier["rate"])) + Decimal(str(tier.get("adj", 0)))) * 10**9)


def bounds_of(data, rate):
    index = data["rates"][rate]["tiers"]
    return ("", []) if index < 0 else (data["tiers"][index]["per"], data["tiers"][index]["bounds"])


def expected_bounds(tiers, month):
    if len(tiers) == 1:
        return "", []
    unit = tiers[0]["unit"]
    days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
    factor = days if unit == "kWh/kW daily" else 1
    per = {"kWh": "period", "kWh daily": "day"}.get(unit, "kw")
    return per, [int(Decimal(str(t["max"])) * factor * 10**6) for t in tiers[:-1]]


def test_months_are_seasons_and_the_new_year_is_none():
    winter, summer = [0] * 24, [1] * 24
    table = [winter] * 4 + [summer] * 5 + [winter] * 3
    sheet = changed(
        energyweekdayschedule=table,
        energyweekendschedule=table,
        demandratestructure=None,
        flatdemandstructure=None,
    )
    data = compiled(sheet)
    assert [season[:2] for season in data["seasons"]] == [[5, 1], [10, 1]]
    assert len(data["weeks"]) == 2
    assert data["demand"] is None


def test_seasons_that_come_back_share_their_week():
    a, b = [0] * 24, [1] * 24
    sheet = changed(
        energyweekdayschedule=[a, b] * 6,
        energyweekendschedule=[a, b] * 6,
        demandratestructure=None,
    )
    data = compiled(sheet)
    assert len(data["seasons"]) == 12
    assert [season[2] for season in data["seasons"]] == [0, 1] * 6
    made = imported(sheet)
    assert not made.fits_meter
    assert "for simulation only, no meter takes it: seasons: 12" in made.notes[-1]


def test_equal_periods_become_one_rate_only_to_fit_a_meter():
    small = changed(energyratestructure=[SHEET["energyratestructure"][0]] * 2)
    assert len(compiled(small)["rates"]) == 3
    twenty = changed(
        energyratestructure=[[{"rate": 0.2}] for _ in range(20)],
        energyweekdayschedule=[[n] * 24 for n in range(12)],
        energyweekendschedule=[[n + 8] * 24 for n in range(12)],
        demandratestructure=None,
    )
    made = imported(twenty)
    assert made.fits_meter
    assert "rates: periods that cost the same are one, to fit a meter" in made.notes
    assert len(compile_text(made.text, "t.toml").data["rates"]) == 1
    twenty["energyratestructure"] = [[{"rate": 0.2 + n}] for n in range(20)]
    made = imported(twenty)
    assert not made.fits_meter
    assert len(compile_text(made.text, "t.toml", wide=True).data["rates"]) == 20


def test_per_rate_tiers_stay_with_their_period_where_demand_splits_it():
    data = compiled(SHEET, tier_mode="per_rate")
    sets = {rate["name"]: data["tiers"][rate["tiers"]]["mode"] for rate in data["rates"]}
    assert sets == {
        "period_0": "per_rate",
        "period_1": "prorata",
        "period_1_demand_1": "prorata",
    }
    assert data["rates"][1]["tiers"] == data["rates"][2]["tiers"] != data["rates"][0]["tiers"]


def test_unequal_tiers_are_possible_per_rate():
    structure = copy.deepcopy(SHEET["energyratestructure"])
    structure[1][0]["max"] = 500
    data = compiled(changed(energyratestructure=structure), tier_mode="per_rate")
    assert sorted(made["bounds"] for made in data["tiers"]) == [[300_000_000], [500_000_000]]


def test_what_is_fed_in_has_the_price_of_its_period():
    structure = [[{"rate": 0.1, "sell": 0.03}], [{"rate": 0.3, "sell": 0.08}]]
    data = compiled(changed(energyratestructure=structure), netting="interval")
    sells = [data["exports"][rate["export"]]["prices"][0] for rate in data["rates"]]
    assert sells == [30_000_000, 80_000_000, 80_000_000]
    assert data["netting"] == {"mode": "interval", "carry": "none"}
    data = compiled(changed(energyratestructure=structure), netting="month", carry="kwh")
    assert data["netting"] == {"mode": "month", "carry": "kwh"}


def test_the_calendar_of_sam():
    sheet = changed(
        fixedchargefirstmeter=19.71253,
        fixedchargeunits="$/day",
        mincharge=0.33,
        minchargeunits="$/day",
    )
    data = compiled(sheet, timezone=None, sam=True)
    assert data["fixed"] == [["customer", 7_195_073_450_000, "year"]]
    assert data["minimum"][:2] == [10_037_500_000, "month"]
    assert (data["zone_name"], data["decimals"]) == ("UTC", 9)
    assert compiled(sheet)["fixed"] == [["customer", 19_712_530_000, "day"]]
    assert compiled(sheet)["minimum"][:2] == [330_000_000, "day"]
    inexact = changed(mincharge=0.1, minchargeunits="$/day")
    assert "0.1 x 365/12 is rounded to 3.041666667" in notes(inexact, timezone=None, sam=True)


def test_old_names_mean_what_they_meant():
    old = changed(
        fixedchargefirstmeter=None,
        fixedchargeunits=None,
        fixedmonthlycharge=29.25,
        mincharge=None,
        minchargeunits=None,
        minmonthlycharge=12,
    )
    data = compiled(old)
    assert data["fixed"] == [["customer", 29_250_000_000, "month"]]
    assert data["minimum"][:2] == [12_000_000_000, "month"]
    said = notes(old)
    assert "fixedmonthlycharge: the old name of a fixedchargefirstmeter in $/month" in said
    assert "minmonthlycharge: the old name of a mincharge in $/month" in said
    yearly = changed(mincharge=None, minchargeunits=None, annualmincharge=120)
    assert compiled(yearly)["minimum"][:2] == [120_000_000_000, "year"]
    assert not imported(yearly).fits_meter
    assert "annualmincharge: the old name of a mincharge in $/year" in notes(yearly)


def test_the_names_and_the_nesting_of_the_dump():
    dump = {
        "_id": {"$oid": SHEET["label"]},
        "utilityName": SHEET["utility"],
        "rateName": SHEET["name"],
        "effectiveDate": {"$date": "2025-05-01T00:00:00Z"},
        "energyRateStrux": [{"energyRateTiers": t} for t in SHEET["energyratestructure"]],
        "energyWeekdaySched": SHEET["energyweekdayschedule"],
        "energyWeekendSched": SHEET["energyweekendschedule"],
        "flatDemandStrux": [{"flatDemandTiers": t} for t in SHEET["flatdemandstructure"]],
        "flatDemandMonths": SHEET["flatdemandmonths"],
        "flatDemandUnits": "kW",
        "demandRateStrux": [{"demandRateTiers": t} for t in SHEET["demandratestructure"]],
        "demandWeekdaySched": SHEET["demandweekdayschedule"],
        "demandWeekendSched": SHEET["demandweekendschedule"],
        "demandRateUnits": "kW",
        "demandWindow": 30.0,
        "fixedChargeFirstMeter": 5.0,
        "fixedChargeUnits": "$/month",
        "minCharge": 11.0,
        "minChargeUnits": "$/month",
    }
    made = imported({"items": [dump]})
    assert compile_text(made.text, "a").digest == compile_text(imported(SHEET).text, "b").digest
    assert made.notes == []
    assert "startdate: 2025-05-01" in made.text


def test_one_of_several_sheets():
    other = changed(label="ff", name="Other")
    both = {"items": [SHEET, other]}
    with pytest.raises(ToolError, match=r"2 rate sheets: .* ff \(Other\): choose one"):
        imported(both)
    assert compiled(both, label="ff")["name"] == "Light & Power: Other"
    with pytest.raises(ToolError, match="no rate sheet with the label ee"):
        imported([SHEET, other], label="ee")


def test_text_that_would_break_a_toml_file():
    nasty = 'a "quote" \\ back\u2028slash\r\n# [rates]\x00\x7f\u0085 ' + "x" * 80
    data = compiled(changed(name=nasty, description=nasty, source=nasty, utility=nasty))
    assert len(data["name"]) == 64
    assert data["rates"][0]["name"] == "period_0"


def test_noise_of_floats_is_rounded_and_said_and_more_is_refused():
    noisy = json.dumps(SHEET).replace('"rate": 0.5,', '"rate": 0.50000000000000004,')
    assert noisy != json.dumps(SHEET)
    assert compiled(noisy)["rates"][1]["prices"][1] == 500_000_000
    assert "energyratestructure[1][1].rate: 0.50000000000000004 is 0.5 with float noise" in notes(
        noisy
    )
    # A sum of decimals has no noise, though the sum of the doubles has.
    exact = changed(energyratestructure=[[{"rate": 0.1, "adj": 0.2}]] * 2)
    assert compiled(exact)["rates"][0]["prices"] == [300_000_000]
    assert "noise" not in notes(exact)
    third = changed(energyratestructure=[[{"rate": 0.041666666666666664}]] * 2)
    with pytest.raises(ToolError, match=r"\[0\]\.rate: 0\.041666666666666664 has 18 decimals"):
        imported(third)
    assert compiled(third, round_prices=True)["rates"][0]["prices"] == [41_666_667]
    assert "is rounded to 0.041666667" in notes(third, round_prices=True)


NO_LIMIT = [[{"rate": 0.1, "max": 300}, {"rate": 0.2, "max": 1e38}]] * 2


def test_a_last_tier_as_large_as_sam_writes_it_has_no_end():
    assert compiled(changed(energyratestructure=NO_LIMIT))["tiers"][0]["bounds"] == [300_000_000]
    beyond = [[{"rate": 0.1, "max": 999999999}]] * 2
    assert "999999999 is more than a meter can count" in notes(changed(energyratestructure=beyond))


def test_a_charge_of_zero_is_no_charge():
    silent = changed(
        demandreactivepowercharge=0,
        fueladjustmentsmonthly=[0] * 12,
        coincidentratestructure=[[{"rate": 0, "unit": "kW"}]],
        coincidentschedule=[[0] * 24] * 12,
        coincidentrateunit="kW",
        lookbackpercent=0,
        fixedmonthlycharge=5,
    )
    assert "NOT BILLED" not in notes(silent)
    free = changed(
        flatdemandstructure=[[{"rate": 0}]] * 2,
        flatdemandunit="hp",
        demandratestructure=[[{"rate": 0}]] * 2,
        demandrateunit="kVA",
    )
    assert compiled(free)["demand"] is None


def test_a_missing_rate_is_zero_if_asked():
    sheet = changed(energyratestructure=[[{"unit": "kWh", "adj": 0.01}], [{"rate": 1}]])
    assert compiled(sheet, assume_zero=True)["rates"][0]["prices"] == [10_000_000]
    assert "energyratestructure[0][0]: no rate: taken as 0" in notes(sheet, assume_zero=True)
    nothing = changed(energyratestructure=None, demandratestructure=None)
    del nothing["energyweekdayschedule"], nothing["energyweekendschedule"]
    assert compiled(nothing, assume_zero=True)["rates"][0]["prices"] == [0]


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["wattledger", "tariff", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        else:
            code = 0
        return code, *capsys.readouterr()

    return run


def test_the_command_writes_a_file_that_the_others_take(run, tmp_path):
    source, made = tmp_path / "sheet.json", tmp_path / "made.toml"
    source.write_text(json.dumps(changed(demandwindow=None)))
    options = ("--tier-mode", "prorata", "--netting", "none", "--currency", "USD")
    code, out, err = run("import", source, *options, "--timezone", ZONE, "--out", made)
    assert (code, out) == (0, f"{made}: written\n")
    assert err.startswith("sheet.json: note: demandwindow: not in the sheet")
    code, out, err = run("import", source, *options, "--timezone", ZONE)
    assert (code, out) == (0, made.read_text())
    code, out, err = run("import", source, *options)
    assert (code, out) == (1, "")
    assert err.startswith("wattledger: sheet.json: --timezone: missing")
    code, out, err = run("import", tmp_path / "none.json")
    assert (code, err.count("\n")) == (1, 1)
    assert "give a readable rate sheet" in err
