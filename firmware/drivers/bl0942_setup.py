"""The configuration that a meter gives a BL0942, its scales, and how it gets there. Loaded on
demand. "DS" is the BL0942 datasheet V1.1 (docs/sources.md)."""

from meter.compat import const
from meter.errors import MeterError

_I_RMSOS = const(0x12)
_WA_CREEP = const(0x14)  # power below WA_CREEP * 3125 / 256 is no load, in units of WATT
_I_FAST_RMS_TH = const(0x15)
_I_FAST_RMS_CYC = const(0x16)
_FREQ_CYC = const(0x17)
_OT_FUNX = const(0x18)
_MODE = const(0x19)
_GAIN_CR = const(0x1A)
_SOFT_RESET = const(0x1C)
_CF_CNT = const(0x07)

_MODE_DEFAULT = const(0x87)
_MODE_ALGEBRAIC = const(0x07)  # CF_EN; CF_CNT goes down when energy is exported; no read clears it
_MODE_60_HZ = const(0x20)
_WA_CREEP_DEFAULT = const(0x0B)
_FREQ_CYC_DEFAULT = const(0x03)
_OT_FUNX_CF = const(0x20)  # pulses on CF1 and CF2, never the over-current alarm; ZX as it was
_GAIN_16 = const(0x02)
_RESET_CODE = const(0x5A5A5A)
_RESET_WAIT_MS = const(10)
_ALL_OF_BASE = const(0x7FFFF)  # 19 bits of CF_CNT stand in I_FAST_RMS_TH and I_FAST_RMS_CYC

# Names of a calibration; the gains are the driver's, as the chip has none: 0x8000 is 1.
_CALIBRATION = ("V_GAIN", "I_GAIN", "P_GAIN", "I_RMSOS")
_UNITY = const(0x8000)


def scales(shunt_uohm, divider_ohm, ct, vt):
    """-> ((mV a unit of V_RMS), (mA, I_RMS), (mW, WATT), (mWh a CF pulse)), (num, den) each.

    With 1.218 V reference, mV and mA at the pins: V_RMS = 73989 mV / 1.218,
    I_RMS = 305978 mV / 1.218, WATT = 3537 mV mV / 1.218^2, a pulse each 419430.4 / WATT s (DS 2).
    MeterError: not positive.
    """
    top, bottom = divider_ohm
    if min(shunt_uohm, top + 1, bottom) <= 0 or min(ct + vt) <= 0:
        raise MeterError(
            f"bl0942: board: shunt {shunt_uohm}, divider {divider_ohm}, expected above 0: board.py"
        )
    whole = top + bottom
    power = (whole * 1483524 * ct[0] * vt[0], 3537000 * bottom * shunt_uohm * ct[1] * vt[1])
    return (
        _fraction(1218 * whole * vt[0], 73989000 * bottom * vt[1]),
        _fraction(1218000 * ct[0], 305978 * shunt_uohm * ct[1]),
        _fraction(*power),
        _fraction(power[0] * 4194304, power[1] * 36000),
    )


def gains(calibration):
    """-> V_GAIN, I_GAIN, P_GAIN. MeterError: an unknown name, or one below a half."""
    for name, value in calibration.items():
        least, most = (0, 0xFF) if name == "I_RMSOS" else (0x4000, 0xFFFF)
        if name not in _CALIBRATION or not least <= value <= most:
            raise MeterError(
                f"bl0942: calibration: {name} = {value}, expected V_GAIN ..., 16 bits: calibrate"
            )
    return tuple([calibration.get(name, _UNITY) for name in _CALIBRATION[:3]])


def configuration(line_hz, start_mw, watt, calibration):
    """-> tuple of (register, value, stage) in the order in which it is played.

    WA_CREEP is last and never the default: it says that the base of the count is right too.
    start_mw   starting power; half of it is no load
    watt       (mW, WATT), see `scales`
    """
    if line_hz not in (50, 60):
        raise MeterError(f"bl0942: mode: {line_hz} Hz, expected 50 or 60: see board.py")
    creep = start_mw * watt[1] * 128 // (watt[0] * 3125)
    if not 0 <= creep <= 0xFF:
        most = 255 * watt[0] * 3125 // (watt[1] * 128)
        raise MeterError(
            f"bl0942: thresholds: start power {start_mw} mW, expected 0 to {most}: see board.py"
        )
    if creep == _WA_CREEP_DEFAULT:
        creep += 1
    return (
        (_MODE, _MODE_ALGEBRAIC | (_MODE_60_HZ if line_hz == 60 else 0), "mode"),
        (_GAIN_CR, _GAIN_16, "mode"),
        (_OT_FUNX, _OT_FUNX_CF, "outputs"),
        (_FREQ_CYC, _FREQ_CYC_DEFAULT, "line"),
        (_I_RMSOS, calibration.get("I_RMSOS", 0), "calibration"),
        (_WA_CREEP, creep, "thresholds"),
    )


def survey(link, rows):
    """-> (rows that the chip does not hold, whether it was reset and its count with it)"""
    wrong = [row for row in rows if link.field(row[0]) != row[1]]
    names = [row[0] for row in wrong]
    lost = _MODE in names or _GAIN_CR in names or link.field(_WA_CREEP) == _WA_CREEP_DEFAULT
    return (rows if lost else wrong), lost


def play(link, rows, lost, sleep_ms):
    """Write rows. -> CF_CNT as it is now, of a chip that was reset; else None.

    MeterError: names the stage that failed.
    """
    base = None
    if lost:
        _reset(link, sleep_ms)
    if rows:
        link.unlock()
    for register, value, stage in rows:
        if lost and register == _WA_CREEP:
            base = link.get(_CF_CNT)
            link.write(_I_FAST_RMS_CYC, base >> 16 & 7, "base")
            link.write(_I_FAST_RMS_TH, base & 0xFFFF, "base")
        link.write(register, value, stage)
    return base


def kept_base(link):
    """-> (CF_CNT when another life of the driver counted it last, whether that is in doubt)

    It has moved by less than 2**15 since, which is 6 kWh at 5350 pulses; the 3 bits more tell up
    to 2**18 that it is not so.
    """
    count = link.get(_CF_CNT)
    kept = link.field(_I_FAST_RMS_CYC) << 16 | link.field(_I_FAST_RMS_TH)
    gone = ((count - kept) & 0xFFFF ^ 0x8000) - 0x8000
    base = (count - gone) & 0xFFFFFF
    return base, (base ^ kept) & _ALL_OF_BASE != 0


def _reset(link, sleep_ms):
    link.resync()
    link.unlock()
    link.put(_SOFT_RESET, _RESET_CODE)
    sleep_ms(_RESET_WAIT_MS)
    seen = link.field(_MODE)
    if seen != _MODE_DEFAULT:
        raise MeterError(
            f"bl0942: presence: MODE read 0x{seen:02x}, expected 0x87: check wiring and SEL"
        )


def _fraction(num, den, den_max=0xFFFFFF):
    """-> (num, den), the nearest by continued fractions whose den and num stay small."""
    before, last = (0, 1), (1, 0)
    while den:
        whole = num // den
        num, den = den, num - whole * den
        after = (whole * last[0] + before[0], whole * last[1] + before[1])
        if max(after) > den_max:
            break
        before, last = last, after
    return last
