"""Profiles of communication on a sealed meter: set by its console, told by `info`, no way in."""

from tests.e2e.sealed_meter import PROMPTS, connect, hello, talk, wait_for

SECRETS = {"wifi": {"ssid": "my network", "password": "correct horse 17"}}
HOME = {"profile": "home", "host": "broker.lan", "port": 1883, "tls": "none"}


def test_a_module_without_radio_has_its_console_and_says_why(sealed):
    with connect(sealed) as meter:
        assert meter.request("wifi", **SECRETS["wifi"]) == {"set": True}
        assert meter.request("mqtt", **HOME) == {"set": True}
        told = meter.request("info")
        assert "network" in told["comms"]["wifi"]
        assert 0 <= told["late_ms"] < 10_000
    held = (sealed.state / "nvs.json").read_text()
    for text in ("my network", "correct horse", "broker.lan"):
        assert text not in held
        assert text.encode().hex() not in held
    sealed.cut()
    sealed.start()
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    with connect(sealed) as meter:
        assert "network" in meter.request("info")["comms"]["wifi"]
        assert meter.request("wifi", ssid=None) == {"set": False}
        assert "comms" not in meter.request("info")
    said = talk(sealed, b"\x03\x03\r\n")
    assert not any(prompt in said for prompt in PROMPTS)
