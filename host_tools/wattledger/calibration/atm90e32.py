"""Registers of an ATM90E32AS from the errors of its sensors.

Formulas: Microchip application note 46103A, but with the registers of now as the start, so that
a second calibration refines the first one. Register names and ranges: datasheet 46003B.
"""

from collections.abc import Mapping

from wattledger.calibration.sensor import PHASES, Sensor, phase_word
from wattledger.errors import ToolError

UNITY = 0x8000  # Ugain, Igain; PQGain counts in 1 / UNITY
POWER_LSB_W = 0.00032  # of Poffset
RMS_LSB_A = 0.001 / 512  # of Ioffset: bits 22..7 of the 32-bit rms value
PHI_HZ = 2_048_000  # clock whose cycles Phi counts
PHI_MAX = 255
DELAY_V = 0x8000  # Phi: delay the voltage instead of the current


def solve(
    registers: Mapping[str, int],
    sensors: Mapping[int, Sensor],
    line_hz: float,
    mwh_per_count: float,
) -> dict[str, int]:
    """-> the registers that make the sensors right; those of no phase in `sensors` as they are.

    ToolError: the error is larger than a register can undo.
    """
    found = dict(registers)
    for phase, sensor in sensors.items():
        _solve_phase(found, PHASES[phase], sensor, line_hz)
    return found


def _solve_phase(found: dict[str, int], x: str, sensor: Sensor, line_hz: float) -> None:
    u_before, i_before = found.get(f"Ugain{x}", UNITY), found.get(f"Igain{x}", UNITY)
    u_gain = _unsigned(f"Ugain{x}", u_before / (sensor.u_gain or 1))
    i_gain = _unsigned(f"Igain{x}", i_before / (sensor.i_gain or 1))
    found[f"Ugain{x}"], found[f"Igain{x}"] = u_gain, i_gain
    # What the two leave of the error of power; they act on it too.
    left = sensor.p_gain * (u_gain / u_before) * (i_gain / i_before)
    pq_before = _signed(found.get(f"PQGain{x}", 0))
    pq_gain = (UNITY + pq_before) / left - UNITY
    found[f"PQGain{x}"] = _word(f"PQGain{x}", pq_gain)
    if sensor.p_offset is not None:
        before_w = _signed(found.get(f"Poffset{x}", 0)) * POWER_LSB_W
        seen_w = (sensor.p_offset - before_w) / sensor.p_gain
        found[f"Poffset{x}"] = _word(f"Poffset{x}", -seen_w / POWER_LSB_W)
    if sensor.i_offset is not None:
        before_a = _signed(found.get(f"Ioffset{x}", 0)) * RMS_LSB_A
        seen_a = (sensor.i_offset - before_a) * i_gain / i_before
        found[f"Ioffset{x}"] = _word(f"Ioffset{x}", -seen_a / RMS_LSB_A)
    if sensor.lag_rad is not None:
        found[f"Phi{x}"] = phase_word(
            f"atm90e32: Phi{x}",
            found.get(f"Phi{x}", 0),
            *(sensor.lag_rad, line_hz, PHI_HZ, PHI_MAX, DELAY_V),
        )


def _unsigned(name: str, value: float) -> int:
    if not 1 <= round(value) <= 0xFFFF:
        raise ToolError(
            f"atm90e32: {name} would be {value:.0f}, expected 1 to 65535: check the board's"
            " divider, burden and PGA"
        )
    return round(value)


def _word(name: str, value: float) -> int:
    """-> two's complement"""
    if not -0x8000 <= round(value) <= 0x7FFF:
        raise ToolError(
            f"atm90e32: {name} would be {value:.0f}, expected 16 bits: check the sensor"
        )
    return round(value) & 0xFFFF


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word
