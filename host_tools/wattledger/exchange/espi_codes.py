"""The codes of ESPI that interval data of electricity needs (NAESB REQ.21, espi.xsd 4.0)."""

from typing import NamedTuple

ATOM = "{http://www.w3.org/2005/Atom}"
ESPI = "{http://naesb.org/espi}"

ELECTRICITY = 0  # ServiceCategory kind
COMMODITY = (0, 1, 2)  # none, electricity measured on the low or the high side
DELTA = 4  # accumulationBehaviour: energy of the interval
NO_ACCUMULATION = 0
ENERGY = 12  # kind
WH, VARH = 72, 73  # uom
MULTIPLIER_MILLI = -3
NONE, FORWARD, NET, Q1_AND_Q2, Q3_AND_Q4, REVERSE = 0, 1, 4, 5, 13, 19  # flowDirection
VALID, REFERENCE_DAY = 0, 8  # quality
# Edited by hand, by a reference day, by a line, derived, projected, mixed, fitted to weather.
ESTIMATES = {7, 8, 9, 11, 12, 13, 15}
NO_DST = "FFFFFFFF"


class Flow(NamedTuple):
    """Energy of one of History's columns as a reading type."""

    column: str
    title: str
    uom: int
    direction: int


FLOWS = (
    Flow("import_mwh", "Energy delivered", WH, FORWARD),
    Flow("export_mwh", "Energy received", WH, REVERSE),
    Flow("lagging_mvarh", "Reactive energy Q1 + Q2", VARH, Q1_AND_Q2),
    Flow("leading_mvarh", "Reactive energy Q3 + Q4", VARH, Q3_AND_Q4),
)
