"""Where the broker listens: this machine only unless it is told, and TLS wherever it does."""

import json
import socket
import ssl

import pytest
from cryptography import x509
from typer.testing import CliRunner

from comms import mqtt_codec, mqtt_connect
from wattledger.cli import app
from wattledger.errors import ToolError
from wattledger.headend import broker_config, folder, head_end, settings
from wattledger.headend.broker_config import Tls, configure
from wattledger.security import key_file

SECOND, NAME = "127.0.0.2", "meters.example"
METER = "f00000000001"
PASSPHRASE = "a passphrase of a test"


@pytest.fixture
def init(tmp_path, keys):
    def init(listen=(), names=(), port=None):
        at, port = tmp_path / "h", port or broker_config.free_port()
        return folder.init(at, tmp_path / "keys", keys, None, port, listen, names)

    return init


@pytest.fixture
def at(tmp_path):
    return tmp_path / "h"


def goes_by(at):
    """-> names and addresses in the broker's certificate"""
    found = x509.load_pem_x509_certificate((at / "broker/broker.pem").read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in names}


def client(at, certified=True):
    context = ssl.create_default_context(cafile=at / "ca/ca.pem")
    if certified:
        context.load_cert_chain(at / f"meters/{METER}.pem", at / f"meters/{METER}.key")
    return context


def greeted(address, port, context=None, name=None):
    """-> whether a broker there takes a meter; it may shut the door at any step."""
    with socket.create_connection((address, port), 3) as line:
        line.settimeout(3)
        try:
            if context is not None:
                line = context.wrap_socket(line, server_hostname=name or address)
            line.sendall(mqtt_connect.connect(METER, 60))
            return line.recv(4)[:1] == bytes([mqtt_codec.CONNACK << 4])
        except (ConnectionError, ssl.SSLError):
            return False


def test_told_nothing_it_is_there_for_this_machine_only(program, init, at):
    init()
    found = settings.load(at)
    assert goes_by(at) == {"127.0.0.1", "localhost"}
    assert "for this machine only, no meter outside reaches it" in folder.reach(found)
    with head_end.own_broker(found):
        assert greeted("127.0.0.1", found.port, client(at))
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((SECOND, found.port), 3)


@pytest.mark.parametrize("second", [SECOND, "::1"])
def test_on_a_second_address_as_on_the_first(program, init, at, second):
    """By any of its names, with a certificate of this fleet, and in no other way."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in second else socket.AF_INET) as probe:
            probe.bind((second, 0))
    except OSError:
        pytest.skip(f"no {second} on this machine")
    init((second,), (NAME, "10.1.2.3"))
    found = settings.load(at)
    assert goes_by(at) == {"127.0.0.1", "localhost", NAME, "10.1.2.3", second}
    with head_end.own_broker(found):
        for address in ("127.0.0.1", second):
            assert greeted(address, found.port, client(at))
            assert greeted(address, found.port, client(at), NAME)
            assert not greeted(address, found.port, client(at), "other.example")
            assert not greeted(address, found.port, client(at, certified=False))
            assert not greeted(address, found.port)


def test_each_listener_is_told_of_tls(tmp_path):
    tls = Tls(*(tmp_path / name for name in ("ca", "certificate", "key")))
    text = configure(tmp_path, 8883, tls, addresses=("192.0.2.1", "::1")).read_text()
    before, *listeners = text.split("listener 8883 ")
    assert "allow_anonymous false" in before
    assert [one.split()[0] for one in listeners] == ["127.0.0.1", "192.0.2.1", "::1"]
    for one in listeners:
        assert {"require_certificate true", "use_identity_as_username true"} <= set(
            one.splitlines()
        )
        assert f"keyfile {tls.key}" in one
    text = configure(tmp_path, 8883, tls, addresses=("0.0.0.0",)).read_text()
    assert text.count("\nlistener ") == 1  # all of them, the first among them


def test_plain_text_does_not_leave_this_machine(tmp_path):
    configure(tmp_path, 1883, None, addresses=(SECOND,))
    for address in ("192.0.2.1", "0.0.0.0", "::"):
        with pytest.raises(ToolError, match=f"plain text on {address}: only on 127.0.0.1"):
            configure(tmp_path, 1883, None, addresses=(address,))


@pytest.mark.parametrize(
    ("listen", "names", "told"),
    [
        (("0.0.0.0",), (), "say what meters call this machine: --name HOST"),
        (("::",), (), "say what meters call this machine: --name HOST"),
        (("meters.example",), (), "expected an address of this machine"),
        ((), ("no host",), "'no host': neither the name of a host nor an address"),
        ((), ("-a.example",), "neither the name of a host nor an address"),
    ],
)
def test_what_cannot_be(init, at, listen, names, told):
    with pytest.raises(ToolError) as error:
        init(listen, names)
    assert told in str(error.value)
    assert not at.exists()


def test_later_by_its_toml_and_the_certificate_follows(init, at):
    init()
    before = {path: path.read_bytes() for path in at.rglob("*.pem")}
    assert not init().broker
    with pytest.raises(ToolError, match=r"has listen = \[\"127.0.0.1\"\]: change it there"):
        init(("192.0.2.1",))
    toml = at / "headend.toml"
    text = toml.read_text().replace('listen = ["127.0.0.1"]', 'listen = ["192.0.2.1"]')
    toml.write_text(text.replace("names = []", f'names = ["{NAME}"]'))
    made = init(("192.0.2.1",), (NAME,))
    assert (made.broker, made.new, made.meters) == (True, False, [])
    assert goes_by(at) == {"127.0.0.1", "localhost", NAME, "192.0.2.1"}
    changed = {path.name for path, data in before.items() if path.read_bytes() != data}
    assert changed == {"broker.pem"}
    assert "listener 8883" not in (at / "broker/mosquitto.conf").read_text()
    assert folder.reach(settings.load(at)).endswith(
        f"meters come to {NAME}, by TLS with a certificate only"
    )


def test_the_command_says_who_can_come(tmp_path, keys, monkeypatch):
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", PASSPHRASE)
    key_file.create(tmp_path / "keys", keys, PASSPHRASE)

    def said(name, *options):
        line = ["--keys", str(tmp_path / "keys"), "headend", "init", str(tmp_path / name)]
        done = CliRunner().invoke(app, [*line, *options])
        assert done.exit_code == 0, done.output
        return done.output

    assert "127.0.0.1:8883: for this machine only" in said("a")
    told = said("b", "--listen", "192.0.2.1, 192.0.2.2", "--name", f"{NAME},192.0.2.9")
    assert f"meters come to {NAME}, 192.0.2.9, by TLS with a certificate only" in told
    found = settings.load(tmp_path / "b")
    assert found.listen == ("192.0.2.1", "192.0.2.2")
    assert json.dumps(found.names) == json.dumps((NAME, "192.0.2.9"))
