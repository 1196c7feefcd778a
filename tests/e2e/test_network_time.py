"""What app.py gives to comms, on the virtual board: local time, and a time nobody vouches for."""

import textwrap

HINTED = """
import app, machine, time
rtc, utc = machine.RTC(), app.meter.live.t + 1577836800
now = rtc.datetime()
rtc.datetime((2000, 1, 1, 5, 0, 0, 0, 0))
lost = app.ports.clock.quality(), app.local()
told = app.hint(utc - 10), app.hint(utc + 60), app.hint(utc + 90)
print((lost, told, app.ports.clock.quality(), app.ports.clock.now() - utc, app.local()))
"""
STATE = """
import app
clock = app.ports.clock
print((clock.quality(), clock.doubted, app.vault.load("hint"), app.local() is None))
"""


def test_local_time_is_that_of_the_tariff(keyed, ask):
    utc = ask("info")["utc"]
    found = eval(keyed.run("import app; print(app.local())"))
    assert utc <= found[0] < utc + 60
    assert found[1:] == (0, False)  # UTC, as long as there is no tariff


def test_a_time_from_the_network_is_doubted_over_a_reset_until_the_clock_is_set(keyed, ask):
    lost, told, quality, ahead_s, local = eval(keyed.run(HINTED))
    assert lost == (0, None)
    assert told[0].startswith("not believed")
    assert told[1:] == ("for TLS only", "had one")
    assert (quality, local) == (0, None)
    assert 60 <= ahead_s < 65
    after_reset = keyed.mpremote("exec", textwrap.dedent(STATE))  # its clock goes on
    assert eval(after_reset.strip()) == (0, True, b"\x01", True)
    utc = ask("info")["utc"]
    ask("clock", utc=utc + 5)
    keyed.run("import time; time.sleep(2)")
    quality, *rest = eval(keyed.run(STATE))
    assert quality > 0
    assert rest == [False, b"", False]
