"""The customer's own broker: live values, price and limiter as JSON, and what Home Assistant needs
to find them (docs/home.md). Nothing of the utility's goes here, and nothing of here to it.

Energy that was published is never taken back. A power cut may cost a minute of what was; such a
register is published as it was until it has caught up. What it was lies retained on the broker.
"""

import json

from comms.mqtt_session import elapsed_ms
from meter.compat import const, forget

_SLOW_MS = const(60000)  # price and cost, where nothing changed
_ENERGY_MS = const(30000)
_WAIT_MS = const(5000)  # for what lies on the broker
_WH_MAX = const(1 << 38)  # a register has 48 bits, of mWh
_PAYLOAD_BYTES = const(1024)
_ASK_BYTES = const(200)


class Home:
    """handle   (role, line) -> line; see app
    serial   12 hex digits
    options  live_s (10): seconds between two readings; commands (false): whether the broker may
             let the load return; prefix ("homeassistant"): of Home Assistant's discovery

    Driven by `step` in one task, and by `message` and `ready` of the MQTT session.
    """

    def __init__(self, handle, serial, options):
        get = options.get
        self._handle, self._serial = handle, serial
        self.root = "wl/" + serial
        self._live_ms = 1000 * get("live_s", 10)
        self._commands, self._prefix = get("commands", False), get("prefix", "homeassistant")
        self._asked = {}  # request -> ms of the last answer
        self._kept = {}  # topic -> what was published there last
        self._energy, self._salt = {}, None  # published, Wh by OBIS code; None: not known yet
        self._facts, self._entities = {}, None
        self._ready_ms, self._held = None, []
        self._greeted = False

    def topics(self):
        """-> what to subscribe to, of (filter, qos)"""
        found = [(self.root + "/out/reg", 1), (self._prefix + "/status", 0)]
        found.append((self.root + "/in/cheapest", 0))
        if self._commands:
            found.append((self.root + "/in/load", 0))
        return found

    def will(self):
        """-> (topic, payload, qos, retain) of the last will"""
        return (self.root + "/out/status", b"offline", 1, True)

    def ready(self):
        """A new connection: who listens there may have nothing yet."""
        self._asked, self._kept, self._held = {}, {}, []
        self._ready_ms, self._greeted, self._entities = None, False, None

    def message(self, topic, payload, retain):
        """What the broker brought; it is of the customer's house, and bounded all the same."""
        if topic == self.root + "/out/reg":
            if retain and self._salt is None:
                self._recall(payload)
        elif retain or len(payload) > _ASK_BYTES:
            return
        elif topic == self._prefix + "/status":
            if payload == b"online" and self._greeted:
                self._asked, self._kept, self._entities = {}, {}, None
        elif topic == self.root + "/in/cheapest" and self._greeted and len(self._held) < 2:
            line = b'{"id":0,"do":"cheapest","args":' + payload + b"}"
            self._hold("out/cheapest", self._handle("reader", line), False)
        elif topic == self.root + "/in/load" and self._commands and payload == b"ON":
            self._handle("utility", b'{"id":0,"do":"load_switch","args":{"on":true}}')
            self._asked.pop("control", None)

    def step(self, publish, now_ms):
        """Ask the meter at most one thing, and send at most one message. -> whether there may be
        more at once. publish: as of comms.mqtt_session.Session"""
        if self._ready_ms is None:
            self._ready_ms = now_ms
        if not self._greeted and not self._greets(now_ms):
            return False
        if not self._held and not self._ask_next(now_ms):
            self._announce()
        if not self._held or not publish(*self._held[0]):
            return False
        del self._held[0]
        return True

    def _greets(self, now_ms):
        """-> whether the journal is replayed and what was published is known, or cannot be had."""
        if elapsed_ms(now_ms, self._asked.get("info", now_ms + 1)) < 1000:
            return False
        self._asked["info"] = now_ms
        if self._ask("info").get("state") != "ready":
            return False
        if self._salt is None:
            if elapsed_ms(now_ms, self._ready_ms) < _WAIT_MS:
                return False
            self._salt = self._salt_now()
        self._asked, self._greeted = {}, True
        self._held.append((self.root + "/out/status", b"online", 1, True))
        return True

    def _recall(self, payload):
        """Whatever lies there of another journal, or from somebody else, says nothing of this."""
        try:
            told, salt = json.loads(payload), self._salt_now()
            if isinstance(told, dict) and told.pop("salt") == salt:
                told.pop("utc")
                # What no register can hold is no energy of ours.
                self._energy = {
                    code: wh for code, wh in told.items() if type(wh) is int and wh < _WH_MAX
                }
                self._salt = salt
        except (ValueError, KeyError, TypeError, RuntimeError):
            self._energy = {}

    def _salt_now(self):
        args = '{"ring":"profile","from_seq":1,"n":0}'
        return self._ask("rows", args).get("salt", 0)

    def _ask(self, do, args="{}"):
        line = '{"id":0,"do":"' + do + '","args":' + args + "}"
        return json.loads(self._handle("reader", line.encode())).get("ok", {})

    def _ask_next(self, now_ms):
        """Hold what is due of one request. -> whether one was"""
        for do, each_ms in (
            ("info", self._live_ms),
            ("control", self._live_ms),
            ("registers", max(_ENERGY_MS, self._live_ms)),
            ("live", max(_SLOW_MS, self._live_ms)),
        ):
            last_ms = self._asked.get(do)
            if last_ms is None or elapsed_ms(now_ms, last_ms) >= each_ms:
                self._asked[do] = now_ms
                answer = self._ask(do)
                if answer:
                    getattr(self, "_" + do)(answer, now_ms)
                return True
        return False

    def _info(self, told, now_ms):
        power_mw = told["power_mw"]
        values = {"utc": told["utc"], "rate": told["rate"], "alerts": told["alerts"]}
        values["1.7.0"], values["2.7.0"] = max(power_mw, 0), max(-power_mw, 0)
        values["14.7.0"] = told["freq_mhz"]
        phases = 1
        for phase in range(3):
            values[str(32 + 20 * phase) + ".7.0"] = told["v_mv"][phase]
            values[str(31 + 20 * phase) + ".7.0"] = told["i_ma"][phase]
            if told["v_mv"][phase]:
                phases = phase + 1
        facts = self._facts
        told["phases"] = max(phases, facts.get("phases", 1))
        for name in ("versions", "tariff", "phases"):
            if name in facts and facts[name] != told[name]:
                self._entities = None
            facts[name] = told[name]
        self._hold("out/live", json.dumps(values).encode(), False)

    def _control(self, told, now_ms):
        self._facts["control"] = told
        price = {name: told[name] for name in ("price", "rate", "until", "currency")}
        limit = {name: told[name] for name in ("load", "alarm", "tripped")}
        for topic, values in (("out/price", price), ("out/limit", limit)):
            line = json.dumps(values).encode()
            kept, kept_ms = self._kept.get(topic, (None, 0))
            if line != kept or elapsed_ms(now_ms, kept_ms) >= _SLOW_MS:
                self._kept[topic] = line, now_ms
                self._hold(topic, line, True)

    def _registers(self, told, now_ms):
        energy, values = self._energy, {"utc": told["utc"], "salt": self._salt}
        for code, mwh in told["registers"].items():
            energy[code] = values[code] = max(mwh // 1000, energy.get(code, 0))
        self._facts["names"] = told["names"]
        self._facts["codes"] = list(told["registers"])
        self._hold("out/reg", json.dumps(values).encode(), True)

    def _live(self, told, now_ms):
        control = self._facts.get("control", {})
        values = {"decimals": control.get("decimals", 2), "since": control.get("since", 0)}
        for code in ("1.4.0", "1.5.0", "1.6.0", "128.8.0"):
            if code in told:
                values[code] = told[code]
        self._hold("out/cost", json.dumps(values).encode(), False)

    def _hold(self, topic, payload, retain):
        if len(payload) <= _PAYLOAD_BYTES:
            self._held.append((self.root + "/" + topic, payload, 1 if retain else 0, retain))

    def _announce(self):
        """Hold the next entity for Home Assistant, once all that it rests on is known."""
        if self._entities is None:
            if not ("tariff" in self._facts and "control" in self._facts):
                return
            if "codes" not in self._facts:
                return
            from comms import discovery

            self._entities = discovery.entities(
                self._facts, self.root, self._serial, self._prefix, self._commands, self._live_ms
            )
        if self._entities:
            message = next(self._entities, None)
            if message:
                self._held.append(message)
            else:
                self._entities = ()
                forget("comms.discovery")
