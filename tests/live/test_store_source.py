"""The state of a meter in a head-end's store: the bill is the core's on what is stored."""

from decimal import Decimal

import pytest

pytest.importorskip("duckdb", reason="no duckdb: pip install 'wattledger[headend]'")
pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'wattledger[headend]'")

from meter import codes
from meter.civil import EPOCH
from meter.price_schedule import Schedule
from tests.fleet import stores
from tests.headend.pushed import event
from wattledger import show, simulate
from wattledger.analysis import unpriced
from wattledger.engine.load import UJ_PER_MWH, of_spans
from wattledger.errors import ToolError
from wattledger.headend.store import Store
from wattledger.live import curve, view
from wattledger.live.feed import Seen
from wattledger.live.store_source import StoreSource
from wattledger.tariffs.tariff_file import compile_file

ROWS = 500


@pytest.fixture(scope="module")
def made():
    """-> (spans, records) of one meter"""
    spans = stores.spans(3, stores.steps(ROWS), sold=True)
    logged = [
        ("one", stores.SALT, "power", event(n, 2, 1, stores.START + EPOCH + n)) for n in (1, 2)
    ]
    return spans, stores.records("one", spans), logged


@pytest.fixture
def folder(tmp_path, made):
    _, rows, logged = made
    with Store(tmp_path / "store") as store:
        store.append(rows[:-1] + logged)
    return tmp_path / "store"


def test_the_bill_and_the_numbers_are_those_of_what_is_stored(folder, made, tariff):
    source = StoreSource(folder, None, tariff)
    spans = made[0][:-1]
    now, day = source.now(), source.day()
    assert source.name == "one"
    assert day.bill == simulate.bills_of([tariff], of_spans(spans))[-1]
    facts = dict(now.facts)
    last = spans[-1]
    mw = (last.imported - last.exported) // UJ_PER_MWH * 4
    assert facts["power"] == f"{Decimal(abs(mw)) / 1000:,.1f} W" + " to the grid" * (mw < 0)
    _, rate = tariff.calendar.segment(last.start)
    assert facts["rate now"] == tariff.rates[rate]
    assert facts["cost so far"] == f"{show.money(day.bill.total, 2)} {tariff.currency}"
    assert now.utc == last.end + EPOCH
    today, _ = curve.of(day)
    assert today.points[-1][2] == mw
    assert [record.seq for record in day.events] == [2, 1]


def test_the_price_is_that_of_the_highest_tier_reached(folder, tariff):
    source = StoreSource(folder, None, tariff)
    facts, bill = dict(source.now().facts), source.day().bill
    rate = facts["rate now"]
    tier = max(line["tier"] for line in bill.lines if line["kind"] == "energy")
    price = tariff.price_nano(tariff.rates.index(rate), tier)
    assert facts["price now"] == f"{show.price(price)} {tariff.currency}/kWh"


def test_the_price_of_an_interval_is_that_of_its_schedule(folder, made, root):
    market = compile_file(root / "docs/tariffs/market-price.toml").tariff()
    spans, hours = made[0][:-1], ROWS // 4 + 1
    data = {"id": 1, "currency": "EUR", "start": stores.START + EPOCH, "step_s": 3600,
            "import": [10**7 * n for n in range(hours)], "export": [], "events": []}  # fmt: skip
    found = {}
    for name, count in (("all", hours), ("some", 100), ("none", 0)):
        schedules = [Schedule({**data, "import": data["import"][:count]})] if count else []
        source = StoreSource(folder, None, market, schedules)
        bill = simulate.bills_of([market], of_spans(spans), schedules)[-1]
        assert source.day().bill == bill
        assert source.schedules() == schedules
        found[name] = source.now()
        assert list(found[name].alerts) == [
            f"{said}." for said in [unpriced.sentence([bill], market)] if said
        ]
    own = {name: dict(now.facts).get("price now") for name, now in found.items()}
    # the last interval lies in the 125th hour: 1.24 + 0.1312
    assert own == {"all": "1.3712 EUR/kWh", "some": "0.2890 EUR/kWh", "none": None}
    assert [bool(now.alerts) for now in found.values()] == [False, True, True]


def test_a_new_interval_is_seen_and_nothing_else_is_read_again(folder, made, tariff):
    source = StoreSource(folder, "one", tariff)
    first = source.now()
    assert source.now().edition == first.edition
    assert source.history() is source.history()
    with Store(folder) as store:
        store.append(made[1][-1:])
    assert source.now().edition != first.edition
    assert source.now().utc == first.utc + stores.STEP_S


def test_an_old_store_is_stale(folder):
    now = StoreSource(folder, "one").now()
    shown = view.now(Seen(now=now), "one")
    assert shown["age_s"] > shown["stale_after_s"] or now.measured_s > stores.START + EPOCH
    assert now.stale_after_s == 3 * stores.STEP_S


def test_without_a_tariff_there_is_no_bill(folder):
    source = StoreSource(folder, "one")
    assert set(dict(source.now().facts)) == {"power", "average of"}
    assert view.day(source.day())["bill"]["title"].endswith("give --tariff.")
    assert source.tariff() is None


def test_which_meter_must_be_clear(folder, made):
    with Store(folder) as store:
        store.append([("two", *record[1:]) for record in made[1][:3]])
    with pytest.raises(ToolError, match="2 meters in this store: name one with --serial"):
        StoreSource(folder, None)
    with pytest.raises(ToolError, match="nobody"):
        StoreSource(folder, "nobody").now()
    with pytest.raises(ToolError, match="0 meters"):
        StoreSource(folder / "elsewhere", None)


def test_events_of_the_store_have_groups(folder):
    assert {codes.GROUPS[record.group] for record in StoreSource(folder, "one").day().events} == {
        "power"
    }
