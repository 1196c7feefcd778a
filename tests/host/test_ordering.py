"""Commands that push to a meter with keys sign what they push; the meter of the test is sealed,
at the end of a pseudo-terminal, and its file system can be cut off."""

import json
import os

import pytest
import tariffs
from gate_rig import SERIAL, START, GateRig
from sealed_pty import SealedMeter
from test_chain_check import Link

from drivers import file_parts
from drivers.files import TariffFiles
from meter import prices_check, tariff_check
from meter.security import keys as keys_of
from wattledger import session
from wattledger.commands import prices as prices_command
from wattledger.commands import tariff as tariff_command
from wattledger.errors import ToolError
from wattledger.prices.prices_import import PriceFile
from wattledger.security import orders
from wattledger.security.keyring import Fleet
from wattledger.security.ordering import UNSIGNED, Signer
from wattledger.tariffs.tariff_file import Compiled


class Keys:
    """As session.Session: a key file that was opened."""

    keys = "fleet.keys"

    def __init__(self, keyring):
        self._keyring = keyring

    def keyring(self):
        return self._keyring


@pytest.fixture(scope="module")
def fleet():
    return Fleet.new()


@pytest.fixture
def rig(fleet):
    """A meter with keys, open."""
    rig = GateRig(keys=keys_of.unpack(fleet.blob(SERIAL.hex(), 1)))
    rig.service._identity["serial"] = SERIAL.hex()
    rig.ports.watchdog = type("Watchdog", (), {"feed": lambda self: None})()
    return rig


def digest_in(rig, text=None):
    text = text or tariffs.text()
    rig.ports.files.held[tariff_check.digest(text)] = text
    return tariff_check.digest(text)


class TestSigner:
    def test_a_meter_without_keys_gets_no_order(self):
        assert UNSIGNED.sign(Link(GateRig()), "tariff", "x") == {}

    def test_what_it_signs_the_meter_takes(self, rig, fleet):
        signer, meter = Signer(Keys(fleet)), Link(rig)
        versions = []
        for name in ("one", "two", "three"):  # within a second
            digest = digest_in(rig, tariffs.text(name=name))
            signed = signer.sign(meter, "tariff", f"{digest} now")
            assert meter.request("tariff", digest=digest, when="now", **signed)
            rig.run(60)
            assert rig.meter.contract.tariff.name == name
            versions.append(signed["order"]["version"])
            assert signed["order"]["target"] == SERIAL.hex()
            assert signed["order"]["until"] == rig.ports.clock.utc - 60 + 86400
        assert versions[0] < versions[1] < versions[2]

    def test_a_clock_that_is_not_right_has_no_until(self, rig, fleet):
        rig.ports.clock.good = 0
        signed = Signer(Keys(fleet)).sign(Link(rig), "tariff", "x")
        assert signed["order"]["until"] == 0

    def test_after_one_from_a_host_whose_clock_was_ahead(self, rig, fleet):
        signer, meter, digest = Signer(Keys(fleet)), Link(rig), digest_in(rig)
        argument, private = f"{digest} now", fleet.private("utility")
        ahead = orders.sign("tariff", "*", 4_000_000_000, 0, argument, private)
        assert meter.request("tariff", digest=digest, when="now", order=ahead)
        signed = signer.sign(meter, "tariff", argument)
        assert signed["order"]["version"] == 4_000_000_001
        assert meter.request("tariff", digest=digest, when="now", **signed)

    def test_another_fleet(self, rig):
        signer, digest = Signer(Keys(Fleet.new())), digest_in(rig)
        signed = signer.sign(Link(rig), "tariff", f"{digest} now")
        with pytest.raises(ToolError, match="order: refused"):
            Link(rig).request("tariff", digest=digest, when="now", **signed)

    def test_without_the_keys_it_says_what_to_give(self, rig, fleet):
        with pytest.raises(ToolError, match="signed: give --keys"):
            UNSIGNED.sign(Link(rig), "tariff", "x")
        with pytest.raises(ToolError, match="signed: give --keys"):
            Signer(session.Session("virtual", None)).sign(Link(rig), "tariff", "x")
        one = fleet.derive(SERIAL.hex(), "utility")
        with pytest.raises(ToolError, match="needs the fleet's key file"):
            Signer(Keys(one)).sign(Link(rig), "tariff", "x")


@pytest.fixture
def meter(fleet, tmp_path):
    meter = SealedMeter(fleet)
    rig = meter.rig
    rig.ports.watchdog = type("Watchdog", (), {"feed": lambda self: None})()
    rig.ports.files = rig.meter.contract.files = TariffFiles(str(tmp_path / "cfg"))
    yield meter
    meter.close()


@pytest.fixture
def link(meter, fleet):
    with session.connect(meter.port, None, lambda: fleet) as link:
        yield link


def compiled(**changes):
    text = tariffs.text(**changes)
    return Compiled(text, tariff_check.digest(text), tariffs.data(**changes))


class TestPush:
    def push(self, link, fleet, name, when="now"):
        return tariff_command.run(link, compiled(name=name), when, Signer(Keys(fleet)))

    def test_a_tariff_and_prices(self, meter, link, fleet, monkeypatch, tmp_path):
        monkeypatch.setenv("WATTLEDGER_CACHE", str(tmp_path))
        self.push(link, fleet, "first")
        assert meter.rig.meter.contract.tariff.name == "first"
        begin = START // 900 * 900 + 1800
        data = {
            "currency": "EUR", "events": [[begin, begin + 900, "day"]], "export": [], "id": 1,
            "import": [], "kind": "prices", "schema": 1, "start": begin, "step_s": 900,
        }  # fmt: skip
        text = json.dumps(data).encode()
        prices = PriceFile(text, prices_check.digest(text), data)
        until = prices_command.run(link, prices, Signer(Keys(fleet)))
        assert until == begin + 900

    def test_unsigned(self, meter, link):
        with pytest.raises(ToolError, match="signed: give --keys"):
            tariff_command.run(link, compiled(), "now")
        assert meter.rig.meter.contract.tariff.name != "test"

    @pytest.mark.parametrize("done", [False, True])
    def test_the_power_goes_at_the_rename_of_the_file(self, meter, link, fleet, monkeypatch, done):
        self.push(link, fleet, "first")
        rename = os.rename

        def cut(old, new):
            if done:
                rename(old, new)
            raise OSError(5, "the power went")

        monkeypatch.setattr(file_parts.os, "rename", cut)
        with pytest.raises(ToolError):
            self.push(link, fleet, "second")
        monkeypatch.setattr(file_parts.os, "rename", rename)
        assert meter.rig.meter.contract.tariff.name == "first"
        assert meter.rig.ask("bill")["open"]
        self.push(link, fleet, "second")
        assert meter.rig.meter.contract.tariff.name == "second"
        assert meter.rig.ask("bill")["open"]
