"""A head-end that dies, or loses what it had: every record is in the store, once, in order."""

import asyncio
import os
import signal
import subprocess
import sys

from wattledger.errors import ToolError
from wattledger.headend import catalogue
from wattledger.security import key_file

from .conftest import Scene, until

PASSPHRASE = "a passphrase of a test"


def run(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 80))


def test_a_head_end_that_is_killed_in_the_midst(program, tmp_path, keys):
    """Three times, at any moment; what was receipted is there, what was not comes again."""
    scene = Scene(program, tmp_path, keys)
    key_file.create(tmp_path / "keys", keys, PASSPHRASE)
    toml = scene.folder / "headend.toml"
    toml.write_text(toml.read_text().replace("start = true", "start = false"))
    command = [sys.executable, "-m", "wattledger", "headend", "run", str(scene.folder)]
    environment = {**os.environ, "WATTLEDGER_PASSPHRASE": PASSPHRASE}
    sock = scene.folder / "control.sock"

    async def story():
        with scene.broker:
            scene.fleet.connect(scene.road)
            for wait_s in (0.5, 1.3, 0.9, None):
                sock.unlink(missing_ok=True)
                head = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
                try:
                    await until(sock.exists, 30, "the head-end does not start")
                    await scene.live(5, 0.05)
                    if wait_s is None:
                        await scene.fleet.settle(40)
                    else:
                        await asyncio.sleep(wait_s)
                finally:
                    if wait_s is None:
                        head.terminate()
                    else:
                        head.kill()
                    assert head.wait(20) == (0 if wait_s is None else -signal.SIGKILL)
            await scene.fleet.disconnect()

    run(story())
    scene.check()


def test_a_head_end_that_has_lost_its_store_gets_it_again(program, tmp_path, keys):
    """The receipts on the broker speak of what is there no more."""
    scene = Scene(program, tmp_path, keys)

    async def story():
        async with scene.living():
            await scene.live(8)
            await scene.fleet.settle(30)
        scene.store.rename(scene.folder / "lost")
        async with scene.living():
            assert catalogue.known(scene.store) == []
            await scene.live(1)
            count = lambda: sum(m.have.get((m.salt, "profile"), 0) for m in _meters(scene))  # noqa: E731
            of = sum(m.meter.journal.profile.last_seq for m in scene.fleet.meters.values())
            await until(lambda: count() == of, 40, lambda: f"{count()} of {of}")
            await scene.fleet.settle(30)

    run(story())
    scene.check()


def _meters(scene):
    return scene.head.intake.meters.values()


def test_a_full_disk_is_no_receipt(program, tmp_path, keys, monkeypatch):
    """What cannot be kept is not receipted; once there is room again, it all comes."""
    scene = Scene(program, tmp_path, keys)

    def full(batch):
        raise ToolError("store: No space left on device: make room")

    async def story():
        async with scene.living():
            with monkeypatch.context() as patch:
                patch.setattr(scene.head.server.store, "append", full)
                await scene.live(4)
                await until(lambda: len(scene.head.audit.lines) > 2)
                assert {line["what"] for line in scene.head.audit.lines} == {"not stored"}
                assert all(not any(m.uplink.upto) for m in scene.fleet.meters.values())
            await scene.live(1)
            await scene.fleet.settle(40)

    run(story())
    scene.check()
