"""dsmr-parser, which Home Assistant reads meters with, takes our telegrams."""

import asyncio
import random
from decimal import Decimal
from itertools import pairwise

import pytest
import tariffs
from rig import Rig
from told import INFO, START, Told, changed, local, newest

from comms import obis_lines, p1

WHY = "dsmr-parser is not installed: make test installs the extra that has it"
specifications = pytest.importorskip("dsmr_parser.telegram_specifications", reason=WHY)
exceptions = pytest.importorskip("dsmr_parser.exceptions", reason=WHY)
parsers = pytest.importorskip("dsmr_parser.parsers", reason=WHY)
protocol = pytest.importorskip("dsmr_parser.clients.protocol", reason=WHY)


def parsed(telegram, specification=specifications.V5):
    return parsers.TelegramParser(specification).parse(telegram.decode("ascii"), throw_ex=True)


def running():
    """-> a rig with two rates and half a day of load, and the P1 port on it"""
    rig = Rig(START)
    rig.run(60)
    rig.push(tariffs.text())
    rig.run(12 * 3600, 300, imported=97, exported=3)
    facts = obis_lines.Facts(rig.service.handle, "reader", local(rig))
    return rig, p1.P1(facts)


def test_every_value_of_a_telegram():
    found = parsed(Told().telegram())
    expected = {
        "P1_MESSAGE_HEADER": "50",
        "EQUIPMENT_IDENTIFIER": "323436663238303130323033",
        "ELECTRICITY_IMPORTED_TOTAL": Decimal("6826.999"),
        "ELECTRICITY_USED_TARIFF_1": Decimal("4426.999"),
        "ELECTRICITY_USED_TARIFF_2": Decimal("2400.000"),
        "ELECTRICITY_DELIVERED_TARIFF_1": Decimal("1.000"),
        "ELECTRICITY_DELIVERED_TARIFF_2": Decimal("0.000"),
        "ELECTRICITY_ACTIVE_TARIFF": "0002",
        "CURRENT_ELECTRICITY_USAGE": Decimal("1.244"),
        "CURRENT_ELECTRICITY_DELIVERY": Decimal("0.000"),
        "SHORT_POWER_FAILURE_COUNT": 4,
        "LONG_POWER_FAILURE_COUNT": 0,
        "VOLTAGE_SAG_L1_COUNT": 0,
        "VOLTAGE_SWELL_L1_COUNT": 12,
        "INSTANTANEOUS_VOLTAGE_L1": Decimal("230.4"),
        "INSTANTANEOUS_CURRENT_L1": Decimal("5"),
        "INSTANTANEOUS_ACTIVE_POWER_L1_POSITIVE": Decimal("1.244"),
        "INSTANTANEOUS_ACTIVE_POWER_L1_NEGATIVE": Decimal("0.000"),
    }
    assert {name: getattr(found, name).value for name in expected} == expected
    assert found.P1_MESSAGE_TIMESTAMP.value.timestamp() == INFO["utc"]
    assert bytes.fromhex(found.TEXT_MESSAGE.value).decode() == INFO["alerts"][0]
    units = {"ELECTRICITY_USED_TARIFF_1": "kWh", "CURRENT_ELECTRICITY_USAGE": "kW"}
    assert {name: getattr(found, name).unit for name in units} == units


def test_no_line_is_ignored():
    """But for the maker's own and the total of export, which V5 does not know."""
    telegram = Told(info=changed(INFO, v_mv=[230_000] * 3)).telegram()
    lines = telegram.decode().split("\r\n")[2:-2]
    known = [line for line in lines if ":128." not in line and ":2.8.0(" not in line]
    taken = [name for name, item in parsed(telegram) if hasattr(item, "value")]
    assert len(taken) == len(known)


@pytest.mark.parametrize("alerts", [[], ["/ISK5!0000\r\n1-0:1.8.0(9)"]])
def test_texts_of_any_kind(alerts):
    assert parsed(Told(info=changed(INFO, alerts=alerts)).telegram()).TEXT_MESSAGE


def test_what_is_left_out_stops_nobody():
    found = parsed(Told(live=None, quality=None, registers=None).telegram())
    assert found.EQUIPMENT_IDENTIFIER.value
    with pytest.raises(AttributeError):
        found.ELECTRICITY_USED_TARIFF_1  # noqa: B018


def test_any_changed_digit_is_noticed():
    telegram, chance = bytearray(Told().telegram()), random.Random(7)
    digits = [at for at, byte in enumerate(telegram[:-6]) if chr(byte).isdigit()]
    for at in chance.sample(digits, 100):
        bad = bytearray(telegram)
        bad[at] = ord("0") + (bad[at] - ord("0") + 1) % 10
        with pytest.raises(exceptions.InvalidChecksumError):
            parsed(bad)


def test_values_are_those_of_the_meter():
    rig, made = running()
    found, live = parsed(newest(made)), rig.live
    whole, night = live.registers[0] // 1000, live.rates[0] // 1000
    assert night > 0
    assert found.ELECTRICITY_IMPORTED_TOTAL.value * 1000 == whole
    assert found.ELECTRICITY_USED_TARIFF_1.value * 1000 == night
    assert whole - night - found.ELECTRICITY_USED_TARIFF_2.value * 1000 in (0, 1)
    assert found.P1_MESSAGE_TIMESTAMP.value.timestamp() == rig.ports.clock.utc


def test_its_tcp_reader_gets_what_a_port_sends():
    """The call that Home Assistant makes. The reader comes in the middle of a telegram."""
    rig, made = running()
    sent = []

    async def session():
        got, enough = [], asyncio.Event()

        def take(telegram):
            got.append(telegram)
            if len(got) == 8:
                enough.set()

        async def serve(reader, writer):
            writer.write(made.telegram()[100:])
            while not enough.is_set():
                sent.append(rig.ports.clock.utc)
                await p1.send(Writer(writer), made.telegram(), lambda ms: asyncio.sleep(0))
                rig.run(1, 1, imported=600)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader = protocol.create_tcp_dsmr_reader("127.0.0.1", port, "5", take)
        transport, _ = await asyncio.wait_for(reader, 10)
        await asyncio.wait_for(enough.wait(), 10)
        transport.close()
        server.close()
        return got

    got = asyncio.run(session())[:8]
    assert [item.P1_MESSAGE_TIMESTAMP.value.timestamp() for item in got] == sent[:8]
    totals = [item.ELECTRICITY_IMPORTED_TOTAL.value for item in got]
    steps = {b - a for a, b in pairwise(totals)}
    assert steps <= {Decimal(0), Decimal("0.010"), Decimal("0.020")}  # 600 counts a second
    assert totals[-1] - totals[0] >= Decimal("0.050")


class Writer:
    """A stream as the port object that P1 writes to."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, data):
        self._stream.write(bytes(data))
        return len(data)
