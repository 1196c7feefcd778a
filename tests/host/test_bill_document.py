"""The bill as a document: it fits its schema, adds up, and is printed whole and harmless."""

import json
from fractions import Fraction
from html.parser import HTMLParser

import bills
import pytest

from wattledger.bills import bill_document, bill_html, bill_text
from wattledger.bills.bill_document import Verdict
from wattledger.errors import ToolError

KINDS = {"energy", "export", "demand", "reactive", "fixed", "minimum", "carry", "tax"}


def made(verdict=None, **changes):
    found = bills.evidence(bills.tariff_text(**changes))
    return bill_document.make(bills.bill(found), found, verdict)


@pytest.fixture(scope="module")
def document():
    return made(Verdict("verified", ["records: none missing"]))


@pytest.fixture(scope="module")
def validator():
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = bill_document.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def test_it_fits_the_published_schema(document, validator):
    validator.validate(json.loads(json.dumps(document)))
    assert {line["kind"] for line in document["lines"]} == KINDS


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("lines", 0, "amount", "exact"), 1.5),
        (("lines", 0, "kind"), "surcharge"),
        (("lines", 0, "rests_on", 0), {"ring": "profile", "seq": 3}),
        (("total", "value"), "1e3"),
        (("tariff", "digest"), "abc"),
        (("verification", "state"), "perhaps"),
        (("extra",), 1),
    ],
)
def test_the_schema_refuses_what_is_no_bill(document, validator, path, value):
    altered = json.loads(json.dumps(document))
    place = altered
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not validator.is_valid(altered)


def test_a_document_with_less_is_valid_too(validator):
    short = made(
        demand=None,
        reactive=None,
        minimum=None,
        fixed=[],
        taxes=[],
        netting={"mode": "none", "carry": "none"},
        tiers=[],
        rates=[{"name": n, "export": 0, "prices": [10**8]} for n in ("night", "day")],
        valid_from=0,
    )
    validator.validate(short)
    assert short["carry"] is None
    assert short["demands"] == []
    assert {line["tier"] for line in short["lines"]} == {None}
    assert short["verification"]["state"] == "not checked"


def test_amounts_are_exact_and_add_up(document):
    decimals = document["tariff"]["decimals"]
    assert document["total"]["units"] == sum(
        line["rounded"]["units"] for line in document["lines"]
    )
    for line in document["lines"]:
        quantity, amount = Fraction(line["quantity"]["exact"]), Fraction(line["amount"]["exact"])
        rounded = Fraction(line["rounded"]["value"])
        assert rounded * 10**decimals == line["rounded"]["units"]
        assert abs(rounded - amount) <= Fraction(1, 2 * 10**decimals)
        assert abs(quantity - Fraction(line["quantity"]["value"])) <= Fraction(1, 10**9)
        if line["price"] and line["kind"] not in ("tax", "minimum"):
            price = Fraction(line["price"]["value"])
            assert abs(quantity * price) == abs(amount), line
        if line["kind"] == "tax":
            assert quantity * Fraction(line["price"]["value"]) / 100 == amount


def test_each_line_says_what_it_rests_on(document):
    by_kind = {}
    for line in document["lines"]:
        assert line["rests_on"], line["kind"]
        by_kind.setdefault(line["kind"], []).append(line)
    tiers = {
        line["tier"]: [(rest["ring"], rest["seq"]) for rest in line["rests_on"]]
        for line in by_kind["energy"]
        if line["name"] == "day"
    }
    assert tiers == {
        1: [("ledger", 1), ("snapshots", 7)],
        2: [("snapshots", 7), ("ledger", 2)],
    }
    taxed = [n for rest in by_kind["tax"][0]["rests_on"] for n in rest["lines"]]
    assert {document["lines"][n - 1]["kind"] for n in taxed} == {"energy", "fixed"}
    assert {"carry": "opening"} in by_kind["carry"][0]["rests_on"]


def test_registers_demands_and_days(document):
    by_code = {r["obis"]: r for r in document["registers"]}
    assert by_code["1-0:1.8.0"]["difference"] == "300.000000"
    assert (
        Fraction(by_code["1-0:1.8.1"]["closing"]) + Fraction(by_code["1-0:1.8.2"]["closing"])
        == 300
    )
    assert [d["kw"] for d in document["demands"]] == ["3.000000", "1.000000"]
    assert document["period"]["start"]["local"] == "2026-09-01T00:00:00+02:00"
    assert len(document["daily"]) == document["period"]["days"] == 30
    assert document["daily"][0]["date"] == "2026-09-01"
    assert sum(Fraction(day["import_kwh"]) for day in document["daily"]) == 300


def test_days_are_left_out_when_rows_are_missing():
    found = bills.evidence(bills.tariff_text())
    bill = bills.bill(found)
    del found.rings["profile"][:5]
    assert bill_document.make(bill, found)["daily"] == []


def test_a_part_that_the_ledger_lost_is_refused():
    found = bills.evidence(bills.tariff_text())
    bill = bills.bill(found)
    del found.rings["ledger"][0]
    with pytest.raises(ToolError, match="the ledger does not hold what opened it any more"):
        bill_document.make(bill, found)


def test_text_has_every_line_and_the_proof(document):
    text = bill_text.render(document)
    for line in document["lines"]:
        assert line["rounded"]["value"] in text
    assert document["total"]["value"] in text
    assert document["tariff"]["digest"] in text
    assert document["chain"]["heads"][0]["tag"] in text
    assert "Verified: recomputed" in text
    assert max(map(len, text.splitlines())) <= bill_text.WIDTH


class Tags(HTMLParser):
    """Collects the tags and attributes of a file, and sees that they are closed."""

    VOID = ("meta", "br")

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes, self.texts = [], set(), [], []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html_is_one_file_that_fetches_and_runs_nothing(document):
    shown = bill_html.render(document)
    tags = Tags()
    tags.feed(shown)
    assert tags.open == []
    assert {"svg", "table", "style"} <= tags.seen
    assert not tags.seen & {"script", "link", "img", "iframe", "b"}
    assert not {name for name, _ in tags.attributes} & {"href", "src", "onload", "onclick"}
    assert "url(" not in shown
    assert "@media print" in shown
    assert bills.SERIAL in "".join(tags.texts)  # and so escaped in the file
    assert 'All of "it" <b>' in "".join(tags.texts)
    for line in document["lines"]:
        assert line["rounded"]["value"] in shown


def test_html_says_when_it_is_not_verified():
    shown = bill_html.render(made(Verdict("different", [], "bill of period 1: line <3>")))
    assert "NOT VERIFIED" in shown
    assert "line &lt;3&gt;" in shown
    assert 'class="verdict different"' in shown
