"""Where mosquitto comes from, and what a head-end's own is told."""

import getpass

import pytest

from wattledger.errors import ToolError
from wattledger.headend import broker_config, mosquitto
from wattledger.headend.broker import Broker


def test_one_that_is_named_must_run(monkeypatch, tmp_path):
    false = tmp_path / "mosquitto"
    false.write_text("#!/bin/sh\necho not me\n")
    false.chmod(0o755)
    for path in (false, tmp_path / "none"):
        monkeypatch.setenv(mosquitto.ENVIRONMENT, str(path))
        with pytest.raises(ToolError, match="does not run: install the package mosquitto"):
            mosquitto.find()


def test_without_one_and_without_apt_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.delenv(mosquitto.ENVIRONMENT, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(mosquitto.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ToolError, match="no mosquitto here and no apt"):
        mosquitto.find()
    with pytest.raises(ToolError, match="no mosquitto here: install"):
        mosquitto.find(fetching=False)


def test_apt_that_fails_is_quoted_and_nothing_stays(monkeypatch, tmp_path):
    apt = tmp_path / "bin/apt-get"
    apt.parent.mkdir()
    apt.write_text("#!/bin/sh\necho 'E: no such package' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.delenv(mosquitto.ENVIRONMENT, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    there = {"apt-get": str(apt), "dpkg-deb": "/usr/bin/dpkg-deb"}
    monkeypatch.setattr(mosquitto.shutil, "which", lambda name, **_: there.get(name))
    monkeypatch.setenv("PATH", f"{apt.parent}:/usr/bin:/bin")
    with pytest.raises(ToolError, match="E: no such package"):
        mosquitto.find()
    assert list((tmp_path / "cache/wattledger").iterdir()) == []


def test_a_port_that_is_taken_is_said(broker, program, tmp_path):
    second = Broker(program, tmp_path / "second", broker.port)
    with pytest.raises(ToolError, match="is the port taken"):
        second.start()
    assert second.process is None


def test_the_configuration_of_a_head_end(fleet, tmp_path):
    path = broker_config.configure(tmp_path / "b", 8883, fleet.broker(), ("headend", "audit"))
    lines = path.read_text().splitlines()
    assert {
        "listener 8883 127.0.0.1",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        "persistence true",
        "autosave_interval 60",
        "autosave_on_changes false",
        f"user {getpass.getuser()}",
    } <= set(lines)
    assert sum(line.startswith("listener") for line in lines) == 1
    acl = (tmp_path / "b/acl").read_text()
    assert "pattern write wl/%u/up/#\npattern read wl/%u/dn/#\n" in acl
    assert acl.count("topic readwrite wl/#") == 2
