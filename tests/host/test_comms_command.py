"""wattledger comms: over a pseudo-terminal to a sealed meter's own gate, and errors in a line."""

import datetime

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sealed_pty import SealedMeter
from typer.testing import CliRunner

from comms import profiles
from meter.security import safe
from tests.comms.certificates import Authority
from wattledger import link, session
from wattledger.cli import app
from wattledger.commands import comms
from wattledger.security import key_file, secrets_asked
from wattledger.security import line as line_of
from wattledger.security.der_parts import certificate
from wattledger.security.keyring import Fleet

SECRET = "correct horse 17"
BROKER = ("comms", "broker", "home", "--host", "broker.lan", "--wait", 0)


@pytest.fixture(scope="module")
def fleet():
    return Fleet.new()


@pytest.fixture
def meter(fleet, monkeypatch):
    monkeypatch.setattr(line_of, "ANSWER_S", 3.0)
    monkeypatch.setattr(link, "ENTER_TIMEOUT_S", 0.3)
    monkeypatch.setattr(comms, "_POLL_S", 0.01)
    meter = SealedMeter(fleet)
    meter.told = {}
    meter.rig.service._identity["more"] = lambda: [("comms", dict(meter.told))]
    yield meter
    meter.close()


@pytest.fixture
def run(meter, fleet, tmp_path, monkeypatch):
    """-> function (arguments) -> output; `error`: the line that it must fail with"""
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", SECRET)
    path = tmp_path / "fleet.keys"
    key_file.create(path, fleet, SECRET)
    options = ["--keys", str(path), "--port", meter.port]

    def run(*arguments, error=None):
        done = CliRunner().invoke(app, [*options, *map(str, arguments)])
        said = done.output + (str(done.exception) if done.exit_code else "")
        assert SECRET not in said
        if error is None:
            assert done.exit_code == 0, said
        else:
            assert done.exit_code == 1, said
            assert error in said
            assert "\n" not in str(done.exception)
        return said

    return run


@pytest.fixture
def kept(meter):
    return lambda name: safe.load(meter.rig.gate, name)


def test_wifi_by_environment_and_what_info_says_of_it(run, meter, kept, monkeypatch):
    monkeypatch.setenv(secrets_asked.WIFI_PASSWORD, SECRET)
    meter.told["wifi"] = "connected -61 dBm"
    said = run("comms", "wifi", "--ssid", "house", "--ntp", "time.example")
    assert said == "wifi     set; connected -61 dBm\n"
    assert profiles.wifi(kept) == ("house", SECRET, "time.example")
    assert SECRET.encode() not in b"".join(meter.lines)  # on the line it is in an envelope
    meter.told["wifi"] = "wrong password"
    said = run("comms", "wifi", "--ssid", "house", "--wait", 1)
    assert said == "wifi     set; wrong password\n"
    assert run("comms", "show") == "wifi     wrong password\n"
    assert run("comms", "wifi", "--forget") == "forgotten\n"
    assert profiles.wifi(kept) is None


def test_a_broker_with_certificates_from_pem(run, kept, tmp_path, monkeypatch):
    monkeypatch.setenv(secrets_asked.BROKER_PASSWORD, SECRET)
    fleet = Authority(tmp_path / "ca", "CA")
    cert, key = fleet.issue("m1")
    files = ("--ca", fleet.path, "--cert", cert, "--key", key)
    run("comms", "broker", "utility", "--host", "mqtt.example", *files, "--wait", 0)
    fields = profiles.broker(kept, "mqtt")
    assert (fields["host"], fields["port"]) == ("mqtt.example", 8883)
    assert fields["tls"]["ca"] == fleet.der
    assert len(fields["tls"]["key"]) == 121  # SEC 1: PKCS 8 has 138
    private = serialization.load_der_private_key(fields["tls"]["key"], None)
    assert private.public_key() == certificate(cert).public_key()
    run(*BROKER, "--tls", "none", "--user", "meter", "--live", 5, "--commands")
    home = profiles.broker(kept, "home")
    assert (home["port"], home["tls"], home["live_s"], home["commands"]) == (1883, None, 5, True)
    assert (home["user"], home["password"]) == ("meter", SECRET)
    run("comms", "broker", "utility", "--forget")
    assert profiles.broker(kept, "mqtt") is None
    assert not any(kept("mqtt_" + part) for part in ("ca", "cert", "key"))
    assert profiles.broker(kept, "home")


def test_a_pre_shared_key(run, kept, monkeypatch):
    monkeypatch.setenv(secrets_asked.PSK_KEY, "00ff" * 16)
    run(*BROKER, "--tls", "psk", "--psk-identity", "m1")
    tls = profiles.broker(kept, "home")["tls"]
    assert (tls["psk_identity"], tls["psk_key"]) == (b"m1", bytes.fromhex("00ff" * 16))
    monkeypatch.setenv(secrets_asked.PSK_KEY, "no hex")
    run(*BROKER, "--tls", "psk", "--psk-identity", "m1", error="is no hex")


def test_local_roads(run, meter, kept):
    meter.told |= {"p1": "on, as reader", "readout": "stopped: planted"}
    p1, readout = ("--p1", "2:17", "--t1", "1,3", "--invert"), ("--readout", "1:16:32")
    said = run("comms", "local", *p1, *readout, "--role", "reader", "--wait", 1)
    assert said.splitlines() == [
        "p1       set; on, as reader",
        "readout  set; stopped: planted",
    ]
    found = profiles.local(kept)
    assert found["p1"] == {
        **{"uart": 2, "tx": 17, "invert": True, "role": "reader"},
        **{"t1": [1, 3], "t1_out": [1]},
    }
    assert found["readout"] == {"uart": 1, "tx": 16, "rx": 32, "role": "reader"}
    run("comms", "local", "--cosem", "--wait", 0)
    assert profiles.local(kept) == {"cosem": {"role": "public"}}
    run("comms", "local", "--forget")
    assert profiles.local(kept) == {}
    run("comms", "local", "--p1", "2:5", error="local: p1: tx: no such field, or not of its kind")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("wifi",), "give --ssid NAME or --forget"),
        (("wifi", "--ssid", "a", "--forget"), "give --ssid NAME or --forget"),
        (("wifi", "--ssid", "a"), "nobody to ask: set WATTLEDGER_WIFI_PASSWORD"),
        (("broker", "other", "--host", "h"), "expected home or utility"),
        (("broker", "home"), "give --host NAME or --forget"),
        (("broker", "utility", "--host", "h", "--tls", "none"), "never talked to in plain text"),
        (("broker", "home", "--host", "h", "--cert", "c"), "--cert and --key go together"),
        (("broker", "home", "--host", "h", "--ca", "/none"), "No such file"),
        (("broker", "home", "--host", "h", "--user", "u"), "set WATTLEDGER_BROKER_PASSWORD"),
        (("broker", "home", "--host", "h", "--tls", "maybe"), "mqtt: tls: no such field"),
        (("broker", "home", "--host", "hä", "--tls", "none"), "not ASCII"),
        (("local",), "give --p1, --readout or --cosem"),
        (("local", "--p1", "2"), "expected UART:TX"),
        (("local", "--readout", "1:a:2"), "expected UART:TX:RX"),
        (("local", "--p1", "2:17", "--t1", "0"), "expected rate numbers"),
        (("local", "--cosem", "--role", "maker"), "local: cosem: role"),
    ],
)
def test_errors_are_one_line(run, kept, arguments, error):
    run("comms", *arguments, error=error)
    assert not any(kept(name) for name in ("wifi", "mqtt", "home", "local"))


def test_files_that_are_not_what_they_should_be(run, tmp_path):
    ours, other = Authority(tmp_path / "a", "CA"), Authority(tmp_path / "b", "CA")
    cert, _ = ours.issue("m1")
    _, foreign = other.issue("m1")
    noise = tmp_path / "noise"
    noise.write_bytes(b"no certificate")
    run(*BROKER, "--ca", noise, error="no certificate, PEM or DER")
    run(*BROKER, "--cert", cert, "--key", noise, error="no key without a passphrase")
    run(*BROKER, "--cert", cert, "--key", foreign, error="not the key of")
    long = tmp_path / "long.pem"
    long.write_bytes(_rsa_certificate())
    run(*BROKER, "--ca", long, error="a meter keeps 466: take P-256")


def _rsa_certificate():
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = rsa.generate_private_key(65537, 2048)
    now, name = datetime.datetime.now(datetime.UTC), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now)
    signed = builder.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def test_on_an_open_meter_it_waits_for_the_seal(monkeypatch):
    asked = []

    class Open:
        sealed = False

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def request(self, do, **args):
            asked.append((do, args))
            return {"set": True} if do != "info" else {}

    monkeypatch.setattr(session, "meter", lambda ctx: Open())
    monkeypatch.setenv(secrets_asked.WIFI_PASSWORD, SECRET)
    done = CliRunner().invoke(app, ["comms", "wifi", "--ssid", "house"])
    assert done.output == "set: it runs once the meter is sealed: wattledger seal\n"
    assert asked == [("wifi", {"ssid": "house", "password": SECRET})]
    assert "the meter is open" in CliRunner().invoke(app, ["comms", "show"]).output
