"""Registers of an ADE7953 from the errors of its sensors.

Formulas: Analog Devices AN-1118, but with the registers of now as the start, so that a second
calibration refines the first one. Register names and ranges: datasheet, revision C. The rms
offsets stay as they are: they act on what is shown at small currents, never on energy.
"""

from collections.abc import Mapping

from wattledger.calibration.sensor import PHASES, Sensor, phase_word
from wattledger.errors import ToolError

UNITY = 0x400000  # of all gains
GAIN_MIN, GAIN_MAX = 0x200000, 0x600000
PHCAL_HZ = 895_000  # clock whose cycles PHCALA and PHCALB count
PHCAL_MAX = 0x1FF
ADVANCE = 0x200  # sign of PHCALA: the current is too late
FULL_SCALE_HZ = 206_900  # energy counts a second
FULL_SCALE_WATT = 4_862_401  # AWATT at full scale
OFFSET_LSB = 512  # of AWATTOS in one of AWATT
CHANNELS = PHASES[:2]


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
    u_step = 1.0  # A and B share the voltage, and A decides about it
    if 0 in sensors and sensors[0].u_gain:
        before = found.get("AVGAIN", UNITY)
        found["AVGAIN"] = _gain("AVGAIN", before / sensors[0].u_gain)
        u_step = found["AVGAIN"] / before
    w_per_code = FULL_SCALE_HZ * mwh_per_count * 3.6 / FULL_SCALE_WATT
    for phase, sensor in sensors.items():
        if phase >= len(CHANNELS):
            raise ToolError("ade7953: it has the channels A and B: leave phase 3 out")
        _solve_channel(found, CHANNELS[phase], sensor, u_step, line_hz, w_per_code)
    return found


def _solve_channel(
    found: dict[str, int],
    x: str,
    sensor: Sensor,
    u_step: float,
    line_hz: float,
    w_per_code: float,
) -> None:
    i_before = found.get(f"{x}IGAIN", UNITY)
    i_gain = _gain(f"{x}IGAIN", i_before / (sensor.i_gain or 1))
    found[f"{x}IGAIN"] = i_gain
    # What the two leave of the error of power; they act on it too.
    left = sensor.p_gain * u_step * i_gain / i_before
    gain = _gain(f"{x}WGAIN", found.get(f"{x}WGAIN", UNITY) / left)
    found[f"{x}WGAIN"] = found[f"{x}VARGAIN"] = found[f"{x}VAGAIN"] = gain
    if sensor.p_offset is not None:
        lsb_w = w_per_code / OFFSET_LSB
        before_w = _signed(found.get(f"{x}WATTOS", 0)) * lsb_w
        offset = round(-(sensor.p_offset - before_w) / sensor.p_gain / lsb_w)
        if not -0x800000 <= offset <= 0x7FFFFF:
            raise ToolError(
                f"ade7953: {x}WATTOS would be {offset}, expected 24 bits: check the sensor"
            )
        found[f"{x}WATTOS"] = offset & 0xFFFFFF
    if sensor.lag_rad is not None:
        found[f"PHCAL{x}"] = phase_word(
            f"ade7953: PHCAL{x}",
            found.get(f"PHCAL{x}", 0),
            *(sensor.lag_rad, line_hz, PHCAL_HZ, PHCAL_MAX, ADVANCE),
        )


def _gain(name: str, value: float) -> int:
    if not GAIN_MIN <= round(value) <= GAIN_MAX:
        raise ToolError(
            f"ade7953: {name} would be 0x{round(value):06x}, expected 0x200000 to 0x600000:"
            " check full_scale of the board"
        )
    return round(value)


def _signed(word: int) -> int:
    return word - 0x1000000 if word & 0x800000 else word
