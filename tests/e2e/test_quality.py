"""Power quality on the whole board: a sag is seen, told, and counted through a power cut."""

import json

START_S = 1791180000
SECONDS = 40


def load(volts):
    return {"constant": {"p_mw": 1_000_000, "q_mvar": 0, "v_mv": 1000 * volts}}


def test_a_sag_to_its_counter(board, cli, ask):
    board.start(clock="held", unix_s=START_S)
    cli("deploy")
    board.set_load(**load(230))
    board.advance(seconds=SECONDS, step_s=1)
    assert "nothing was counted" in cli("quality")
    began = ask("info")["utc"] + 1
    board.set_load(**load(195))
    board.advance(seconds=SECONDS, step_s=1)
    assert ask("info")["alerts"] == ["voltage sag L1"]
    assert "now: voltage sag L1" in cli("quality")
    board.set_load(**load(230))
    board.advance(seconds=SECONDS, step_s=1)
    answer = json.loads(cli("quality", "--json"))
    assert answer == {
        "since": began,
        "active": 0,
        "counts": {"32.32.0": [1, began, began]},
    }
    events = cli("events")
    assert "voltage sag " in events
    assert "voltage sag: over" in events
    assert "195.0 V" in events
    board.cut()
    board.start(clock="held", unix_s=START_S + 5000)
    board.advance(seconds=SECONDS, step_s=1)
    counts = json.loads(cli("quality", "--json"))["counts"]
    assert counts["32.32.0"] == [1, began, began]
    assert counts["96.7.21"][0] == counts["96.7.9"][0] == 1
