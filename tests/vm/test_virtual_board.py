"""What the virtual board promises beside a REPL: time, timers, power and its loss."""

import os
import subprocess
import time

import pytest

from boards.virtual.world import World
from wattledger.errors import ToolError

START_S = 1767225600  # 2026-01-01 UTC
COUNTER = """
    import machine, time
    ticks, stamps = [0], []
    def on_timer(timer):
        ticks[0] += 1
        stamps.append(time.time())
    machine.Timer(0).init(period={period}, callback=on_timer)
    began = time.ticks_ms()
"""


def test_timer_misses_nothing_through_resumed_sessions(board, tmp_path):
    board.script("boot.py", COUNTER.format(period=20))
    board.script("main.py", "import time\nwhile True:\n    time.sleep_ms(10)\n")
    board.start(clock="real")
    (tmp_path / "blob").write_bytes(os.urandom(20_000))
    for _ in range(3):
        board.run("t = time.ticks_ms()\nwhile time.ticks_diff(time.ticks_ms(), t) < 200: pass")
        board.run("time.sleep(0.2)")
        board.mpremote("resume", "fs", "cp", tmp_path / "blob", ":blob")
    ticks, took_ms = eval(board.run("print((ticks[0], time.ticks_diff(time.ticks_ms(), began)))"))
    assert took_ms > 1000
    assert abs(ticks - took_ms // 20) <= 1


def test_timer_starts_again_within_a_session_that_soft_resets(board):
    board.script("boot.py", COUNTER.format(period=20))
    board.start(clock="real")
    shown = board.mpremote("exec", "time.sleep(0.5); print(ticks[0])")
    assert abs(int(shown) - 25) <= 2


def test_interrupt_that_strikes_a_callback_stops_the_program_too(board):
    board.script(
        "boot.py",
        """
        import machine, time
        ticks = [0]
        def busy(timer):
            began = time.ticks_ms()
            while time.ticks_diff(time.ticks_ms(), began) < 30:
                pass
            ticks[0] += 1
        machine.Timer(0).init(period=50, callback=busy)
        """,
    )
    board.script("main.py", "while True:\n    time.sleep(1)\n")
    board.start(clock="real")
    for _ in range(3):
        assert board.status()["cpu"] == "main.py"
        before = int(board.run("print(ticks[0])"))
        board.run("time.sleep(0.2)")
        assert int(board.run("print(ticks[0])")) > before
        board.mpremote("resume", "exec", "--no-follow", "import machine; machine.reset()")
        time.sleep(0.7)


def test_exception_in_a_callback_is_printed_and_the_timer_goes_on(running):
    running.run("import machine\nn = [0]\ndef f(t):\n    n[0] += 1\n    1 // (n[0] - 2)")
    shown = running.run("import time\nmachine.Timer(1, period=20, callback=f)\ntime.sleep(0.3)")
    assert "ZeroDivisionError" in shown
    assert int(running.run("print(n[0])")) > 10


def test_one_shot_fires_once_and_deinit_stops(running):
    running.run(
        """
        import machine, time
        n = []
        machine.Timer(0, mode=machine.Timer.ONE_SHOT, period=20, callback=lambda t: n.append(1))
        other = machine.Timer(3, period=20, callback=lambda t: n.append(2))
        time.sleep(0.1)
        other.deinit()
        """
    )
    before = running.run("print(n)")
    time.sleep(0.2)
    assert running.run("print(n)") == before
    assert before.count("1") == 1
    assert before.count("2") >= 3


def test_held_clock_fires_once_a_step(board):
    board.start(clock="held", unix_s=START_S)
    board.mpremote("exec", COUNTER.format(period=1000).replace("\n    ", "\n"))
    time.sleep(1.2)
    assert board.run("print(ticks)") == "[0]"  # held means held
    board.advance(seconds=5, step_s=1)
    assert board.run("print([s + 946684800 for s in stamps])") == str(
        [START_S + i for i in range(1, 6)]
    )
    seen = []
    board.advance(seconds=86400, step_s=60, on_progress=lambda done, total: seen.append(done))
    assert board.run("print(ticks)") == str([5 + 1440])
    board.advance(until=START_S + 86405 + 90, step_s=60)  # a whole step and the rest
    assert board.run("print(ticks, stamps[-1] - stamps[-2])") == "[1447] 30"
    assert board.status()["unix_ms"] == (START_S + 86405 + 90) * 1000
    assert seen == sorted(seen)


def test_timer_slower_than_the_step_waits_its_time(board):
    board.start(clock="held", unix_s=START_S)
    board.mpremote("exec", COUNTER.format(period=10_000).replace("\n    ", "\n"))
    board.advance(seconds=35, step_s=1)
    assert board.run("print(ticks)") == "[3]"


def test_advance_is_fast(board):
    board.start(clock="held", unix_s=START_S)
    board.mpremote("exec", COUNTER.format(period=1000).replace("\n    ", "\n"))
    began = time.monotonic()
    board.advance(seconds=20_000, step_s=1)
    assert (time.monotonic() - began) / 20_000 < 0.001  # s per step


def test_advance_during_a_sleeping_program(board):
    board.script("boot.py", COUNTER.format(period=1000))
    board.script("main.py", "while True:\n    time.sleep(1)\n")
    board.start(clock="held", unix_s=START_S)
    assert board.status()["cpu"] == "main.py"
    board.advance(seconds=100, step_s=1)
    assert board.run("print(ticks)") == "[100]"


def test_time_goes_only_forward(board):
    board.start(clock="held", unix_s=START_S)
    with pytest.raises(ToolError, match="past"):
        board.advance(until=START_S - 1)


def test_power_cut_keeps_what_was_written(board):
    board.start(clock="held", unix_s=START_S)
    board.mpremote(
        "exec",
        """
import esp32, machine
with open("/kept.txt", "w") as f:
    f.write("kept")
part = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="meter")[0]
part.writeblocks(7, b"\\x12\\x34", 100)
nvs = esp32.NVS("wl")
nvs.set_i32("n", -5)
nvs.set_blob("key", b"\\x00secret")
nvs.commit()
nvs.set_i32("lost", 1)
machine.RTC().memory(b"only while powered")
""",
    )
    identity = board.run("import machine; print(machine.unique_id())")
    board.mpremote("soft-reset")
    assert board.run("import machine; print(machine.RTC().memory())") == "b'only while powered'"
    board.advance(seconds=60)
    board.cut()
    assert not board.is_running()
    board.start(outage_s=3600)
    shown = board.mpremote(
        "resume",
        "exec",
        """
import esp32, machine, time
print(open("/kept.txt").read(), machine.RTC().memory(), machine.reset_cause())
part, buf = esp32.Partition("meter"), bytearray(4)
part.readblocks(7, buf, 99)
nvs, key = esp32.NVS("wl"), bytearray(9)
print(buf, nvs.get_i32("n"), key[:nvs.get_blob("key", key)])
print(time.time() + 946684800, machine.unique_id())
try:
    nvs.get_i32("lost")
except OSError as error:
    print(error)
""",
    )
    assert shown.splitlines() == [
        "kept b'' 1",
        "bytearray(b'\\xff\\x124\\xff') -5 bytearray(b'\\x00secret')",
        f"{START_S + 60 + 3600} {identity}",
        "(-4354, 'ESP_ERR_NVS_NOT_FOUND')",
    ]


def test_power_cut_at_a_byte_of_a_flash_write(board):
    board.start(clock="real")
    board.inject("nor", "cut_after", 10)
    board.mpremote(
        "resume",
        "exec",
        "import esp32\nesp32.Partition('meter').writeblocks(0, bytes(64), 0)",
        code=1,
    )
    assert not board.is_running()
    assert (board.state / "flash.bin").read_bytes()[:64] == bytes(10) + b"\xff" * 54
    board.start()
    assert board.run("print(1)") == "1"


def test_cpu_dies_with_the_bridge(board):
    board.script("main.py", "while True:\n    pass\n")
    board.start(clock="real")
    seen = board.status()
    os.kill(seen["pid"], 9)
    deadline = time.monotonic() + 5
    while _alive(seen["child_pid"]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    board.start()


def _alive(pid):
    """A process that is dead but not yet collected does not count."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in ("", "Z")


def test_second_start_is_refused_and_stop_is_clean(running):
    with pytest.raises(ToolError, match="runs already"):
        running.start()
    running.stop()
    assert not (running.state / "board.json").exists()
    with pytest.raises(ToolError, match="none runs"):
        running.port()


def test_board_that_cannot_start_says_why(board, monkeypatch, tmp_path):
    monkeypatch.setenv("WATTLEDGER_VM", str(tmp_path / "no-vm"))
    with pytest.raises(ToolError, match=r"micropython\.mjs|the VM died"):
        board.start()


def test_watchdog_resets_an_unfed_board(running):
    running.run("import machine\nmachine.WDT(timeout=300)")
    time.sleep(0.8)
    assert running.run("import machine; print(machine.reset_cause())") == "3"


def test_epoch_and_clock(board):
    board.start(clock="real")
    assert board.run("import time; print(time.gmtime(0)[:6])") == "(2000, 1, 1, 0, 0, 0)"
    board_s = int(board.run("import time; print(time.time())")) + 946684800
    assert abs(board_s - time.time()) <= 2
    board.run("import machine; machine.RTC().datetime((2030, 5, 6, 0, 7, 8, 9, 0))")
    assert board.run("print(machine.RTC().datetime()[:5])") == "(2030, 5, 6, 0, 7)"
    assert abs(board.status()["unix_ms"] / 1000 - time.time()) < 2  # the world did not move


def test_dead_battery_starts_in_2000(board):
    board.start(clock="held", unix_s=START_S, battery_dead=True)
    assert board.run("import time; print(time.time(), time.gmtime()[0])") == "0 2000"
    assert board.status()["unix_ms"] == START_S * 1000


def test_load_is_remembered_and_a_wrong_one_changes_nothing(board):
    load = {"constant": {"p_mw": 1000, "q_mvar": 0, "v_mv": 230_000}}
    board.start(clock="held", unix_s=START_S, load=load)
    board.cut()
    board.start()
    with pytest.raises(ToolError, match="nothing-there"):
        board.set_load(path="nothing-there.csv")
    assert board.status()["load"] == load


def test_nothing_flows_in_time_that_is_skipped(tmp_path):
    world = World(str(tmp_path / "load.json"))
    world.open({"constant": {"p_mw": 1000, "q_mvar": 0, "v_mv": 230_000}})
    world.skip(300, 9000)
    parts = [(ta, tb, point.p_mw[0]) for ta, tb, point in world.segments(100, 10_000)]
    assert parts == [(100, 300, 1000), (300, 9000, 0), (9000, 10_000, 1000)]
    assert [tb - ta for ta, tb, _ in world.segments(10_000, 10_500)] == [500]
