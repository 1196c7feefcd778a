"""python tests/bench/headend.py: what the head-end does with a second, and with a million
intervals; a million meters that send every 15 minutes are 1,111 messages a second.

Costs are CPU time, each beside a floor of the same run: opening an envelope for the intake,
pyarrow for the store, a client that only counts for the way through the broker. Limits are on
those ratios, for the machine may be busy. The rate is the wall's, beside what takes longest.
"""

import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "firmware"), str(ROOT)]

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
from headend_broker import Costs, cpu_s, through_the_broker  # noqa: E402

from tests.headend.pushed import NOW, SALT, Sender, block, row  # noqa: E402
from wattledger.errors import ToolError  # noqa: E402
from wattledger.headend import mosquitto  # noqa: E402
from wattledger.headend.intake import Intake  # noqa: E402
from wattledger.headend.key_source import KeySource  # noqa: E402
from wattledger.headend.simulate import serials, with_simulated  # noqa: E402
from wattledger.headend.store import INTERVALS, Store, _intervals  # noqa: E402
from wattledger.security.envelope import Envelopes  # noqa: E402
from wattledger.security.keyring import Fleet  # noqa: E402

METERS, BURST = 2_000, 20_000
TARGET = 1_000_000 / 900  # messages a second
SUSTAINED_S = 60  # with a save of the broker in it
BATCHES = 64  # of a second each, so that files of files are merged, too
RATIOS = {"intake": 4.0, "store": 10.0, "bytes": 1.5, "through": 4.0}
BUSY = 0.6  # of a core


def messages(keys: Fleet, count: int) -> list[tuple[str, bytes]]:
    """-> (topic, payload), one interval each, of one meter after the other."""
    senders = [Sender(keys, serial) for serial in serials(METERS)]
    found = []
    for n in range(count):
        sender, seq = senders[n % METERS], n // METERS + 1
        found.append((f"wl/{sender.serial}/up/iv", sender.push(block([row(seq)], last=seq))))
    return found


def intake_alone(keys: Fleet, ready: list[tuple[str, bytes]]) -> tuple[float, float, float]:
    """-> us of CPU: opening an envelope alone, the intake of a message, the receipt of a meter"""
    intake = Intake(KeySource(keys))
    for topic, payload in ready[:METERS]:
        intake.take(topic, payload)  # the keys of each meter are derived once
    intake.kept(intake.cut())
    rest = ready[METERS:]
    envelopes = {s: Envelopes(keys.key(s, "utility", 1)) for s in serials(METERS)}
    sealed = [(topic.split("/")[1], payload) for topic, payload in rest]
    began = cpu_s()
    for serial, payload in sealed:
        envelopes[serial].open_push(serial, payload)
    opened = cpu_s() - began
    began = cpu_s()
    for topic, payload in rest:
        intake.take(topic, payload)
    taken = cpu_s() - began
    assert intake.counts == {"taken": len(ready)}, intake.counts
    began = cpu_s()
    receipts = intake.kept(intake.cut())
    told = cpu_s() - began
    return 1e6 * opened / len(rest), 1e6 * taken / len(rest), 1e6 * told / len(receipts)


def lives() -> list[list[tuple[str, int, str, bytes]]]:
    """-> batches of a second of a million meters, as households fill them"""
    size, dice = round(TARGET), random.Random(1)
    names, batches = serials(size), []
    mwh, mvarh = [0] * size, [0] * size
    for seq in range(1, BATCHES + 1):
        batch = []
        for n, serial in enumerate(names):
            mwh[n] += int(dice.lognormvariate(11.5, 0.8))  # 100 Wh, and what life makes of it
            mvarh[n] += dice.randrange(30_000)
            volts = sorted(dice.gauss(2310, 25) for _ in range(2))
            fields = {
                "reactive_plus_mvarh": mvarh[n],
                "rate": seq // 32 % 3,
                "v_min_dv": int(volts[0]),
                "v_max_dv": int(volts[1]),
            }
            raw = row(seq, NOW + 900 * seq, mwh[n], **fields)
            batch.append((serial, SALT, "profile", raw))
        batches.append(batch)
    return batches


def store_alone(folder: Path) -> dict[str, tuple[float, float]]:
    """-> (B, us of CPU) of an interval: stored in batches of a second and merged; and the same
    rows, ready in columns, written by pyarrow alone into a file a batch"""
    batches = lives()
    count = sum(map(len, batches))
    with Store(folder / "store") as store:
        began = cpu_s()
        for batch in batches:
            store.append(batch)
            while store.merge():
                pass
        spent = cpu_s() - began
    used = sum(path.stat().st_size for path in (folder / "store").rglob("*.parquet"))
    tables = [_intervals(batch) for batch in batches]
    began = cpu_s()
    for n, table in enumerate(tables):
        pq.write_table(table, folder / f"{n}.parquet", compression="zstd")
    alone = cpu_s() - began
    pq.write_table(pa.concat_tables(tables), folder / "one.parquet", compression="zstd")
    size = (folder / "one.parquet").stat().st_size
    return {
        INTERVALS: (used / count, 1e6 * spent / count),
        "pyarrow": (size / count, 1e6 * alone / count),
    }


class Checked:
    """Ratios against their limits. over: whether one is exceeded"""

    def __init__(self) -> None:
        self.over = False

    def ratio(self, name: str, value: float, floor: float) -> str:
        self.over |= value > RATIOS[name] * floor
        return f"{value / floor:.1f} of {RATIOS[name]:.1f}"


def told_of_broker(found: Costs, check: Checked) -> None:
    """Print what the way through mosquitto costs, and what holds it up."""
    each = 1e6 * found.spent["head-end"] / found.stored
    bare = 1e6 * found.bare_s / BURST
    ratio = check.ratio("through", each, bare)
    print(f"head-end through mosquitto (TLS, rights, saves): {each:.0f} us of CPU a message,")
    print(f"    receipts too: {ratio} times a client that only counts ({bare:.0f} us)")
    shares = {name: spent / found.wall_s for name, spent in found.spent.items()}
    busiest = max(shares, key=lambda name: shares[name])
    most = found.stored / found.spent[busiest]
    if found.is_cut:
        held = f"a burst took longer than {found.wall_s:.0f} s: cut"
    elif shares[busiest] > BUSY:
        held = f"the bottleneck is the {busiest}, {most:,.0f}/s at most"
    else:
        held = "the bottleneck is not their CPU: the machine has other things to do"
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    print(f"    a burst: {found.stored / found.wall_s:,.0f}/s here; of a core {told};")
    print(f"    {held}")
    print(
        f"    {TARGET:,.0f}/s for {found.steady_s:.0f} s: {found.kept} of {found.offered}", end=""
    )
    print(f" kept once each, {found.late_s:.1f} s late at most,")
    shares = {name: spent / found.steady_s for name, spent in found.steady.items()}
    told = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    each_b = found.saved / METERS
    print(f"    of a core {told}; the broker's file: {each_b:,.0f} B a meter,")
    print(f"    {each_b:,.0f} MB for a million, which it writes once a minute and stands still")
    print(f"head-end: a million intervals cost {each:.0f} s of a core, one a message")
    check.over |= found.kept < found.offered or found.twice > 0


def main() -> int:
    """Print the costs. -> 1 if a limit is exceeded."""
    check = Checked()
    keys = with_simulated(Fleet.new(), METERS)
    ready = messages(keys, BURST + round(TARGET * SUSTAINED_S))
    opened, taken, receipt = intake_alone(keys, ready[:BURST])
    print(f"head-end intake: {taken:.0f} us of CPU a message, {1e6 / taken:,.0f}/s; ", end="")
    print(f"{check.ratio('intake', taken, opened)} times opening its envelope")
    print(f"head-end receipt: {receipt:.0f} us of CPU a meter and batch")
    with tempfile.TemporaryDirectory() as name:
        costs = store_alone(Path(name))
    (size, kept), (floor_b, floor_us) = costs[INTERVALS], costs["pyarrow"]
    print(f"head-end store: a million intervals are {size:.0f} MB and {kept:.1f} s of a core,")
    print(
        f"    merges included; {check.ratio('bytes', size, floor_b)} times the bytes and", end=""
    )
    print(f" {check.ratio('store', kept, floor_us)} times the CPU of pyarrow alone")
    try:
        program = mosquitto.find(fetching=False)
    except ToolError as error:
        print(f"head-end through a broker: left out: {error}")
        return int(check.over)
    with tempfile.TemporaryDirectory() as name:
        told_of_broker(through_the_broker(Path(name), keys, ready, BURST, TARGET, program), check)
    return int(check.over)


if __name__ == "__main__":
    sys.exit(main())
