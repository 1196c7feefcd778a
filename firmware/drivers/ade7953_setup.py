"""The configuration that a meter gives an ADE7953, and how it gets there. Loaded on demand.

"DS" is the datasheet, revision C, "AN" the application note AN-1118 (docs/sources.md).
"""

from drivers.ade7953_intake import ENERGIES
from meter.compat import const
from meter.errors import MeterError

_DISNOLOAD = const(0x001)  # bits 0 to 2: no no-load detection of active, reactive, apparent
_LCYCMODE = const(0x004)
_PGA_V = const(0x007)  # 0 to 4: 1x to 16x, 5: 22x; then IA, IB
_WRITE_PROTECT = const(0x040)
_UNLOCK = const(0x0FE)
_CONFIG = const(0x102)
_CF1DEN = const(0x103)  # energy counts a pulse of CF1
_CF2DEN = const(0x104)
_CFMODE = const(0x107)  # bits 0 to 3 select what CF1 shows; bits 8, 9 switch CF1, CF2 off
_RESERVED = const(0x120)  # "must be 30h for optimum performance"
_LAST_ADD = const(0x1FE)
_LAST_RWDATA16 = const(0x1FF)
_AP_NOLOAD = const(0x203)  # then reactive, apparent
_IRQENA = const(0x22C)
_IRQSTATA = const(0x22D)
_RSTIRQSTATA = const(0x22E)  # READ CLEARS
_IRQENB = const(0x22F)
_LAST_RWDATA24 = const(0x2FF)
_CRC = const(0x37F)  # of all configuration

_RSTREAD = const(0x40)  # LCYCMODE: energy registers clear on read, no line-cycle mode
_HPF_CRC = const(0x0104)  # CONFIG: high-pass filter, CRC; bit 15 = 0 locks the interface to SPI
_RESET = const(1 << 20)  # IRQSTATA; as IRQENA the one that cannot be switched off
_UNLOCK_CODE = const(0xAD)
_OPTIMUM = const(0x30)
_PROTECTED = const(7)  # 8, 16 and 24 bit registers
_BOOT_MS = const(110)  # DS: 100 ms from power-up to the first transfer
_TRIES = const(4)
_FULL_SCALE_HZ = const(206900)  # energy counts a second at full scale of voltage and current
# At full scale of voltage and current: codes of VRMS and IRMS, and mW for a code of power at one
# energy count per kWh (206.9 kHz x 3.6e9 / 4862401; DS "Power Offsets", "Active Energy")
_RMS_FULL_SCALE = const(9032007)
_POWER_NUM = 744840000000000
_POWER_DEN = const(4862401)

# wiring -> (channels that are billed, channels that are shown, CFMODE)
WIRINGS = {
    "1p": (1, 1, 0x0200),  # channel A
    "1pn": (1, 2, 0x0200),  # channel A; B sees the neutral, its current is shown
    "2c": (2, 2, 0x0209),  # two circuits of one phase: the sum of A and B
}
_GAINS = const(0x400000)
# What a calibration may name, with its register.
CALIBRATION = {
    "PHCALA": 0x108,
    "PHCALB": 0x109,
    "AIGAIN": 0x280,
    "AVGAIN": 0x281,
    "AWGAIN": 0x282,
    "AVARGAIN": 0x283,
    "AVAGAIN": 0x284,
    "AIRMSOS": 0x286,
    "VRMSOS": 0x288,
    "AWATTOS": 0x289,
    "AVAROS": 0x28A,
    "AVAOS": 0x28B,
    "BIGAIN": 0x28C,
    "BWGAIN": 0x28E,
    "BVARGAIN": 0x28F,
    "BVAGAIN": 0x290,
    "BIRMSOS": 0x292,
    "BWATTOS": 0x295,
    "BVAROS": 0x296,
    "BVAOS": 0x297,
}


def cf1den(imp_per_kwh, full_scale_mv, full_scale_ma):
    """-> energy counts a pulse: imp_per_kwh x CF1DEN is the counts per kWh that a calibrated chip
    has, next to those that it has by itself. MeterError: no 16-bit number does it."""
    counts_per_kwh = _FULL_SCALE_HZ * 3600000000000 // (full_scale_mv * full_scale_ma)
    found = (counts_per_kwh + imp_per_kwh // 2) // imp_per_kwh if imp_per_kwh > 0 else 0
    if not 20 <= found <= 0xFFFF:
        raise MeterError(
            f"ade7953: constant: {imp_per_kwh} imp/kWh need CF1DEN {found}, expected 20 to 65535"
        )
    return found


def _no_load(start_mw, full_scale_mv, full_scale_ma):
    """-> X_NOLOAD = 65536 - Y/1.4, where full scale is Y times half of the starting power."""
    ratio = full_scale_mv * full_scale_ma * 2 // (1000 * start_mw) if start_mw > 0 else 0
    if not 140 <= ratio <= 91000:
        raise MeterError(
            f"ade7953: thresholds: start {start_mw} mW, expected 1/70 to 1/45000 of full scale"
        )
    return 65536 - ratio * 10 // 14


def _calibration_rows(calibration):
    """-> list of (register, value, stage), every gain, phase and offset.

    calibration   {datasheet name: register value}; a name that is missing keeps its default.
                  PHCALA and PHCALB have 10 bits, sign and magnitude; the others 24
    MeterError: a name that the chip has not got, or a value out of its range.
    """
    for name, value in calibration.items():
        low, high = 0, 0xFFFFFF
        if "GAIN" in name:
            low, high = 0x200000, 0x600000
        elif "PHCAL" in name:
            high = 0x3FF
        if name not in CALIBRATION or not low <= value <= high:
            raise MeterError(
                f"ade7953: calibration: {name} = {value}, expected AWGAIN ..., in range: calibrate"
            )
    rows = []
    for name, register in CALIBRATION.items():
        default = _GAINS if "GAIN" in name else 0
        rows.append((register, calibration.get(name, default), "calibration"))
    return rows


def configuration(imp_per_kwh, line_hz, wiring, pga, start_mw, full_scale, calibration):
    """-> tuple of (register, value, stage) in the order in which it is played.

    The CRC of the chip runs from CONFIG on; what protects against writes is last.
    full_scale    (mV, mA)
    calibration   see `_calibration_rows`
    """
    if line_hz not in (50, 60) or wiring not in WIRINGS:
        raise MeterError(
            f"ade7953: mode: {wiring} at {line_hz} Hz, expected 1p 1pn 2c, 50 60: see board.py"
        )
    if len(pga) != 3 or not all(0 <= gain <= 5 for gain in pga):
        raise MeterError(f"ade7953: mode: gains {pga}, expected three of 0 to 5: see board.py")
    threshold = _no_load(start_mw, *full_scale)
    pulse = cf1den(imp_per_kwh, *full_scale)
    rows = [(_PGA_V + i, pga[i], "mode") for i in range(3)]
    rows += [(_AP_NOLOAD + i, threshold, "thresholds") for i in range(3)]
    rows += _calibration_rows(calibration)
    rows += [
        (_DISNOLOAD, 0, "thresholds"),
        (_LCYCMODE, _RSTREAD, "mode"),
        (_IRQENA, _RESET, "interrupts"),
        (_IRQENB, 0, "interrupts"),
        (_CF1DEN, pulse, "constant"),
        (_CF2DEN, pulse, "constant"),
        (_CFMODE, WIRINGS[wiring][2], "constant"),
        (_CONFIG, _HPF_CRC, "lock"),
        (_WRITE_PROTECT, _PROTECTED, "protection"),
    ]
    return tuple(rows)


def is_shy(link, sleep_ms):
    """-> bool: to read LAST_RWDATA changes what LAST_ADD tells (the DS does not say).

    MeterError: there is no chip, as it does not know what it was asked.
    """
    before = 0
    for attempt in range(2 * _TRIES):
        link.get(_IRQENB)
        link.get(_LAST_RWDATA24)
        seen = link.get(_LAST_ADD)
        if seen == before and seen in (_IRQENB, _LAST_RWDATA24):
            return seen == _LAST_RWDATA24
        if seen in (0, 0xFFFF) and attempt == _TRIES:
            sleep_ms(_BOOT_MS)
        before = seen
    cure = "MISO floating? check wiring" if before == 0xFFFF else "check CS and SPI mode"
    raise MeterError(f"ade7953: presence: asked 0x22f, chip saw 0x{before:03x}: {cure}")


def wrong(link, rows):
    """-> 0: the chip holds `rows`; 1: not all of them; 2 or 3: it was reset since."""
    found = 2 if link.agreed(_IRQSTATA) & _RESET else 0
    for register, value, _ in rows:
        if not link.reads(register, value):
            found |= 1
    return found


def scales(imp_per_kwh, wiring, full_scale, ct_ratio, vt_ratio, pmax_w):
    """-> mWh a count; counts a second at pmax_w and a quarter more; mV, mA, mW a code: all but the
    second (num, den) in lowest terms, primary; whether B is billed; channels that are shown."""
    per_kwh = imp_per_kwh * cf1den(imp_per_kwh, *full_scale)
    num, den = ct_ratio[0] * vt_ratio[0], ct_ratio[1] * vt_ratio[1]
    return (
        _lowest_terms(1000000 * num, per_kwh * den),
        pmax_w * per_kwh * den * 5 // (3600000 * num * 4) + 1,
        _lowest_terms(full_scale[0] * vt_ratio[0], _RMS_FULL_SCALE * vt_ratio[1]),
        _lowest_terms(full_scale[1] * ct_ratio[0], _RMS_FULL_SCALE * ct_ratio[1]),
        _lowest_terms(_POWER_NUM * num, _POWER_DEN * per_kwh * den),
        WIRINGS[wiring][0] == 2,
        WIRINGS[wiring][1],
    )


def _lowest_terms(num, den):
    a, b = num, den
    while b:
        a, b = b, a % b
    return num // a, den // a


def play(intake, rows, flag, sleep_ms):
    """Make the chip hold `rows`. -> bytes of its CRC then. flag: raised when it did not hold them.

    MeterError: names the stage that failed.
    """
    link = intake.link
    intake.over = 0  # what rolled over has been taken, or is dropped
    intake.shy = is_shy(link, sleep_ms)
    found = wrong(link, rows)
    if found:
        intake.flags |= flag
    start(link, rows, found, ENERGIES, sleep_ms)
    before = link.raw(_CRC)
    for _ in range(_TRIES):
        crc = link.raw(_CRC)
        if crc == before:
            return crc
        before = crc
    raise MeterError("ade7953: CRC: never reads twice the same, expected a constant: wiring?")


def start(link, rows, wrong, energies, sleep_ms):
    """Make the chip hold `rows`; one that was not reset keeps the energy in it.

    wrong      of `wrong`, just before
    energies   registers to be cleared after a reset, as their counts have no known unit
    MeterError: names the stage that failed. The RESET bit goes last, so that what is broken
    off is begun again.
    """
    if not wrong:
        return
    _write(link, _WRITE_PROTECT, 0, "protection")
    _unlock(link)
    _write(link, _DISNOLOAD, _PROTECTED, "thresholds")  # DS: off while thresholds change
    for register, value, stage in rows:
        if register in (_CF1DEN, _CF2DEN):
            link.put(register, value)  # DS: two writes in a row
        _write(link, register, value, stage, sleep_ms if register == _CONFIG else None)
    if wrong & 2:
        for register in energies:
            link.get(register)
    for _ in range(_TRIES):
        if not link.agreed(_IRQSTATA) & _RESET:
            return
        link.get(_RSTIRQSTATA)
    raise MeterError("ade7953: reset: RESET of IRQSTATA stays 1, expected 0: check the supply")


def _write(link, register, value, stage, sleep_ms=None):
    """Write and read back. MeterError names the stage."""
    for _ in range(_TRIES):
        link.put(register, value, sleep_ms)
        if link.get(register) == value:
            return
    if not link.reads(register, value):
        seen = link.get(register)
        where = f"ade7953: {stage}: register 0x{register:03x}"
        raise MeterError(f"{where} read 0x{seen:x}, expected 0x{value:x}: check wiring")


def _unlock(link):
    """The register that is not in the register list; whether it can be read is not said."""
    for _ in range(_TRIES):
        link.put(_UNLOCK, _UNLOCK_CODE)
        link.put(_RESERVED, _OPTIMUM)
        if link.get(_LAST_RWDATA16) == _OPTIMUM:
            return
    seen = link.get(_LAST_RWDATA16)
    raise MeterError(f"ade7953: unlock: chip took 0x{seen:04x}, expected 0x0030: check wiring")
