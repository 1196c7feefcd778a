"""Green Button: to the last mWh there and back, by its schema, by another reader, by hand."""

import contextlib
import importlib.util
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.civil import Zone
from wattledger import safe_xml
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.exchange import espi_read, espi_schema, espi_write
from wattledger.exchange.espi_codes import ESPI

MADRID = Zone("CET-1CEST,M3.5.0,M10.5.0/3")
COLUMNS = ("import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh")
NAME = "Maria's <flat> & \x01co"
INT48_MAX = 1 << 47


def made(rows, zone=MADRID, step_s=900):
    """rows: (import, export, plus, minus, estimated, seconds of a gap before it)"""
    *energies, estimated, gaps = np.array(rows, dtype=np.int64).T
    start = 1_774_999_800 + step_s * np.arange(len(rows)) + np.cumsum(gaps)
    zeros = np.zeros(len(rows), dtype=np.int64)
    return History(NAME, zone, start, start + step_s, *energies, zeros, estimated.astype(bool))


def feed(history, tmp_path):
    path = tmp_path / "meter.xml"
    path.write_text(espi_write.feed(history), encoding="utf-8")
    return path


def read(path, zone=MADRID):
    return espi_read.history(safe_xml.read(path), path, zone)


def same(a, b):
    columns = ("start", "end", "estimated", *COLUMNS)
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in columns)


energies = st.integers(0, INT48_MAX)
rows = st.tuples(
    *(st.one_of(st.just(0), energies) for _ in range(4)),
    st.integers(0, 1),
    st.sampled_from([0, 0, 900, 86400 * 3]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(rows, min_size=1, max_size=30))
def test_there_and_back_keeps_every_mwh_and_the_schema(tmp_path_factory, given_rows):
    history = made(given_rows)
    path = feed(history, tmp_path_factory.mktemp("espi"))
    assert same(read(path), history)
    assert list(espi_schema.breaches(safe_xml.read(path))) == []


def test_same_history_same_bytes():
    history = made([(1, 0, 0, 0, 0, 0)])
    assert espi_write.feed(history) == espi_write.feed(made([(1, 0, 0, 0, 0, 0)]))
    assert espi_write.feed(history) != espi_write.feed(made([(2, 0, 0, 0, 0, 0)]))


def test_identifiers_are_each_used_once(tmp_path):
    root = safe_xml.read(feed(made([(1, 2, 3, 4, 0, 86400 * n) for n in range(3)]), tmp_path))
    ids = [found.text for found in root.iter("{http://www.w3.org/2005/Atom}id")]
    assert len(set(ids)) == len(ids) > 10


@pytest.mark.parametrize(
    ("posix", "start", "end", "offset", "standard"),
    [
        # What utilities of the United States write: 2nd Sunday of March, 1st of November, 2 h.
        ("PST8PDT,M3.2.0,M11.1.0", "360E2000", "B40E2000", "3600", "-28800"),
        # By hand: March, last (7), Sunday (7), 2 h; October, 3 h.
        ("CET-1CEST,M3.5.0,M10.5.0/3", "3E0E2000", "AE0E3000", "3600", "3600"),
        ("KST-9", "FFFFFFFF", "FFFFFFFF", "0", "32400"),
    ],
)
def test_local_time(tmp_path, posix, start, end, offset, standard):
    root = safe_xml.read(feed(made([(1, 0, 0, 0, 0, 0)], Zone(posix)), tmp_path))
    local = root.find(f".//{ESPI}LocalTimeParameters")
    assert [field.text for field in local] == [end, offset, start, standard]


def test_another_reader_reads_the_same(tmp_path):
    parse = pytest.importorskip(
        "greenbutton_objects.parse", reason="no greenbutton-objects: pip install it"
    )
    history = made([(1_234_567, 5, 0, 0, n % 2, 86400 * (n == 2)) for n in range(5)])
    (point,) = parse.parse_feed(str(feed(history, tmp_path)))
    found = {reading.readingType.flowDirection.name: reading for reading in point.meterReadings}
    assert set(found) == {"forward", "reverse"}
    forward = list(found["forward"].intervalReadings)
    assert [round(one.value * 1000) for one in forward] == history.import_mwh.tolist()
    starts = [int(one.timePeriod.start.timestamp()) for one in forward]
    assert starts == history.start.tolist()
    assert [len(one.readingQualities) for one in forward] == history.estimated.tolist()
    assert found["reverse"].readingType.uom.name == "wattHours"


def test_feed_of_a_utility(tmp_path):
    """A year of a house in California, as its utility exported it in 2012: without any link."""
    spec = importlib.util.find_spec("greenbutton")
    samples = [] if spec is None else list(Path(spec.origin).parent.glob("sample_data/SDGE*.xml"))
    if not samples:
        pytest.skip("no sample of a utility: pip install --no-deps jendobson-greenbutton")
    history = read(samples[0], Zone("PST8PDT,M3.2.0,M11.1.0"))
    readings = ElementTree.parse(samples[0]).getroot().iter(f"{ESPI}IntervalReading")
    found = {int(one[0][1].text): int(one[1].text) for one in readings}  # each is there twice
    assert dict(zip(history.start.tolist(), history.import_mwh.tolist(), strict=True)) == {
        start: 1000 * wh for start, wh in found.items()
    }
    assert len(history) == 8727
    assert history.interval_s == 3600


FEED = '<feed xmlns="http://www.w3.org/2005/Atom">{}</feed>'
ENTRY = "<entry><content>{}</content></entry>"


def written(tmp_path, *resources, type_of="<uom>72</uom>"):
    kind = f'<ReadingType xmlns="http://naesb.org/espi">{type_of}</ReadingType>'
    blocks = [
        f'<IntervalBlock xmlns="http://naesb.org/espi">{readings}</IntervalBlock>'
        for readings in resources
    ]
    path = tmp_path / "theirs.xml"
    path.write_text(FEED.format("".join(ENTRY.format(r) for r in (kind, *blocks))))
    return path


def reading(value, start=3600, more=""):
    return (
        f"<IntervalReading>{more}<timePeriod><duration>900</duration><start>{start}</start>"
        f"</timePeriod><value>{value}</value></IntervalReading>"
    )


@pytest.mark.parametrize(
    ("kind", "value", "mwh"),
    [
        ("<uom>72</uom>", 5, (5000, 0)),
        ("<powerOfTenMultiplier>3</powerOfTenMultiplier><uom>72</uom>", 5, (5_000_000, 0)),
        ("<powerOfTenMultiplier>-3</powerOfTenMultiplier><uom>72</uom>", 5, (5, 0)),
        ("<powerOfTenMultiplier>-6</powerOfTenMultiplier><uom>72</uom>", 5000, (5, 0)),
        ("<flowDirection>19</flowDirection><uom>72</uom>", 5, (0, 5000)),
        ("<flowDirection>4</flowDirection><uom>72</uom>", -5, (0, 5000)),
    ],
)
def test_units_by_hand(tmp_path, kind, value, mwh):
    history = read(written(tmp_path, reading(value), type_of=kind))
    assert (int(history.import_mwh[0]), int(history.export_mwh[0])) == mwh


def test_readings_without_times_follow_their_block(tmp_path):
    block = (
        "<interval><duration>1800</duration><start>7200</start></interval>"
        "<IntervalReading><value>1</value></IntervalReading>"
        "<IntervalReading/><IntervalReading><value>3</value></IntervalReading>"
    )
    kind = "<intervalLength>900</intervalLength><uom>72</uom>"
    history = read(written(tmp_path, block, type_of=kind))
    assert history.start.tolist() == [7200, 9000]
    assert history.import_mwh.tolist() == [1000, 3000]


@pytest.mark.parametrize("quality", [7, 8, 9, 12])
def test_estimates_stay_estimates(tmp_path, quality):
    more = f"<ReadingQuality><quality>{quality}</quality></ReadingQuality>"
    history = read(written(tmp_path, reading(1, 0, more) + reading(1, 900)))
    assert history.estimated.tolist() == [True, False]


def test_interval_that_comes_twice_alike_counts_once(tmp_path):
    history = read(written(tmp_path, reading(5), reading(5)))
    assert history.import_mwh.tolist() == [5000]


@pytest.mark.parametrize(
    ("path_of", "said"),
    [
        (lambda t: written(t, reading(5), reading(6)), "two values"),
        (lambda t: written(t, reading("5.5")), "whole number"),
        (lambda t: written(t, reading("9" * 30)), "whole number"),
        (lambda t: written(t), "no energy by interval"),
        (lambda t: written(t, reading(5), type_of="<uom>38</uom>"), "no energy by interval"),
        (
            lambda t: written(
                t, reading(5),
                type_of="<accumulationBehaviour>3</accumulationBehaviour><uom>72</uom>",
            ),
            "no energy by interval",
        ),
        (
            lambda t: written(
                t, reading(5),
                type_of="<powerOfTenMultiplier>-6</powerOfTenMultiplier><uom>72</uom>",
            ),
            "finer than a mWh",
        ),
        (
            lambda t: written(
                t, reading(5),
                type_of="<powerOfTenMultiplier>999999</powerOfTenMultiplier><uom>72</uom>",
            ),
            "power of ten",
        ),
        (lambda t: written(t, "<IntervalReading><value>1</value></IntervalReading>"), "a time"),
        (lambda t: written(t, reading(1, 1 << 40)), "expected a Unix time"),
        (lambda t: written(t, reading(1 << 47)), "more than a register holds"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_exactly_is_refused(tmp_path, path_of, said):
    with pytest.raises(ToolError, match=said):
        read(path_of(tmp_path))


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]><feed>&c;</feed>'
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><feed/>'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOMB, "document type or entity"),
        (OUTSIDE, "document type or entity"),
        ("<feed>&unknown;</feed>", "not XML"),
        ("<feed>", "not XML"),
        ("", "not XML"),
        ("<a>" * 100, "deeper than"),
        ('<?xml version="1.0" encoding="no-such"?><feed/>', "not XML"),
    ],
)
def test_dangerous_or_broken_xml(tmp_path, text, said):
    path = tmp_path / "theirs.xml"
    path.write_text(text)
    with pytest.raises(ToolError, match=said):
        safe_xml.read(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_a_file_says_it_is_read_or_refused(tmp_path_factory, data):
    text = espi_write.feed(made([(1, 2, 3, 4, 1, 0), (5, 6, 7, 8, 0, 900)]))
    for _ in range(data.draw(st.integers(1, 3))):
        first = data.draw(st.integers(0, len(text) - 1))
        last = first + data.draw(st.integers(0, 60))
        text = text[:first] + data.draw(st.text(max_size=6)) + text[last:]
    path = tmp_path_factory.mktemp("odd") / "odd.xml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ToolError):
        root = safe_xml.read(path)
        list(espi_schema.breaches(root))
        espi_read.history(root, path, MADRID)


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_xml, "SIZE_MAX", 10)
    path = tmp_path / "theirs.xml"
    path.write_text("<feed>long</feed>")
    with pytest.raises(ToolError, match="export it in parts"):
        safe_xml.read(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<espi:value>1</espi:value>", "<espi:value>x</espi:value>", "value: 'x': expected Int48"),
        ("<espi:start>", "<espi:begin/><espi:start>", "begin: no such element"),
        ("<espi:kind>0</espi:kind>", "", "ServiceCategory: no kind"),
        ("<espi:uom>72</espi:uom>", "<espi:uom>-1</espi:uom>", "uom: '-1': expected UInt16"),
        ("<espi:kind>12<", "<espi:kind>12</espi:kind><espi:kind>12<", "2 x kind: expected one"),
        ("AE0E3000", "AE0E30001", "dstEndRule: 'AE0E30001': expected HexBinary32"),
        ("<title>", "<label>", "0 x title"),
        ("Z</updated>", "</updated>", "expected a time with its offset"),
    ],
)
def test_each_breach_is_named(tmp_path, old, new, said):
    text = espi_write.feed(replace(made([(1, 0, 0, 0, 1, 0)]), name="x"))
    assert old in text
    text = text.replace(old, new)
    path = tmp_path / "theirs.xml"
    path.write_text(text.replace("</title>", "</label>") if "label" in new else text)
    assert any(said in one for one in espi_schema.breaches(safe_xml.read(path)))


def test_order_of_elements_is_checked(tmp_path):
    text = espi_write.feed(replace(made([(1, 0, 0, 0, 0, 0)]), name="x"))
    value = "<espi:value>1</espi:value>"
    moved = text.replace(value, "").replace("<espi:timePeriod>", value + "<espi:timePeriod>")
    path = tmp_path / "theirs.xml"
    path.write_text(moved)
    assert list(espi_schema.breaches(safe_xml.read(path))) == [
        "entry 5: IntervalBlock/IntervalReading: timePeriod: after value: expected before it"
    ]
