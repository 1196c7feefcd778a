"""The P1 telegram: exact bytes, what is told to whom, and registers that never step back.

Runs on CPython, in the MicroPython VM, and on a board.
"""

import unittest

import tariffs
from gate_rig import GateRig, some_keys
from rig import Rig, unix
from told import INFO, REGISTERS, START, Enough, Told, changed, local, newest

from comms import obis_lines, p1
from meter import service
from meter.errors import MeterError

TELEGRAM = """\
/WTL5\\2WattLedger

1-3:0.2.8(50)
0-0:1.0.0(261124101500W)
0-0:96.1.1(323436663238303130323033)
1-0:1.8.0(006826.999*kWh)
1-0:1.8.1(004426.999*kWh)
1-0:1.8.2(002400.000*kWh)
1-0:2.8.0(000001.000*kWh)
1-0:2.8.1(000001.000*kWh)
1-0:2.8.2(000000.000*kWh)
0-0:96.14.0(0002)
1-0:1.7.0(01.244*kW)
1-0:2.7.0(00.000*kW)
0-0:96.7.21(00004)
0-0:96.7.9(00000)
1-0:32.32.0(00000)
1-0:32.36.0(00012)
0-0:96.13.0(6C6F61642061626F76652033206B573A2072656D696E6421)
1-0:32.7.0(230.4*V)
1-0:31.7.0(005*A)
1-0:21.7.0(01.244*kW)
1-0:22.7.0(00.000*kW)
1-0:128.2.0(0.1.0)
1-0:128.2.8(abababababababababababababababab)
1-0:128.2.9(cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd)
1-0:128.2.1(open)
1-0:128.7.0(300000000)
1-0:128.35.0(1)
!"""


def crc_by_bits(data):
    """CRC-16/ARC from its definition."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def values(telegram):
    """-> {code: text in the brackets}; the frame and the checksum are looked at, too."""
    lines = telegram.decode().split("\r\n")
    assert (lines[0][0], lines[1], lines[-1]) == ("/", "", ""), lines
    end = telegram.rindex(b"!") + 1
    assert lines[-2] == "!%04X" % crc_by_bits(telegram[:end]), lines[-2]
    assert telegram.count(b"/") == telegram.count(b"!") == 1
    assert not [byte for byte in telegram if not 32 <= byte < 127 and byte not in b"\r\n"]
    found = {}
    for line in lines[2:-2]:
        code, _, value = line.partition("(")
        assert value.endswith(")"), line
        assert code not in found, line
        found[code] = value[:-1]
    return found


class TestTelegram(unittest.TestCase):
    def test_exact_bytes(self):
        data = TELEGRAM.replace("\n", "\r\n").encode()
        expected = data + b"%04X\r\n" % crc_by_bits(data)
        self.assertEqual(Told().telegram(), expected)

    def test_checksum_is_that_of_the_catalogue(self):
        self.assertEqual(p1.crc16(b"123456789"), 0xBB3D)

    def test_lines_of_three_phases(self):
        info = changed(INFO, v_mv=[230_000, 0, 231_960], i_ma=[1, 0, 12_500])
        found = values(Told(info=info).telegram())
        self.assertEqual(found["1-0:52.7.0"], "000.0*V")
        self.assertEqual(found["1-0:72.7.0"], "232.0*V")
        self.assertEqual(found["1-0:71.7.0"], "013*A")
        self.assertEqual(found["1-0:52.32.0"], "00007")
        self.assertFalse("1-0:21.7.0" in found)  # of one phase the meter says no power

    def test_a_lost_phase_keeps_its_lines(self):
        told = Told(info=changed(INFO, v_mv=[230_000] * 3))
        made = p1.P1(told.facts())
        made.telegram()
        told.answers["info"] = INFO
        self.assertEqual(values(newest(made))["1-0:72.7.0"], "000.0*V")

    def test_export(self):
        found = values(Told(info=changed(INFO, power_mw=-2_000_500)).telegram())
        self.assertEqual((found["1-0:1.7.0"], found["1-0:2.7.0"]), ("00.000*kW", "02.001*kW"))

    def test_register_that_has_outgrown_its_digits_does_not_roll_over(self):
        registers = {"1.8.0": 1_234_567_890_123, "1.8.1": 0}
        found = values(Told(registers={"registers": registers, "names": {}}).telegram())
        self.assertEqual(found["1-0:1.8.0"], "1234567.890*kWh")

    def test_no_time_from_a_clock_that_is_not_right(self):
        told = Told()
        told.now = None
        self.assertFalse("0-0:1.0.0" in values(told.telegram()))

    def test_no_register_before_the_journal_is_there(self):
        found = values(Told(info=changed(INFO, state="stopped")).telegram())
        self.assertEqual([code for code in found if code[5:8] == ".8."], [])
        self.assertTrue("0-0:96.1.1" in found)

    def test_marks_in_texts_do_no_harm(self):
        told = Told(info=changed(INFO, alerts=["/!(*)\r\n"], seal="a/b!(\x06\xf1"))
        found = values(told.telegram())
        self.assertEqual(found["1-0:128.2.1"], "a_b____")
        self.assertEqual(found["0-0:96.13.0"], "2F21282A290D0A")

    def test_what_is_refused_is_left_out(self):
        found = values(Told(live=None, quality=None, registers=None).telegram())
        self.assertFalse("1-0:1.8.0" in found or "0-0:96.7.21" in found or "1-0:128.7.0" in found)
        self.assertTrue("1-0:1.7.0" in found)
        found = values(Told(info=None, live=None, quality=None, registers=None).telegram())
        self.assertEqual(list(found), ["1-3:0.2.8", "0-0:1.0.0"])

    def test_one_question_a_telegram_and_no_answer_too_old(self):
        told = Told()
        made = p1.P1(told.facts())
        made.telegram()
        self.assertEqual(len(told.asked), 4)
        last = {do: 0 for _, do in told.asked}
        for second in range(1, 200):
            made.telegram()
            self.assertEqual(len(told.asked), 4 + second)
            last[told.asked[-1][1]] = second
            for do, most in (("info", 4), ("registers", 4), ("live", 30), ("quality", 60)):
                self.assertTrue(second - last[do] <= most, (do, second))


class TestMapping(unittest.TestCase):
    def split(self, settings, registers=REGISTERS):
        found = values(Told(registers=registers).telegram(settings))
        return [found.get("1-0:1.8." + t) for t in "012"] + [found.get("0-0:96.14.0")]

    def test_settings(self):
        whole, night, day = "006826.999*kWh", "004426.999*kWh", "002400.000*kWh"
        self.assertEqual(self.split({"t1": [2]}), [whole, day, night, "0001"])
        self.assertEqual(self.split({"t1": [2, 1]}), [whole, whole, "000000.000*kWh", "0001"])
        self.assertEqual(self.split({"t1": []}), [whole, "000000.000*kWh", whole, "0002"])

    def test_a_rate_that_is_not_told_is_not_guessed(self):
        self.assertEqual(self.split({"t1": [3]}), ["006826.999*kWh", None, None, "0002"])

    def test_rate_that_another_tariff_no_longer_has_stays_in_t2(self):
        registers = dict(REGISTERS["registers"])
        del registers["1.8.2"]
        found = self.split(None, {"registers": registers, "names": {"1.8.1": "all"}})
        self.assertEqual(found, ["006826.999*kWh", "004426.999*kWh", "002400.000*kWh", None])

    def test_sum_above_the_total_is_not_shown(self):
        registers = {"1.8.0": 1, "1.8.1": 2}
        found = self.split(None, {"registers": registers, "names": {}})
        self.assertEqual(found[1:3], [None, None])

    def test_wrong_settings_are_refused(self):
        for numbers in ([0], [17], ["1"], [True], 1, None, "12", [[1]]):
            for name in ("t1", "t1_out"):
                with self.assertRaises(MeterError):
                    p1.P1(None, {name: numbers})


class TestRunningMeter(unittest.TestCase):
    def start(self):
        rig = Rig(START)
        rig.run(60)
        rig.push(tariffs.text())
        self.rig = rig
        facts = obis_lines.Facts(lambda *args: rig.service.handle(*args), "reader", local(rig))
        return p1.P1(facts, {"t1": [1]})

    def test_local_time_over_the_end_of_summer_time(self):
        made = self.start()
        stamps = []
        for utc in (unix(2026, 10, 25, 0, 59, 59), unix(2026, 10, 25, 1)):
            self.rig.ports.clock.utc = utc
            stamps.append(values(made.telegram())["0-0:1.0.0"])
        self.assertEqual(stamps, ["261025025959S", "261025020000W"])

    def test_registers_never_step_back_and_add_up(self):
        """Through switches of the rate, another tariff, a soft reset and a power cut."""
        made = self.start()
        before, indicated = {}, set()
        for step in range(96):
            self.rig.run(900, 300, imported=1009 + step * 7 % 13, exported=step % 3)
            if step == 30:
                self.rig.restart()
            if step == 50:
                one = [{"name": "flat", "export": 0, "prices": [1]}]
                self.rig.push(tariffs.text(rates=one, days=[[[0, 0]]]))
            if step == 70:
                self.rig.meter.commit()
                self.rig.cut(3600)
                self.rig.run(60)
            found = values(newest(made))
            now = {code: found[code] for code in found if code[:6] in ("1-0:1.", "1-0:2.")}
            now = {code: now[code] for code in now if code[5:8] == ".8."}
            self.assertEqual(len(now), 6)
            for code in before:
                self.assertTrue(now[code] >= before[code], (step, code, now[code], before[code]))
            milli = [int(now["1-0:1.8." + t][:-4].replace(".", "")) for t in "012"]
            self.assertTrue(0 <= milli[0] - milli[1] - milli[2] <= 1, milli)  # both rounded down
            live = self.rig.live
            self.assertEqual(milli[:2], [live.registers[0] // 1000, live.rates[0] // 1000])
            indicated.add(found["0-0:96.14.0"])
            before = now
        self.assertTrue(before["1-0:1.8.2"] > "000001")
        self.assertEqual(indicated, {"0001", "0002"})

    def test_what_answers_each_second_is_not_let_go(self):
        """On the chip it would be loaded for each telegram."""
        made, let_go = self.start(), []
        before, service.forget = service.forget, let_go.append
        try:
            made.telegram()
            self.assertTrue("meter.readings" in let_go)
            self.assertTrue("meter.request" in let_go)
            self.rig.service.kept = ["request", "readings"]
            let_go.clear()
            made.telegram()
        finally:
            service.forget = before
        self.assertTrue("meter.answers" in let_go)
        self.assertFalse("meter.readings" in let_go)
        self.assertFalse("meter.request" in let_go)

    def test_nothing_is_changed_by_being_read(self):
        made = self.start()
        self.rig.run(600, imported=50)
        state = list(self.rig.live.registers), self.rig.meter.journal.seq
        for _ in range(61):
            made.telegram()
        self.assertEqual((list(self.rig.live.registers), self.rig.meter.journal.seq), state)


class TestSealed(unittest.TestCase):
    def setUp(self):
        self.rig = GateRig(START, keys=some_keys(), sealed=True)
        self.rig.run(60)

    def telegram(self, role):
        rig = self.rig
        return values(p1.P1(obis_lines.Facts(rig.service.handle, role, local(rig))).telegram())

    def test_the_public_is_told_what_the_view_says_and_no_load(self):
        found = self.telegram("public")
        self.assertEqual(found["1-0:128.2.1"], "sealed")
        self.assertTrue("1-0:1.8.0" in found and "0-0:96.1.1" in found)
        private = ("1.7.0 2.7.0 32.7.0 31.7.0 21.7.0 1.8.1 1.8.2 2.8.1 128.7.0 128.35.0").split()
        self.assertEqual([code for code in private if "1-0:" + code in found], [])
        self.assertFalse("0-0:96.13.0" in found or "0-0:96.14.0" in found)

    def test_the_owner_of_the_port_who_wants_it_is_told_all(self):
        found = self.telegram("reader")
        for code in ("1.7.0", "32.7.0", "1.8.1", "1.8.2", "128.2.8"):
            self.assertTrue("1-0:" + code in found, code)


class Port:
    """Takes at most `room` bytes in one go; `none`: it does not say how many it took."""

    def __init__(self, room=10_000, none=False):
        self.out, self.room, self.none, self.calls = b"", room, none, 0

    def write(self, data):
        self.calls += 1
        self.out += bytes(data[: self.room])
        return None if self.none else min(len(data), self.room)


class TestServe(unittest.TestCase):
    def run_for(self, ms, port, wanted=None, build_ms=40):
        """Drives the coroutine by hand: there is no event loop in it."""
        told, now = Told(), [5_000]

        async def sleep_ms(some):
            now[0] += some
            if now[0] - 5_000 >= ms:
                raise Enough

        made = p1.P1(told.facts())
        telegram = made.telegram

        def slow():
            now[0] += build_ms
            return telegram()

        made.telegram = slow
        try:
            p1.serve(made, port, lambda: now[0], sleep_ms, wanted).send(None)
        except Enough:
            return port.out.count(b"!")

    def test_one_a_second_whatever_a_telegram_takes(self):
        self.assertEqual(self.run_for(60_000, Port()), 60)
        self.assertEqual(self.run_for(60_000, Port(none=True)), 60)
        self.assertEqual(self.run_for(61_000, Port(), build_ms=1500), 40)

    def test_bytes_that_find_no_room_are_sent_later(self):
        small = Port(room=7)
        self.run_for(1000, small)
        self.assertEqual(small.out, Told().telegram())
        self.assertTrue(small.calls > 100)

    def test_nothing_without_data_request(self):
        port = Port()
        self.run_for(10_000, port, lambda: False)
        self.assertEqual(port.out, b"")


if __name__ == "__main__":
    unittest.main()
