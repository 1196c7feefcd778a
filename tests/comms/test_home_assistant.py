"""What Home Assistant makes of what the meter publishes: by a stored copy of its rules, and by its
own code where the `homeassistant` package is installed."""

import asyncio
import json
import re
from pathlib import Path

import pytest
import tariffs
from test_home import NAME, ROOT, running

RULES = json.loads(Path(__file__).with_name("home_assistant_rules.json").read_text())
LIVE = ("power", "voltage", "current", "frequency")


@pytest.fixture(scope="module")
def published():
    """Of a meter that has all there is: demand, limiter, two rates, and a customer who may."""
    limiter = tariffs.limiter(tariffs.level(), tariffs.level("top", action="shed", rate=0))
    tariff = tariffs.text(limiter=limiter, demand=tariffs.demand())
    rig, broker = running(tariff, commands=True)
    rig.ports.chip.read = _three_phases(rig.ports.chip.read)
    rig.run(60)
    broker.run(130)
    return broker


def _three_phases(read):
    def more(sample):
        read(sample)
        sample.v_mv[:] = 229_998, 231_004, 230_000
        sample.i_ma[:] = 5_010, 0, 12
        sample.p_mw[:] = 1_152_000, 0, -2_500
        sample.freq_mhz = 49_985

    return more


def _newest(broker, topic):
    return [payload for t, payload, _ in broker.said if t == topic][-1]


def test_every_message_is_one_that_the_stored_rules_allow(published):
    entities = published.entities()
    assert len(entities) > 25
    for topic, entity in entities.items():
        kind = re.fullmatch("homeassistant/" + RULES["topic"], topic)["component"]
        assert set(entity) <= set(RULES["keys"][kind]), topic
        assert set(RULES["required"][kind]) <= set(entity)
        assert set(entity["device"]) <= set(RULES["device"])
        assert set(entity["origin"]) <= set(RULES["origin"])
        assert entity["device"]["identifiers"] == [f"wl_{NAME}"]
        assert entity["availability_topic"] == f"{ROOT}/out/status"
        category = entity.get("entity_category", "diagnostic")
        assert category in RULES["entity_categories"]
        if kind == "binary_sensor":
            assert entity["device_class"] in RULES["binary_device_classes"]


def test_class_of_device_and_of_state_and_unit_go_together(published):
    """The schema of 2024.3.3 lets energy with measurement pass: this does not."""
    classes = set()
    for topic, entity in published.entities().items():
        kind, state = entity.get("device_class"), entity.get("state_class")
        if not topic.startswith("homeassistant/sensor/") or kind is None:
            continue
        classes.add((kind, state))
        assert state in RULES["state_classes"][kind], topic
        assert kind == "monetary" or entity["unit_of_measurement"] in RULES["units"][kind]
        assert ("expire_after" in entity) == (kind in LIVE), topic
        assert ("last_reset_value_template" in entity) == (kind == "monetary")
        if kind == "energy":
            assert entity["unit_of_measurement"] == "Wh"
    assert classes == {
        ("energy", "total_increasing"),
        ("monetary", "total"),
        *((kind, "measurement") for kind in LIVE),
    }


def test_what_is_watched_is_watched_longer_than_it_is_published(published):
    times: dict = {}
    for n, (topic, _, _) in enumerate(published.said):
        times.setdefault(topic, []).append(n)
    for entity in published.entities().values():
        if "expire_after" in entity:
            assert len(times[entity["state_topic"]]) >= 2
            assert entity["expire_after"] >= 3 * 10


@pytest.fixture(scope="module")
def home_assistant():
    """Modules of Home Assistant by component."""
    pytest.importorskip(
        "homeassistant", reason="optional: pip install homeassistant==2024.3.3 paho-mqtt==1.6.1"
    )
    from homeassistant.components.mqtt import binary_sensor, button, sensor

    return {"sensor": sensor, "binary_sensor": binary_sensor, "button": button}


def test_home_assistants_own_schema_takes_every_message(published, home_assistant):
    for topic, entity in published.entities().items():
        module = home_assistant[topic.split("/")[1]]
        assert module.DISCOVERY_SCHEMA(dict(entity))["unique_id"] == entity["unique_id"]
        module.PLATFORM_SCHEMA_MODERN(dict(entity))  # refuses a name that it does not know


def test_its_schema_refuses_a_planted_fault(published, home_assistant):
    import voluptuous

    entity = next(iter(published.entities().values()))
    sensor = home_assistant["sensor"]
    for change in ({"expire_after": "soon"}, {"device_class": "money"}, {"device": {}}):
        with pytest.raises(voluptuous.Invalid):
            sensor.DISCOVERY_SCHEMA({**entity, **change})


def test_its_templates_find_the_values(published, home_assistant, tmp_path):
    """Each state is what the meter counts, in the unit that the entity names."""
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.template import Template

    async def states():
        hass = HomeAssistant(str(tmp_path))
        found = {}
        for topic, entity in published.entities().items():
            for name in ("value_template", "last_reset_value_template"):
                if name in entity:
                    payload = _newest(published, entity["state_topic"]).decode()
                    template = Template(entity[name], hass)
                    key = topic.split("/")[3] + ("" if name[0] == "v" else " reset")
                    found[key] = template.async_render_with_possible_json_value(payload)
        await hass.async_stop(force=True)
        return found

    states = asyncio.run(states())
    registers = json.loads(_newest(published, f"{ROOT}/out/reg"))
    for code in ("1.8.0", "1.8.1", "1.8.2", "2.8.0", "2.8.1", "9.8.0", "5.8.0"):
        if code in registers:
            assert states[code.replace(".", "_")] == str(registers[code])
    assert float(states["1_7_0"]) == pytest.approx(1149.5)
    assert float(states["2_7_0"]) == 0
    assert float(states["32_7_0"]) == pytest.approx(229.998)
    assert float(states["52_7_0"]) == pytest.approx(231.004)
    assert float(states["71_7_0"]) == pytest.approx(0.012)
    assert float(states["14_7_0"]) == pytest.approx(49.985)
    assert float(states["128_7_0"]) == pytest.approx(0.1)
    assert float(states["128_8_0"]) >= 0.01
    assert re.fullmatch(r"2026-10-05T0\d:\d\d:\d\d\+00:00", states["128_8_0 reset"])
    assert states["rate"] == "night"
    assert (states["load"], states["limited"], states["alert"]) == ("ON", "OFF", "OFF")
    assert all(float(states[f"1_{n}_0"]) >= 0 for n in (4, 5, 6))
