"""What the server answers, to whom, and what it refuses."""

import html
import re
from fractions import Fraction
from pathlib import Path

import pytest

from tests.live import fake
from tests.live.conftest import until
from wattledger import compare, simulate
from wattledger.bills import bill_units
from wattledger.live import app, guard
from wattledger.tariffs.tariff_file import compile_file

FILES = ("/", "/page.css", "/page.js", "/icon.svg", "/api/state")
POLICY = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'")


def texts(value):
    """Yields every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


def shown(page):
    """-> the text of an HTML page"""
    return html.unescape(re.sub(r"<[^>]+>", "\n", page.replace("<wbr>", "")))


def test_the_page_has_every_number_before_its_script_runs(steady):
    page = steady.ask("/")[2].decode()
    lines = {line.strip(" ,") for line in shown(page).splitlines()}
    state = steady.state()
    drawn = state["day"].pop("today"), state["day"].pop("yesterday")
    missing = [text for text in texts(state) if text.strip() and text not in lines]
    assert not missing
    assert all(curve["points"] for curve in drawn)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere(steady):
    page = steady.ask("/")[2].decode()
    assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert set(sources) == {"/icon.svg", "/page.css", "/page.js", "#main"}
    for file in ("/page.css", "/page.js"):
        assert not re.search(rb"https?://(?!www\.w3\.org/2000/svg)|@import", steady.ask(file)[2])


@pytest.mark.parametrize("path", [*FILES, "/nothing"])
def test_every_answer_tells_the_browser_its_limits(steady, path):
    status, headers, _ = steady.ask(path)
    assert status == (404 if path == "/nothing" else 200)
    policy = headers["content-security-policy"].split("; ")
    assert all(part in policy for part in POLICY)
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1", "[::1]:8080"])
def test_a_name_of_this_machine_is_answered(steady, host):
    assert steady.ask("/api/state", host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:80",
        "localhost.evil.example",
        "x@localhost:x",
        "[",
        " ",
    ],
)
def test_another_name_is_not(steady, host):
    for path in FILES:
        status, headers, body = steady.ask(path, host=host)
        assert status in (400, 421)
        assert steady.source.name.encode() not in body
        assert status == 400 or "content-security-policy" in headers


def test_two_names_or_none_are_not(steady):
    assert steady.ask("/", host="")[0] in (400, 421)
    assert steady.ask("/", host="127.0.0.1", Host="evil.example")[0] in (400, 421)


def test_the_name_it_was_told_to_listen_at_is_answered():
    assert guard.is_local("::1")
    assert guard.is_local("127.0.0.2")
    assert not guard.is_local("0.0.0.0")
    assert not guard.is_local("house.example")
    ours = guard.Guard(None, "House.example")
    assert ours._is_ours([b"house.example:8080"])
    assert not ours._is_ours([b"other.example:8080"])


def test_what_a_meter_says_stays_text(served, source):
    source.name = fake.HOSTILE
    source.facts = [(fake.HOSTILE, fake.HOSTILE), *source.facts]
    source.alerts = [fake.HOSTILE]
    until(lambda: served.feed.seen.now.alerts)
    page = served.ask("/")[2].decode()
    assert fake.HOSTILE not in page
    assert page.count("<img") == 0
    assert page.count("</script>") == 1
    assert shown(page).count(fake.HOSTILE) == 3


def test_a_tariff_is_billed_as_simulate_bills_it(steady, root, tariff, history):
    load = history.load()
    before = compare.total(
        compare.items(simulate.bills_of([tariff], load), {tariff.digest: tariff})
    )
    for name in ("one-price", "day-and-night-feed-in", "month-netting"):
        path = root / "docs" / "tariffs" / f"{name}.toml"
        other = compile_file(path, wide=True).tariff()
        if other.currency != tariff.currency:
            continue
        bills = simulate.bills_of([other], load)
        due = compare.total(compare.items(bills, {other.digest: other}))
        for asked in ({"example": name}, {"toml": path.read_text(), "file": "mine.toml"}):
            status, found = steady.simulate(**asked)
            assert status == 200, found
            assert found["new"] == {"name": other.name, "total": bill_units.decimal(due, 2)}
            assert found["old"]["total"] == bill_units.decimal(before, 2)
            change = bill_units.decimal(due - before, 2)
            assert found["change"] == (change if change[0] == "-" else "+" + change)
            assert sum(Fraction(line[3]) for line in found["lines"]) == Fraction(change)


def test_every_example_is_compared_or_says_why_not(steady, root):
    names = [path.stem for path in (root / "docs" / "tariffs").glob("*.toml")]
    assert len(names) >= 5
    seen = set()
    for name in names:
        status, found = steady.simulate(example=name)
        seen.add(status)
        if status == 422:
            assert "expected one currency" in found["error"]
        else:
            dynamic = any("energy at dynamic prices" in note for note in found["notes"])
            assert dynamic == (name == "market-price")
    assert 200 in seen


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({"example": "../../pyproject"}, 404, "No example of this name."),
        ({"example": 7}, 404, "No example of this name."),
        ({"example": ["one-price"]}, 404, "No example of this name."),
        ({}, 400, "Expected the name of an example, or toml and file."),
        ({"toml": 7, "file": "x"}, 400, "Expected the name of an example, or toml and file."),
        ({"toml": "schema = 1", "file": "x.toml"}, 422, "x.toml: name is missing: add it"),
        ({"toml": "a = " + "[" * 9000, "file": "x.toml"}, 422, "x.toml: "),
        ({"toml": "schema = ", "file": "y" * 99}, 422, "y" * 64 + ": "),
    ],
)
def test_what_is_no_tariff_is_refused_in_one_sentence(steady, asked, status, said):
    found = steady.simulate(**asked)
    assert found[0] == status
    assert found[1]["error"].startswith(said)
    assert "\n" not in found[1]["error"].strip()
    assert "Traceback" not in found[1]["error"]


def test_another_currency_is_refused(steady, root):
    text = (root / "docs/tariffs/one-price.toml").read_text().replace('"EUR"', '"NOK"')
    status, found = steady.simulate(toml=text, file="mine.toml")
    assert (status, found["error"]) == (
        422,
        "tariffs in EUR and NOK: expected one currency: convert one",
    )


def test_only_json_of_a_sane_size(steady):
    def post(body, kind="application/json"):
        return steady.ask("/api/simulate", body, content_type=kind)[0]

    full = b'{"toml": "%s", "file": ""}'
    assert post(full % (b"#" * (app.BODY_BYTES_MAX - len(full) + 2))) == 422
    assert post(full % (b"#" * app.BODY_BYTES_MAX)) == 413
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert post(b'{"example": "one-price"}', kind) == 415  # what a form elsewhere can send
    for body in (b"", b"{", b"[]", b"\xff", b"[" * 90_000):
        assert post(body or b" ") == 400
    assert steady.ask("/api/simulate")[0] == 405


def test_a_meter_that_is_away_is_said_to_be(served, source):
    source.silence = "the line broke"
    until(lambda: served.feed.seen.silence)
    assert served.simulate(example="one-price") == (
        422,
        {"error": "The meter does not answer: try again when it does."},
    )
    state = served.state()["now"]
    assert re.fullmatch(r"No answer since [-0-9: +]+: the line broke", state["silence"])
    assert "stale" in served.ask("/")[2].decode().split("<header>")[0]


def test_the_static_files_are_in_the_package():
    folder = Path(app.__file__).parent / "static"
    assert {path.name for path in folder.iterdir()} == {*app._FILES, "page.html"}
