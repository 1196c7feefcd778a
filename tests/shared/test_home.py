"""The customer's broker: what is published, when, and that energy is never taken back."""

import json
import unittest

import tariffs
from gate_rig import SERIAL, START, GateRig, some_keys

from comms import discovery
from comms.home import Home

NAME = "".join(["%02x" % byte for byte in SERIAL])
ROOT = "wl/" + NAME


class Broker:
    """Takes what the profile publishes, as a session does that always has room.

    now_ms   told to the profile; said: [(topic, payload, retain)], lying: {topic: payload}
    """

    def __init__(self, home):
        self.home, self.now_ms, self.said, self.lying, self.full = home, 1000, [], {}, False

    def publish(self, topic, payload, qos=0, retain=False, done=None):
        if self.full:
            return False
        assert len(payload) <= 1024, topic
        self.said.append((topic, payload, retain))
        if retain:
            self.lying[topic] = payload
        return True

    def connect(self, recalled=True):
        """As the broker does: what lies there comes with the subscription."""
        self.home.ready()
        for topic, _ in self.home.topics():
            if recalled and topic in self.lying:
                self.home.message(topic, self.lying[topic], 1)

    def run(self, seconds, tick=None):
        for _ in range(seconds):
            self.now_ms += 1000
            if tick:
                tick()
            for _ in range(200):
                if not self.home.step(self.publish, self.now_ms):
                    break

    def told(self, topic):
        """-> [what was published there], JSON read"""
        return [json.loads(p) for t, p, _ in self.said if t == ROOT + "/" + topic]

    def entities(self):
        """-> {config topic: payload} of those that are there, in the order of their topics"""
        found = {t: json.loads(p) for t, p in self.lying.items() if t.endswith("/config") and p}
        return found


def home_of(rig, **options):
    return Home(rig.service.handle, NAME, options)


def running(tariff=None, **options):
    """-> (rig, broker) of a meter that has counted for an hour and a profile just connected"""
    rig = GateRig(START, keys=some_keys(), sealed=True)
    rig.push(tariff or tariffs.text())
    rig.run(3600, imported=70, exported=11)
    broker = Broker(home_of(rig, **options))
    broker.connect()
    return rig, broker


class TestValues(unittest.TestCase):
    def test_nothing_before_the_journal_is_replayed(self):
        rig = GateRig(START)
        rig.meter.state = "stopped"
        broker = Broker(home_of(rig))
        broker.connect()
        broker.run(60)
        self.assertEqual(broker.said, [])
        rig.meter.state = "ready"
        broker.run(2)
        self.assertEqual(broker.said[0], (ROOT + "/out/status", b"online", True))

    def test_energy_is_in_whole_watt_hours_rounded_down(self):
        rig, broker = running()
        broker.run(20)
        told = broker.told("out/reg")[0]
        registers = rig.ask("registers")["registers"]
        for code, mwh in registers.items():
            self.assertEqual(told[code], mwh // 1000)
        self.assertEqual(told["1.8.0"], 70)
        self.assertEqual(told["1.8.1"] + told["1.8.2"], told["1.8.0"])

    def test_live_values_are_what_info_says(self):
        rig, broker = running(live_s=1)
        broker.run(15)
        told = broker.told("out/live")
        self.assertTrue(9 <= len(told) <= 10)
        info = rig.ask("info")
        self.assertEqual(told[-1]["32.7.0"], info["v_mv"][0])
        self.assertEqual((told[-1]["rate"], told[-1]["alerts"]), (info["rate"], info["alerts"]))

    def test_never_more_than_once_a_second_however_often_it_is_asked(self):
        _, broker = running(live_s=1)
        broker.run(1)
        for _ in range(50):
            broker.now_ms += 19
            broker.home.step(broker.publish, broker.now_ms)
        self.assertTrue(len(broker.told("out/live")) <= 2)

    def test_price_and_limiter_lie_there_for_who_comes_later_and_change_at_once(self):
        level = tariffs.level(action="shed", rate=0, manual=1)
        rig, broker = running(tariffs.text(limiter=tariffs.limiter(level, window_s=900)))
        broker.run(20)
        self.assertEqual(broker.told("out/price")[0]["price"], 100_000_000)
        self.assertEqual(broker.told("out/limit")[0]["load"], True)
        self.assertIn(ROOT + "/out/limit", broker.lying)
        rig.run(1800, imported=6000)
        broker.run(10)
        told = broker.told("out/limit")[-1]
        self.assertEqual((told["load"], told["tripped"]), (False, ["limit"]))

    def test_a_broker_without_room_gets_it_later_and_only_once(self):
        _, broker = running()
        broker.full = True
        broker.run(8)
        self.assertEqual(broker.said, [])
        broker.full = False
        broker.run(1)
        self.assertEqual(len(broker.told("out/live")), 1)
        self.assertTrue(len(broker.home._held) <= 2)


class TestNothingOlder(unittest.TestCase):
    def again(self, rig, broker, recalled=True):
        """-> what a profile that was started anew publishes"""
        fresh = Broker(home_of(rig))
        fresh.lying, fresh.now_ms = broker.lying, broker.now_ms
        fresh.connect(recalled)
        return fresh

    def test_after_a_power_cut_a_register_waits_until_it_has_caught_up(self):
        rig, broker = running()
        rig.run(40, step_s=1, imported=600)  # not committed yet
        broker.run(40)
        before = broker.told("out/reg")[-1]
        rig.cut(5)
        behind = rig.ask("registers")["registers"]["1.8.0"] // 1000
        self.assertTrue(behind < before["1.8.0"])
        fresh = self.again(rig, broker)
        fresh.run(5)
        told = fresh.told("out/reg")[0]
        for code in ("1.8.0", "1.8.1", "2.8.0"):
            self.assertEqual(told[code], before[code])
        rig.run(600, imported=6000)
        fresh.run(40)
        caught_up = rig.ask("registers")["registers"]["1.8.0"] // 1000
        self.assertTrue(caught_up > before["1.8.0"])
        self.assertEqual(fresh.told("out/reg")[-1]["1.8.0"], caught_up)

    def test_no_code_ever_falls_over_cuts_and_restarts(self):
        rig, broker = running()
        highest = {}
        for round_ in range(6):
            rig.run(47, step_s=1, imported=300, exported=200)
            broker.run(70)
            if round_ & 1:
                rig.cut(3)
            else:
                rig.restart()
            broker = self.again(rig, broker)
            broker.run(8)
            for told in broker.told("out/reg"):
                for code, wh in told.items():
                    self.assertTrue(wh >= highest.get(code, 0), (round_, code))
                    highest[code] = wh

    def test_it_waits_for_what_lies_there_but_not_for_ever(self):
        _, broker = running()
        broker.run(4)
        self.assertEqual(broker.said, [])  # it may still come
        broker.run(4)
        self.assertEqual(len(broker.told("out/reg")), 1)

    def test_what_is_of_another_journal_or_no_reading_at_all_holds_nothing(self):
        rig, _ = running()
        for payload in (
            b'{"utc":1,"salt":78,"1.8.0":99999999}',
            b"{",
            b"[]",
            b"17",
            b"",
            b'{"salt":77}',
            b'{"utc":1,"salt":77,"1.8.0":"x"}',
            b'{"utc":1,"salt":77,"1.8.0":null}',
            b'{"utc":1,"salt":77,"1.8.0":100.5}',
            b'{"utc":1,"salt":77,"1.8.0":1e99}',
            b'{"utc":1,"salt":77,"1.8.0":' + b"9" * 900 + b"}",
            b"[" * 900,
        ):
            broker = Broker(home_of(rig))
            broker.lying[ROOT + "/out/reg"] = payload
            broker.connect()
            broker.run(8)
            self.assertEqual(broker.told("out/reg")[0]["1.8.0"], 70, payload)


class TestAnnounced(unittest.TestCase):
    def test_an_entity_for_every_register_by_its_code_and_rate(self):
        rig, broker = running()
        broker.run(30)
        entities = broker.entities()
        registers = rig.ask("registers")
        for code in registers["registers"]:
            key = code.replace(".", "_")
            made = entities["homeassistant/sensor/wl_" + NAME + "/" + key + "/config"]
            self.assertIn(code, made["name"])
            self.assertIn(registers["names"].get(code, ""), made["name"])
            self.assertIn("['" + code + "']", made["value_template"])
            self.assertEqual(made["state_topic"], ROOT + "/out/reg")
        self.assertEqual(len({e["unique_id"] for e in entities.values()}), len(entities))

    def test_each_value_that_is_named_is_published(self):
        limit = tariffs.limiter(window_s=900)
        _, broker = running(tariffs.text(limiter=limit, demand=tariffs.demand()), commands=True)
        broker.run(90)
        for entity in broker.entities().values():
            if "command_topic" in entity:
                continue
            self.assertEqual(entity["availability_topic"], ROOT + "/out/status")
            told = json.loads([p for t, p, _ in broker.said if t == entity["state_topic"]][-1])
            template = entity["value_template"]
            if "['" in template:
                self.assertIn(template.split("'")[1], told)
            else:
                name = template.split("value_json.")[1].split(" ")[0]
                self.assertIn(name, told)

    def test_again_when_home_assistant_starts_but_not_otherwise(self):
        _, broker = running()
        broker.run(120)
        seen = len(broker.entities())
        broker.said = []
        broker.run(60)
        self.assertEqual([t for t, _, _ in broker.said if t.endswith("/config")], [])
        broker.home.message("homeassistant/status", b"offline", 0)
        broker.home.message("homeassistant/status", b"online", 1)  # it lay there: no news
        broker.run(5)
        self.assertEqual([t for t, _, _ in broker.said if t.endswith("/config")], [])
        broker.home.message("homeassistant/status", b"online", 0)
        broker.run(10)
        again = [t for t, p, _ in broker.said if t.endswith("/config") and p]
        self.assertEqual(len(again), seen)
        self.assertEqual(len(broker.told("out/reg")) > 1, True)

    def test_a_register_that_the_next_tariff_has_not_is_removed(self):
        rig, broker = running()
        broker.run(30)
        topic = "homeassistant/sensor/wl_" + NAME + "/1_8_2/config"
        self.assertTrue(broker.lying[topic])
        one = [{"name": "all", "export": 0, "prices": [1]}]
        rig.push(tariffs.text(rates=one, days=[[[0, 0]]]))
        rig.run(60)
        broker.run(60)
        self.assertEqual(broker.lying[topic], b"")
        self.assertIn("all (1.8.1)", json.dumps(broker.entities()))

    def test_the_longest_names_still_make_single_small_messages(self):
        names = ["%02d" % n + "ü" * 30 for n in range(16)]
        made = [{"name": name, "export": 0, "prices": [1]} for name in names[:15]]
        _, broker = running(tariffs.text(rates=made, exports=[{"name": names[15], "prices": [1]}]))
        broker.run(60)
        self.assertEqual(len([t for t in broker.entities() if "_8_" in t and "128" not in t]), 23)

    def test_the_module_is_let_go_of(self):
        self.assertTrue(discovery.entities)
        _, broker = running()
        broker.run(60)
        self.assertEqual(broker.home._entities, ())


class TestAsked(unittest.TestCase):
    def test_the_cheapest_hours(self):
        rig, broker = running()
        broker.run(8)
        before = rig.ports.clock.utc + 20 * 3600
        args = json.dumps({"hours": 2, "before": before, "contiguous": True}).encode()
        broker.home.message(ROOT + "/in/cheapest", args, 0)
        broker.run(1)
        self.assertEqual(len(broker.told("out/cheapest")[0]["ok"]["windows"]), 1)

    def test_nothing_else_can_be_asked_through_it(self):
        rig, broker = running()
        broker.run(8)
        held = dict(rig.held)
        for payload in (
            b'{},"do":"commit"',
            b'{"hours":1,"before":1}},"do":"load_switch","args":{"on":true}',
            b"}",
            b"",
            b"\xff",
            b"x" * 5000,
        ):
            broker.home.message(ROOT + "/in/cheapest", payload, 0)
            broker.run(1)
        for told in broker.told("out/cheapest"):
            self.assertIn("error", told)
        self.assertEqual(rig.held, held)

    def shed(self, **options):
        level = tariffs.level(action="shed", rate=0, manual=1)
        tariff = tariffs.text(limiter=tariffs.limiter(level, window_s=900))
        rig, broker = running(tariff, **options)
        broker.run(20)
        rig.run(1800, imported=6000)
        self.assertFalse(rig.ports.outputs.load)
        return rig, broker

    def test_the_load_returns_only_where_the_profile_allows_it(self):
        for allowed in (False, True):
            rig, broker = self.shed(commands=allowed)
            self.assertEqual((ROOT + "/in/load", 0) in broker.home.topics(), allowed)
            self.assertEqual("reconnect" in json.dumps(broker.entities()), allowed)
            broker.home.message(ROOT + "/in/load", b"ON", 1)  # it lay there
            broker.home.message(ROOT + "/in/load", b"OFF", 0)
            self.assertFalse(rig.ports.outputs.load)
            broker.home.message(ROOT + "/in/load", b"ON", 0)
            self.assertEqual(rig.ports.outputs.load, allowed)
            broker.run(11)
            self.assertEqual(broker.told("out/limit")[-1]["load"], allowed)
