"""Imported rate sheets billed by the host's engine against NREL's PySAM: live, and as stored.

Before rounding every monthly part is the same within a millionth of the currency, in both ways
in which engines fill tiers, for each sheet and load in the data folder and for sheets drawn at
random. Own engine and reference were written by different people; the sheets are real.
"""

import importlib.util
import json
import random
from decimal import Decimal
from pathlib import Path

import pytest
import sam
import urdb_drawn
from sam import CHRONOLOGICAL, PRORATA

from wattledger.errors import ToolError

DATA = Path(__file__).parents[3] / "shared" / "data"
SHEETS = sorted((DATA / "tariffs_urdb").glob("*.json"))
REFERENCES = sorted((DATA / "reference_bills").glob("*.json"))
REFUSED = {
    "dixie-escalante-r-e-a-net-metering-tariff": "energyratestructure[0][0]: no rate",
    "seward-county-rrl-pub-urban-general-service-d28": (
        "energyweekdayschedule[0][0]: period 1 is not defined: energyratestructure has 1"
    ),
}
ACCEPTED = [path for path in SHEETS if path.stem not in REFUSED]
CLOSE = Decimal("1e-6")
STORED = Decimal("5e-7")  # the stored ones are rounded to the sixth decimal

needs_data = pytest.mark.skipif(not SHEETS, reason="the folder ../shared/data is not here")
needs_sam = pytest.mark.skipif(
    importlib.util.find_spec("PySAM") is None,
    reason="the reference engine is not here: pip install NREL-PySAM",
)


@pytest.fixture(scope="module")
def loads():
    """By name: (step_s, kWh)."""
    return {path.stem: sam.loads(path) for path in (DATA / "loads").glob("*_*min.csv")}


def compare(found, expected, tolerance, case):
    """-> the largest difference; asserts that none is above the tolerance."""
    worst = 0.0
    for part in sam.PARTS:
        for month, (ours, theirs) in enumerate(zip(found[part], expected[part], strict=True)):
            difference = abs(float(ours) - theirs)
            assert difference <= tolerance, (case, part, month + 1, float(ours), theirs)
            worst = max(worst, difference)
    return worst


@needs_data
def test_the_folder_is_complete():
    assert {path.stem for path in SHEETS} == {*REFUSED, *(path.stem for path in REFERENCES)}


@needs_data
@pytest.mark.parametrize("reference", REFERENCES, ids=lambda path: path.stem[:30])
def test_stored_bills(reference, loads):
    text = (DATA / "tariffs_urdb" / reference.name).read_text()
    stored = json.loads(reference.read_text())
    options = set()
    for case in stored["cases"]:
        step_s, kwh = loads[case["load"]]
        scale, option = Decimal(str(case["scale"])), case["metering_option"]
        assert case["gen"] == "none"
        made = sam.imported(text, reference.name, option, step_s)
        found = sam.simulated(made.text, step_s, [scale * energy for energy in kwh])
        compare(found, case, CLOSE + STORED, (case["load"], case["scale"], option))
        options.add(option)
    assert options == {PRORATA, CHRONOLOGICAL}


@needs_sam
@needs_data
@pytest.mark.parametrize("sheet", ACCEPTED, ids=lambda path: path.stem[:30])
@pytest.mark.parametrize("option", sam.OPTIONS)
def test_live_bills(sheet, option, loads):
    text = sheet.read_text()
    for name, scale in (
        ("steel_kr_2018_15min", 1),
        ("steel_kr_2018_15min", Decimal("0.02")),
        ("steel_kr_2018_15min", 10),
        ("uci_sceaux_fr_2007_60min", 1),
    ):
        step_s, kwh = loads[name]
        scaled = [scale * energy for energy in kwh]
        mean_kw = [float(energy * 3600 / step_s) for energy in scaled]
        expected = sam.bills(json.loads(text), mean_kw, option)
        made = sam.imported(text, sheet.name, option, step_s)
        compare(sam.simulated(made.text, step_s, scaled), expected, CLOSE, (name, scale))


@needs_data
@pytest.mark.parametrize(("name", "expected"), REFUSED.items(), ids=list(REFUSED))
def test_what_the_reference_refuses_is_refused_by_its_entry(name, expected):
    path = DATA / "tariffs_urdb" / f"{name}.json"
    with pytest.raises(ToolError) as caught:
        sam.imported(path.read_text(), path.name, PRORATA, 3600)
    assert str(caught.value).startswith(f"{name}.json: {expected}")


def drawn_kwh(rng, steps):
    """A made load, whole mWh: nights, evenings, and days without anybody."""
    base, peak = rng.uniform(0.05, 0.6), rng.uniform(0.5, 9)
    scale = rng.choice((1, 1, 20))
    found = []
    for step in range(steps):
        hour = step * 24 * 365 // steps % 24
        level = base + (peak * rng.random() if 16 <= hour < 22 else 0)
        found.append(Decimal(int(scale * level * rng.random() * 1e6)).scaleb(-6))
    return found


@needs_sam
@pytest.mark.parametrize("seed", range(40))
def test_drawn_sheets(seed):
    """Sheets that no utility wrote: every unit of tiers, demand in tiers, odd schedules."""
    rng = random.Random(seed)
    step_s = rng.choice((3600, 3600, 900))
    kwh = drawn_kwh(rng, 365 * 86400 // step_s)
    mean_kw = [float(energy * 3600 / step_s) for energy in kwh]
    sheet = urdb_drawn.sheet(seed)
    for option in sam.OPTIONS:
        expected = sam.bills(sheet, mean_kw, option)
        made = sam.imported(json.dumps(sheet), f"drawn {seed}", option, step_s)
        compare(sam.simulated(made.text, step_s, kwh), expected, CLOSE, (seed, option))
        assert sum(expected["energy"]) > 0


@needs_sam
@pytest.mark.parametrize("seed", range(100, 108))
def test_drawn_sheets_with_what_is_fed_in(seed):
    """Bought and sold in each step, as option 2 bills it; a price of export for each period."""
    rng = random.Random(seed)
    sheet = urdb_drawn.sheet(seed, tiered=seed % 2 == 0)
    for period in sheet["energyratestructure"]:
        sell = round(rng.uniform(0, 0.2), 4)
        for tier in period:
            tier["sell"] = sell
    sheet.pop("mincharge", None)  # the reference counts a bill below 0 as 0
    kwh = drawn_kwh(rng, 8760)
    sun = [
        Decimal(int(rng.uniform(0, 8) * 1e6)).scaleb(-6) if 8 <= step % 24 < 18 else Decimal(0)
        for step in range(8760)
    ]
    expected = sam.bills(sheet, list(map(float, kwh)), CHRONOLOGICAL, list(map(float, sun)))
    made = sam.imported(json.dumps(sheet), f"drawn {seed}", CHRONOLOGICAL, 3600)
    bought = [max(a - b, Decimal(0)) for a, b in zip(kwh, sun, strict=True)]
    sold = [max(b - a, Decimal(0)) for a, b in zip(kwh, sun, strict=True)]
    found = sam.simulated(made.text, 3600, bought, sold)
    compare(found, expected, CLOSE, seed)


@needs_sam
def test_a_wrong_price_would_be_seen():
    """The comparison is worth nothing if it cannot fail."""
    sheet = urdb_drawn.sheet(3)
    kwh = drawn_kwh(random.Random(3), 8760)
    expected = sam.bills(sheet, list(map(float, kwh)), PRORATA)
    sheet["energyratestructure"][0][0]["rate"] += 1e-6
    made = sam.imported(json.dumps(sheet), "altered", PRORATA, 3600)
    with pytest.raises(AssertionError, match="energy"):
        compare(sam.simulated(made.text, 3600, kwh), expected, CLOSE, "altered")
