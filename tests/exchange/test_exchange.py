"""Export and import by file: every format keeps every mWh, and a failure leaves no file."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.civil import Zone
from wattledger import cli
from wattledger.analysis import history as histories
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.exchange import files, tables
from wattledger.tariffs.tariff_file import compile_text

UTC = Zone("UTC0")
ENERGY_MAX = 1 << 46
COLUMNS = (
    *("start", "end", "import_mwh", "export_mwh", "lagging_mvarh", "leading_mvarh"),
    *("status", "estimated"),
)
LOADS = Path(__file__).resolve().parents[3] / "shared" / "data" / "loads"
TARIFF = """
schema = 1
name = "Flat"
currency = "EUR"
timezone = "Etc/UTC"
billing_day = 1
fallback = "all"
[rates.all]
price = "0.25"
[seasons.year]
from = "01-01"
week = "week"
[weeks.week]
mon-sun = "each"
[days.each]
all = "otherwise"
"""


def made(rows):
    """rows: (import, export, plus, minus, status, estimated, seconds, gap before)"""
    *energies, status, estimated, lasts, gaps = np.array(rows, dtype=np.int64).T
    end = 1_767_225_600 + np.cumsum(lasts + gaps)
    return History("m", UTC, end - lasts, end, *energies, status, estimated.astype(bool))


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in COLUMNS)


rows = st.tuples(
    *(st.integers(0, ENERGY_MAX) for _ in range(4)),
    st.integers(0, 0x7FFF), st.integers(0, 1),
    st.integers(1, 90_000), st.integers(0, 90_000),
)  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@settings(max_examples=30, deadline=None)
@given(st.lists(rows, min_size=1, max_size=20))
def test_table_there_and_back(tmp_path_factory, ending, given_rows):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'wattledger[fleet]'")
    history = made(given_rows)
    path = tmp_path_factory.mktemp("tables") / f"meter.{ending}"
    files.write(history, path)
    assert same(files.read(path, None).history, history)


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["wattledger", *map(str, arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "meter.csv"
    random = np.random.default_rng(1)
    files.write(
        made(
            [(int(e), 0, int(e) // 3, 0, 0, 0, 900, 0) for e in random.integers(1, 1e6, 96 * 35)]
        ),
        path,
    )
    return path


@pytest.mark.parametrize("ending", ["xml", "csv", "parquet"])
def test_commands_there_and_back(run, tmp_path, profile, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'wattledger[fleet]'")
    out, back = tmp_path / f"out.{ending}", tmp_path / "back.csv"
    code, said, err = run("export", profile, "--to", out)
    assert (code, err) == (0, "")
    assert "3360 intervals" in said
    code, said, err = run("import", out, "--to", back, "--json")
    assert (code, err) == (0, "")
    told = json.loads(said)
    assert told["breaches"] == []
    assert told["intervals"] == 3360
    assert back.read_bytes() == profile.read_bytes()


def test_imported_profile_is_billed_the_same(run, tmp_path, profile):
    tariff = tmp_path / "flat.toml"
    tariff.write_text(TARIFF)
    compile_text(TARIFF, "flat.toml", wide=True)
    back = tmp_path / "back.csv"
    run("export", profile, "--to", tmp_path / "out.xml")
    run("import", tmp_path / "out.xml", "--to", back)
    bills = [run("simulate", tariff, "--profile", path, "--json")[1] for path in (profile, back)]
    assert json.loads(bills[0])
    assert bills[0] == bills[1]


def test_load_file_in_its_zone(run, tmp_path):
    load = tmp_path / "load.csv"
    load.write_text("timestamp,kwh\n2026-07-01T00:00,1.25\n2026-07-01T01:00,0.000001\n")
    assert run("import", load, "--to", tmp_path / "p.csv", "--zone", "Europe/Madrid")[0] == 0
    history = histories.read(tmp_path / "p.csv", UTC, None)
    assert history.import_mwh.tolist() == [1_250_000, 1]
    assert int(history.start[0]) == 1782856800  # 2026-06-30 22:00 UTC


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "meter.csv", "--to", "out.doc"), "give .xml, .csv or .parquet"),
        (("export", "none.csv", "--to", "out.xml"), "none.csv"),
        (("export", "meter.csv", "--to", "no/such/out.xml"), "can be written"),
        (("export", "meter.csv", "--to", "out.xml", "--zone", "Mars/Base"), "no such time zone"),
        (("import", "meter.csv", "--to", "out.xml"), "a profile is a .csv"),
        (("import", "bad.xml", "--to", "out.csv"), "not XML"),
        (("import", "bad.parquet", "--to", "out.csv"), "Parquet"),
    ],
)
def test_wrong_commands_leave_nothing(run, tmp_path, profile, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    for name in ("bad.xml", "bad.parquet"):
        Path(name).write_text("no such thing")
    before = sorted(tmp_path.iterdir())
    code, out, err = run(*arguments)
    assert code == 1
    assert said in err
    assert "Traceback" not in err + out
    assert sorted(tmp_path.iterdir()) == before


def test_breaches_are_told_and_the_numbers_read(run, tmp_path, profile):
    out = tmp_path / "out.xml"
    run("export", profile, "--to", out)
    out.write_text(out.read_text().replace("<espi:kind>12</espi:kind>", "<espi:what/>"))
    code, said, err = run("import", out, "--to", tmp_path / "back.csv")
    assert code == 0
    assert "2 breaches of the schema, first: entry 4: ReadingType: what" in err
    assert "3360 intervals" in said


def test_parquet_of_others(tmp_path):
    arrow = pytest.importorskip("pyarrow", reason="no pyarrow: pip install 'wattledger[fleet]'")
    from pyarrow import parquet

    path = tmp_path / "theirs.parquet"
    stamp = arrow.timestamp("ms", tz="Europe/Madrid")

    def write(**columns):
        parquet.write_table(arrow.table(columns), path)

    times = {
        "start": arrow.array([0, 900_000], stamp),
        "end": arrow.array([900_000, 1_800_000], stamp),
    }
    write(**times, import_mwh=[1, 2])
    assert tables.read_parquet(path, UTC).import_mwh.tolist() == [1, 2]
    for column, said in (
        ([1.5, 2.0], "import_mwh"),
        ([-1, 2], "negative"),
        ([None, 2], "empty"),
        ([1, 1 << 50], "above"),
        (["a", "b"], "import_mwh"),
    ):
        write(**times, import_mwh=column)
        with pytest.raises(ToolError, match=said):
            tables.read_parquet(path, UTC)
    write(start=[0, 900], end=[900, 1800], import_mwh=[1, 2])
    with pytest.raises(ToolError, match="expected a time with a zone"):
        tables.read_parquet(path, UTC)


def test_validate_fills_and_tells(run, tmp_path, profile):
    rows = profile.read_text().splitlines(keepends=True)
    holed = tmp_path / "holed.csv"
    holed.write_text("".join(rows[:500] + rows[520:]))
    total = sum(int(row.split(",")[3].replace(".", "")) for row in rows[1:])
    registers = tmp_path / "registers.csv"
    registers.write_text(
        "time,import_kwh\n2026-01-01T00:00Z,0\n"
        f"2026-02-05T00:00Z,{total // 10**6}.{total % 10**6:06d}\n"
    )
    layer = tmp_path / "layer.csv"
    code, out, _ = run("validate", holed, "--registers", registers, "--csv", layer, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["estimated"], told["import_mwh"]) == (20, total)
    assert {"rule": "V1", "intervals": 20, "estimated": 20}.items() <= told["findings"][0].items()
    found = histories.read(layer, UTC, None)
    assert int(found.import_mwh.sum()) == total
    assert int(found.estimated.sum()) == 20
    assert layer.read_text().splitlines()[500].endswith(",V1,E2")
    _, out, _ = run("validate", holed, "--registers", registers)
    assert "20 estimated (0.60%)" in out


@pytest.mark.skipif(not LOADS.exists(), reason="the folder ../shared/data is not here")
@pytest.mark.parametrize(
    ("name", "zone"),
    [("uci_sceaux_fr_2007_60min", "Etc/GMT-1"), ("steel_kr_2018_15min", "Asia/Seoul")],
)
def test_real_loads_are_valid_and_go_there_and_back(run, tmp_path, name, zone):
    load = LOADS / f"{name}.csv"
    code, out, _ = run("validate", load, "--zone", zone, "--json")
    told = json.loads(out)
    assert (code, told["estimated"], told["added_mwh"]) == (0, 0, 0)
    assert {found["rule"] for found in told["findings"]} <= {"V7"}
    before = files.read(load, zone).history
    month = before.part(slice(0, 31 * 86400 // before.interval_s))
    files.write(month, tmp_path / "month.xml")
    assert same(files.read(tmp_path / "month.xml", zone).history, month)
