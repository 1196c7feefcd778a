"""Price documents of three kinds: what they say comes out, what is wrong in them is named."""

import pytest
from price_documents import (
    adr,
    agile,
    day,
    made,
    period,
    publication,
    refused,
    series,
    unix,
)

from wattledger.prices import prices_openadr

AGILE = agile("2026-10-24T23:00Z", 20.0, -3.5, 0.0, 17.0625)


# --- Octopus ---------------------------------------------------------------------------------


def test_pence_become_pounds_in_the_order_of_time():
    data = made(AGILE, vat="exc", notes=[])
    assert data["import"] == [200_000_000, -35_000_000, 0, 170_625_000]
    assert (data["currency"], data["step_s"], data["export"]) == ("GBP", 1800, [])
    assert data["start"] == unix("2026-10-24T23:00Z")


def test_vat_is_a_choice_and_never_guessed():
    assert made(AGILE, vat="inc")["import"] == [210_000_000, -36_750_000, 0, 179_156_300]
    for vat in (None, "both"):
        assert "--vat inc or --vat exc" in refused(AGILE, vat=vat)


def test_an_open_end_needs_one():
    document = agile("2026-10-24T23:00Z", 20.0, 30.0)
    document["results"][0]["valid_to"] = None
    assert "say --until" in refused(document, vat="exc")
    data = made(document, vat="exc", end=unix("2026-10-25T02:00Z"))
    assert data["import"] == [200_000_000] + 5 * [300_000_000]


def test_payment_methods_are_a_choice():
    other = agile("2026-10-24T23:00Z", 20.0, 30.0)
    document = agile("2026-10-24T23:00Z", 25.0, 35.0)
    for entry in document["results"]:
        entry["payment_method"] = "DIRECT_DEBIT"
    for entry in other["results"]:
        document["results"].append(entry | {"payment_method": "NON_DIRECT_DEBIT"})
    assert "choose with --payment-method" in refused(document, vat="exc")
    data = made(document, vat="exc", payment_method="DIRECT_DEBIT")
    assert data["import"] == [250_000_000, 350_000_000]
    assert "there are DIRECT_DEBIT, NON" in refused(document, vat="exc", payment_method="CASH")


def test_gaps_and_overlaps_are_named():
    gap = agile("2026-10-24T23:00Z", 1, 2, 3)
    del gap["results"][1]
    assert "gap: no price from 2026-10-24T23:30Z to 2026-10-25T00:00Z" in refused(gap, vat="exc")
    again = agile("2026-10-25T00:00Z", 3.5)
    assert "two prices" in refused(agile("2026-10-24T23:00Z", 1, 2, 3), again, vat="exc")
    long = agile("2026-10-24T23:00Z", 1, step_s=3600)
    assert "overlap" in refused(long, agile("2026-10-24T23:30Z", 2), vat="exc")
    same = agile("2026-10-25T00:00Z", 3, 4)
    data = made(agile("2026-10-24T23:00Z", 1, 2, 3), same, vat="exc")
    assert data["import"] == [10_000_000, 20_000_000, 30_000_000, 40_000_000]


def test_a_document_that_lacks_something_says_what():
    for key in ("valid_from", "value_exc_vat"):
        document = agile("2026-10-24T23:00Z", 1.0)
        del document["results"][0][key]
        assert f"results[0]: {key} is missing" in refused(document, vat="exc")
    assert "expected a list with entries" in refused({"results": []}, vat="exc")
    for value, text in (("dear", "expected a number"), (True, "expected a number")):
        document = agile("2026-10-24T23:00Z", 1.0)
        document["results"][0]["value_exc_vat"] = value
        assert text in refused(document, vat="exc")
    document["results"][0] |= {"value_exc_vat": 1, "valid_from": "2026-10-24T23:00"}
    assert "a time without a zone" in refused(document, vat="exc")


# --- ENTSO-E ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        ("2026-03-27T23:00Z", "2026-03-28T23:00Z", 24),
        ("2026-03-28T23:00Z", "2026-03-29T22:00Z", 23),  # summer time begins
        ("2026-10-24T22:00Z", "2026-10-25T23:00Z", 25),  # and ends
    ],
)
def test_a_day_has_as_many_hours_as_it_has(first, last, hours):
    data = made(publication(day(first, last, hours)))
    assert data["import"] == [1_000_000 * n for n in range(1, hours + 1)]
    assert (data["start"], data["step_s"]) == (unix(first), 3600)
    assert f"position {hours + 1}" in refused(publication(day(first, last, hours + 1)))


def test_an_absent_position_repeats_the_one_before_in_curve_a03_only():
    first, last = "2026-10-01T22:00Z", "2026-10-02T00:00Z"
    points = {1: "10.5", 4: "-0.01", 7: "99.99"}
    quarters = period(first, last, points, "PT15M")
    data = made(publication(series(quarters)))
    assert data["import"] == 3 * [10_500_000] + 3 * [-10_000] + 2 * [99_990_000]
    assert data["step_s"] == 900
    assert "gap: no position 2, 2026-10-01T22:15Z" in refused(
        publication(series(quarters, curve="A01"))
    )
    late = period(first, last, {2: 1}, "PT15M")
    assert "no position 1" in refused(publication(series(late)))
    assert "curve type A02" in refused(publication(series(quarters, curve="A02")))


def test_the_resolution_may_change_between_days():
    hours = day("2026-09-30T20:00Z", "2026-09-30T22:00Z", 2)
    quarters = period("2026-09-30T22:00Z", "2026-09-30T23:00Z", {1: 5, 3: 7}, "PT15M")
    data = made(publication(series(quarters), hours))
    assert data["step_s"] == 900
    assert data["import"] == [n * 10**6 for n in (1, 1, 1, 1, 2, 2, 2, 2, 5, 5, 7, 7)]


def test_two_auctions_for_the_same_hours_are_a_choice():
    span = ("2026-10-01T22:00Z", "2026-10-02T00:00Z")
    one, two = day(*span, 2, sequence=1), series(period(*span, {1: 50, 2: 60}), sequence=2)
    both = publication(one, two)
    assert "sequences 1, 2: choose the auction with --sequence" in refused(both)
    assert made(both, sequence=2)["import"] == [50_000_000, 60_000_000]
    assert "sequence 3: there are 1, 2" in refused(both, sequence=3)
    assert "two prices" in refused(publication(day(*span, 2), two.replace("2</c", "2</c")))


def test_an_intraday_series_is_passed_over_and_said_so():
    span = ("2026-10-01T22:00Z", "2026-10-02T00:00Z")
    intraday = series(period(*span, {1: 50}), contract="A07")
    note = "TimeSeries 2: contract type A07, not day-ahead: passed over"
    assert made(publication(day(*span, 2), intraday), notes=[note])
    assert "no day-ahead prices" in refused(publication(intraday))


def test_wrong_units_currencies_and_documents_are_refused():
    span = ("2026-10-01T22:00Z", "2026-10-02T00:00Z")
    assert "unit KWH: expected MWH" in refused(publication(day(*span, 2, unit="KWH")))
    mixed = publication(
        day(*span, 2), day("2026-10-02T00:00Z", "2026-10-02T01:00Z", 1, currency="PLN")
    )
    assert "currencies EUR, PLN" in refused(mixed)
    no = "<Acknowledgement_MarketDocument><Reason><code>999</code><text>No data</text></Reason>"
    assert "refusal: No data" in refused(no + "</Acknowledgement_MarketDocument>")
    assert "GL_MarketDocument: expected" in refused("<GL_MarketDocument/>")
    assert "not XML" in refused("<Publication_MarketDocument>")
    resolution = series(period(*span, {1: 1}, "PT5M"))
    assert "resolution PT5M" in refused(publication(resolution))
    odd = series(period("2026-10-01T22:00Z", "2026-10-01T22:30Z", {1: 1}))
    assert "not whole steps of PT60M" in refused(publication(odd))
    twice = period(*span, {1: 1, 2: 2}).replace("<position>2<", "<position>1<")
    assert "position 1 is there twice" in refused(publication(series(twice)))


def test_entities_are_not_expanded():
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        "<Publication_MarketDocument>&b;</Publication_MarketDocument>"
    )
    assert "entity" in refused(bomb)


# --- OpenADR 3 -------------------------------------------------------------------------------


def test_the_intervals_of_an_event_follow_one_another():
    data = made(adr([0.17, 0.2051, -0.01], [0.03, 0.04, 0]))
    assert data["import"] == [170_000_000, 205_100_000, -10_000_000]
    assert data["export"] == [30_000_000, 40_000_000, 0]
    assert (data["currency"], data["start"]) == ("USD", unix("2026-07-04T07:00Z"))


def test_an_interval_may_have_its_own_time():
    event = adr([0.1, 0.2, 0.3], duration="PT15M")
    event["intervals"][1]["intervalPeriod"] = {"duration": "PT30M"}
    event["intervals"][2]["intervalPeriod"] = {"start": "2026-07-04T07:45:00Z"}
    assert made(event)["import"] == [n * 10**8 for n in (1, 2, 2, 3)]
    event["intervals"][2]["intervalPeriod"] = {"start": "2026-07-04T08:00:00Z"}
    assert "gap" in refused(event)


def test_events_may_come_as_a_list():
    later = adr([0.3], intervalPeriod={"start": "2026-07-04T08:00:00Z", "duration": "PT1H"})
    assert made([later, adr([0.1])])["import"] == [10**8, 3 * 10**8]


def test_prices_per_mwh_are_read_as_such():
    event = adr([170.5])
    event["payloadDescriptors"][0]["units"] = "MWH"
    assert made(event)["import"] == [170_500_000]


def test_what_an_event_leaves_open_is_refused():
    event = adr([0.1])
    event["payloadDescriptors"][0]["units"] = "KVARH"
    assert "unit KVARH: expected KWH" in refused(event)
    event = adr([0.1], [0.2])
    del event["payloadDescriptors"][1]
    assert "payloadDescriptors: none for EXPORT_PRICE" in refused(event)
    event = adr([0.1], payloadDescriptors=None)
    assert "payloadDescriptors: none for PRICE" in refused(event)
    event = adr([0.1])
    del event["payloadDescriptors"][0]["currency"], event["payloadDescriptors"][1]["currency"]
    assert "no currency in it: say --currency" in refused(event)
    assert made(event, currency="CAD")["currency"] == "CAD"
    assert "prices in USD, expected CAD" in refused(adr([0.1]), currency="CAD")
    assert "an event that repeats" in refused(adr([0.1], duration=None) | {"duration": "P9999Y"})
    for start, text in ((None, "no start"), ("0001-01-01T00:00:00Z", "from 2020 on")):
        times = {"start": start, "duration": "PT1H"}
        assert text in refused(adr([0.1], intervalPeriod=times))
    assert "expected a duration" in refused(adr([0.1], duration="P1Y"))
    random = {"start": "2026-07-04T08:00:00Z", "duration": "PT1H", "randomizeStart": "PT5M"}
    assert "cannot start at random" in refused(adr([0.1], intervalPeriod=random))
    event = adr([0.1])
    event["intervals"][0]["payloads"][0]["values"] = [0.1, 0.2]
    assert "expected one value" in refused(event)


def test_other_payloads_are_passed_over_and_said_so():
    event = adr([0.1])
    event["intervals"][0]["payloads"].append({"type": "GHG", "values": [5]})
    made(event, notes=["intervals[0].payloads[1]: GHG is not a price: passed over"])
    event["intervals"][0]["payloads"] = [{"type": "SIMPLE", "values": [1]}]
    assert "no PRICE payload" in refused(event)
    assert prices_openadr.is_openadr(event)
