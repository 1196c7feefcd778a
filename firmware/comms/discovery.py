"""What Home Assistant's MQTT discovery wants to know of each value, one message at a time.

https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery; single-entity payloads, which
every version takes. Loaded on demand: `entities` is a generator, and what is left of it is small.
"""

import json

from meter.compat import const

_REGISTERS = const(16)
_SLOW_S = const(60)
_CHANNELS = " Import Export   Q1 Q2 Q3 Q4 Apparent".split(" ")  # by the first number of a code
_UNITS = ("Wh", "varh", "VAh")


def entities(facts, root, serial, prefix, commands, live_ms):
    """Yields (topic, payload, qos, retain), to be published in this order.

    facts      versions and tariff of `info`, phases; codes and names of `registers`; control: the
               answer to `control`
    """
    control = facts["control"]
    uid = "wl_" + serial
    live_s = live_ms // 1000
    device = {
        "identifiers": [uid],
        "name": "WattLedger " + serial,
        "manufacturer": "WattLedger",
        "model": "WattLedger",
        "sw_version": facts["versions"]["firmware"],
        "serial_number": serial,
    }
    for kind, key, fields in _rows(facts, control, commands, live_s):
        fields["unique_id"] = fields["object_id"] = uid + "_" + key
        if kind == "button":
            fields["command_topic"] = root + "/in/" + fields["command_topic"]
        else:
            fields["state_topic"] = root + "/out/" + fields["state_topic"]
        fields["availability_topic"] = root + "/out/status"
        fields["device"] = device
        fields["origin"] = {"name": "wattledger", "sw_version": device["sw_version"]}
        yield _topic(prefix, kind, uid, key), json.dumps(fields).encode(), 1, True
    # A register that this tariff has not got any more: an empty message removes it.
    for direction in ("1", "2"):
        for number in range(1, _REGISTERS):
            code = direction + ".8." + str(number)
            if code not in facts["codes"]:
                yield _topic(prefix, "sensor", uid, _key(code)), b"", 0, True
    if not commands:
        yield _topic(prefix, "button", uid, "reconnect"), b"", 0, True


def _rows(facts, control, commands, live_s):
    """Yields (kind, key, fields); what belongs to one value and is the same for all is missing."""
    for code in facts["codes"]:
        yield "sensor", _key(code), _energy(code, facts["names"].get(code))
    # by 3, and half a minute: two readings may be lost before a value is called unknown
    expire_s, slow_s = 3 * live_s + 30, 3 * max(live_s, _SLOW_S) + 30
    yield "sensor", "1_7_0", _power("Power from the grid", "1.7.0", "live", expire_s)
    yield "sensor", "2_7_0", _power("Power to the grid", "2.7.0", "live", expire_s)
    yield "sensor", "14_7_0", _value("Frequency", "14.7.0", "live", expire_s, "frequency", "Hz", 3)
    for phase in range(facts["phases"]):
        name, code = " L" + str(phase + 1), str(32 + 20 * phase) + ".7.0"
        made = _value("Voltage" + name, code, "live", expire_s, "voltage", "V", 1)
        yield "sensor", _key(code), made
        code = str(31 + 20 * phase) + ".7.0"
        made = _value("Current" + name, code, "live", expire_s, "current", "A", 3)
        yield "sensor", _key(code), made
    if control["demand"]:
        for name, code in (("now", "1.4.0"), ("last", "1.5.0"), ("highest", "1.6.0")):
            yield "sensor", _key(code), _power("Demand " + name, code, "cost", slow_s)
    for row in _money(control["currency"], slow_s):
        yield row
    for row in _states(control, commands, expire_s):
        yield row


def _money(currency, slow_s):
    cost = _field("128.8.0")
    yield (
        "sensor",
        "128_8_0",
        {
            "name": "Cost of the open period (128.8.0)",
            "state_topic": "cost",
            "value_template": "{{ " + cost + " / 10 ** value_json.decimals }}",
            "last_reset_value_template": "{{ value_json.since | timestamp_utc }}",
            "device_class": "monetary",
            "state_class": "total",
            "unit_of_measurement": currency,
        },
    )
    yield (
        "sensor",
        "128_7_0",
        {
            "name": "Price now (128.7.0)",
            "state_topic": "price",
            "value_template": "{{ value_json.price / 10 ** 9 if value_json.price is number }}",
            "state_class": "measurement",
            "unit_of_measurement": currency + "/kWh",
            "suggested_display_precision": 4,
            "expire_after": slow_s,
        },
    )
    yield (
        "sensor",
        "rate",
        {
            "name": "Rate now",
            "state_topic": "price",
            "value_template": "{{ value_json.rate }}",
        },
    )


def _states(control, commands, expire_s):
    yield (
        "binary_sensor",
        "alert",
        {
            "name": "Alert",
            "state_topic": "live",
            "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.alerts else 'OFF' }}",
            "expire_after": expire_s,
            "entity_category": "diagnostic",
        },
    )
    if control["levels"]:
        yield (
            "binary_sensor",
            "limited",
            {
                "name": "Load above limit",
                "state_topic": "limit",
                "device_class": "problem",
                "value_template": "{{ 'ON' if value_json.tripped else 'OFF' }}",
            },
        )
        yield (
            "binary_sensor",
            "load",
            {
                "name": "Load connected",
                "state_topic": "limit",
                "device_class": "power",
                "value_template": "{{ 'ON' if value_json.load else 'OFF' }}",
            },
        )
    if commands:
        yield (
            "button",
            "reconnect",
            {
                "name": "Reconnect the load",
                "command_topic": "load",
                "payload_press": "ON",
            },
        )


def _energy(code, rate):
    """Only a register whose kind Home Assistant knows has a class; all of them only grow."""
    channel = int(code.split(".")[0])
    name = _CHANNELS[channel] + (" " + rate if rate else "" if code[-2:] == ".0" else " rate")
    fields = {
        "name": name + " (" + code + ")",
        "state_topic": "reg",
        "value_template": "{{ " + _field(code) + " }}",
        "state_class": "total_increasing",
        "unit_of_measurement": _UNITS[(channel > 2) + (channel > 8)],
    }
    if channel <= 2:
        fields["device_class"] = "energy"
    return fields


def _power(name, code, topic, expire_s):
    return _value(name, code, topic, expire_s, "power", "W", 0)


def _value(name, code, topic, expire_s, device_class, unit, precision):
    """The meter counts in thousandths of the unit."""
    return {
        "name": name + " (" + code + ")",
        "state_topic": topic,
        "value_template": "{{ " + _field(code) + " / 1000 }}",
        "device_class": device_class,
        "state_class": "measurement",
        "unit_of_measurement": unit,
        "suggested_display_precision": precision,
        "expire_after": expire_s,
    }


def _field(code):
    return "value_json['" + code + "']"


def _key(code):
    return code.replace(".", "_")


def _topic(prefix, kind, uid, key):
    return prefix + "/" + kind + "/" + uid + "/" + key + "/config"
