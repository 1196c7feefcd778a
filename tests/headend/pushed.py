"""What a meter sends, made here: rows, blocks, and the envelopes around them."""

import base64
import json
import secrets
import zlib

from meter.records import Event, Row
from wattledger.security.envelope import ANSWER, PUSH, Envelopes, Header

NOW = 1_790_812_800
SALT = 77


def row(seq, utc=None, mwh=None, **fields):
    """-> 64 bytes; the register rises by 1 Wh each time"""
    return _packed(
        Row(),
        {
            "seq": seq,
            "utc": NOW + 900 * seq if utc is None else utc,
            "import_mwh": 1000 * seq if mwh is None else mwh,
            "duration_s": 900,
            **fields,
        },
    )


def event(seq, group=3, code=1, utc=None):
    fields = {"seq": seq, "utc": NOW if utc is None else utc, "group": group, "code": code}
    return _packed(Event(), {**fields, "count": 1, "tag": bytes(range(1, 33))})


def _packed(record, fields):
    for name, value in fields.items():
        setattr(record, name, value)
    buf = bytearray(record.size)
    record.pack_into(buf)
    return bytes(buf)


def block(rows, first=1, last=None, salt=SALT, **more):
    """-> the answer to `rows`, as it stands under "ok"."""
    return {
        "rows": [base64.b64encode(raw).decode() for raw in rows],
        "crc": zlib.crc32(b"".join(rows)),
        "next": 0,
        "first": first,
        "last": last or 0,
        "salt": salt,
        **more,
    }


class Sender:
    """The meter's side of an envelope: its answer keys are those that we seal with."""

    def __init__(self, keys, serial, generation=1):
        self.serial = serial
        self._envelopes = Envelopes(keys.key(serial, "utility", generation))
        e = self._envelopes
        e._cipher, e._mac = e._answer_cipher, e._answer_mac

    def push(self, told, utc=NOW, kind=PUSH, raw=None):
        nonce = secrets.token_bytes(16)
        header = Header(kind, "utility", self.serial, utc, nonce)
        text = raw if raw is not None else json.dumps({"id": None, "ok": told}).encode()
        return self._envelopes.seal(header, text)

    def answer(self, told):
        return self.push(told, 0, ANSWER)
