"""The optical readout, IEC 62056-21 mode C: exact frames, times, refusals.

Runs on CPython, in the MicroPython VM, and on a board.
"""

import unittest

import tariffs
from rig import Rig
from told import INFO, REGISTERS, SERIAL, START, Enough, Told, changed, local

from comms import obis_lines, readout

IDENTIFICATION = b"/WTL5WattLedger\r\n"
BREAK = b"\x01B0\x03q"
BLOCK = """\
0-0:0.0.0(246f28010203)
0-0:1.0.0(261124101500W)
1-0:1.8.0(006826.999*kWh)
1-0:2.8.0(000001.000*kWh)
1-0:1.8.1(004426.999*kWh)
1-0:1.8.2(002400.000*kWh)
1-0:2.8.1(000001.000*kWh)
1-0:5.8.0(000000.007*kvarh)
1-0:9.8.0(000000.000*kVAh)
0-0:96.14.0(0002)
1-0:1.7.0(01.244*kW)
1-0:2.7.0(00.000*kW)
1-0:1.6.0(04.100*kW)
1-0:32.7.0(230.4*V)
1-0:31.7.0(005*A)
1-0:21.7.0(01.244*kW)
1-0:22.7.0(00.000*kW)
0-0:96.7.21(00004)
0-0:96.7.9(00000)
1-0:32.32.0(00000)
1-0:32.36.0(00012)
0-0:97.97.0(01)
1-0:128.2.0(0.1.0)
1-0:128.2.8(abababababababababababababababab)
1-0:128.2.9(cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd)
1-0:128.2.1(open)
1-0:128.7.0(300000000)
!
"""
ANSWERS = {
    "registers": changed(REGISTERS, registers=changed(REGISTERS["registers"], **{"5.8.0": 7_999})),
    "live": {"1.6.0": 4_100_000, "128.7.0": 300_000_000},
}


def framed(text):
    """-> the data message, BCC from its definition: all after STX to ETX inclusive"""
    body = text.replace("\n", "\r\n").encode() + b"\x03"
    bcc = 0
    for byte in body:
        bcc ^= byte
    return b"\x02" + body + bytes([bcc])


class Head:
    """An optical head: time goes on while it listens; what the machine sends is timed."""

    def __init__(self, machine):
        self.machine, self.now, self.baud = machine, 1_000_000, 300

    def say(self, data, wait_ms=2500, step_ms=20):
        """-> [(ms after the last byte, bytes, baud), ...]"""
        start, heard = self.now, []
        while True:
            out, self.baud = self.machine.received(data, self.now)
            if out:
                heard.append((self.now - start, out, self.baud))
                sending_ms = len(out) * 10_000 // self.baud
                self.now, start = self.now + sending_ms, start + sending_ms
            if self.now - start >= wait_ms:
                return heard
            self.now, data = self.now + step_ms, b""

    def sign_on(self, request=b"/?!\r\n"):
        heard = self.say(request, 300)
        assert [sent[1:] for sent in heard] == [(IDENTIFICATION, 300)], heard

    def idle(self):
        """Whether a reader can begin anew."""
        self.say(b"", 4000)
        self.sign_on()
        return self.baud == 300


def machine(told=None):
    facts = (told or Told(**ANSWERS)).facts()
    return readout.Readout(SERIAL, lambda: readout.data_lines(facts))


class TestReadout(unittest.TestCase):
    def setUp(self):
        self.machine = machine()
        self.head = Head(self.machine)

    def test_exact_bytes(self):
        self.head.sign_on()
        heard = self.head.say(b"\x06050\r\n", 1000)
        self.assertEqual([sent[1:] for sent in heard], [(framed(BLOCK), 9600)])
        self.assertEqual(self.head.baud, 9600)
        self.head.say(b"", 2000)
        self.assertEqual(self.head.baud, 300)
        self.assertTrue(self.head.idle())

    def test_lines_are_ascii_and_not_longer_than_the_standard_has_them(self):
        lines = readout.data_lines(Told(**ANSWERS).facts())
        self.assertEqual([line for line in lines if len(line) > 76], [])
        values = [line.split("(")[1][:-1].split("*")[0] for line in lines]
        self.assertEqual([value for value in values if len(value) > 32], [])
        self.assertEqual([c for c in "".join(lines) if not " " <= c < "\x7f" or c in "/!"], [])

    def test_address(self):
        good = (SERIAL, SERIAL.upper(), "0000" + SERIAL, "", "000")
        for address in good:
            self.head.say(b"", 2000)
            self.head.sign_on(b"/?" + address.encode() + b"!\r\n")
        for address in ("1", SERIAL + "0", SERIAL[:-1], "9" * 32, "0" * 33 + SERIAL):
            self.assertEqual(self.head.say(b"/?" + address.encode() + b"!\r\n"), [])

    def test_address_of_a_meter_that_writes_it_in_capitals(self):
        head = Head(readout.Readout("00AB1", list))
        head.sign_on(b"/?0ab1!\r\n")

    def test_no_answer_before_the_reaction_time(self):
        for message in (b"/?!\r\n", b"\x06050\r\n", b"\x15"):
            self.assertEqual(self.head.say(message, 250, step_ms=1)[0][0], 200)

    def test_answer_that_would_come_too_late_is_not_given(self):
        self.assertEqual(self.head.say(b"/?!\r\n", 1400, step_ms=1400)[0][1], IDENTIFICATION)
        self.head.say(b"", 3000)
        self.assertEqual(self.head.say(b"/?!\r\n", step_ms=1600), [])
        self.assertTrue(self.head.idle())

    def test_slow_characters(self):
        for byte in b"/?!\r":
            self.assertEqual(self.head.say(bytes([byte]), 1400), [])
        self.assertEqual(self.head.say(b"\n")[0][1], IDENTIFICATION)
        self.head.say(b"", 3000)
        self.head.say(b"/?", 1540)
        self.assertEqual(self.head.say(b"!\r\n"), [])

    def test_noise_before_and_echo_after(self):
        self.head.sign_on(b"\x00\x7f\xff/?1/?!\r\n")
        heard = self.head.say(IDENTIFICATION + b"\x06050\r\n", 1000)
        self.assertEqual(heard[0][1], framed(BLOCK))

    def test_who_talks_while_the_answer_waits_is_not_heard(self):
        heard = self.head.say(b"/?!\r\n\x06050\r\n")
        self.assertEqual([sent[1] for sent in heard], [IDENTIFICATION])

    def test_silence_ends_the_session(self):
        self.head.sign_on()
        self.assertEqual(self.head.say(b"", 2000), [])  # and no data for who does not ask
        self.assertEqual(self.head.say(b"\x06050\r\n"), [])

    def test_without_a_change_of_speed(self):
        self.head.sign_on()
        self.assertEqual(self.head.say(b"\x06000\r\n", 1000)[0][1:], (framed(BLOCK), 300))
        self.assertTrue(self.head.idle())

    def test_nak_repeats_the_data_twice(self):
        self.head.sign_on()
        self.head.say(b"\x06050\r\n", 400)
        for _ in range(2):
            self.assertEqual(self.head.say(b"\x15", 400)[0][1:], (framed(BLOCK), 9600))
        self.assertEqual(self.head.say(b"\x15", 400), [])
        self.assertTrue(self.head.idle())

    def test_programming_and_all_other_modes_get_a_break(self):
        options = b"\x06051 \x06052 \x06056 \x06150 \x06250 \x06060 \x0605A \x060:1 \x06001"
        for number, option in enumerate(options.split(b" ")):
            self.head.sign_on()
            heard = self.head.say(option + b"\r\n", 400)
            fast = option[2] == 0x35
            self.assertEqual([sent[1:] for sent in heard], [(BREAK, 9600 if fast else 300)])
            self.assertEqual(self.machine.refused, number + 1)
            for command in (b"\x01P1\x02(00000000)\x03a", b"\x01W1\x021.8.0(0)\x03a", b"\x15"):
                self.assertEqual(self.head.say(command, 400), [])
            self.head.say(b"", 2000)

    def test_commands_without_a_session_get_nothing(self):
        for command in (b"\x01P1\x02(00000000)\x03a", b"\x01R1\x021.8.0()\x03Z", b"\x06051\r\n"):
            self.assertEqual(self.head.say(command), [])

    def test_malformed_options_get_nothing(self):
        for option in (
            b"\x0605\r\n",
            b"\x060500\r\n",
            b"\x06050\n",
            b"\x060\xff0\r\n",
            b"050\r\n",
        ):
            self.head.sign_on()
            self.assertEqual(self.head.say(option), [], option)


class TestPublic(unittest.TestCase):
    def test_who_may_not_read_is_told_the_identity(self):
        info = {
            name: INFO[name] for name in "serial versions software state utc clock seal".split()
        }
        told = Told(info=changed(info, alert_count=2), registers=None, live=None, quality=None)
        lines = readout.data_lines(told.facts("public"))
        codes = [line.split("(")[0][4:] for line in lines]
        self.assertEqual(codes, "0.0.0 1.0.0 97.97.0 128.2.0 128.2.8 128.2.9 128.2.1".split())
        self.assertTrue("0-0:97.97.0(02)" in lines)
        self.assertEqual({role for role, _ in told.asked}, {"public"})


class TestRunningMeter(unittest.TestCase):
    def test_all_rates_of_a_running_meter(self):
        rig = Rig(START)
        rig.run(60)
        rig.push(tariffs.text())
        rig.run(7200 * 3, imported=1234, exported=100)
        facts = obis_lines.Facts(rig.service.handle, "reader", local(rig))
        found = dict(line[:-1].split("(") for line in readout.data_lines(facts))
        live = rig.live
        wanted = (("1.8.0", live.registers[0]), ("2.8.0", live.registers[1]),
                  ("1.8.1", live.rates[0]), ("1.8.2", live.rates[1]),
                  ("2.8.1", live.rates[15]))  # fmt: skip
        for code, mwh in wanted:
            self.assertTrue(mwh > 0)
            shown = found["1-0:" + code]
            self.assertEqual(int(shown[:-4].replace(".", "")), mwh // 1000, code)
        self.assertEqual(found["0-0:96.14.0"], "0002")


class Port:
    """A UART whose head echoes."""

    def __init__(self):
        self.heard, self.bauds, self.incoming = b"", [], b"/?!\r\n"

    def read(self):
        found, self.incoming = self.incoming, b""
        return found or None

    def write(self, data):
        self.heard += bytes(data)
        self.incoming += bytes(data)

    def baud(self, rate):
        self.bauds.append(rate)


class TestServe(unittest.TestCase):
    def heard(self, made):
        port, now, option = Port(), [0], []

        async def sleep_ms(some):
            now[0] += some
            if port.heard == IDENTIFICATION and not option:
                option.append(now[0] + 300)
            if option and now[0] == option[0]:
                port.incoming += b"\x06050\r\n"
            if now[0] > 10_000:
                raise Enough

        try:
            readout.serve(made, port, lambda: now[0], sleep_ms).send(None)
        except Enough:
            self.assertEqual(port.bauds, [9600, 300])
            return port.heard

    def test_a_whole_session_on_a_port_with_an_echo(self):
        self.assertEqual(self.heard(machine()), IDENTIFICATION + framed(BLOCK))

    def test_an_echo_that_ends_in_nak_asks_for_nothing(self):
        texts = [chr(code) + "\n!\n" for code in range(32, 127)]
        text = next(text for text in texts if framed(text)[-1] == 0x15)
        made = readout.Readout(SERIAL, lambda: [text[0]])
        self.assertEqual(self.heard(made), IDENTIFICATION + framed(text))


if __name__ == "__main__":
    unittest.main()
