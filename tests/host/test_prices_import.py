"""Price schedules of price documents: exact, whole, and what goes to the meter.

All documents are written here, with invented prices.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from price_documents import adr, agile, made, refused, unix

from meter import prices_check
from wattledger import cli
from wattledger.commands import prices as prices_command
from wattledger.errors import ToolError
from wattledger.prices import prices_import, prices_octopus, prices_show, prices_store
from wattledger.prices.prices_import import Choices

HOUR = 3600
AGILE = agile("2026-10-24T23:00Z", 20.0, -3.5, 0.0, 17.0625)


def test_more_than_nine_decimals_are_refused_never_rounded():
    assert made(adr([0.123456789]))["import"] == [123_456_789]
    assert "at most 9 decimals" in refused(adr([0.1234567891]))
    assert "at most 9 decimals" in refused(agile("2026-10-24T23:00Z", 1.23456789), vat="exc")
    long = (
        '{"results":[{"value_exc_vat":1.0000000000000000000000001,"valid_from":"","valid_to":""}]}'
    )
    assert "an ISO time" in refused(long, vat="exc")
    number = long.replace('"valid_from":""', '"valid_from":"2026-10-24T23:00Z"')
    assert "at most 20 digits" in refused(number, vat="exc")
    assert "is the unit right?" in refused(adr([2_000_000]))


def test_the_step_is_the_longest_on_which_every_price_lies():
    hours = agile("2026-10-24T22:00Z", 1, 2, step_s=HOUR)
    assert made(hours, vat="exc")["step_s"] == HOUR
    assert made(agile("2026-10-24T22:30Z", 1, 2, step_s=HOUR), vat="exc")["step_s"] == 1800
    assert "steps of 15, 30 or 60" in refused(agile("2026-10-24T22:05Z", 1), vat="exc")


def test_too_many_steps_are_refused_and_can_be_cut():
    long = agile("2026-10-24T00:00Z", *range(200))
    assert "200 steps of 30 min: a meter keeps 192" in refused(long, vat="exc")
    start, end = unix("2026-10-25T00:00Z"), unix("2026-10-26T00:00Z")
    data = made(long, vat="exc", start=start, end=end)
    assert data["import"] == [n * 10_000_000 for n in range(48, 96)]
    assert data["start"] == start
    assert "they end at" in refused(long, vat="exc", start=start, end=end + 30 * 86400)
    assert "they begin at" in refused(long, vat="exc", start=unix("2026-10-23T00:00Z"), end=end)
    after = unix("2026-11-23T00:00Z")
    assert "none in what was asked" in refused(long, vat="exc", start=after)


def test_export_prices_may_be_a_document_of_their_own():
    bought, sold = agile("2026-10-24T23:00Z", 1, 2, 3), agile("2026-10-24T23:00Z", 4, 5, 6)
    data = made(bought, exports=[sold], vat="exc")
    assert (data["import"], data["export"]) == (
        [10_000_000, 20_000_000, 30_000_000],
        [40_000_000, 50_000_000, 60_000_000],
    )
    short = agile("2026-10-24T23:00Z", 4, 5)
    assert "expected the same" in refused(bought, exports=[short], vat="exc")


def test_one_currency():
    pounds = agile("2026-07-04T07:00Z", 1)
    assert "expected one currency" in refused(pounds, exports=[adr([0.1])], vat="exc")


def test_ids_go_on_from_one_schedule_to_the_next():
    first = made(agile("2026-10-24T23:00Z", 1, 2, 3), vat="exc")
    second = made(agile("2026-10-25T00:00Z", 3, 4, 5), vat="exc")
    assert (second["id"] - first["id"]) % 65535 == 2


def test_events_are_in_the_schedule_in_order():
    at = unix("2026-10-24T23:00Z")
    events = [(at + 7200, at + 9000, "critical"), (at, at + 3600, "cheap")]
    data = made(AGILE, vat="exc", events=events)
    assert data["events"] == [[at, at + 3600, "cheap"], [at + 7200, at + 9000, "critical"]]
    events[0] = (at + 1800, at + 9000, "critical")
    assert "events" in refused(AGILE, vat="exc", events=events)


def test_unknown_documents_are_refused():
    assert "neither XML nor JSON" in refused("price,1")
    assert "no known price document" in refused({"prices": []})
    assert "no known price document" in refused([])


@given(
    st.integers(0, 365 * 24),
    st.lists(st.integers(-(10**7), 10**7), min_size=1, max_size=48),
    st.integers(0, 48),
    st.randoms(),
)
def test_any_prices_come_out_as_they_went_in(hour, milli_pence, cut, random):
    """The order of the entries does not matter, nor how they are divided into documents."""
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
    entries = agile(start.isoformat(), *[n / 1000 for n in milli_pence])["results"][::-1]
    read = []
    for part in filter(None, (entries[:cut], entries[cut:])):
        random.shuffle(part)
        exact = json.loads(json.dumps({"results": part}), parse_float=Decimal)
        read.append(prices_octopus.read(exact, "x", "exc", None))
    random.shuffle(read)
    data = prices_import.schedule(read, [], Choices()).data
    assert data["start"] == int(start.timestamp())
    each = 1800 // data["step_s"]
    assert data["import"] == [n * 10_000 for n in milli_pence for _ in range(each)]


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["wattledger", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        assert not stopped.value.code, err
        return out

    return run


def test_import_and_show(run, tmp_path):
    document, out = tmp_path / "agile.json", tmp_path / "prices.json"
    document.write_text(json.dumps(AGILE))
    event = "2026-10-25T00:00Z/2026-10-25T01:00Z=critical"
    told = run("prices", "import", document, "--vat", "exc", "--event", event, "--out", out)
    assert "4 prices of 30 min, -0.0350 to 0.2000 GBP/kWh, 1 price events" in told
    read = prices_import.read_file(out)
    assert prices_check.load(read.text).count == 4
    shown = run("prices", "show", out, "--zone", "Europe/London")
    assert read.digest in shown
    lines = [line.split() for line in shown.splitlines()]
    assert ["2026-10-25", "00:00:00", "+01:00", "0.2000"] in [line[:4] for line in lines]
    assert ["2026-10-25", "00:30:00", "+01:00", "-0.0350"] in [line[:4] for line in lines]
    assert "critical" in shown


def test_events_alone(run, tmp_path):
    out = tmp_path / "prices.json"
    event = "2026-07-04T16:00-07:00/2026-07-04T21:00-07:00=critical"
    told = run("prices", "import", "--currency", "USD", "--event", event, "--out", out)
    assert "1 price events, 2026-07-04 23:00:00 UTC to 2026-07-05 04:00:00 UTC" in told
    assert prices_import.read_file(out).data["import"] == []


def test_a_file_that_is_not_canonical_is_refused(tmp_path):
    file = tmp_path / "prices.json"
    data = {"schema": 1, "kind": "prices", "id": 0, "currency": "EUR", "start": 1790812800}
    data |= {"step_s": 900, "import": [1], "export": [], "events": []}
    file.write_text(json.dumps(data))
    with pytest.raises(ToolError, match="not as prices import writes it"):
        prices_import.read_file(file)
    file.write_text("{}")
    with pytest.raises(ToolError, match=r"prices\.json: prices: "):
        prices_import.read_file(file)


def test_money_has_four_decimals_or_what_it_needs():
    found = [prices_show.money(n) for n in (0, -35_000_000, 123_456_789, -1, 2 * 10**9)]
    assert found == ["0.0000", "-0.0350", "0.123456789", "-0.000000001", "2.0000"]


class FakeMeter:
    """A meter's files, and what it answers to `prices`."""

    def __init__(self, files, before):
        self.files, self.before, self.asked = dict(files), before, []

    def mkdir(self, path):
        pass

    def hash_file(self, path):
        return None if path not in self.files else prices_check.digest(self.files[path])

    def replace(self, path, data):
        self.files[path] = data

    def names(self, folder):
        return [Path(path).name for path in self.files]

    def read(self, path):
        return self.files.get(path)

    def remove(self, path):
        del self.files[path]

    def request(self, do, **args):
        if do == "info":
            return {"keyed": False}
        self.asked.append((do, args))
        return {"digest": args["digest"], "until": 1790812800, "before": self.before}


@pytest.mark.parametrize("expired", [False, True])
def test_push_leaves_one_schedule_on_the_meter_and_every_tariff(expired, monkeypatch, tmp_path):
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path))
    files = [
        prices_import.only_events("EUR", [(1790812800, 1790812800 + n, "x")]) for n in (900, 901)
    ]
    old, new = files
    tariff = b'{"currency":"EUR","name":"a tariff"}'
    held = {f"/cfg/{old.digest}.json": old.text, "/cfg/00.json": tariff}
    meter = FakeMeter(held, None if expired else old.digest[:16])
    assert prices_command.run(meter, new) == 1790812800
    assert meter.files == {f"/cfg/{new.digest}.json": new.text, "/cfg/00.json": tariff}
    assert meter.asked == [("prices", {"digest": new.digest})]
    meter.before = new.digest[:16]
    prices_command.run(meter, new)
    assert set(meter.files) == {f"/cfg/{new.digest}.json", "/cfg/00.json"}


def test_the_host_keeps_what_it_pushed(monkeypatch, tmp_path):
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path))
    assert prices_store.find("0" * 14) is None
    file = prices_import.only_events("EUR", [(1790812800, 1790816400, "x")])
    prices_store.keep(file.text)
    assert prices_store.find(file.digest[:14]) == file.text
    (prices_store.folder() / f"{file.digest}.json").write_bytes(b"{}")
    assert prices_store.find(file.digest[:14]) is None


def test_tariff_import_of_a_price_document_makes_the_same_schedule(run, tmp_path):
    document, out = tmp_path / "agile.json", tmp_path / "prices.json"
    document.write_text(json.dumps(AGILE))
    run("tariff", "import", document, "--vat", "exc", "--out", out)
    assert json.loads(out.read_text()) == made(AGILE, vat="exc")
