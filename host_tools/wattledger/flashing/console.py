"""What a module says on its port, without disturbing it: no Ctrl-C is sent here.

A first start formats the file system; a Ctrl-C in the midst of that would leave it broken.
"""

import contextlib
import os
import time

import serial

from wattledger.errors import ToolError

BAUD = 115200
_PROMPT = b">>> "
_ASK_S = 0.5
_RESET_S = 0.1
_LOG_BYTES = 20000

# What a boot log says -> what it means and what to do; the first that is found counts.
SIGNS = (
    ("waiting for download", "it waits for a download: let go of BOOT (GPIO 0), press reset"),
    ("invalid header: 0xffffffff", "its flash is empty: wattledger flash"),
    ("flash read err", "its flash is empty or does not answer: wattledger flash"),
    ("invalid header", "no boot loader at its place: wattledger flash"),
    ("Brownout detector", "its supply is too weak: a better cable or supply, 100 uF at 3.3 V"),
    ("exceeds flash chip size", "its table is for a larger flash: wattledger flash"),
    ("No bootable app", "it has no application: wattledger flash"),
    ("invalid magic number", "its partition table is none: wattledger flash"),
    ("Image hash failed", "its application is damaged: wattledger flash"),
    ("filesystem appears to be corrupted", "its files are broken: wattledger flash --erase"),
    ("Guru Meditation", "its firmware crashed: wattledger flash with the latest release"),
    ("WDT_RESET", "a watchdog reset it: see what stands before that, wattledger deploy"),
)


def wait_for_prompt(port: str, timeout_s: float) -> tuple[bool, str]:
    """Listen, and send a bare Return now and then. -> (MicroPython's prompt came, what was said).

    ToolError: the port cannot be opened.
    """
    with _open(port) as line:
        return _listen(line, timeout_s)


def restart(port: str, timeout_s: float) -> tuple[bool, str]:
    """Pull the reset line, which USB adapters of ESP32 boards have on RTS; as wait_for_prompt."""
    with _open(port) as line:
        with contextlib.suppress(OSError):  # a pty has no such line
            line.dtr, line.rts = False, True
            time.sleep(_RESET_S)
            line.rts = False
        return _listen(line, timeout_s)


def meaning(log: str) -> str | None:
    """-> what a boot log tells, None if nothing of `SIGNS`."""
    return next((told for sign, told in SIGNS if sign in log), None)


def _open(port: str) -> serial.Serial:
    if not os.path.exists(port):
        raise ToolError(f"{port}: no such port: plug the module in, or give --port")
    if not os.access(port, os.R_OK | os.W_OK):
        raise ToolError(f"{port}: no permission: wattledger doctor tells what to do")
    try:
        return serial.Serial(port, BAUD, timeout=0.05, exclusive=True)
    except (serial.SerialException, OSError):
        raise ToolError(f"{port}: busy: is another program holding it?") from None


def _listen(line: serial.Serial, timeout_s: float) -> tuple[bool, str]:
    said, asked_at = b"", time.monotonic()
    deadline = asked_at + timeout_s
    try:
        while time.monotonic() < deadline:
            said = (said + line.read(line.in_waiting or 1))[-_LOG_BYTES:]
            if said.endswith(_PROMPT):
                return True, said.decode("utf-8", "replace")
            if time.monotonic() - asked_at > _ASK_S:
                asked_at = time.monotonic()
                line.write(b"\r")
    except (serial.SerialException, OSError) as error:
        raise ToolError(f"{line.port}: the line broke: {error}: look at the cable") from None
    return False, said.decode("utf-8", "replace")
