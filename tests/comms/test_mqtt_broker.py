"""The client against a real mosquitto that is stopped, killed, frozen, and started again."""

import asyncio
import random
import re
import signal
import time

import pytest

from wattledger.headend import broker_config

from .conftest import Client, Ports, run, until

UP = (("wl/+/up/#", 1),)


def test_both_qualities_both_ways(broker):
    async def scene():
        async with (
            Client(broker.port, "head", topics=UP) as head,
            Client(broker.port, "m1", topics=(("wl/m1/dn/#", 1),)) as meter,
        ):
            await head.ready()
            await meter.ready()
            assert meter.say("wl/m1/up/reg", b"zero", qos=0) == []
            became = meter.say("wl/m1/up/iv", b"\x00\xff" * 1000)
            await until(lambda: len(head.heard) == 2 and became == [True])
            assert head.heard == [
                ("wl/m1/up/reg", b"zero", 0),
                ("wl/m1/up/iv", b"\x00\xff" * 1000, 0),
            ]
            head.say("wl/m1/dn/cmd", "line é", qos=1)
            head.say("wl/m1/dn/cmd", b"", qos=0)
            await until(lambda: len(meter.heard) == 2)
            assert meter.heard[0] == ("wl/m1/dn/cmd", "line é".encode(), 0)

    run(scene())


def test_a_retained_message_and_the_will_are_there_for_who_comes_later(broker):
    status, will = "wl/m1/up/status", ("wl/m1/up/status", b"offline", 1, True)

    async def scene():
        async with Client(broker.port, "m1", will=will) as meter:
            await meter.ready()
            became = meter.say(status, b"online", retain=True)
            await until(lambda: became == [True])
            async with Client(broker.port, "head", topics=UP) as head:
                await until(lambda: head.heard == [(status, b"online", 1)])
                meter.task.cancel()  # without goodbye
                await until(lambda: head.heard[-1] == (status, b"offline", 0))

    run(scene())


def test_goodbye_keeps_the_will_unsaid(broker):
    async def scene():
        async with Client(broker.port, "head", topics=UP) as head:
            await head.ready()
            async with Client(broker.port, "m1", will=("wl/m1/up/x", b"gone", 1, False)) as meter:
                await meter.ready()
                meter.link.stop()
                await asyncio.wait_for(meter.task, 5)
            await asyncio.sleep(0.2)
            assert head.heard == []

    run(scene())


async def _all(meter, head, messages):
    """As the journal would: send again whatever was not acknowledged, until all are there."""
    waiting = dict.fromkeys(messages)

    def done(message):
        return lambda ok: waiting.pop(message, None) if ok else waiting.update({message: None})

    async def once():
        for message in [m for m, since in waiting.items() if since is None]:
            if meter.session.publish("wl/m1/up/iv", message, 1, False, done(message)):
                waiting[message] = True
        meter.link.wake()
        await asyncio.sleep(0.02)

    end = time.monotonic() + 15
    while waiting:
        assert time.monotonic() < end, f"{len(waiting)} left: {meter.link.problem}"
        await once()


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_nothing_is_lost_with_a_broker_that_goes_and_comes(broker, how):
    """A message without PUBACK is sent again; a message with one was seen or is on the disk."""
    messages = [b"%d" % i for i in range(120)]

    async def outage():
        await asyncio.sleep(0.15)
        getattr(broker, how)()
        await asyncio.sleep(1)
        broker.start()

    async def scene():
        async with (
            Client(broker.port, "head", topics=UP) as head,
            Client(broker.port, "m1", window=4) as meter,
        ):
            await head.ready()
            await meter.ready()
            gone = asyncio.create_task(outage())
            half = len(messages) // 2
            await _all(meter, head, messages[:half])
            await gone
            await head.ready()
            await _all(meter, head, messages[half:])
            await until(lambda: {m for _, m, _ in head.heard} >= set(messages[half:]))
            assert meter.link.connects == 2

    # Of the first half nothing is said: sessions are clean, so what came while the head-end was
    # away is gone although it has a PUBACK. Hence only the head-end's own word releases anything.
    run(scene())


def test_what_is_retained_outlives_a_stop_and_may_be_gone_after_a_kill(broker):
    """PUBACK is no promise; the uplink needs none (tests/headend/test_outages.py)."""

    async def scene():
        async with Client(broker.port, "m1") as meter:
            await meter.ready()
            became = meter.say("wl/m1/dn/ack", b"42", retain=True)
            await until(lambda: became == [True])
        broker.stop()
        broker.start()
        async with Client(broker.port, "m1", topics=(("wl/m1/dn/ack", 1),)) as meter:
            await until(lambda: meter.heard == [("wl/m1/dn/ack", b"42", 1)])
            became = meter.say("wl/m1/dn/ack", b"43", retain=True)
            await until(lambda: became == [True])
        broker.kill()
        broker.start()
        async with Client(broker.port, "m1", topics=(("wl/m1/dn/ack", 1),)) as meter:
            await until(lambda: len(meter.heard) == 1)
            assert meter.heard[0][1] == b"42"

    run(scene())


def test_in_flight_is_reported_once_when_the_broker_dies(broker):
    async def scene():
        async with Client(broker.port, "m1", window=3) as meter:
            await meter.ready()
            broker.send(signal.SIGSTOP)
            became = [meter.say("wl/m1/up/iv", b"%d" % i) for i in range(3)]
            assert meter.session.room() == 0
            assert not meter.session.publish("wl/m1/up/iv", b"4", 1)
            await asyncio.sleep(0.1)
            broker.kill()
            await until(lambda: became == [[False]] * 3)
            broker.start()
            await meter.ready()
            assert meter.session.room() == 3
            assert meter.say("wl/m1/up/iv", b"again") == []
            await asyncio.sleep(0.2)
            assert became == [[False]] * 3

    run(scene())


def test_a_frozen_broker_is_dead_after_twice_the_keepalive_and_found_again(broker):
    async def scene():
        async with Client(broker.port, "m1", keepalive_s=1, profile={"connect_s": 1}) as meter:
            await meter.ready()
            broker.send(signal.SIGSTOP)
            frozen = time.monotonic()
            became = meter.say("wl/m1/up/iv", b"x")
            await until(lambda: not meter.session.ready)
            assert 1.5 < time.monotonic() - frozen < 4.2, "2 s and a tick"
            assert became == [False]
            # The kernel accepts for it: connected, but there is no CONNACK.
            await until(lambda: "no CONNACK" in meter.link.problem)
            broker.send(signal.SIGCONT)
            await meter.ready()
            assert meter.link.problem == ""
            became = meter.say("wl/m1/up/iv", b"x")
            await until(lambda: became == [True])

    run(scene())


def test_a_frozen_broker_cannot_hold_a_client_that_has_much_to_send(broker):
    """The send buffers fill up; the wait for them has an end."""

    async def scene():
        async with Client(
            broker.port, "m1", keepalive_s=1, queue_bytes=1 << 20, profile={"connect_s": 1}
        ) as meter:
            await meter.ready()
            broker.send(signal.SIGSTOP)
            for _ in range(16):
                meter.session.publish("wl/m1/up/iv", bytes(1 << 19))
                meter.link.wake()
                await asyncio.sleep(0.01)
            await until(lambda: not meter.session.ready)

    run(scene())
    broker.send(signal.SIGCONT)


def test_a_connection_that_is_quiet_is_kept_by_pings(broker):
    async def scene():
        async with Client(broker.port, "m1", keepalive_s=1) as meter:
            await meter.ready()
            await asyncio.sleep(3.5)
            assert meter.session.ready
            assert meter.link.connects == 1

    run(scene())
    assert broker.log.count("PINGREQ from m1") >= 2


def test_packet_ids_go_round_at_65535(broker):
    """The broker drops whoever sends packet id 0."""

    async def scene():
        async with (
            Client(broker.port, "head", topics=UP) as head,
            Client(broker.port, "m1", window=8) as meter,
        ):
            await head.ready()
            await meter.ready()
            meter.session._pid = 65535 - 20
            messages = [b"%d" % i for i in range(40)]
            await _all(meter, head, messages)
            await until(lambda: len(head.heard) == 40)
            assert [m for _, m, _ in head.heard] == messages
            assert meter.session._pid == 20
            assert meter.link.connects == 1

    run(scene())


def test_two_of_one_name_do_not_wear_each_other_out(broker):
    """The broker throws out the first; back-off grows, as no connection holds."""

    async def scene():
        ports = Ports(hurry=200)
        profile = {"back_off_s": (1, 64)}
        async with (
            Client(broker.port, "m1", ports=ports, profile=profile),
            Client(broker.port, "m1", ports=Ports(hurry=200), profile=profile),
        ):
            await until(lambda: len(ports.slept_ms) > 6, 20)
            assert max(ports.slept_ms) > 4000

    run(scene())


def test_back_off_is_jittered_and_bounded_and_starts_again_after_a_connection_that_held():
    """Against a port where nobody is; then what is drawn, at both ends of the random numbers."""
    draws = random.Random(7)

    class Fast(Ports):
        async def sleep_ms(self, ms):
            self.slept_ms.append(ms)
            await asyncio.sleep(0)

        def random(self, size):
            return draws.randbytes(size)

    async def scene():
        ports = Fast()
        port = broker_config.free_port()
        async with Client(port, "m1", ports=ports, profile={"back_off_s": (1, 900)}) as meter:
            await until(lambda: len(ports.slept_ms) >= 200)
            assert f"{port}: " in meter.link.problem
        slept = ports.slept_ms
        for attempt, ms in enumerate(slept):
            assert 1000 <= ms <= min(900_000, 1000 << min(attempt, 20))
        late = slept[10:]
        assert len(set(late)) > 0.9 * len(late)
        assert 0.35 < sum(late) / len(late) / 900_000 < 0.65, "spread over the whole range"

    run(scene())


def test_back_off_is_forgotten_only_after_a_connection_that_held(broker):
    async def scene(held_s):
        meter = Client(broker.port, "m1", profile={"held_s": held_s})
        meter.link._failures = 5
        meter.ports.hurry = 1000
        async with meter:
            await meter.ready()
            await asyncio.sleep(1.2)
            return meter.link._failures

    assert asyncio.run(scene(1)) == 0
    assert asyncio.run(scene(60)) == 6


def test_after_an_outage_the_broker_sees_no_rush(broker):
    """100 clients, spread over 4 s (sped up 4 times): no quarter second sees a quarter of them."""
    count = 100

    async def scene():
        clients = [
            Client(
                broker.port,
                f"m{i}",
                ports=Ports(hurry=4),
                profile={"back_off_s": (16, 16)},
            )
            for i in range(count)
        ]
        for client in clients:
            client.task = asyncio.create_task(client.link.run())
        await until(lambda: all(c.session.ready for c in clients), 20)
        broker.kill()
        broker.start()
        back = []
        await until(lambda: not any(c.session.ready for c in clients))
        while len(back) < count:
            back += [time.monotonic()] * (sum(c.session.ready for c in clients) - len(back))
            await asyncio.sleep(0.02)
            assert len(clients) == count
        for client in clients:
            client.task.cancel()
        await asyncio.gather(*(c.task for c in clients), return_exceptions=True)
        first = back[0]
        bins = [int((t - first) / 0.25) for t in back]
        assert max(bins.count(b) for b in set(bins)) < count / 4
        assert back[-1] - first > 2

    run(scene())


def test_what_is_wrong_is_said_in_a_short_line(program, tmp_path):
    async def scene():
        async with Client(broker_config.free_port(), "m1") as meter:
            assert meter.link.problem == "not connected yet"
            await until(lambda: re.match(r"127.0.0.1:\d+: .*(refused|failed)", meter.link.problem))
            assert len(meter.link.problem) <= 120
        async with Client(1, "m1", profile={"host": "no.such.host.invalid"}) as meter:
            await until(lambda: "no.such.host.invalid:1: " in meter.link.problem)

    run(scene())
