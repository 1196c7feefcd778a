"""The record of a calibration: what the metering IC is told, when, and against which reference.

Loaded on demand: at a start, and when somebody calibrates. Layout: docs/formats.md.
"""

import binascii
import json
import struct

from meter.compat import const
from meter.errors import MeterError

FORMAT = const(1)
SIZE_MAX = const(2048)
_HEAD = "<4sBBH"  # magic, format, 0, bytes of JSON
_HEAD_SIZE = const(8)
_CRC_SIZE = const(4)
_MAGIC = b"WLCA"
_FIELDS = (("ic", str), ("utc", int), ("reference", str), ("registers", dict), ("results", list))


def pack(record):
    """-> bytes of a record, at most SIZE_MAX.

    record   {"ic": name in the datasheet, "utc": Unix s, "reference": who says what is true,
             "registers": {name in the datasheet: int}, "results": [[phase from 0, mV, mA,
             angle in 0.001 degree (current lags), error in ppm], ...]}
    MeterError: it is none, or too long.
    """
    _check(record)
    body = json.dumps(record).encode()
    size = _HEAD_SIZE + len(body) + _CRC_SIZE
    if size > SIZE_MAX:
        raise MeterError(
            f"calibration: {size} bytes, expected at most {SIZE_MAX}: fewer load points"
        )
    data = struct.pack(_HEAD, _MAGIC, FORMAT, 0, len(body)) + body
    return data + struct.pack("<I", binascii.crc32(data))


def unpack(data):
    """-> the record, as `pack` takes it. MeterError: broken, or of another format."""
    if len(data) < _HEAD_SIZE + _CRC_SIZE or data[:4] != _MAGIC:
        raise MeterError("calibration: no record: calibrate again")
    _, version, zero, length = struct.unpack(_HEAD, data[:_HEAD_SIZE])
    end = _HEAD_SIZE + length
    if len(data) != end + _CRC_SIZE:
        raise MeterError(
            f"calibration: {len(data)} bytes, expected {end + _CRC_SIZE}: calibrate again"
        )
    if struct.unpack("<I", data[end:])[0] != binascii.crc32(data[:end]):
        raise MeterError("calibration: CRC does not match: calibrate again")
    if version != FORMAT or zero:
        raise MeterError(f"calibration: format {version}, expected {FORMAT}: calibrate again")
    try:
        record = json.loads(data[_HEAD_SIZE:end])
    except (ValueError, RuntimeError):  # the second: too many brackets for CPython
        record = None
    _check(record)
    return record


def choose(copies, ic):
    """-> (bytes in force or None, their record or None, what is wrong or None).

    copies   bytes or None where there is none; the first good one counts
    ic       name of the driver's class in capitals: the IC's name begins with it
    No copy at all is a meter that was never calibrated: nothing is wrong.
    """
    found, record, fault = None, None, None
    for data in copies:
        if data is None:
            continue
        try:
            its = unpack(data)
            if not its["ic"].startswith(ic):
                raise MeterError(f"calibration: of {its['ic']}, expected {ic}: calibrate again")
        except MeterError as error:
            fault = str(error)
            continue
        if found is None:
            found, record = data, its
    if found is None:
        if fault:
            fault += ", datasheet values until then"
    elif fault is None and [data for data in copies if data != found]:
        fault = "calibration: a copy was missing or another"
    elif fault:
        fault = "calibration: a copy was broken"
    return found, record, fault


def _check(record):
    """MeterError: not a record."""
    good = isinstance(record, dict) and len(record) == len(_FIELDS)
    for name, kind in _FIELDS:
        good = good and isinstance(record.get(name), kind)
    if good:
        for name, value in record["registers"].items():
            good = good and isinstance(name, str) and isinstance(value, int)
        for row in record["results"]:
            good = good and isinstance(row, list) and len(row) == 5
            good = good and all(isinstance(value, int) for value in row)
    if not good:
        raise MeterError("calibration: expected ic, utc, reference, registers, results: see docs")
