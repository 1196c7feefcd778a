"""wattledger report: of a file, of a store, of a span, and what it refuses."""

import sys
from contextlib import contextmanager
from fractions import Fraction

import pytest
from rig import Rig, unix
from test_verify import CoreLink, house
from typer.testing import CliRunner

from meter.civil import EPOCH
from tests.headend import pushed
from tests.reports.subjects import THREE, Made, Page
from wattledger import cli, reading, session, simulate
from wattledger.errors import ToolError
from wattledger.exchange import files
from wattledger.tariffs.tariff_file import compile_file


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    path = tmp_path_factory.mktemp("loads") / "made.csv"
    files.write(Made.history(), path)
    return path


def run(*args):
    """-> output. ToolError: as it was raised"""
    done = CliRunner().invoke(cli.app, ["report", *map(str, args)])
    if isinstance(done.exception, ToolError):
        raise done.exception
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.output


def test_one_period_is_that_bill(load, tmp_path):
    out = tmp_path / "x.html"
    said = run(load, "--tariff", THREE, "--period", 2, "--out", out)
    assert said == f"report of made to {out}\n"
    bill = simulate.bills_of([compile_file(THREE).tariff()], Made.history().load())[1]
    page = Page(out.read_text(encoding="utf-8"))
    rows = page.tables["Period 2, open"]
    assert Fraction(rows[-1][-1][1]) * 100 == bill.total
    assert Fraction(page.figures["Bought"][1]) * 10**6 == sum(
        Fraction(*line["quantity"]) for line in bill.lines if line["kind"] == "energy"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]


def test_from_and_to_are_local(load, tmp_path):
    out = tmp_path / "x.html"
    times = ("--from", "2026-10-05", "--to", "2026-10-08T06:00")
    run(load, "--tariff", THREE, *times, "--edition", "utility", "--out", out)
    html = out.read_text(encoding="utf-8")
    assert "5 Oct 2026 to 8 Oct 2026" in html
    history = Made.history()
    zone = history.zone
    start = zone.to_utc(int(history.local_s[0]) + 4 * 86400) + EPOCH
    part = history.between(start, start + 78 * 3600)
    assert Fraction(Page(html).figures["Bought"][1]) * 10**6 == part.import_mwh.sum()
    assert "No forecast" in html


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--period", 9), "no period 9"),
        (("--period", 1, "--from", "2026-10-02"), "--period beside --from"),
        (("--from", "2030-01-01"), "no interval in that time"),
        (("--out", "none/x.html"), "give a file that can be written"),
    ],
)
def test_what_cannot_be_is_said(load, args, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ToolError, match=says):
        run(load, "--tariff", THREE, *args)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "args",
    [
        *((), ("x.csv",), ("x.csv", "--meter"), ("--store", "s"), ("--meter", "--tariff", "t")),
        ("--meter", "--prices", "p"),
    ],
)
def test_one_source_and_its_tariff(args):
    done = CliRunner().invoke(cli.app, ["report", *args])
    assert done.exit_code == 2


def test_without_matplotlib_it_says_what_to_install(load, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ToolError, match=r"pip install 'wattledger\[analysis\]'"):
        run(load, "--tariff", THREE, "--out", tmp_path / "x.html")
    assert list(tmp_path.iterdir()) == []


def test_a_store_gives_profile_and_events(tmp_path):
    pytest.importorskip("duckdb", reason="no duckdb: pip install 'wattledger[headend]'")
    pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'wattledger[headend]'")
    from wattledger.headend.store import Store

    rows = [("m-1", 77, "profile", pushed.row(n, mwh=50_000 * n)) for n in range(1, 97 * 2)]
    after = [("m-1", 78, "profile", pushed.row(n, pushed.NOW + 86400 * 3 + 900 * n, mwh=9_000 * n))
             for n in range(1, 97)]  # fmt: skip
    noted = [("m-1", 77, "configuration", pushed.event(1, utc=pushed.NOW + 9000))]
    with Store(tmp_path / "store") as store:
        store.append([*rows, *after, *noted, ("m-2", 7, "profile", pushed.row(1))])
    out = tmp_path / "x.html"
    given = ("--store", tmp_path / "store", "--tariff", THREE, "--out", out)
    run(*given, "--serial", "m-1")
    page = Page(out.read_text(encoding="utf-8"))
    assert Fraction(page.figures["Bought"][1]) * 10**6 == 50_000 * 193 + 9_000 * 96
    assert len(page.tables["What the meter noted"]) == 2
    with pytest.raises(ToolError, match="no interval of meter m-3"):
        run(*given, "--serial", "m-3")


@pytest.fixture(scope="module")
def core():
    """A real core with a tariff, a tier crossing, a power cut and a closed period."""
    rig = Rig(unix(2026, 9, 24, 22))
    house(rig, 1)
    rig.push(compile_file(THREE).text)
    house(rig, 4)
    rig.cut(off_s=1000)
    house(rig, 9)
    return CoreLink(rig)


@pytest.fixture
def of_meter(core, tmp_path, monkeypatch):
    """Runs the command on the core. -> (HTML, its Page)"""
    monkeypatch.setattr(session, "meter", contextmanager(lambda ctx: iter([core])))
    monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path / "cache"))

    def run_it(*args):
        out = tmp_path / "meter.html"
        run("--meter", *args, "--out", out)
        html = out.read_text(encoding="utf-8")
        return html, Page(html)

    return run_it


def test_a_meter_gives_its_bill_and_its_proof(core, of_meter):
    html, page = of_meter("--period", 1, "--edition", "utility")
    bill = reading.read_bill(core, 1)
    cents = [Fraction(row[-1][1]) * 100 for row in page.tables["Period 1, closed"][1:]]
    assert cents == [*(line["rounded"] for line in bill.lines), bill.total]
    assert "Verified: recomputed" in html
    assert "Both ends" in page.tables
    assert any("power failed" in row[2][0] for row in page.tables["What the meter noted"])
    assert "beyond the profile" not in html


def test_an_open_bill_is_of_the_registers(core, of_meter):
    """Its last row is not closed yet: what it holds is in no interval, and still in the sum."""
    html, page = of_meter()
    bill = reading.read_bill(core, None)
    assert Fraction(page.figures["To pay"][1]) * 100 == bill.total
    assert "beyond the profile" in html
    assert "1 Oct 2026 to 31 Oct 2026" in page.tables  # the forecast


def test_what_a_meter_cannot_give(of_meter, tmp_path):
    with pytest.raises(ToolError, match="no bill of period 9"):
        of_meter("--period", 9)
    with pytest.raises(ToolError, match="give --period"):
        of_meter("--from", "2026-10-01")
    assert not (tmp_path / "meter.html").exists()
