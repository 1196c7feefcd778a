"""Commands over the broker: done once by every meter of a group, or refused and reported."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from meter import codes
from wattledger.errors import ToolError
from wattledger.headend import catalogue, control
from wattledger.headend import commands as commands_of
from wattledger.headend.commands import Commands
from wattledger.headend.demo_fleet import TARIFF
from wattledger.headend.key_source import KeySource
from wattledger.headend.watching import Watch, missing
from wattledger.prices import prices_import
from wattledger.security.keyring import Fleet
from wattledger.tariffs.tariff_file import compile_text

from .conftest import GROUP, HOUR_S, START, Scene, until

OLD = compile_text(TARIFF.format(name="Old", price="0.29"), "old.toml")
NEW = compile_text(TARIFF.format(name="New", price="0.31"), "new.toml")
RULES = f"""
[[rules]]
name = "anything"
group = "{GROUP}"
above_kw = 0
below_kw = 0
min_min = 30
max_min = 30
currency = "EUR"
rate = "critical"
"""


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(commands_of, "AGAIN_S", 0.05)


def play(scene, story):
    async def whole():
        async with scene.living():
            await until(lambda: len(online(scene)) == len(scene.fleet.meters))
            await story(scene.head.commands)

    asyncio.run(asyncio.wait_for(whole(), 60))


def online(scene):
    return [serial for serial, meter in scene.head.intake.meters.items() if meter.online]


def problems(outcomes):
    return {outcome.problem for outcome in outcomes.values()}


def values(outcomes):
    assert problems(outcomes) == {""}
    return [outcome.value for outcome in outcomes.values()]


def test_a_tariff_under_one_order_is_in_force_and_in_the_bill(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys, tariff=OLD.text)

    async def story(commands):
        at = START + 3 * HOUR_S
        assert values(await commands.tariff(GROUP, NEW, at)) == [at] * 3
        orders = {value["orders"][0] for value in values(await commands.read(GROUP, "hello"))}
        assert len(orders) == 1
        await scene.fleet.advance(at + HOUR_S)
        for info in values(await commands.read(GROUP, "info")):
            assert info["tariff"]["active"] == NEW.digest[:16]
        bills = await commands.run(
            "bill", scene.fleet.meters, lambda m: m.request("bill", period=0, line=0)
        )
        for bill in values(bills):
            assert (bill["start"], bill["digest"]) == (at, NEW.digest)
            assert bill["line"]["price"] == 310_000_000

    play(scene, story)
    assert scene.head.audit.lines[0]["done"] == 3


class Asked:
    """A meter that has taken an order of this version; it takes its time to say so."""

    def __init__(self, version):
        self.version = version

    def request(self, do):
        time.sleep(0.01)
        return {"orders": [self.version] * 6}


def test_one_order_does_for_a_group_however_many_ask_at_once(keys):
    signer = commands_of.GroupSigner(KeySource(keys), GROUP, lambda: START, newest := {})
    with ThreadPoolExecutor(16) as pool:
        signed = list(pool.map(lambda _: signer.sign(Asked(7), "prices", "x"), range(64)))
    assert [found == signed[0] for found in signed] == [True] * 64
    assert signed[0]["order"]["target"] == f"group:{GROUP}"
    assert signed[0]["order"]["version"] == START == newest["prices"]
    # One that has taken a later order needs another; and so does another argument.
    assert signer.sign(Asked(START + 5), "prices", "x")["order"]["version"] == START + 6
    assert signer.sign(Asked(7), "prices", "y")["order"]["version"] == START + 7
    assert signer.sign(Asked(7), "tariff", "y")["order"]["version"] == START


def test_what_is_forged_or_late_is_refused_and_reported(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys, tariff=OLD.text)

    async def story(commands):
        forger = KeySource(replace(keys, signers=Fleet.new().signers))
        head, now = scene.head, scene.fleet.now
        others = [
            Commands(commands._road, forger, head.audit, now),
            Commands(commands._road, head.keys, head.audit, lambda: now() - 3 * 86400),
        ]
        for other in others:
            assert problems(await other.tariff(GROUP, NEW, "now")) == {"order: refused"}
            assert len(head.audit.lines[-1]["failed"]) == 3
            other.close()
        for info in values(await commands.read(GROUP, "info")):
            assert info["tariff"]["active"] == OLD.digest[:16]

    play(scene, story)


def test_what_is_replayed_is_refused(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys, tariff=OLD.text)
    serial = next(iter(scene.fleet.meters))

    async def story(commands):
        sent, publish = [], scene.head.server.publish

        async def noted(topic, payload, retain=False):
            sent.append((topic, payload))
            await publish(topic, payload, retain)

        scene.head.server.publish = noted
        values(await commands.run("commit", [serial], lambda m: m.request("commit")))
        meter = scene.fleet.meters[serial]
        counters, answers = list(meter.gate.counters), scene.head.intake.counts["answer"]
        assert counters[1] == 1
        replayed = [entry for entry in sent if entry[1].startswith(b"WL1 ")]
        for topic, payload in replayed:
            await publish(topic, payload)
        count = lambda: scene.head.intake.counts["answer"] - answers  # noqa: E731
        await until(lambda: count() == len(replayed))
        assert meter.gate.counters == counters

    play(scene, story)


def test_one_that_is_away_is_reported_and_the_others_are_done(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys)
    away, *rest = scene.fleet.meters

    async def story(commands):
        await scene.fleet.disconnect([away])
        await until(lambda: len(online(scene)) == 2)
        commands._road._answer_s = 0.3
        outcomes = await commands.clock(GROUP)
        assert "no answer in 0.3 s: is it online?" in outcomes[away].problem
        assert [outcomes[serial].problem for serial in rest] == ["", ""]
        with pytest.raises(ToolError, match="no meter is of group nobody"):
            await commands.load_switch("nobody", True)
        scene.broker.stop()
        outcomes = await commands.read(GROUP, "live")
        assert all(outcome.problem for outcome in outcomes.values())

    play(scene, story)


def test_several_at_once_to_one_meter_wait_for_each_other(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys, count=1)

    async def story(commands):
        def asked(do):
            return commands.run(do, scene.fleet.meters, lambda meter: meter.request(do))

        found = await asyncio.gather(*(asked(do) for do in ("info", "live", "hello") * 3))
        assert [problems(outcomes) for outcomes in found] == [{""}] * 9

    play(scene, story)


def test_a_rule_raises_a_peak_on_every_meter_also_on_who_was_away(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys, tariff=OLD.text, rules=RULES)
    late = next(iter(scene.fleet.meters))

    async def story(commands):
        commands._road._answer_s = 0.3
        await scene.fleet.disconnect([late])
        await until(lambda: late not in online(scene))
        scene.head.ruling.states[0].rule = replace(
            scene.head.ruling.states[0].rule, coverage_percent=60
        )
        await scene.fleet.advance(START + 2700)  # by then it is clear that one will not tell
        told = [meter for s, meter in scene.head.intake.meters.items() if s != late]
        await until(lambda: all(meter.utc == START + 2700 for meter in told))
        await scene.head.ruling.look()
        scene.fleet.connect(scene.road, [late])
        await until(lambda: late in online(scene))
        commands._road._answer_s = 20
        await scene.head.ruling.look()
        await scene.fleet.advance(START + 2 * HOUR_S)
        await scene.fleet.settle(30)

    play(scene, story)
    scene.check()
    decisions = [line for line in scene.head.audit.lines if line["what"] == "rule"]
    assert [line["decision"] for line in decisions] == ["raise"]
    assert decisions[0]["load_mw"] > 0
    raised = f"SELECT serial, count(*) FROM intervals WHERE status & {codes.PRICE_EVENT}"
    found = dict(catalogue.query(scene.store, f"{raised} GROUP BY serial")[1])
    assert found == dict.fromkeys(scene.fleet.meters, 2), raised


def test_readings_that_are_missing_are_noted_once(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys)

    async def story(commands):
        await scene.fleet.advance(START + HOUR_S)
        await scene.fleet.settle(30)

        def look(now):
            at = scene.head
            return missing(at.intake, at.keys, now, 900, 2)

        watch = Watch(scene.head.audit)
        never = {"f0000000ffff"}  # a meter of the fleet that is not there
        now = START + HOUR_S + 1800
        assert {one.serial for one in look(now)} == never
        assert {one.serial for one in look(now + 1)} == never | set(scene.fleet.meters)
        for utc in (now, now + 1, now + 2, now):
            watch.look(look(utc))
        notes = [line["what"] for line in scene.head.audit.lines]
        assert notes == ["missing"] * 4 + ["back"] * 3

    play(scene, story)


def test_the_socket_of_a_head_end_that_runs(program, tmp_path, keys):
    scene = Scene(program, tmp_path, keys, tariff=OLD.text)
    files = tmp_path / "new.toml", tmp_path / "prices.json"
    files[0].write_text(TARIFF.format(name="New", price="0.31"))
    event = (START + 7200, START + 9000, "critical")
    files[1].write_bytes(prices_import.only_events("EUR", [event]).text)

    async def story(commands):
        def ask(do, **about):
            return asyncio.to_thread(control.ask, scene.folder, do, **about)

        async with control.open_to(scene.head):
            told = await ask("status")
            assert [m["online"] for m in told["meters"] if "online" in m] == [True] * 3
            assert told["broker"] == "connected"
            read = await ask("read", group=GROUP, what="registers")
            assert all("1.8.0" in one["value"]["registers"] for one in read.values())
            at = START + 86400
            done = await ask("tariff", group=GROUP, file=str(files[0]), when=at)
            assert {one["value"] for one in done.values()} == {at}
            done = await ask("prices", group=GROUP, file=str(files[1]))
            assert {one["value"] for one in done.values()} == {event[1]}
            assert set((await ask("clock", group=GROUP)).popitem()[1]) == {"value"}
            done = await ask("load-switch", group=GROUP, on=True)
            assert all("nothing was done" in one["problem"] for one in done.values())
            for do, about, told in (
                ("read", {"group": GROUP, "what": "keys"}, "expected info"),
                ("format", {"group": GROUP}, "no such command"),
                ("clock", {"group": "nobody"}, "no meter is of group nobody"),
                ("tariff", {"group": GROUP, "file": "/nowhere", "when": "now"}, "nowhere"),
            ):
                with pytest.raises(ToolError, match=told):
                    await ask(do, **about)
        assert not (scene.folder / control.NAME).exists()

    play(scene, story)
