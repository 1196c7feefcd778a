"""Gains of a BL0942 from the errors of its sensors.

The chip has no gains and no register for phase or power offset: the driver applies the gains,
and what a register cannot undo must be small by the choice of the sensor (a shunt).
"""

import math
from collections.abc import Mapping

from wattledger.calibration.sensor import Sensor
from wattledger.errors import ToolError

UNITY = 0x8000
LAG_MAX_DEG = 0.33  # 1 % at power factor 0.5: what class 1 allows there


def solve(
    registers: Mapping[str, int],
    sensors: Mapping[int, Sensor],
    line_hz: float,
    mwh_per_count: float,
) -> dict[str, int]:
    """-> V_GAIN, I_GAIN and P_GAIN that make the sensors right.

    ToolError: an error that no gain can undo.
    """
    if set(sensors) != {0}:
        raise ToolError("bl0942: it has one phase: leave the others out")
    sensor, found = sensors[0], dict(registers)
    lag_deg = math.degrees(sensor.lag_rad or 0)
    if abs(lag_deg) > LAG_MAX_DEG:
        raise ToolError(
            f"bl0942: phase error {lag_deg:.2f} degree, expected at most {LAG_MAX_DEG}:"
            " the IC has no register for it: use a shunt, or trim the filters at its pins"
        )
    for name, error in (
        ("V_GAIN", sensor.u_gain),
        ("I_GAIN", sensor.i_gain),
        ("P_GAIN", sensor.p_gain),
    ):
        value = round(found.get(name, UNITY) / (error or 1))
        if not 1 <= value <= 0xFFFF:
            raise ToolError(
                f"bl0942: {name} would be {value}, expected 1 to 65535: check shunt and divider"
            )
        found[name] = value
    return found
