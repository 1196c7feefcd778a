"""Verify holds for whatever tariff, load and trouble, and every document fits the schema."""

import random
from unittest import mock

import pytest
import rig as bench
import roads
import roads_drawn as drawn
import tariffs
from rig import Rig, unix
from test_verify import CoreLink

from meter import prices_check, tariff_check
from meter.civil import EPOCH
from wattledger.bills import bill_document
from wattledger.verification import evidence
from wattledger.verification.verify import verify

CASES = 5
TROUBLED = 12


def held(rig):
    """-> Evidence of a meter, verified."""
    found = evidence.collect(CoreLink(rig))
    assert len(verify(found)) >= 7
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    validator = jsonschema.Draft202012Validator(bill_document.schema())
    for bill in found.bills.values():
        validator.validate(bill_document.make(bill, found))
    return found


@pytest.mark.parametrize("seed", range(CASES))
def test_any_tariff_and_load(seed):
    draw = random.Random(50 + seed)
    text = drawn.tariff_text(draw)
    held(roads.through_meter(drawn.load(draw, tariff_check.load(text)), [(text, "now")]))


@pytest.mark.parametrize("seed", range(CASES))
def test_a_change_of_tariff_inside_a_period(seed):
    draw = random.Random(1050 + seed)
    first = drawn.tariff_text(draw)
    load = drawn.load(draw, tariff_check.load(first))
    change = load.start + draw.randrange(1, load.end - load.start)
    change -= change % draw.choice((1, 900, 3600))
    second = drawn.tariff_text(draw, name="next")
    while len(tariff_check.load(first).rates) != len(tariff_check.load(second).rates):
        second = drawn.tariff_text(draw, name="next")
    rig = roads.through_meter(load, [(first, "now"), (second, change + EPOCH)])
    found = held(rig)
    assert len(found.bills) >= 2


def dynamic_text(draw):
    """A tariff with prices by interval that can take price events."""
    rates = [
        {"name": name, "export": 0, "prices": [10**8], "dynamic": [draw.randrange(2 * 10**6), -7]}
        for name in ("rate0", "rate1")
    ]
    charges = (tariffs.charge(), tariffs.charge("one", rates=[0], highest=2))
    return tariffs.text(
        rates=rates,
        exports=[{"name": "sold", "prices": [10**7], "dynamic": [10**6, 0]}],
        interval_s=draw.choice((900, 3600)),
        dynamic={"settlement": draw.choice(("interval", "hour"))},
        netting={"mode": draw.choice(("none", "interval")), "carry": "money"},
        limiter=draw.choice((None, tariffs.limiter(window_s=3600))),
        demand=draw.choice((None, tariffs.demand(*charges, window_s=3600))),
        **drawn.calendar(draw, 2, 3600),
    )


@pytest.mark.parametrize("seed", range(CASES))
def test_dynamic_prices_and_price_events(seed):
    draw = random.Random(2050 + seed)
    text = dynamic_text(draw)
    load = drawn.load(draw, tariff_check.load(text))
    schedule = drawn.prices_text(draw, load.start, rates=["rate0", "rate1"])
    found = held(roads.through_meter(load, [(text, "now")], [schedule]))
    assert any(row.price_id for row in found.records("profile"))


@pytest.mark.parametrize("is_dynamic", [False, True])
@pytest.mark.parametrize("seed", range(TROUBLED))
def test_power_cuts_clock_steps_and_changes_of_tariff(seed, is_dynamic):
    with mock.patch.object(bench, "LAYOUT", roads.LAYOUT):
        held(Trouble(random.Random(5050 + seed), is_dynamic).run())


class Trouble:
    """A meter to which everything happens that may."""

    def __init__(self, draw, is_dynamic):
        self._draw, self._is_dynamic = draw, is_dynamic
        day = draw.choice((1, 3, 10, 12)), draw.randint(1, 28)
        self._rig = Rig(unix(draw.randint(2024, 2027), *day, draw.randrange(24)), roads.SECTORS)
        self._text = self._tariff()

    def run(self):
        draw, rig = self._draw, self._rig
        rig.run(60)
        rig.push(self._text)
        acts = (self._cut, rig.restart, self._step, self._push, self._prices)
        for _ in range(draw.randrange(200, 700)):
            self._use(draw.choice((60, 300, 900, 1700)))
            if draw.random() < 0.03:
                draw.choice(acts)()
        return rig

    def _use(self, step_s):
        draw = self._draw
        bought = draw.choice((0, draw.randrange(900), draw.randrange(9000)))
        sold = draw.choice((0, 0, draw.randrange(900)))
        self._rig.run(step_s, step_s, bought * step_s // 60, sold * step_s // 60)

    def _cut(self):
        self._rig.cut(off_s=self._draw.choice((5, 600, 5000, 90000)))

    def _step(self):
        by_s = self._draw.choice((-7, 9, -4000, 5000, -100000, 100000))
        self._rig.ask("clock", utc=self._rig.ports.clock.utc + by_s)

    def _push(self):
        now = self._rig.ports.clock.utc
        when = self._draw.choice(("now", "period", now + self._draw.randrange(1, 900000)))
        text = self._tariff()
        if self._directions(text) == self._directions(self._text):
            self._rig.push(text, when)

    def _prices(self):
        if not self._is_dynamic:
            return
        start = self._rig.live.t - self._draw.choice((0, 7200))
        text = drawn.prices_text(self._draw, start, rates=["rate0", "rate1"])
        digest = prices_check.digest(text)
        self._rig.ports.files.held[digest] = text
        try:
            self._rig.ask("prices", digest=digest)
        except AssertionError as error:
            if "prices: " not in str(error):  # it may be over, or leave a gap
                raise

    def _tariff(self):
        return dynamic_text(self._draw) if self._is_dynamic else drawn.tariff_text(self._draw)

    def _directions(self, text):
        tariff = tariff_check.load(text)
        return tariff.imports, len(tariff.rates)
