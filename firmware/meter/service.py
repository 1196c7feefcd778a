"""The wire: one line of JSON in, one line out, the same on every road (docs/protocol.md)."""

import binascii
import json

from meter import codes, obis
from meter.civil import EPOCH
from meter.compat import forget
from meter.errors import MeterError
from meter.limits import LINE_BYTES

PROTOCOL = 1
JOURNAL = 1
ROLES = ("public", "reader", "utility", "maker")
_ROWS_BYTES = 512  # raw bytes of records in one answer
_ANYBODY, _READER, _UTILITY, _MAKER = range(4)


class Refused(Exception):
    """A request that cannot be carried out: (code, text)."""


class Service:
    """Answers requests about one Meter.

    identity   {"serial", "board", "firmware", "software"}: strings shown by `info`
    """

    def __init__(self, meter, identity):
        self._meter = meter
        self._identity = identity
        self._requests = {
            "info": (_ANYBODY, self._info),
            "registers": (_ANYBODY, self._registers),
            "rows": (_READER, self._rows),
            "bill": (_READER, self._bill),
            "tariff": (_UTILITY, self._tariff),
            "clock": (_UTILITY, self._clock),
            "commit": (_UTILITY, self._commit),
            "format": (_MAKER, self._format),
        }

    def handle(self, role, line):
        """bytes -> bytes, one line each; never raises for what is in the line.

        role   one of ROLES, by whatever brought the line
        """
        number, meter = None, self._meter
        try:
            request = _parse(line)
            number = request["id"]
            needed, answer = self._requests.get(request["do"], (None, None))
            if answer is None:
                raise Refused("unknown", "do: " + str(request["do"])[:32] + " is not a request")
            if ROLES.index(role) < needed:
                raise Refused(
                    "role", request["do"] + ": " + role + " may not: ask as " + ROLES[needed]
                )
            meter.locked = True
            try:
                reply = {"id": number, "ok": answer(request.get("args", {}))}
            finally:
                meter.locked = False
        except Refused as refused:
            reply = _error(number, *refused.args)
        except MeterError as error:
            reply = _error(number, "meter", str(error))
        except (KeyError, TypeError, ValueError) as error:
            reply = _error(number, "arguments", "args: " + repr(error)[:80])
        out = json.dumps(reply).encode()
        if len(out) > LINE_BYTES:
            out = json.dumps(_error(number, "size", "the answer is too long")).encode()
        return out

    def _info(self, args):
        meter, contract = self._meter, self._meter.contract
        w, sample, clock = contract.w, meter.sample, meter.ports.clock
        identity, current = self._identity, contract.tariff
        end = contract.period_end
        return {
            "serial": identity["serial"],
            "board": identity["board"],
            "versions": {
                "firmware": identity["firmware"],
                "journal": JOURNAL,
                "protocol": PROTOCOL,
            },
            "software": identity["software"],
            "state": meter.state,
            "utc": clock.now(),
            "clock": clock.quality(),
            "counted_to": meter.live.t + EPOCH,
            "tariff": {
                "name": current.name,
                "active": _hex(w.active_digest),
                "since": w.active_since,
                "passive": _hex(w.passive_digest),
                "at": w.passive_at,
            },
            "period": {"number": w.period, "start": w.period_start, "end": end and end + EPOCH},
            "rate": current.rates[meter.rate],
            "tier": w.tier,
            "interval_s": current.interval_s,
            "power_mw": sum(sample.p_mw),
            "v_mv": sample.v_mv,
            "i_ma": sample.i_ma,
            "freq_mhz": sample.freq_mhz,
            "alerts": meter.alerts(),
            "keyed": False,
            "seal": "broken",
        }

    def _registers(self, args):
        meter, current = self._meter, self._meter.contract.tariff
        live = meter.live
        names, values = {}, {}
        for code, value in zip(obis.TOTALS, live.registers):
            values[code] = value
        for rate, name in enumerate(current.rates):
            code = obis.of_rate(current, rate)
            names[code] = name
            values[code] = live.rates[current.register(rate)]
        return {"utc": live.t + EPOCH, "registers": values, "names": names}

    def _rows(self, args):
        name, first = args["ring"], args["from_seq"]
        ring = self._ring(name)
        size, count = ring.slot_size, args.get("n", 64)
        buf, rows, crc = bytearray(size), [], 0
        seq = max(first, ring.first_seq, 1)
        while seq <= ring.last_seq and len(rows) < min(count, _ROWS_BYTES // size):
            if ring.read(seq, buf):
                rows.append(str(binascii.b2a_base64(bytes(buf)), "ascii").strip())
                crc = binascii.crc32(buf, crc)
            seq += 1
        return {
            "rows": rows,
            "crc": crc,
            "next": seq,
            "first": ring.first_seq,
            "last": ring.last_seq,
        }

    def _bill(self, args):
        meter, contract = self._meter, self._meter.contract
        period = args.get("period") or contract.w.period
        if meter.broken:
            raise Refused("blocked", "bill: rates and total differ: see the events")
        from meter import statement

        current, opening, closing, lines = statement.lines(meter, period)
        wanted, found, due, n = args.get("line", 0), None, 0, 0
        for line in lines:
            if n == wanted:
                found = line.as_dict()
            due += line.rounded
            n += 1
        forget("meter.statement")
        forget("meter.billing")
        return {
            "period": period,
            "start": opening.utc + EPOCH,
            "end": closing.utc + EPOCH,
            "open": period == contract.w.period,
            "digest": current.digest,
            "lines": n,
            "line": found,
            "total": due,
        }

    def _tariff(self, args):
        meter = self._meter
        digest, when = args["digest"], args.get("when", "period")
        if len(digest) != 64 or when not in ("now", "period"):
            raise Refused("arguments", "tariff: expected digest, 64 digits, and when now|period")
        live = meter.live
        t = max(live.t, meter.ports.clock.now() - EPOCH)
        at = meter.contract.schedule(digest, live, t, when == "now")
        meter.replan()
        return {"digest": digest, "at": at}

    def _clock(self, args):
        utc, clock = args["utc"], self._meter.ports.clock
        if not isinstance(utc, int) or utc < EPOCH:
            raise Refused("arguments", "clock: expected Unix seconds after 2019")
        clock.set(utc)
        self._meter.step_clock(utc)
        return {"utc": clock.now()}

    def _commit(self, args):
        self._meter.commit()
        return {"utc": self._meter.live.t + EPOCH}

    def _format(self, args):
        meter = self._meter
        allowed = meter.state == "blank" or (meter.state == "foreign" and args.get("foreign"))
        if not allowed:
            raise Refused("state", "format: the journal is " + meter.state + ": nothing was done")
        meter.journal.format(args["salt"])
        meter.start()
        return {"state": meter.state}

    def _ring(self, name):
        journal = self._meter.journal
        if name in codes.GROUPS:
            return journal.events[codes.GROUPS.index(name)]
        if name not in ("profile", "ledger", "snapshots"):
            raise Refused("arguments", "rows: no ring of this name")
        return getattr(journal, name)


def _parse(line):
    if len(line) > LINE_BYTES:
        raise Refused("size", "line: " + str(len(line)) + " bytes, at most " + str(LINE_BYTES))
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict) or "do" not in request or "id" not in request:
        raise Refused("json", 'line: expected {"id":1,"do":"info","args":{}}')
    return request


def _error(number, code, text):
    return {"id": number, "error": {"code": code, "text": text}}


def _hex(digest):
    return None if digest == bytes(len(digest)) else digest.hex()
