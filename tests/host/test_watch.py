"""`wattledger watch` and `load on` against the core itself, with no line in between."""

import json

import pytest
import tariffs
from rig import Rig, unix

from wattledger import cli, reading, session

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
HEAVY = 6000  # counts a minute: 6 kW


class Wire:
    """A Link that asks a Rig."""

    def __init__(self, rig):
        self.rig = rig

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def request(self, do, **args):
        return self.rig.ask(do, **args)

    def names(self, folder):
        assert folder == reading.TARIFFS
        return [digest + ".json" for digest in self.rig.ports.files.held]

    def read(self, path):
        return self.rig.ports.files.held[path.split("/")[-1].removesuffix(".json")]


@pytest.fixture
def run(monkeypatch, capsys):
    """-> function (rig, arguments) -> what the command printed"""

    def run(rig, *arguments):
        monkeypatch.setattr(session, "connect", lambda *_: Wire(rig))
        monkeypatch.setattr("sys.argv", ["wattledger", *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert not stopped.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    return run


def rows(text):
    """-> {first word of a line: [the rest of it, ...]}"""
    found = {}
    for line in text.splitlines()[1:]:
        name, _, value = line.strip().partition("  ")
        found.setdefault(name, []).append(value.strip())
    return found


def running(**changes):
    rig = Rig(START)
    rig.run(60)
    rig.push(tariffs.text(**changes))
    rig.run(840)
    return rig


def test_a_meter_without_a_tariff_is_watched_too(run):
    shown = rows(run(Rig(START), "watch", "--once"))
    assert shown["alerts"] == ["none"]
    assert "price now" not in shown
    assert "limiter" not in shown


def test_rate_price_and_cost(run):
    rig = running(fixed=[["meter", 120_000_000, "day"]])
    rig.run(3600 * 3 + 900, imported=600)  # to 09:30: 1.75 h at night, 1.5 h by day, 600 W
    rig.meter.sample.p_mw[:] = [610_500, 0, 0]
    shown = rows(run(rig, "watch", "--once"))
    assert shown["power"] == ["610.5 W"]
    assert shown["rate now"] == ["day, tier 1"]
    assert shown["price now"] == ["0.3000 EUR/kWh"]
    bill = rig.ask("bill")["total"]
    assert shown["cost so far"] == [f"{bill / 100:.2f} EUR"]
    assert bill > 0
    rig.meter.sample.p_mw[:] = [-610_500, 0, 0]
    assert rows(run(rig, "watch", "--once"))["power"] == ["610.5 W to the grid"]


@pytest.mark.parametrize(("mode", "price"), [("prorata", "0.5000"), ("per_rate", "0.4000")])
def test_the_price_is_that_of_the_tier_that_the_bill_has_come_to(run, mode, price):
    rates = [
        {"name": "night", "export": 0, "prices": [100_000_000, 200_000_000]},
        {"name": "day", "export": 0, "prices": [400_000_000, 500_000_000]},
    ]
    rig = running(rates=rates, tiers={"mode": mode, "per": "period", "bounds": [1_000_000]})
    rig.run(5400, imported=6000)  # 9 kWh at night
    rig.run(1800)
    assert rows(run(rig, "watch", "--once"))["price now"] == [f"{price} EUR/kWh"]


def test_demand_and_limiter(run):
    levels = (
        tariffs.level("contract", action="remind", rate=0),
        tariffs.level("dear"),
        tariffs.level("heater", action="shed", rate=0, over=9),
    )
    rig = running(limiter=tariffs.limiter(*levels), demand=tariffs.demand())
    rig.run(900, imported=HEAVY)
    rig.run(450, step_s=30, imported=HEAVY // 4)
    shown = rows(run(rig, "watch", "--once"))
    assert shown["demand"] == ["running 1.500 kW, last 6.000 kW, highest 6.000 kW"]
    assert shown["limiter"] == [
        "contract, 5 kW: reminder",
        "dear, 5 kW: re-priced to day",
        "heater, 5 kW: within",
    ]
    assert shown["alerts"] == ["load above contract: remind, load above dear: reprice"]


def test_as_json_it_is_what_the_meter_answered(run):
    rig = running(limiter=tariffs.limiter())
    seen = json.loads(run(rig, "watch", "--json"))
    assert seen["live"] == rig.ask("live")
    assert seen["info"]["serial"] == "test"


def test_it_goes_on_until_ctrl_c_and_follows_a_new_tariff(run, monkeypatch):
    rig = running()
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        rig.run(60)
        if len(waits) == 2:
            rig.push(tariffs.text(limiter=tariffs.limiter(), currency="NOK"))
        if len(waits) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("wattledger.commands.watch.time.sleep", sleep)
    shown = run(rig, "watch", "--every", "5")
    assert waits == [5] * 4
    assert "NOK/kWh" in shown
    assert "limit, 5 kW: within" in shown


def test_load_on(run):
    rig = running(limiter=tariffs.limiter(tariffs.level(action="shed", rate=0, manual=1)))
    rig.run(900, imported=HEAVY)
    assert not rig.ports.outputs.load
    assert run(rig, "load", "on") == "load on\n"
    assert rig.ports.outputs.load
