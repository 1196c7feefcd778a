"""Bills by NREL's PySAM, the reference engine, after its own converter of URDB sheets, and the
same bills by the importer and the host's engine.
"""

import csv
import json
from decimal import Decimal
from fractions import Fraction

import numpy as np

from meter.civil import DAY_S, days
from wattledger import simulate
from wattledger.engine.load import of_rows
from wattledger.tariffs.tariff_file import compile_text
from wattledger.urdb import sheets as urdb
from wattledger.urdb.sheets import Choices

PARTS = ("energy", "demand_flat", "demand_tou", "fixed", "minimum")
OUTPUTS = {
    "energy": "year1_monthly_ec_charge_with_system",
    "demand_flat": "year1_monthly_dc_fixed_with_system",
    "demand_tou": "year1_monthly_dc_tou_with_system",
    "fixed": "year1_monthly_fixed_with_system",
    "minimum": "year1_monthly_minimum_with_system",
}
PRORATA, CHRONOLOGICAL = 0, 2  # metering options, by what they do with tiers
YEAR, STEPS = 2018, 8760  # of 365 days, the first a Monday
OPTIONS = {PRORATA: "prorata", CHRONOLOGICAL: "chronological"}


def bills(sheet, load_kw, option, gen_kw=None):
    """-> {part: 12 floats}. load_kw: means over equal steps of a year of 365 days."""
    import PySAM.Utilityrate5 as engine
    from PySAM.UtilityRateTools import URDBv8_to_ElectricityRates

    count = len(load_kw)
    assert count % STEPS == 0
    model = engine.new()
    model.Lifetime.analysis_period = 1
    model.Lifetime.inflation_rate = 0
    model.Lifetime.system_use_lifetime_output = 0
    model.SystemOutput.gen = [0.0] * count if gen_kw is None else list(map(float, gen_kw))
    model.SystemOutput.degradation = [0]
    model.Load.load = list(map(float, load_kw))
    model.Load.load_escalation = [0]
    rates = dict.fromkeys(
        "ur_monthly_fixed_charge ur_monthly_min_charge ur_annual_min_charge ur_sell_eq_buy"
        " ur_nm_yearend_sell_rate ur_nm_credit_rollover ur_nb_credit_expire"
        " ur_nb_apply_credit_current_month ur_en_ts_buy_rate ur_en_ts_sell_rate"
        " TOU_demand_single_peak".split(),
        0,
    )
    rates["rate_escalation"], rates["ur_nm_credit_month"] = [0], 11
    # Its converter changes what it is given, and every alias of it.
    rates.update(URDBv8_to_ElectricityRates(json.loads(json.dumps(sheet))))
    rates["ur_metering_option"] = option
    model.ElectricityRates.assign(rates)
    model.execute(0)
    return {part: list(getattr(model.Outputs, name)) for part, name in OUTPUTS.items()}


def loads(path):
    """A load file with the column kwh -> (step_s, [kWh as decimals])."""
    with path.open() as file:
        energies = [Decimal(row["kwh"]) for row in csv.DictReader(file)]
    assert len(energies) % STEPS == 0
    return 3600 * STEPS // len(energies), energies


def imported(text, file, option, step_s):
    """A sheet by the importer, in SAM's calendar, its demand over the steps of the load."""
    mode, window_min = OPTIONS[option], step_s // 60
    choices = Choices(mode, "none", currency="USD", sam=True, window_min=window_min)
    return urdb.import_text(text, file, choices)


def simulated(toml, step_s, imported_kwh, exported_kwh=None):
    """-> {part: 12 amounts before rounding, as fractions} by the host's engine."""
    tariff = compile_text(toml, "imported", wide=True).tariff()
    start = days(YEAR, 1, 1) * DAY_S
    counts = [counted(kwh) for kwh in (imported_kwh, exported_kwh) if kwh is not None]
    bills = simulate.bills_of([tariff], of_rows(start, step_s, *counts))
    assert [bill.open for bill in bills] == [False] * 12
    found = {part: [Fraction(0)] * 12 for part in PARTS}
    for month, bill in enumerate(bills):
        for line in bill.lines:
            found[_part(line)][month] += Fraction(*line["amount"]) / 10**15
    return found


def counted(energies):
    """kWh -> mW s, exactly."""
    exact = [energy * 3_600_000_000 for energy in energies]
    assert all(energy == int(energy) for energy in exact)
    return np.array([int(energy) for energy in exact], dtype=np.int64)


def _part(line):
    if line["kind"] == "demand":
        return "demand_flat" if line["name"].startswith("flat") else "demand_tou"
    return "energy" if line["kind"] == "export" else line["kind"]
