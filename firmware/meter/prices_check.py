"""Reads a price schedule: canonical JSON of ints and strings in, a sound Schedule out, and puts
it in force. Loaded on demand.

{"schema":1,"kind":"prices","id":0,"currency":"EUR","start":1790812800,"step_s":900,
 "import":[nano per kWh, ...],"export":[...] or [],"events":[[from, to, "rate name"], ...]}
Times are Unix seconds. It is named by the SHA-256 of its bytes, like a tariff (docs/tariffs.md).
"""

import hashlib
import json

from meter import codes, limits
from meter.civil import EPOCH
from meter.errors import MeterError
from meter.price_schedule import Schedule, as_int

SCHEMA = 1
STEPS_S = (900, 1800, 3600)
_NONE = bytes(8)
_UTC_MAX = 0xFFFFFFFF
_RANGE_NANO = limits.PRICE_NANO_MAX


def digest(text):
    """-> 64 hex digits: the name of a schedule file with these bytes."""
    return hashlib.sha256(text).digest().hex()


def load(text):
    """bytes of canonical JSON -> Schedule. MeterError: not a schedule this meter can keep."""
    _need(len(text) <= limits.TARIFF_BYTES, "file", "at most 8192 bytes")
    try:
        data = json.loads(text)
    except (ValueError, RuntimeError):  # the second: too many brackets for CPython
        data = None
    _need(isinstance(data, dict), "file", "JSON of a price schedule")
    try:
        check(data)
        return Schedule(data)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MeterError("prices: " + repr(error) + ": expected a price schedule: push it again")


def check(data):
    """data: dict. MeterError, or KeyError, TypeError and the like: it cannot be kept."""
    _int(data["schema"], SCHEMA, SCHEMA, "schema")
    _need(data["kind"] == "prices", "kind", "prices")
    _int(data["id"], 0, 0xFFFF, "id")
    _need(isinstance(data["currency"], str) and len(data["currency"]) == 3, "currency", "a code")
    step_s, imports, exports = data["step_s"], data["import"], data["export"]
    _need(step_s in STEPS_S, "step_s", "900, 1800 or 3600")
    _int(len(imports), 0, limits.PRICE_STEPS, "import")
    _need(len(exports) in (0, len(imports)), "export", "none, or as many as import")
    _int(data["start"], EPOCH, _UTC_MAX - step_s * len(imports), "start")
    _need(data["start"] % step_s == 0, "start", "a border of steps in UTC")
    for prices in (imports, exports):
        for nano in prices:
            _int(nano, -_RANGE_NANO, _RANGE_NANO, "import, export")
    events, last = data["events"], EPOCH
    _int(len(events), 0, limits.PRICE_EVENTS, "events")
    _need(imports or events, "import", "a price or an event at least")
    for begin, end, rate in events:
        _int(begin, last, _UTC_MAX, "events: in order")
        _int(end, begin + 1, _UTC_MAX, "events: end after begin")
        _need(isinstance(rate, str), "events", "the name of a rate")
        last = end


def of_digest(files, start):
    """-> Schedule of the file whose digest starts so (hex). MeterError: missing, or altered."""
    text = files.load(start)
    if text is None:
        raise MeterError("prices " + start[:16] + ": no such file: push it again")
    if not digest(text).startswith(start):
        raise MeterError("prices " + start[:16] + ": file altered: push it again")
    return load(text)


def fits(schedule, tariff):
    """MeterError: this tariff cannot be priced by it."""
    currency = schedule.currency
    _need(currency == tariff.currency, "currency " + currency, tariff.currency)
    zone = tariff.calendar.zone
    if schedule.count:
        _need(tariff.settlement is not None, "import", "a tariff with a dynamic rate")
        whole = zone.standard_s % tariff.interval_s == zone.summer_s % tariff.interval_s == 0
        _need(whole, "interval_s", "a divisor of the zone's offset from UTC")
    for _, _, name in schedule.events:
        known = name in tariff.rates[: tariff.imports]
        _need(known, "events: " + name, "an import rate of the tariff in force")


def accept(meter, digest_hex, t):
    """Put a schedule file in force; it holds from the next row on. t: core second now.

    -> (Unix second of its end, first 8 bytes of the digest before). MeterError: no such file,
    over, not for this tariff, or one that would leave a gap after the one in force.
    """
    contract = meter.contract
    found = of_digest(meter.ports.files, digest_hex)
    _suits(found, contract)
    _need(found.end > t, "end", "one that is not over")
    before = contract.w.price_digest
    if before != _NONE and contract.w.price_expiry > t + EPOCH:
        begins = found.start if found.count else found.end
        # Of a step in which a row has begun: its price must be known after a reset, too.
        covered = begins <= t or contract.tariff.settlement is None
        _need(covered, "start", "prices from now on too, or those in force end")
    prefix = bytes.fromhex(digest_hex)[:8]
    if prefix != before:
        w = contract.w.copy()
        w.price_digest, w.price_expiry = prefix, found.end + EPOCH
        contract.take(w, t)
        meter.events.log(codes.EVENT_PRICES, t, as_int(before), as_int(prefix))
    return found.end + EPOCH, before


def _suits(schedule, contract):
    """Prices for the tariff that comes next may be there before it is."""
    try:
        fits(schedule, contract.tariff)
    except MeterError:
        if contract.w.passive_digest == _NONE:
            raise
        fits(schedule, contract.terms("load", contract.w.passive_digest))


def _int(value, low, high, where):
    """Words are made for a value that is refused only: there are hundreds of prices."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        _need(False, where, str(low) + " to " + str(high))


def _need(condition, where, expected):
    if not condition:
        raise MeterError("prices: " + where + ": expected " + expected + ": push others")
