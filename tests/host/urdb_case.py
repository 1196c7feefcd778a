"""A sheet with one of everything, and short ways to import it."""

import copy
import json

from wattledger.tariffs.tariff_file import compile_text
from wattledger.urdb import sheets as urdb
from wattledger.urdb.sheets import Choices

ZONE = "America/New_York"
ASKED = Choices("prorata", "none", timezone=ZONE, currency="USD")
NIGHT, DAY = 0, 1
WORKDAY = [NIGHT] * 8 + [DAY] * 12 + [NIGHT] * 4
SHEET = {
    "label": "0123456789abcdef01234567",
    "utility": "Light & Power",
    "name": 'Time of use "A"',
    "country": "USA",
    "energyratestructure": [
        [{"rate": 0.1, "unit": "kWh", "max": 300}, {"rate": 0.12, "adj": 0.005, "unit": "kWh"}],
        [{"rate": 0.3, "unit": "kWh", "max": 300}, {"rate": 0.5, "unit": "kWh"}],
    ],
    "energyweekdayschedule": [WORKDAY] * 12,
    "energyweekendschedule": [[NIGHT] * 24] * 12,
    "flatdemandstructure": [[{"rate": 4, "max": 20}, {"rate": 6.5}], [{"rate": 9.25}]],
    "flatdemandmonths": [0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0],
    "flatdemandunit": "kW",
    "demandratestructure": [[{"rate": 0}], [{"rate": 12}]],
    "demandweekdayschedule": [[0] * 12 + [1] * 6 + [0] * 6] * 12,
    "demandweekendschedule": [[0] * 24] * 12,
    "demandrateunit": "kW",
    "demandwindow": 30,
    "fixedchargefirstmeter": 5,
    "fixedchargeunits": "$/month",
    "mincharge": 11,
    "minchargeunits": "$/month",
}


def changed(**fields):
    """SHEET with other fields; None takes one away."""
    sheet = {**copy.deepcopy(SHEET), **fields}
    return {name: value for name, value in sheet.items() if value is not None}


def imported(sheet, choices=ASKED, **more):
    text = sheet if isinstance(sheet, str) else json.dumps(sheet)
    return urdb.import_text(text, "sheet.json", Choices(**{**vars(choices), **more}))


def compiled(sheet, choices=ASKED, **more):
    """-> the canonical data, as a simulation takes it."""
    return compile_text(imported(sheet, choices, **more).text, "t.toml", wide=True).data


def notes(sheet, choices=ASKED, **more):
    return "\n".join(imported(sheet, choices, **more).notes)
