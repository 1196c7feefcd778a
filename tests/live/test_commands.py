"""`wattledger serve` and what `wattledger watch` has in common with it."""

import io

import pytest
from rich.console import Console
from typer.testing import CliRunner

from wattledger import show, watch_screen
from wattledger.cli import app
from wattledger.errors import ToolError
from wattledger.live import curve, server


@pytest.fixture
def ran(monkeypatch):
    """-> what `serve` would run: [(open_source, host, port)]"""
    found = []
    monkeypatch.setattr(server, "run", lambda *args: found.append(args[:3]))
    return found


def test_it_stays_on_this_machine_unless_told(ran):
    plain = CliRunner().invoke(app, ["serve"])
    assert (plain.exit_code, plain.output) == (0, "")
    told = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0", "--port", "0"])
    assert "Warning: whoever reaches 0.0.0.0" in told.stderr
    assert [args[1:] for args in ran] == [("127.0.0.1", 8080), ("0.0.0.0", 0)]


def test_a_tariff_is_the_meters_own(ran, root):
    path = root / "docs/tariffs/one-price.toml"
    for option in (["--tariff", str(path)], ["--serial", "f00000000001"], ["--prices", "x"]):
        told = CliRunner().invoke(app, ["serve", *option])
        assert told.exit_code == 2
        assert "go with --store" in told.stderr
    assert not ran


def test_a_store_that_is_none_is_an_error(ran, tmp_path):
    pytest.importorskip("duckdb", reason="no duckdb: pip install 'wattledger[headend]'")
    CliRunner().invoke(app, ["serve", "--store", str(tmp_path)])
    with pytest.raises(ToolError, match="0 meters in this store"):
        ran[0][0]()


def test_a_terminal_shows_the_same(source):
    said = io.StringIO()
    now, day = source.now(), source.day()
    Console(file=said, width=160).print(watch_screen.screen(now, day))
    text = said.getvalue()
    assert all(value in text for _, value in now.facts)
    assert curve.summary(*curve.of(day)) in text
    assert text.count(show.money(day.bill.total, 2)) >= 2
    for record in day.events:
        assert show.event_row(record, day.zone)[2] in text
