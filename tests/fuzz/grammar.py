"""Requests as they should be, for all of meter.service: the beginning of most inputs."""

from binascii import b2a_base64, hexlify
from hashlib import sha256

import tariffs
from gate_rig import START, in_line, some_keys

from tests.fuzz.mutate import bytes_of, dumps, json_of, vary

_HEX = "ab" * 32
_ORDER = {"target": "*", "version": 1, "until": 0, "sig": "A" * 86 + "=="}
_RINGS = ("profile", "ledger", "snapshots", "metrology", "clock", "power", "configuration")


def _base64(data):
    return str(b2a_base64(data), "ascii").strip()


def _digest(text):
    return str(hexlify(sha256(text).digest()), "ascii")


_DER = b"\x30\x77" + bytes(range(119))  # as long as a key of P-256
_HOME = {
    "profile": "home",
    "host": "broker.lan",
    "port": 1883,
    "tls": "none",
    "user": "wl",
    "password": "sesame-17",
    "keepalive_s": 30,
    "live_s": 5,
    "commands": True,
    "prefix": "homeassistant",
}
_PSK = {
    "profile": "mqtt",
    "host": "mqtt.example",
    "port": 8883,
    "tls": "psk",
    "psk_identity": "m1",
    "psk_key": _base64(bytes(range(32))),
}
TARIFF = tariffs.text(name="next")
GOOD = (
    ("hello", {}),
    ("info", {}),
    ("registers", {}),
    ("live", {}),
    ("rows", {"ring": "profile", "from_seq": 1, "n": 8}),
    ("bill", {"period": 1, "line": 0}),
    ("quality", {}),
    ("control", {}),
    ("cheapest", {"hours": 3, "before": START + 86400}),
    ("cheapest", {"hours": 1, "before": START + 3 * 3600, "contiguous": True}),
    ("get", {"name": _digest(TARIFF), "from": 0}),
    ("get", {"from": 0}),
    (
        "put",
        {"name": _digest(TARIFF), "at": 0, "size": len(TARIFF), "data": _base64(TARIFF[:512])},
    ),
    ("tariff", {"digest": _digest(TARIFF), "when": "now", "order": _ORDER}),
    ("tariff", {"digest": _digest(TARIFF), "when": START + 7200}),
    ("prices", {"digest": _HEX, "order": _ORDER}),
    ("clock", {"utc": START + 4000}),
    ("clock", {"utc": START + 3601, "reference": True}),
    ("load_switch", {"on": True}),
    ("commit", {}),
    ("seal", {}),
    ("unseal", {}),
    ("view", {"public": 1, "days": 30, "order": _ORDER}),
    ("wifi", {"ssid": "home", "password": "sesame-17", "ntp": "time.example"}),
    ("wifi", {"ssid": None}),
    ("mqtt", {"profile": "mqtt", "host": "mqtt.example", "port": 8883, "tls": "ca"}),
    ("mqtt", {"profile": "mqtt", "part": "key", "data": _base64(_DER)}),
    ("mqtt", {"profile": "home", "host": None}),
    ("mqtt", _HOME),
    ("mqtt", _PSK),
    ("local", {"p1": {"uart": 2, "tx": 17}, "t1": [1, 3]}),
    ("local", {"readout": {"uart": 1, "tx": 16, "rx": 32, "role": "reader"}, "cosem": {}}),
    ("local", {}),
    ("stage", {"from": 0}),
    ("stage", {"path": "comms/console.mpy", "at": 0, "data": _base64(b"console 2" * 9)}),
    ("stage", {"path": "app.mpy", "copy": _digest(b"app")}),
    ("stage", {"path": "app.mpy", "remove": True}),
    ("update", {"manifest": _HEX, "order": _ORDER}),
    ("format", {"salt": 77}),
    ("format", {"salt": 77, "foreign": True}),
    ("calibration", {"digest": _HEX, "order": _ORDER}),
    ("calibration", {"from": 0}),
    ("measure", {"ticks": 5}),
    ("measure", {}),
    ("keys", {"data": in_line(some_keys(2))}),
    ("keys", {"data": in_line(some_keys(1))}),
)


def request(chance):
    """-> bytes of a request: good, or with one thing wrong, or no request at all"""
    do, args = chance.of(GOOD)
    if do == "rows":
        args = dict(args)
        args["ring"], args["from_seq"] = chance.of(_RINGS), chance.size(60)
    made = {"id": chance.below(1000), "do": do, "args": args}
    kind = chance.below(10)
    if kind < 2:
        return dumps(made)
    if kind < 7:
        made["args"] = vary(chance, args)
        if kind == 6:
            made["args"] = vary(chance, made["args"])
        return dumps(made)
    if kind < 9:
        return json_of(chance, made, 1200)
    return bytes_of(chance, dumps(made), 1200)
