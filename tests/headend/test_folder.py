"""A head-end's folder: made once, added to, and whatever is wrong with it is one line."""

import datetime
import ssl

import pytest
from cryptography import x509

from wattledger.commands import headend as command
from wattledger.errors import ToolError
from wattledger.headend import control, folder, settings
from wattledger.headend.certificates import Authority, Pair
from wattledger.headend.key_source import KeySource
from wattledger.headend.reloading import key_source
from wattledger.headend.server import tls_context
from wattledger.headend.simulate import with_simulated
from wattledger.security import key_file

PASSPHRASE = "a passphrase of a test"


@pytest.fixture
def made(tmp_path, keys):
    folder.init(tmp_path / "h", tmp_path / "keys", keys, None, 18883)
    return tmp_path / "h"


def certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_what_it_holds(made, tmp_path, keys):
    found = settings.load(made)
    assert (found.host, found.port, found.start, found.plain) == ("127.0.0.1", 18883, True, False)
    assert found.keys == (tmp_path / "keys").resolve()
    acl = (made / "broker/acl").read_text()
    assert "pattern write wl/%u/up/#" in acl
    assert "user headend\ntopic readwrite wl/#" in acl
    configuration = (made / "broker/mosquitto.conf").read_text()
    assert "require_certificate true" in configuration
    assert "allow_anonymous false" in configuration
    for serial in keys.meters:
        name = certificate(made / "meters" / f"{serial}.pem").subject.rfc4514_string()
        assert name == f"CN={serial}"
    secret = list(made.rglob("*.key"))
    assert len(secret) == 3 + len(keys.meters)
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o600}
    assert made.stat().st_mode & 0o777 == 0o700
    tls_context(found)


def test_again_it_adds_what_is_new_and_leaves_the_rest(made, tmp_path, keys):
    before = {path: path.read_bytes() for path in made.rglob("*.pem")}
    more = with_simulated(keys, 5)
    done = folder.init(made, tmp_path / "keys", more, None, 1)
    assert done == folder.Made(["f00000000004", "f00000000005"], False)
    assert {path: path.read_bytes() for path in before} == before
    assert settings.load(made).port == 18883


def test_certificates_are_good_before_a_clock_is_set_and_for_long(made):
    ca, meter = certificate(made / "ca/ca.pem"), certificate(made / "meters/f00000000001.pem")
    now = datetime.datetime.now(datetime.UTC)
    for one in (ca, meter):
        assert one.not_valid_before_utc.year == 2024
        assert one.not_valid_after_utc - now > datetime.timedelta(days=14 * 365)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not meter.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    meter.verify_directly_issued_by(ca)


def test_a_meters_certificate_is_no_brokers(made, tmp_path):
    """Whoever takes one out of a meter cannot stand in for the broker with it."""
    usage = x509.ExtendedKeyUsage
    for name, oid in (("meters/f00000000001", "clientAuth"), ("broker/broker", "serverAuth")):
        found = certificate(made / f"{name}.pem").extensions.get_extension_for_class(usage)
        assert [one._name for one in found.value] == [oid]


def test_a_folder_of_something_else(tmp_path, keys):
    (tmp_path / "x").write_text("")
    with pytest.raises(ToolError, match="is not empty: name a new folder"):
        folder.init(tmp_path, tmp_path / "keys", keys, None, 1)


def test_a_ca_is_never_made_anew(made):
    with pytest.raises(ToolError, match="there is a CA already"):
        Authority.new(made / "ca", "x")
    (made / "ca/ca.key").write_text("nonsense")
    with pytest.raises(ToolError, match="no CA"):
        Authority(made / "ca")


def test_somebody_elses_broker(tmp_path, keys):
    folder.init(tmp_path / "h", tmp_path / "keys", keys, "broker.example", 8883)
    found = settings.load(tmp_path / "h")
    assert (found.host, found.start) == ("broker.example", False)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[broker", "correct it"),
        ("[brokers]", "[brokers]: expected one of broker"),
        ("[broker]\nhosts = 1", "broker.hosts: expected one of start, host"),
        ('[broker]\nport = "1"', "broker.port = '1': expected int"),
        ("[store]\nflush_rows = true", "store.flush_rows = True: expected int"),
        ('[broker]\nplain = true\nhost = "10.0.0.1"', "plain text to 10.0.0.1: only to 127.0.0.1"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, text, told):
    (tmp_path / "headend.toml").write_text(text)
    with pytest.raises(ToolError) as error:
        settings.load(tmp_path)
    assert told in str(error.value)


def test_no_folder_no_certificates_nobody_there(tmp_path, made):
    with pytest.raises(ToolError, match="wattledger headend init"):
        settings.load(tmp_path / "nothing")
    (made / "headend/headend.pem").unlink()
    with pytest.raises(ToolError, match=r"certificates of .*: wattledger headend init"):
        tls_context(settings.load(made))
    with pytest.raises(ToolError, match=r"none runs in .*: wattledger headend run"):
        control.ask(made, "status")


def test_without_its_packages_the_command_says_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "NEEDS", ("aiomqtt", "no_such_package"))
    with pytest.raises(ToolError, match=r"no_such_package not installed: pip install"):
        command._needed()


def test_a_meter_that_joins_is_known_without_a_restart(tmp_path, keys, monkeypatch):
    monkeypatch.setattr(key_file, "SCRYPT_N", 1 << 10)
    path = tmp_path / "keys"
    key_file.create(path, keys, PASSPHRASE)
    source = key_source(key_file.load(path, PASSPHRASE))
    assert source.of("f00000000009") == ()
    assert not source.refresh()
    key_file.load(path, PASSPHRASE).save(keys.with_meter("f00000000009", 1, "new"))
    assert source.refresh()
    assert len(source.of("f00000000009")) == 2
    assert source.group("new") == ["f00000000009"]


def test_groups(keys):
    source = KeySource(keys)
    assert source.group("elsewhere") == ["f0000000ffff"]
    assert len(source.group("*")) == 4
    assert source.group("nobody") == []


def test_the_ca_is_the_only_one_that_is_believed(made, tmp_path):
    other = Authority.new(tmp_path / "other", "another fleet")
    pair = Pair(tmp_path / "x.pem", tmp_path / "x.key")
    other.issue(pair, "headend")
    context = tls_context(settings.load(made))
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    subjects = [dict(part[0] for part in ca["subject"]) for ca in context.get_ca_certs()]
    assert [name["commonName"].split()[0] for name in subjects] == ["wattledger"]
