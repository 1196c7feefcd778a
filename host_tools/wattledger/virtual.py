"""The virtual board from outside: start, stop, cut its power, move its time.

The board is a daemon (boards/virtual/bridge.py) with a folder of its own; `state` is that folder
everywhere here, None for the usual one.
"""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from wattledger import bundle
from wattledger.errors import ToolError

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 90.0  # the board itself gives up a step after 60 s
_READY = ("booted", "main.py", "prompt")
_LOG_LINES = 8
_POLL_S = 0.01


def state_folder(state: Path | None = None) -> Path:
    """-> WATTLEDGER_STATE, or ~/.wattledger/virtual."""
    usual = Path.home() / ".wattledger" / "virtual"
    return state or Path(os.environ.get("WATTLEDGER_STATE") or usual)


def is_running(state: Path | None = None) -> bool:
    """Whether a board lives in the folder; what a power cut left behind counts for nothing."""
    try:
        lock = open(state_folder(state) / "lock")  # noqa: SIM115 - closed two lines on
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def start(
    state: Path | None = None,
    *,
    clock: str | None = None,
    unix_s: int | None = None,
    outage_s: int = 0,
    battery_dead: bool = False,
    load: dict[str, Any] | None = None,
    allow: Sequence[str] = (),
    record: Path | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> dict[str, Any]:
    """Power on; returns when boot.py has run. -> what `status` gives.

    clock         "real": follows the wall clock; "held": moves by `advance` only; None: as it was
    unix_s        set the world's time and the board's clock
    outage_s      time that passed without power, on a clock that does not follow the wall's
    battery_dead  the board's clock starts in 2000
    load          keyword arguments of boards.virtual.load.open_load, or {"constant": {...}};
                  None: as it was; at first nothing flows
    allow         modules that the chip lacks and that may be imported all the same
    record        file that gets every byte that leaves the board by its port
    ToolError: a board runs there already, or it does not come up.
    """
    folder = state_folder(state)
    if is_running(folder):
        raise ToolError(f"virtual board: it runs already in {folder}: stop it first")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "board.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "boards.virtual.bridge", "--state", str(folder.resolve())]
    command += ["--node", bundle.node()]
    command += ["--vm", os.environ.get("WATTLEDGER_VM") or str(bundle.vm_folder())]
    command += ["--outage-s", str(outage_s), "--allow", ",".join(allow)]
    command += ["--clock", clock] if clock else []
    command += ["--unix-s", str(unix_s)] if unix_s is not None else []
    command += ["--battery-dead"] if battery_dead else []
    command += ["--record", str(record.resolve())] if record else []
    command += ["--load", json.dumps(load)] if load is not None else []
    process = _spawn(command, folder / "bridge.log")
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ToolError(f"virtual board: it did not start: {_log_tail(folder)}")
        with contextlib.suppress(ToolError):
            seen = status(folder)
            if seen["cpu"] in _READY:
                process.returncode = 0  # it lives on without us: no warning when we forget it
                return seen
        time.sleep(_POLL_S)
    raise ToolError(
        f"virtual board: no end of boot.py after {timeout_s:.0f} s: interrupt it with "
        f"mpremote connect {folder / 'tty'}: {_log_tail(folder)}"
    )


def stop(state: Path | None = None) -> None:
    """End it in good order. ToolError: none runs."""
    folder = state_folder(state)
    request(folder, "stop")
    if not _wait_dead(folder, STOP_TIMEOUT_S):
        raise ToolError(f"virtual board: still there after {STOP_TIMEOUT_S:.0f} s: cut its power")


def cut(state: Path | None = None) -> None:
    """Take the power without warning: SIGKILL to CPU and hardware at once."""
    folder = state_folder(state)
    about = _about(folder)
    pid = int(about["pid"])
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(about["child_pid"]), signal.SIGKILL)
    if not _wait_dead(folder, STOP_TIMEOUT_S):
        raise ToolError(f"virtual board: process {pid} does not die: end it by hand")


def status(state: Path | None = None) -> dict[str, Any]:
    """-> pid, tty, cpu, unix_ms, rtc_ms, held, outputs, ...; see boards/virtual/bridge.py."""
    return request(state_folder(state), "status")


def port(state: Path | None = None, timeouts: bool = False) -> str:
    """-> path of the serial port.

    timeouts   False: /dev/pts/N, fast, but mpremote's own tool waits for ever on a hung board;
               True: a symlink, on which it does not, but polls every 10 ms
    ToolError: no board runs.
    """
    return str(_about(state_folder(state))["link" if timeouts else "tty"])


def advance(
    state: Path | None = None,
    *,
    seconds: int | None = None,
    until: int | None = None,
    step_s: int = 60,
    on_progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Move the clock on by `seconds`, or to Unix time `until`; timers fire once a step.

    on_progress(done s, total s)   at most five times a second
    -> {"done_ms", "unix_ms"}. ToolError: a program keeps the board busy, or none runs.
    """
    assert (seconds is None) != (until is None)
    args = {"total_ms": seconds * 1000} if seconds is not None else {"until_ms": until * 1000}  # type: ignore[operator]
    told = None
    if on_progress is not None:

        def told(line: dict[str, Any]) -> None:
            on_progress(line["done_ms"] // 1000, line["total_ms"] // 1000)

    return request(state_folder(state), "advance", told, step_ms=step_s * 1000, **args)


def set_clock(
    state: Path | None = None,
    *,
    unix_s: int | None = None,
    rtc_s: int | None = None,
    held: bool | None = None,
) -> dict[str, Any]:
    """Set the world's time, the board's clock alone, or whether time stands still."""
    args: dict[str, Any] = {"held": held}
    args["unix_ms"] = None if unix_s is None else unix_s * 1000
    args["rtc_ms"] = None if rtc_s is None else rtc_s * 1000
    return request(state_folder(state), "clock", **args)


def set_load(state: Path | None = None, **options: Any) -> None:
    """See `load` of `start`."""
    request(state_folder(state), "load", options=options)


def inject(state: Path | None, target: str, name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a method of a model ("ic", "nor", "clock"), or set its attribute; -> its value."""
    answer = request(
        state_folder(state), "inject", target=target, name=name, args=args, kwargs=kwargs
    )
    return answer["value"]


def request(
    folder: Path,
    do: str,
    on_progress: Callable[[dict[str, Any]], None] | None = None,
    **args: Any,
) -> dict[str, Any]:
    """One request on the control socket. ToolError: no board runs, or it refused."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(ANSWER_TIMEOUT_S)
        try:
            line.connect(str(_about(folder)["control"]))
            line.sendall(json.dumps({"do": do, **args}).encode() + b"\n")
            for answer in _lines(line):
                if "progress" in answer:
                    if on_progress is not None:
                        on_progress(answer["progress"])
                elif "error" in answer:
                    raise ToolError(answer["error"])
                else:
                    return dict(answer["ok"])
        except OSError as error:
            raise ToolError(f"virtual board: {error}: {_log_tail(folder)}") from None
    raise ToolError(f"virtual board: it died: {_log_tail(folder)}")


def _lines(line: socket.socket) -> Iterator[dict[str, Any]]:
    with line.makefile("r", encoding="utf-8") as file:
        for text in file:
            yield json.loads(text)


def _about(folder: Path) -> dict[str, Any]:
    """-> board.json of a running board."""
    if is_running(folder):
        with contextlib.suppress(FileNotFoundError):
            return dict(json.loads((folder / "board.json").read_text()))
    raise ToolError(f"virtual board: none runs in {folder}: wattledger virtual start")


def _spawn(command: list[str], log_path: Path) -> subprocess.Popen[bytes]:
    root = bundle.root()
    env = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'firmware'}"}
    with open(log_path, "wb") as log:
        return subprocess.Popen(
            command,
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _log_tail(folder: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        text = (folder / "bridge.log").read_text(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return " | ".join(lines[-_LOG_LINES:])
    return "nothing in its bridge.log"


def _wait_dead(folder: Path, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while is_running(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
