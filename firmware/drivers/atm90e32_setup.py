"""The configuration that a meter gives an ATM90E32AS, and how it gets there. Loaded on demand.

"DS" is the datasheet Atmel-46003B, "AN" the application note 46103A (docs/sources.md).
"""

from meter.compat import const
from meter.errors import MeterError

_METER_EN = const(0x00)  # metering runs while any of bits 7..0 is set; 0 after a reset
_CHANNEL_MAP_I = const(0x01)
_SAG_PEAK_DET = const(0x05)  # high byte: peak window; low byte: sag window, ms
_SAG_TH = const(0x08)
_FREQ_LO_TH = const(0x0C)  # 0.01 Hz
_FREQ_HI_TH = const(0x0D)
_PL_CONST_H = const(0x31)
_PL_CONST_L = const(0x32)
_M_MODE0 = const(0x33)
_M_MODE1 = const(0x34)  # PGA of I3, I2, I1, two bits each: 0 = 1x, 1 = 2x, 2 = 4x
_P_START_TH = const(0x35)  # 0.00032 W; 36 and 37 the same in var and VA
_P_PHASE_TH = const(0x38)
_U_GAIN_A = const(0x61)
_SOFT_RESET = const(0x70)
_EMM_INT_EN0 = const(0x75)
_LAST_SPI_DATA = const(0x78)  # data of the last read or write, the chip's own memory of it
_CFG_REG_ACC_EN = const(0x7F)


_CHANNEL_MAP_I_DEFAULT = const(0x0210)
_RESET_CODE = const(0x789A)
_UNLOCK_CODE = const(0x55AA)
_LOCK_CODE = const(0x0000)  # any other code runs the chip and latches its own CRC

# Names in the datasheet: the keys of a calibration. Registers 41..4C, then 61..6C.
_CALIBRATION = (
    "PoffsetA QoffsetA PoffsetB QoffsetB PoffsetC QoffsetC "
    "PQGainA PhiA PQGainB PhiB PQGainC PhiC "
    "UgainA IgainA UoffsetA IoffsetA UgainB IgainB UoffsetB IoffsetB "
    "UgainC IgainC UoffsetC IoffsetC"
).split()
_POWER_REGISTERS = const(12)
_TRIES = const(4)
_SAG_WINDOWS = const(0x1414)  # 20 ms each: a last gasp is worth more than a sure sag
_RESET_WAIT_MS = const(6)  # DS: 5 ms

# wiring -> (phases that the chip measures, MMode0 without the line frequency)
WIRINGS = {
    "3p4w": ((0, 1, 2), 0x0087),
    "3p3w": ((0, 2), 0x0185),  # B is the common conductor: EnPB off, DS MMode0
    "1p": ((0,), 0x0084),
}
_FREQ_60_HZ = const(0x1000)  # MMode0 bit 12


def _pl_constant(imp_per_kwh):
    """PLconst = 450e9 / imp_per_kwh (DS 3.5). MeterError: not exact, or over 32 bits (105)."""
    exact = imp_per_kwh > 0 and 450000000000 % imp_per_kwh == 0
    if not exact or 450000000000 // imp_per_kwh >> 32:
        raise MeterError(
            f"atm90e32: constant: {imp_per_kwh} imp/kWh, expected a divisor of 450e9: try 600"
        )
    return 450000000000 // imp_per_kwh


def _threshold(start_mw, percent):
    """-> start threshold in units of 0.32 mW. MeterError: over 16 bits, which is 20.97 W."""
    value = start_mw * percent // 32
    if not 0 <= value <= 0xFFFF:
        raise MeterError(
            f"atm90e32: thresholds: start power {start_mw} mW, expected 0 to 41943: lower it"
        )
    return value


def _calibration_rows(calibration):
    """-> list of (register, value, stage), every gain, phase and offset.

    calibration   {datasheet name: 16-bit value}; a name that is missing keeps its default
    MeterError: a name that the chip has not got, or a value that is not 16 bits.
    """
    for name, value in calibration.items():
        if name not in _CALIBRATION or not 0 <= value <= 0xFFFF:
            raise MeterError(
                f"atm90e32: calibration: {name} = {value}, expected UgainA ..., 16 bits: calibrate"
            )
    rows = []
    for i, name in enumerate(_CALIBRATION):
        register = 0x41 + i if i < _POWER_REGISTERS else _U_GAIN_A + i - _POWER_REGISTERS
        default = 0x8000 if name[0] in "UI" and "gain" in name else 0
        rows.append((register, calibration.get(name, default), "calibration"))
    return rows


def _sag_rows(sag_mv, wiring, calibration):
    """-> rows of the threshold, V x 100 x sqrt 2 x 16384 / Ugain (DS 3.7.2), and IRQ1 of it.

    The highest threshold of the phases, as there is one register. MeterError: over 16 bits.
    """
    phases, _ = WIRINGS[wiring]
    gains = [calibration.get("Ugain" + "ABC"[phase], 0x8000) or 1 for phase in phases]
    value = sag_mv * 14142 * 16384 // (100000 * min(gains))
    if not 0 <= value <= 0xFFFF:
        raise MeterError(f"atm90e32: sag: {sag_mv} mV, expected up to 655000: see board.py")
    bits = 0
    for phase in phases:
        bits |= 0x4000 >> phase
    return [
        (_EMM_INT_EN0 + 1, bits, "interrupts"),
        (_SAG_PEAK_DET, _SAG_WINDOWS, "sag"),
        (_SAG_TH, value, "sag"),
    ]


def configuration(imp_per_kwh, line_hz, wiring, pga, start_mw, sag_mv, calibration):
    """-> tuple of (register, value, stage) in the order in which it is played.

    MeterEn is last, so that nothing is counted under a constant that is not yet right.
    start_mw      starting power; no-load is 50 % of it for the sum and 10 % a phase (AN 5.1)
    sag_mv        see Atm90e32; calibration: see `_calibration_rows`
    """
    if line_hz not in (50, 60) or wiring not in WIRINGS:
        raise MeterError(
            f"atm90e32: mode: {wiring} at {line_hz} Hz, expected 1p 3p3w 3p4w, 50 60: see board.py"
        )
    constant = _pl_constant(imp_per_kwh)
    mode = WIRINGS[wiring][1] | (_FREQ_60_HZ if line_hz == 60 else 0)
    rows = [
        (_EMM_INT_EN0, 0, "interrupts"),
        (_FREQ_LO_TH, line_hz * 98, "line"),  # 2 % either side, as the default at 50 Hz
        (_FREQ_HI_TH, line_hz * 102, "line"),
        (_PL_CONST_H, constant >> 16, "constant"),
        (_PL_CONST_L, constant & 0xFFFF, "constant"),
        (_M_MODE0, mode, "mode"),
        (_M_MODE1, pga, "mode"),
    ]
    if sag_mv:
        rows += _sag_rows(sag_mv, wiring, calibration)
    else:
        rows.append((_EMM_INT_EN0 + 1, 0, "interrupts"))
    for i in range(3):
        rows.append((_P_START_TH + i, _threshold(start_mw, 50), "thresholds"))
        rows.append((_P_PHASE_TH + i, _threshold(start_mw, 10), "thresholds"))
    rows += _calibration_rows(calibration)
    rows.append((_METER_EN, 1, "enable"))
    return tuple(rows)


def wrong(link, rows):
    """-> 0: the chip holds `rows`; 1: not all of them; 2 or 3: its counts have no known unit.

    MeterError: no chip answers, so nothing may be concluded from what it reads, nor written.
    """
    if not _wrong(link, rows):
        return 0
    _find(link)
    return _wrong(link, rows)


def _wrong(link, rows):
    found = 0
    for register, value, stage in rows:
        if not link.reads(register, value):
            found |= 2 if stage in ("constant", "enable") else 1
    return found


def _find(link):
    """MeterError: no register reads as LastSPIData says it did."""
    for _ in range(_TRIES):
        seen = link.get(_CHANNEL_MAP_I)
        if seen not in (0, 0xFFFF) and link.get(_LAST_SPI_DATA) == seen:
            return
    _absent(seen)


def start(link, rows, wrong, sleep_ms):
    """Make the chip hold `rows`; one whose counts have their unit keeps the energy in it.

    wrong   of `wrong`, just before
    MeterError: names the stage that failed.
    """
    if wrong & 2:
        _reset(link, sleep_ms)
    if wrong:
        link.put(_CFG_REG_ACC_EN, _UNLOCK_CODE)
        link.expect(_LAST_SPI_DATA, _UNLOCK_CODE, "unlock")
        for register, value, stage in rows:
            link.write(register, value, stage)
    link.put(_CFG_REG_ACC_EN, _LOCK_CODE)


def _reset(link, sleep_ms):
    link.put(_SOFT_RESET, _RESET_CODE)
    sleep_ms(_RESET_WAIT_MS)
    if not link.reads(_CHANNEL_MAP_I, _CHANNEL_MAP_I_DEFAULT):
        _absent(link.get(_CHANNEL_MAP_I))


def _absent(seen):
    cure = "MISO floating? check wiring and PM1/PM0" if seen == 0xFFFF else "check wiring"
    raise MeterError(f"atm90e32: presence: ChannelMapI read 0x{seen:04x}, expected 0x0210: {cure}")
