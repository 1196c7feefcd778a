"""Updates on the virtual board: over the line console of a sealed meter, and what goes wrong."""

import contextlib
import json
import os
import signal
import time
from types import SimpleNamespace

import pytest

from tests.e2e.sealed_meter import FLEET, HELLO, connect, hello, talk, wait_for
from wattledger import build, updates
from wattledger.errors import ToolError
from wattledger.security import key_file, orders

PASSPHRASE = "a long enough one"


def bundle_of(board, changes, version=2, private=None):
    """-> what the board runs with other files, {path: bytes}; signed"""
    files = {**slot_files(board, "a"), **changes}
    old = json.loads(files.pop(build.MANIFEST))
    hashes = {path: build.sha256(data) for path, data in files.items()}
    legal = build.legal_digest(files, {"boot.py": (board.files / "boot.py").read_bytes()})
    files[build.MANIFEST] = build.manifest("virtual", hashes, legal, old["abi"], version)
    digest = build.sha256(files[build.MANIFEST])
    key = private or FLEET.private("maker")
    return updates.Bundle(files, orders.sign("update", "*", version, 0, digest, key))


def compiled(tmp_path, text):
    source = tmp_path / "module.py"
    source.write_text(text)
    return build.compiled({"comms/console.py": source})["comms/console.mpy"]


def send(board, bundle):
    with connect(board) as meter:
        updates.stage(meter, bundle)
        return updates.apply(meter, bundle)


def place(board, bundle):
    """Its files lie in slot b, as if they had been sent: for what is about the rest."""
    for path, data in bundle.files.items():
        file = board.files / "b" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def switch(board, bundle):
    """-> what the meter answers; it restarts then"""
    place(board, bundle)
    with connect(board) as meter:
        return updates.apply(meter, bundle)


def minute(board):
    board.set_clock(held=True)
    board.advance(seconds=70, step_s=1)


def reset(board):
    """The reset button; returns when the console, if there is one, has been called."""
    pid = board.status()["child_pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: board.status()["child_pid"] != pid and board.status()["cpu"] == "main.py")


def running(board):
    with connect(board) as meter:
        return updates.state(meter)


def told(board):
    return (board.files / "slot").read_text()


def slot_files(board, slot):
    folder = board.files / slot
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_sealed_meter_is_updated_tried_and_confirmed(sealed, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", PASSPHRASE)
    keys, file = tmp_path / "keys", tmp_path / "update.zip"
    key_file.create(keys, FLEET, PASSPHRASE)
    bundle = bundle_of(sealed, {"comms/note.txt": b"new " * 300})
    updates.save(bundle, file)
    shown = cli("--keys", keys, "update", "--no-wait", file)
    assert "slot b: build 2 verified" in shown
    assert "runs on trial: after a minute" in shown
    assert told(sealed) == "b2"
    with connect(sealed) as meter:
        info = meter.request("info")
    assert info["software"] == bundle.manifest["legal"]
    before = json.loads((sealed.files / "a" / build.MANIFEST).read_text())
    assert info["software"] == before["legal"]  # R17: unchanged by it
    minute(sealed)
    assert told(sealed) == "b"
    assert running(sealed)["trial"] is False
    assert slot_files(sealed, "b")["comms/note.txt"] == b"new " * 300
    cli("--keys", keys, "update", file, code=1)


def test_update_asks_until_the_meter_has_confirmed_it(sealed, cli, tmp_path, monkeypatch):
    monkeypatch.setenv("WATTLEDGER_PASSPHRASE", PASSPHRASE)
    keys, file = tmp_path / "keys", tmp_path / "update.zip"
    key_file.create(keys, FLEET, PASSPHRASE)
    bundle = bundle_of(sealed, {"comms/note.txt": b"new"})
    place(sealed, bundle)
    updates.save(bundle, file)
    asked = []

    def pause(_seconds):
        """Between two questions half a minute goes by, once it is back."""
        asked.append(told(sealed))
        if asked[-1] == "b2" and sealed.status()["cpu"] == "main.py":
            sealed.set_clock(held=True)
            sealed.advance(seconds=30, step_s=1)
        else:
            time.sleep(0.2)

    clock = SimpleNamespace(sleep=pause, monotonic=time.monotonic)
    monkeypatch.setattr(updates, "time", clock)
    shown = cli("--keys", keys, "update", file)
    assert "asking it until it is confirmed" in shown
    assert "build 2 is confirmed" in shown
    assert told(sealed) == "b"
    assert len(asked) < 40


def test_r16_software_that_nobody_has_asked_is_not_confirmed(sealed):
    switch(sealed, bundle_of(sealed, {"comms/note.txt": b"new"}))
    wait_for(lambda: told(sealed) == "b2" and hello(sealed))
    minute(sealed)
    talk(sealed, HELLO + b'{"id":1,"do":"info"}\nWL1 AAAA\n')  # whoever holds the cable
    minute(sealed)
    assert told(sealed) == "b2"
    assert running(sealed)["trial"] is True  # and this is the question
    minute(sealed)
    assert told(sealed) == "b"


def test_r16_a_console_that_answers_nobody_is_not_confirmed(sealed, tmp_path):
    """Sixty good ticks go by; after three boots there is a way in again."""
    deaf = "import time\ndef run(answer, shut):\n    while shut():\n        time.sleep(1)\n"
    switch(sealed, bundle_of(sealed, {"comms/console.mpy": compiled(tmp_path, deaf)}))
    wait_for(lambda: told(sealed) == "b2" and sealed.status()["cpu"] == "main.py")
    for left in ("b2", "b1", "b0"):
        assert told(sealed) == left
        assert talk(sealed, HELLO) == b""
        minute(sealed)
        assert told(sealed) == left
        sealed.set_clock(held=False)
        reset(sealed)
    assert told(sealed) == "a"
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    assert running(sealed)["version"] == 1


def test_r16_software_whose_console_fails_falls_back_after_three_boots(sealed, tmp_path):
    broken = compiled(tmp_path, "raise MemoryError\n")
    assert switch(sealed, bundle_of(sealed, {"comms/console.mpy": broken}))["slot"] == "b"
    wait_for(lambda: told(sealed) == "a", timeout_s=40)
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    assert running(sealed)["version"] == 1


def test_r17_another_legal_part_needs_the_seal_open(sealed):
    bundle = bundle_of(sealed, {"meter/note.txt": b"another"})
    with pytest.raises(ToolError, match="legal"):
        switch(sealed, bundle)
    assert told(sealed) == "a"
    with connect(sealed) as meter:
        meter.request("unseal")
    wait_for(lambda: sealed.status()["cpu"] == "prompt")
    assert switch(sealed, bundle)["slot"] == "b"
    wait_for(lambda: told(sealed) == "b2")
    with connect(sealed) as meter:
        assert meter.request("info")["software"] == bundle.manifest["legal"]


def test_r15_an_older_build_and_a_foreign_signature_are_refused(sealed):
    from wattledger.security.keyring import Fleet

    with pytest.raises(ToolError, match="version"):
        switch(sealed, bundle_of(sealed, {}, version=1))
    with pytest.raises(ToolError, match="order"):
        switch(sealed, bundle_of(sealed, {}, private=Fleet.new().private("maker")))
    with pytest.raises(ToolError, match="order"):
        switch(sealed, bundle_of(sealed, {}, private=FLEET.private("utility")))
    assert told(sealed) == "a"


def test_r16_a_file_that_was_altered_in_flash_does_not_boot(sealed):
    bundle = bundle_of(sealed, {"comms/note.txt": b"new"})
    place(sealed, bundle)
    with connect(sealed) as meter:
        for path in ("comms/note.txt", "meter/ring.mpy"):
            file = sealed.files / "b" / path
            good = file.read_bytes()
            file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
            with pytest.raises(ToolError, match=path):
                updates.apply(meter, bundle)
            file.write_bytes(good)
        extra = sealed.files / "b/comms/console.py"
        extra.write_text("1")
        with pytest.raises(ToolError, match="not in the manifest"):
            updates.apply(meter, bundle)
        extra.unlink()
        assert updates.apply(meter, bundle)["slot"] == "b"


@pytest.mark.parametrize(("model", "steps"), [("nvs", 1), ("nvs", 3), ("nor", 20), ("nor", 300)])
def test_r07_a_cut_in_the_switch_leaves_the_old(sealed, model, steps):
    """After the commit of the counter, of the order; in the event, in the registers. At every
    step: tests/shared/test_update.py."""
    bundle = bundle_of(sealed, {"comms/note.txt": b"new"})
    place(sealed, bundle)
    with connect(sealed) as meter:
        meter.request("hello")
        sealed.inject(model, "cut_after", steps)
        with contextlib.suppress(ToolError, OSError):
            updates.apply(meter, bundle)
    wait_for(lambda: not sealed.is_running())
    assert told(sealed) == "a"
    sealed.start()
    wait_for(lambda: running(sealed)["version"] == 1)
    switch(sealed, bundle)
    wait_for(lambda: running(sealed)["version"] == 2)


def test_r07_a_cut_after_the_switch_leaves_the_new(sealed):
    sealed.set_clock(held=True)  # or it would restart by itself
    switch(sealed, bundle_of(sealed, {"comms/note.txt": b"new"}))
    assert told(sealed) == "b3"
    sealed.cut()
    sealed.start(clock="real")
    wait_for(lambda: running(sealed)["version"] == 2)
    assert told(sealed) == "b2"


def test_r07_resets_while_files_arrive_are_made_up_for(sealed):
    bundle = bundle_of(sealed, {f"comms/note{n}.txt": os.urandom(2000) for n in range(4)})
    with contextlib.suppress(ToolError, OSError), connect(sealed) as meter:
        sent = []

        def killed(size):
            sent.append(size)
            if sum(sent) > 60_000:
                os.kill(sealed.status()["child_pid"], signal.SIGKILL)

        updates.stage(meter, bundle, killed)
    wait_for(lambda: hello(sealed)["seal"] == "sealed")
    assert told(sealed) == "a"
    assert send(sealed, bundle)["version"] == 2
    assert slot_files(sealed, "b") == bundle.files
