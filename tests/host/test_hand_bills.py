"""Bills worked out by hand (tests/shared/bills/*.toml), by both roads: the host's engine and the
running meter. Each file tells its arithmetic in words, and where its rule is from."""

import json
import tomllib
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meter import prices_check, tariff_check
from meter.civil import EPOCH
from tests.host import roads
from wattledger import simulate
from wattledger.bills import bill_units
from wattledger.engine import load as loads
from wattledger.tariffs import tariff_file

CASES = sorted((Path(__file__).parents[1] / "shared/bills").glob("*.toml"))
STEP_S = 300
MW_IN_KW = 10**6
QUANTITY_DECIMALS = Decimal("0.000001")


class Case:
    def __init__(self, path):
        self.data = tomllib.loads(path.read_text())
        self.compiled = [
            tariff_file.compile_text(tariff["text"], path.name) for tariff in self.data["tariff"]
        ]
        self.tariffs = [tariff_check.load(compiled.text) for compiled in self.compiled]
        self.zone = ZoneInfo(self.compiled[0].data["zone_name"])
        self.prices = [json.dumps(json.loads(each["text"])).encode() for each in self.prices_data]

    @property
    def prices_data(self):
        return self.data.get("prices", [])

    def second(self, local):
        """ "2027-01-05T08:00" of the case's zone -> core second."""
        return int(datetime.fromisoformat(local).replace(tzinfo=self.zone).timestamp()) - EPOCH

    @property
    def load(self):
        """Rows of 5 minutes over all bills, in mW s and mvar s."""
        bills = self.data["bill"]
        start, end = self.second(bills[0]["start"]), self.second(bills[-1]["end"])
        bought, sold, lagging = ([0] * ((end - start) // STEP_S) for _ in range(3))
        for piece in self.data["load"]:
            first, last = self.second(piece["from"]), self.second(piece["to"])
            energy = int(Decimal(piece["kw"]) * MW_IN_KW) * STEP_S
            reactive = int(Decimal(piece.get("kvar", "0")) * MW_IN_KW) * STEP_S
            for row in range((first - start) // STEP_S, (last - start) // STEP_S):
                (bought if energy > 0 else sold)[row] = abs(energy)
                lagging[row] = reactive
        spans = [
            loads.Span(
                start + STEP_S * row, start + STEP_S * (row + 1),
                *(1000 * counts[row] for counts in (bought, sold, lagging)),
            )
            for row in range(len(bought))
        ]  # fmt: skip
        return loads.of_spans(spans)

    def printed(self, number, lines):
        """-> the lines of a bill as the case writes them."""
        tariff = self.tariffs[min(number, len(self.tariffs) - 1)]
        unit = Decimal(10) ** -tariff.decimals
        rows = []
        for line in lines:
            quantity = bill_units.quantity(line, tariff)
            decimals = unit if line["kind"] in ("tax", "carry") else QUANTITY_DECIMALS
            rows.append(
                [
                    line["kind"],
                    line["name"],
                    str(line["tier"] + 1),
                    f"{shortest(quantity, decimals)} {bill_units.of_line(line, tariff).unit}",
                    str((line["rounded"] * unit).quantize(unit)),
                ]
            )
        return rows

    def expected(self, bill):
        tariff = self.tariffs[0]
        unit = Decimal(10) ** -tariff.decimals
        lines = []
        for kind, name, tier, quantity, amount in bill["lines"]:
            number, of = quantity.split(" ")
            decimals = unit if kind in ("tax", "carry") else QUANTITY_DECIMALS
            text = shortest(Fraction(number), decimals)
            lines.append([kind, name, tier, f"{text} {of}", amount])
        return lines


def shortest(quantity, decimals):
    exact = Decimal(quantity.numerator) / Decimal(quantity.denominator)
    return str(exact.quantize(decimals).normalize() + 0)


@pytest.fixture(params=CASES, ids=lambda path: path.stem)
def case(request):
    return Case(request.param)


def test_the_engine_bills_as_by_hand(case):
    schedules = [prices_check.load(text) for text in case.prices]
    found = simulate.bills_of(case.tariffs, case.load, schedules)
    compare(case, [(bill.start - EPOCH, bill.end - EPOCH, bill.lines) for bill in found])


def test_the_meter_bills_as_by_hand(case):
    load = case.load
    texts = [(case.compiled[0].text, "now")]
    texts += [(each.text, each.data["valid_from"]) for each in case.compiled[1:]]
    rig = roads.through_meter(load, texts, case.prices)
    expected = case.data["bill"]
    found = [
        (case.second(bill["start"]), case.second(bill["end"]), lines)
        for bill, lines in zip(expected, roads.bills(rig), strict=False)
    ]
    compare(case, found)


def compare(case, found):
    for number, (start, end, lines) in enumerate(found[: len(case.data["bill"])]):
        expected = case.data["bill"][number]
        assert (start, end) == (case.second(expected["start"]), case.second(expected["end"]))
        assert case.printed(number, lines) == case.expected(expected), case.data["about"]
        due = sum(Decimal(line[-1]) for line in case.printed(number, lines))
        assert due == Decimal(expected["total"])
    assert len(found) >= len(case.data["bill"])


def test_there_are_cases():
    assert len(CASES) >= 20
    for path in CASES:
        data = tomllib.loads(path.read_text())
        assert len(data["about"]) > 50
        assert data["source"]
