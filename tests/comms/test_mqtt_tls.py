"""Who may connect and say what; and that nobody is talked to in plain by mistake."""

import asyncio
import ssl
import types

import pytest

from comms import tls as client_tls
from comms.mqtt_codec import MqttError
from wattledger.headend import broker_config
from wattledger.headend.broker import Broker

from .certificates import Authority
from .conftest import Client, run, until

HASTE = {"connect_s": 2}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    """Another CA of the same name."""
    return Authority(tmp_path_factory.mktemp("stranger"), "fleet CA")


def test_with_the_right_certificate(tls_broker, fleet):
    async def scene():
        async with (
            Client(tls_broker.port, "h", fleet.client("headend"), topics=(("wl/#", 1),)) as head,
            Client(tls_broker.port, "m", fleet.client("m1"), topics=(("wl/m1/dn/#", 1),)) as meter,
        ):
            await head.ready()
            await meter.ready()
            became = meter.say("wl/m1/up/iv", b"block")
            head.say("wl/m1/dn/cmd", b"line")
            # It hears its own line too, and that may come first.
            await until(lambda: len(head.heard) == 2 and meter.heard and became == [True])
            assert ("wl/m1/up/iv", b"block", 0) in head.heard
            assert meter.heard == [("wl/m1/dn/cmd", b"line", 0)]
            assert meter.link.problem == ""

    run(scene())


def test_a_denied_message_is_acknowledged_all_the_same(tls_broker, fleet):
    """Why PUBACK releases nothing: 3.1.1 has no word for "you may not"."""

    async def scene():
        async with (
            Client(tls_broker.port, "h", fleet.client("headend"), topics=(("wl/#", 1),)) as head,
            Client(tls_broker.port, "m", fleet.client("m1")) as meter,
        ):
            await head.ready()
            await meter.ready()
            denied = [
                meter.say(topic, b"forged")
                for topic in ("wl/m2/up/iv", "wl/m1/dn/ack", "wl/m1/iv", "other")
            ]
            await until(lambda: denied == [[True]] * 4)
            became = meter.say("wl/m1/up/iv", b"own")
            await until(lambda: head.heard and became == [True])
            await asyncio.sleep(0.1)
            assert head.heard == [("wl/m1/up/iv", b"own", 0)]

    run(scene())
    assert tls_broker.log.count("Denied PUBLISH from m1") == 4


def test_a_meter_hears_nothing_that_is_for_another(tls_broker, fleet):
    everything = (("wl/m2/dn/#", 1), ("wl/+/dn/#", 1), ("#", 1), ("wl/m1/dn/#", 1))

    async def scene():
        async with (
            Client(tls_broker.port, "h", fleet.client("headend")) as head,
            Client(tls_broker.port, "m", fleet.client("m1"), topics=everything) as meter,
        ):
            await head.ready()
            await meter.ready()
            for name in ("m2", "m1"):
                head.say(f"wl/{name}/dn/cmd", name, retain=True)
            await until(lambda: meter.heard)
            await asyncio.sleep(0.1)
            assert {(topic, payload) for topic, payload, _ in meter.heard} == {
                ("wl/m1/dn/cmd", b"m1")
            }

    run(scene())


def test_a_meter_cannot_throw_out_another_by_its_client_id(tls_broker, fleet):
    async def scene():
        async with Client(tls_broker.port, "m1", fleet.client("m1")) as victim:
            await victim.ready()
            async with Client(tls_broker.port, "m1", fleet.client("m2")) as other:
                await other.ready()
                await asyncio.sleep(0.2)
                assert victim.session.ready
                assert victim.link.connects == 1

    run(scene())


def _refused(port, tls, profile=(), words=("",)):
    """Two attempts, and neither was a connection."""

    async def scene():
        async with Client(port, "m1", tls, profile={**HASTE, **dict(profile)}) as meter:
            await until(lambda: len(meter.ports.slept_ms) >= 3)
            assert meter.link.connects == 0
            assert meter.readies == 0
            assert meter.link.problem.startswith("127.0.0.1:") or profile
            assert any(word in meter.link.problem for word in words), meter.link.problem

    run(scene())


def test_an_expired_certificate_is_refused_by_the_broker(tls_broker, fleet):
    _refused(tls_broker.port, fleet.client("m1", expired=True), words=("expired", "EXPIRED"))


def test_a_foreign_certificate_is_refused_by_the_broker(tls_broker, fleet, stranger):
    mixed = {**stranger.client("m1"), "ca": str(fleet.path)}
    _refused(tls_broker.port, mixed, words=("unknown ca", "UNKNOWN_CA", "decrypt error"))


def test_a_missing_certificate_is_refused_by_the_broker(tls_broker, fleet):
    _refused(tls_broker.port, {"ca": str(fleet.path)}, words=("certificate", "CERTIFICATE"))


def test_a_foreign_broker_is_refused_by_the_meter(tls_broker, fleet, stranger):
    foreign = {**fleet.client("m1"), "ca": str(stranger.path)}
    _refused(tls_broker.port, foreign, words=("CERTIFICATE_VERIFY_FAILED",))


def test_a_broker_of_another_name_is_refused_by_the_meter(tls_broker, fleet):
    named = {**fleet.client("m1"), "name": "broker.example"}
    _refused(tls_broker.port, named, words=("CERTIFICATE_VERIFY_FAILED",))


def test_an_expired_broker_is_refused_by_the_meter(program, fleet, tmp_path):
    tls = fleet.broker(expired=True)
    with Broker(program, tmp_path / "broker", broker_config.free_port(), tls) as broker:
        _refused(broker.port, fleet.client("m1"), words=("CERTIFICATE_VERIFY_FAILED",))


def test_the_ca_may_be_bytes_and_the_name_another_than_the_host(tls_broker, fleet):
    async def scene():
        tls = {**fleet.client("m1"), "ca": fleet.der, "name": "localhost"}
        async with Client(tls_broker.port, "m1", tls) as meter:
            await meter.ready()

    run(scene())


ANSWERS = {
    "silence": None,
    "CONNACK": b"\x20\x02\x00\x00",
    "alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "noise": bytes(range(256)),
    "end": b"",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_profile_with_tls_says_no_mqtt_to_a_port_without(fleet, answer):
    async def scene():
        got = []

        async def plain(reader, writer):
            first = await reader.read(4096)
            got.append(first)
            if answer is not None:
                if answer:
                    writer.write(answer)
                    await writer.drain()
                    got[-1] += await reader.read(4096)
                writer.close()

        server = await asyncio.start_server(plain, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        options = {"user": "a-user", "password": "a-secret", "profile": {"connect_s": 1}}
        async with Client(port, "client-id", fleet.client("m1"), **options) as meter:
            await until(lambda: len(got) >= 2)
            assert meter.link.connects == 0
        server.close()
        for data in got:
            assert data[:2] == b"\x16\x03", "a TLS handshake"
            for word in (b"MQTT", b"client-id", b"a-user", b"a-secret"):
                assert word not in data

    run(scene())


def test_a_plain_profile_gets_nowhere_at_a_port_with_tls(tls_broker):
    _refused(tls_broker.port, None)


@pytest.mark.parametrize("tls", [{}, {"ca": ""}, {"cert": "a", "key": "b"}])
def test_a_profile_with_tls_that_names_no_trust_never_connects(broker, tls):
    """The port is plain and would take it."""
    _refused(broker.port, tls, words=("plain text is refused",))
    assert "New connection" not in broker.log


def test_a_profile_must_say_whether_it_is_plain():
    client = Client(1, "m1")
    with pytest.raises(KeyError):
        type(client.link)({"host": "h", "port": 1}, client.session, client.ports)


def test_every_context_checks_the_broker(fleet):
    context = client_tls.context({"ca": str(fleet.path)})
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_pre_shared_keys_only_where_the_platform_has_them(monkeypatch):
    tls = {"psk_identity": b"m1", "psk_key": bytes(range(16))}
    with pytest.raises(MqttError, match="no pre-shared keys on this platform"):
        client_tls.context(tls)

    class SSLContext:
        psk_identity = psk_key = verify_mode = None

        def __init__(self, protocol):
            self.protocol = protocol

    fake = types.SimpleNamespace(SSLContext=SSLContext, PROTOCOL_TLS_CLIENT=0, CERT_REQUIRED=2)
    monkeypatch.setattr(client_tls, "ssl", fake)
    context = client_tls.context(tls)
    assert (context.psk_identity, context.psk_key) == (b"m1", bytes(range(16)))
    assert context.verify_mode == 2
