"""The state of a meter against the core itself, with no line in between."""

import json
import threading
import time

import pytest
import tariffs
from rig import Rig, unix

from meter import request
from wattledger import profile, reading, show
from wattledger.errors import ToolError
from wattledger.live import curve, view
from wattledger.live.feed import Seen
from wattledger.live.meter_source import EVENTS, MeterSource, _Taken

START = unix(2026, 10, 5, 4)  # Monday 06:00 in Madrid
DAYS = 3


class Wire:
    """A Link that asks a Rig, and keeps what was asked."""

    def __init__(self, rig):
        self.rig, self.asked, self.closed = rig, [], False

    def request(self, do, **args):
        self.asked.append((do, args))
        line = json.dumps({"id": 1, "do": do, "args": args}).encode()
        reply = json.loads(self.rig.service.handle("maker", line))
        if "error" in reply:
            raise ToolError(reply["error"]["text"])
        return reply["ok"]

    def names(self, folder):
        assert folder == reading.TARIFFS
        return [digest + ".json" for digest in self.rig.ports.files.held]

    def read(self, path):
        return self.rig.ports.files.held[path.split("/")[-1].removesuffix(".json")]

    def close(self):
        self.closed = True


@pytest.fixture(scope="module")
def rig():
    """Three days of a meter, then nothing."""
    rig = Rig(START)
    rig.run(60)
    rig.push(tariffs.text(fixed=[["meter", 120_000_000, "day"]]))
    for hour in range(24 * DAYS):
        rig.run(3600, imported=60 + 7 * hour)
    rig.meter.sample.p_mw[:] = [-610_500, 0, 0]
    return rig


@pytest.fixture
def wire(rig, monkeypatch, tmp_path):
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path))
    return Wire(rig)


def test_what_is_true_now(wire, rig):
    now = MeterSource(wire).now()
    facts = dict(now.facts)
    bill = rig.ask("bill")["total"]
    assert now.utc == rig.ports.clock.utc
    assert facts["power"] == "610.5 W to the grid"
    assert facts["rate now"] == f"{rig.ask('info')['rate']}, tier 1"
    assert facts["cost so far"] == f"{show.money(bill, 2)} EUR"
    assert now.alerts == ()


def test_the_day_is_what_the_meter_holds(wire, rig):
    source = MeterSource(wire)
    day = source.day()
    rows = [entry.record() for entry in reading.read_from(wire, "profile", 1)]
    whole = profile.intervals(rows)
    today, yesterday = curve.of(day)
    by_date = {}
    for i in whole:
        date = show.instant(i.start, day.zone)[:10]
        by_date[date] = by_date.get(date, 0) + i.import_mwh
    assert today.import_mwh() == by_date[today.date]
    assert yesterday.import_mwh() == by_date[yesterday.date]
    assert sum(yesterday.hours()) == by_date[yesterday.date]
    assert day.bill == reading.read_bill(wire, None)
    times = [event.utc for event in day.events]
    assert times == sorted(times, reverse=True)
    assert 0 < len(times) <= EVENTS
    shown = view.day(day)
    assert shown["bill"]["total"] == show.money(rig.ask("bill")["total"], 2)
    assert len(shown["hours"]) == 24


def test_only_new_rows_are_read_again(wire, rig):
    source = MeterSource(wire)
    first = source.day()
    wire.asked.clear()
    again = source.day()
    rows = [args for do, args in wire.asked if do == "rows" and args["ring"] == "profile"]
    assert [args["from_seq"] for args in rows] == [rig.meter.journal.profile.last_seq + 1]
    assert again.history.start.tolist() == first.history.start.tolist()


def test_the_history_is_the_whole_profile(wire):
    found = MeterSource(wire).history()
    rows = [entry.record() for entry in reading.read_from(wire, "profile", 1)]
    assert found.import_mwh.sum() == rows[-1].import_mwh
    assert len(found) == sum(i.end > i.start for i in profile.intervals(rows))


def test_nothing_that_it_asks_changes_a_meter(wire):
    source = MeterSource(wire)
    source.now(), source.day(), source.history(), source.tariff(), source.answers()
    assert len({do for do, _ in wire.asked}) >= 4
    assert not [do for do, args in wire.asked if request.is_change(do, args)]
    source.close()
    assert wire.closed


def test_a_new_meter_has_no_bill_and_no_day(monkeypatch):
    source = MeterSource(Wire(Rig(START)))
    now, day = source.now(), source.day()
    assert now.zone is None
    assert source.tariff() is None
    assert day.history is None
    assert day.bill is None
    shown = view.day(day)
    assert shown["bill"]["title"] == "No tariff is in force: there is nothing to bill."
    assert "kWh. Today" in shown["summary"]
    assert view.now(Seen(now=now), "x")["at"].endswith("UTC")


def test_a_bill_that_is_refused_is_explained(wire, rig):
    rig.meter.broken, before = True, rig.meter.broken
    try:
        day = MeterSource(wire).day()
    finally:
        rig.meter.broken = before
    assert (day.bill, day.no_bill) == (None, "bill: rates and total differ: see the events")


def test_two_threads_are_never_on_the_line_at_once():
    inside, most = 0, 0

    class Slow:
        def request(self, do):
            nonlocal inside, most
            inside += 1
            most = max(most, inside)
            time.sleep(0.001)
            inside -= 1

    taken = _Taken(Slow())
    threads = [
        threading.Thread(target=lambda: [taken.request("info") for _ in range(20)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
