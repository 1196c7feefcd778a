"""What each part of a tariff file is compiled to, number by number."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wattledger.commands import tariff as command
from wattledger.errors import ToolError
from wattledger.tariffs.tariff_file import compile_file, compile_text

EXAMPLES = Path(__file__).parents[2] / "docs" / "tariffs"
COMMERCIAL = (EXAMPLES / "commercial.toml").read_text()
ONE_PRICE = (EXAMPLES / "one-price.toml").read_text()


def data(name):
    return compile_file(EXAMPLES / f"{name}.toml").data


def changed(old, new, text=COMMERCIAL):
    assert old in text
    return compile_text(text.replace(old, new, 1), "t.toml").data


def test_what_is_left_out_is_there():
    plain = data("one-price")
    assert [plain[key] for key in ("demand", "limiter", "dynamic", "reactive", "minimum")] == (
        [None] * 5
    )
    assert plain["netting"] == {"mode": "none", "carry": "none"}
    assert plain["tiers"] == []
    assert plain["valid_from"] == 0
    assert plain["rates"] == [
        {"name": "energy", "prices": [294_700_000], "export": 0, "tiers": -1, "dynamic": None}
    ]
    assert plain["exports"] == [{"name": "export", "prices": [0], "dynamic": None}]
    assert plain["fixed"] == [["standing", 11_900_000_000, "month"]]


def test_tier_sets():
    made = data("commercial")
    assert made["tiers"] == [
        {"mode": "prorata", "per": "kw", "bounds": [150_000_000]},
        {"mode": "per_rate", "per": "period", "bounds": [2_000_000_000]},
    ]
    assert [rate["tiers"] for rate in made["rates"]] == [0, 0, 1, -1]
    assert [rate["tiers"] for rate in data("three-prices-two-seasons")["rates"]] == [0] * 6


def test_demand():
    assert data("commercial")["demand"] == {
        "window_s": 900,
        "parts": 3,
        "charges": [
            {
                "name": "facility",
                "rates": [],
                "months": 4095,
                "highest": 1,
                "bounds": [],
                "prices": [9_250_000_000],
                "ratchet": [800_000, 11],
            },
            {
                "name": "summer_peak",
                "rates": [2],
                "months": 0b0001_1110_0000,  # June to September
                "highest": 1,
                "bounds": [],
                "prices": [14_100_000_000],
                "ratchet": None,
            },
        ],
    }
    capacity = data("capacity-and-limiter")["demand"]["charges"][0]
    assert capacity["highest"] == 3
    assert capacity["bounds"] == [2_000_000, 5_000_000, 10_000_000]
    assert capacity["prices"] == [2_100_000_000, 3_400_000_000, 4_800_000_000, 6_900_000_000]


def test_a_peak_for_tiers_is_measured_without_a_price():
    of_summer = changed(
        'price = "9.25"\nratchet = { percent = "80", months = 11 }',
        'price = "9.25"\nrates = ["summer_peak"]',
    )["demand"]["charges"]
    assert [charge["name"] for charge in of_summer] == ["facility", "summer_peak", "peak"]
    added = of_summer[-1]
    assert (added["rates"], added["months"], added["highest"]) == ([], 4095, 1)
    assert (added["prices"], added["bounds"], added["ratchet"]) == ([0], [], None)


def test_limiter():
    made = data("capacity-and-limiter")["limiter"]
    assert made["window_s"] == 300
    assert [tuple(level.values()) for level in made["levels"]] == [
        ("notice", "remind", 8_000_000, 7_000_000, 1, 1, 0, 0),
        ("excess", "reprice", 10_000_000, 8_000_000, 2, 3, 2, 0),
        ("water_heater", "shed", 12_000_000, 6_000_000, 1, 3, 0, 0),
    ]
    shed = changed('action = "reprice"\nrate = "emergency"', 'action = "shed"\nreturn = "manual"')[
        "limiter"
    ]["levels"][0]
    assert (shed["manual"], shed["rate"]) == (1, 0)
    assert shed["release_mw"] == shed["threshold_mw"] == 100_000_000


def test_dynamic_prices_and_netting():
    made = data("market-price")
    assert made["dynamic"] == {"settlement": "interval"}
    assert [rate["dynamic"] for rate in made["rates"]] == [[1_000_000, 131_200_000], None]
    assert made["exports"][0]["dynamic"] == [1_000_000, -12_000_000]
    assert made["netting"] == {"mode": "interval", "carry": "money"}
    assert data("month-netting")["netting"] == {"mode": "month", "carry": "kwh"}


@pytest.mark.parametrize(
    ("line", "free"),
    [
        ('power_factor = "0.95"', 328_684_105),  # tan(acos(0.95)) = 0.32868410517886...
        ('power_factor = "0.8"', 750_000_000),
        ("power_factor = 1", 0),
        ('free_kvarh_per_kwh = "0.33"', 330_000_000),
    ],
)
def test_reactive(line, free):
    made = changed('power_factor = "0.95"', line)["reactive"]
    assert made == {"price": 15_000_000, "free": free}


def test_fixed_minimum_and_taxes():
    made = data("commercial")
    assert made["fixed"] == [
        ["customer", 146_200_000_000, "month"],
        ["meter", 492_800_000, "day"],
    ]
    assert made["minimum"] == [250_000_000_000, "month", ["energy", "demand", "fixed"]]
    assert made["taxes"] == [
        ["utility users tax", 75_000, ["energy", "demand", "reactive", "fixed", "minimum"]]
    ]


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Kathmandu", "America/Santiago"])
def test_valid_from_is_a_local_midnight(zone):
    text = COMMERCIAL.replace("America/Los_Angeles", zone)
    midnight = datetime(2026, 3, 1, tzinfo=ZoneInfo(zone))
    assert compile_text(text, "t.toml").data["valid_from"] == midnight.timestamp()


class FakeMeter:
    """Answers `info` only."""

    def __init__(self, now, period_end):
        self._info = {"utc": now, "period": {"end": period_end}}

    def request(self, do):
        assert do == "info"
        return self._info


def when(asked, now="2026-02-10", end="2026-03-21", text=COMMERCIAL):
    zone = ZoneInfo("America/Los_Angeles")
    times = [int(datetime.fromisoformat(t).replace(tzinfo=zone).timestamp()) for t in (now, end)]
    found = command.when_of(FakeMeter(*times), compile_text(text, "t.toml"), asked)
    return found if isinstance(found, str) else f"{datetime.fromtimestamp(found, zone):%Y-%m-%d}"


def test_when_a_tariff_takes_effect():
    assert when(None) == when("date") == "2026-03-01"
    assert when("2026-03-05") == "2026-03-05"
    assert when("period") == "period"  # which ends later than valid_from
    assert when(None, now="2026-03-02") == "period"
    assert when("date", now="2026-03-02") == when("now", now="2026-03-02") == "now"
    assert when("now", text=ONE_PRICE) == "now"
    for asked, end in (("now", "2026-03-21"), ("period", "2026-02-21"), ("2026-02-28", "")):
        with pytest.raises(ToolError, match=f"{asked} is before its valid_from, 2026-03-01 00:00"):
            when(asked, end=end or "2026-03-21")
    with pytest.raises(ToolError, match="no valid_from in the file"):
        when("date", text=ONE_PRICE)
