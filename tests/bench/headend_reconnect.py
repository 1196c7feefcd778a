"""python tests/bench/headend_reconnect.py: a thousand meters whose broker is gone for a while.

First at its worst: links alone, a broker that is back after a second, when all wait for the first
time. Then whole: real cores with mutual TLS, whose broker is killed and stays away for hours of
their time; every interval is in the store once. The bound on connections a second is what the
first wait is chosen for: so many meters over so many seconds, and half as much again for chance.
"""

import asyncio
import contextlib
import re
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "firmware"), str(ROOT)]

from wattledger.errors import ToolError  # noqa: E402
from wattledger.headend import broker_config, catalogue, folder, mosquitto, settings  # noqa: E402
from wattledger.headend.audit import Audit  # noqa: E402
from wattledger.headend.broker import Broker  # noqa: E402
from wattledger.headend.head_end import HeadEnd  # noqa: E402
from wattledger.headend.key_source import KeySource  # noqa: E402
from wattledger.headend.sim_meter import LinkPorts, Road, device  # noqa: E402
from wattledger.headend.simulate import SimFleet, serials, with_simulated  # noqa: E402
from wattledger.headend.store import Store  # noqa: E402
from wattledger.security.keyring import Fleet  # noqa: E402

METERS = 1000
BACK_OFF_S = (8, 900)  # comms.mqtt_link's own
BOUND = METERS * 3 // (2 * (BACK_OFF_S[0] - 1))  # connections a second
OUTAGE_S = 1.0
START, BEFORE_S, AWAY_S, TICK_S = 1_790_812_800, 3600, 6 * 3600, 900  # the meters' time
WAIT_S = 180.0  # on a machine that has other things to do
POLL_S = 3.0  # of a meter, for what wakes it by nothing else
_CONNECTION = re.compile(r"(\S+): New connection from")


def most_in_a_second(at: list[float]) -> int:
    busiest, first = 0, 0
    for last, now in enumerate(at):
        while now - at[first] >= 1:
            first += 1
        busiest = max(busiest, last - first + 1)
    return busiest


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.05)


async def links_alone(at: Path, program: mosquitto.Program) -> tuple[int, float]:
    """-> (connections in the busiest second after the outage, seconds until the last is back)"""
    port, connects = broker_config.free_port(), []
    link, session = device("comms.mqtt_link"), device("comms.mqtt_session")
    where = {"host": "127.0.0.1", "port": port, "tls": None, "back_off_s": BACK_OFF_S}
    links = []
    for n in range(METERS):
        ready = lambda: connects.append(time.monotonic())  # noqa: E731
        one = session.Session(f"m{n}", {"keepalive_s": 60}, None, ready)
        links.append(link.Link(where, one, LinkPorts(1)))
    with Broker(program, at, port) as broker:
        tasks = [asyncio.create_task(link.run()) for link in links]
        try:
            await until(lambda: all(link.connects for link in links), "not connected")
            connects.clear()
            broker.kill()
            await asyncio.sleep(OUTAGE_S)
            broker.start()
            back = time.monotonic()
            await until(lambda: all(link.connects > 1 for link in links), "not back")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return most_in_a_second(sorted(connects)), max(connects) - back


async def whole_meters(at: Path, program: mosquitto.Program) -> tuple[int, float, int]:
    """-> (connections in the broker's busiest second, seconds until all is stored, intervals)"""
    keys = with_simulated(Fleet.new(), METERS)
    folder.init(at, at.parent / "keys", keys, None, broker_config.free_port())
    found = settings.load(at)
    fleet = SimFleet(keys, serials(METERS), START, tick_s=TICK_S)
    broker = Broker(program, at / "broker", found.port, folder.tls_of(found))
    tls = lambda serial: folder.meter_tls(found, serial)  # noqa: E731
    road = Road(found.host, found.port, tls, poll_s=POLL_S)
    with broker, Store(found.at(found.store)) as store:
        head = HeadEnd(found, KeySource(keys), store, Audit(None), fleet.now)
        async with head.running(looking=False):
            fleet.connect(road)
            online = lambda: sum(bool(m.online) for m in head.intake.meters.values())  # noqa: E731
            await until(lambda: online() == METERS, "not connected")
            await fleet.advance(START + BEFORE_S)
            broker.kill()
            # In one go: all notice at one moment, when the broker is back, and wait from then on.
            fleet.utc += AWAY_S
            for meter in fleet.meters.values():
                assert meter.advance(fleet.utc, TICK_S)
            told = len(broker.log)
            broker.start()
            back = time.monotonic()
            await fleet.settle(WAIT_S)
            took_s = time.monotonic() - back
            await fleet.disconnect()
    attempts = Counter(_CONNECTION.findall(broker.log[told:]))
    return max(attempts.values()), took_s, checked(fleet, found.at(found.store))


def checked(fleet: SimFleet, store: Path) -> int:
    """-> intervals in the store, each once; AssertionError: they are not those of the meters"""
    kept = """SELECT serial, count(*), count(DISTINCT seq), max(seq), max(import_mwh), max(utc)
        FROM intervals GROUP BY serial ORDER BY serial"""
    rows = catalogue.query(store, kept)[1]
    for (serial, count, *others), meter in zip(rows, fleet.meters.values(), strict=True):
        last = meter.meter.journal.profile.last_seq
        register = meter.ask("registers")["registers"]["1.8.0"]
        promised = meter.serial, last, last, last, register, fleet.utc
        assert (serial, count, *others) == promised, (serial, promised)
        assert count > AWAY_S // 900
    return sum(row[1] for row in rows)


def main() -> int:
    """Print them. -> 1 if the bound is exceeded."""
    try:
        program = mosquitto.find(fetching=False)
    except ToolError as error:
        print(f"head-end reconnect: left out: {error}")
        return 0
    with contextlib.suppress(ValueError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the broker inherits it
    with tempfile.TemporaryDirectory() as name:
        links, links_s = asyncio.run(links_alone(Path(name) / "links", program))
        whole, whole_s, intervals = asyncio.run(whole_meters(Path(name) / "whole", program))
    print(f"head-end reconnect: {METERS} links, a second without a broker: {links} of {BOUND} in")
    print(f"    the busiest second, the last after {links_s:.0f} s")
    print(
        f"head-end reconnect: {METERS} real cores with TLS, {AWAY_S // 3600} h without a broker:"
    )
    print(f"    {whole} of {BOUND} in the busiest second, all is stored after {whole_s:.0f} s:")
    print(f"    {intervals} intervals, each once")
    return int(max(links, whole) > BOUND)


if __name__ == "__main__":
    sys.exit(main())
