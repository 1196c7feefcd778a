"""What the reports of these tests are about."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import bills
import numpy as np

from meter import codes
from meter.civil import DAY_S, EPOCH, days
from wattledger.analysis import history as histories
from wattledger.analysis.history import History
from wattledger.bills.bill_document import Verdict
from wattledger.reports import editions, from_meter, study
from wattledger.reports.editions import Edition
from wattledger.reports.study import Study
from wattledger.reports.subject import Span, of_history
from wattledger.tariffs.tariff_file import compile_file, compile_text

ROOT = Path(__file__).parents[2]
TARIFFS = ROOT / "docs" / "tariffs"
LOADS = ROOT.parent / "shared" / "data" / "loads"
HOUSE = LOADS / "uci_sceaux_fr_2007_60min.csv"
PLANT = LOADS / "steel_kr_2018_15min.csv"
THREE = TARIFFS / "three-prices-two-seasons.toml"
ONE = TARIFFS / "one-price.toml"


@dataclass(frozen=True)
class Report:
    study: Study
    households: str
    utilities: str


def report_of(what, quarter_hours=None):
    """-> Report of a History, or of one of the real loads, under a tariff that suits it.

    quarter_hours   of the plant, from its beginning; None: all
    """
    tariff, others = compile_file(THREE).tariff(), [("one.toml", compile_file(ONE).tariff())]
    known = what
    if what == HOUSE:
        known = histories.read(HOUSE, tariff.calendar.zone, "Etc/GMT-1")
    elif what == PLANT:
        tariff, others = compile_text(plant_text(), "plant.toml").tariff(), []
        known = histories.read(PLANT, tariff.calendar.zone, "Asia/Seoul")
        known = known.part(slice(None, quarter_hours))
    tariffs = [("own.toml", tariff), *others]
    subject = of_history(known, f"the file {known.name}", None, tariffs, Span())
    found = study.of(subject)
    return Report(found, *(editions.render(found, edition) for edition in Edition))


def plant_text():
    """-> a tariff for the plant: the one of the docs in its zone, the limiter above most of it."""
    text = (TARIFFS / "commercial.toml").read_text()
    begin, end = text.index("[limiter]"), text.index("[reactive]")
    limiter = re.sub(r"threshold_kw = \d+", "threshold_kw = 560", text[begin:end])
    text = text[:begin] + limiter + text[end:]
    return text.replace("America/Los_Angeles", "Asia/Seoul").replace("_day = 21", "_day = 1")


class Made:
    """Seven weeks of a house by chance, with a hole of three hours and some feed-in."""

    COUNT = 49 * 96

    @classmethod
    def history(cls):
        dice = np.random.default_rng(8)
        tariff = compile_file(THREE).tariff()
        local = days(2026, 10, 1) * DAY_S
        start = tariff.calendar.zone.to_utc(local) + EPOCH
        starts = start + 900 * np.arange(cls.COUNT, dtype=np.int64)
        hour = np.arange(cls.COUNT) % 96 // 4
        use = dice.integers(20_000, 90_000, cls.COUNT) + np.where(hour >= 18, 250_000, 0)
        zeros = np.zeros(cls.COUNT, dtype=np.int64)
        known = History(
            *("made", tariff.calendar.zone, starts, starts + 900, use.astype(np.int64)),
            *(np.where(hour == 12, 7_000, 0), use // 3, zeros, zeros, zeros == 1),
        )
        return known.part(np.abs(np.arange(cls.COUNT) - 1000) > 6)


def metered(**changes):
    """-> Study of a meter whose serial, tariff and rates are hostile texts."""
    evidence = bills.evidence(bills.tariff_text(**changes))
    evidence.rings |= {group: [] for group in codes.GROUPS}
    bills.bill(evidence)
    verdict = Verdict("verified", ['<img src="x"> holds'])
    return study.of(from_meter.subject(evidence, None, [], verdict))


class Page(HTMLParser):
    """tables: {caption: [[(text, exact or None) of each cell] of each row]}, figures: the same of
    the key figures by name; tags: how often each stands there; numbers: of the whole page."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.figures, self.tags = {}, {}, {}
        self.numbers, self.attributes, self.texts = [], [], []
        self._open, self._cell, self._name = [], None, ""
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attrs
        if tag in ("meta", "br"):
            return
        self._open.append(tag)
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th", "caption", "dt", "dd"):
            self._cell = ["", None]
        elif tag == "data":
            self._cell[1] = dict(attrs)["value"]

    def handle_startendtag(self, tag, attrs):
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += attrs

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.texts.append(data)
        if self._cell is not None:
            self._cell[0] += data
        if self._open and self._open[-1] == "data":
            self.numbers.append((data, self._cell[1]))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag in ("td", "th"):
            self._rows[-1].append(tuple(self._cell))
        elif tag in ("caption", "dt"):
            self._name = self._cell[0]
        elif tag == "dd":
            self.figures[self._name] = tuple(self._cell)
        elif tag == "table":
            self.tables[self._name] = self._rows
        if tag in ("td", "th", "caption", "dt", "dd"):
            self._cell = None
