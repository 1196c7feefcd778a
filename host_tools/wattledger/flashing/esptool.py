"""esptool as a program of its own: its progress goes to the user, its commands can be shown.

Not as a library: it is under the GPL, and a program can be replaced. WATTLEDGER_ESPTOOL names
another command, options included, for a board that cannot be reset by the line, say
"esptool --no-stub --before no-reset --after no-reset".
"""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wattledger.errors import ToolError

ENVIRONMENT = "WATTLEDGER_ESPTOOL"
BAUD = 460800
_MB = 0x100000


@dataclass(frozen=True)
class Module:
    """mac: 12 digits, what the meter shows as its serial; flash_size: bytes, 0 if unknown."""

    mac: str
    flash_size: int


@dataclass(frozen=True)
class Esptool:
    """port     path of the serial port
    chip     "esp32", ...; esptool refuses any other before it does anything
    dry_run  print the commands and run none
    """

    port: str
    chip: str
    baud: int = BAUD
    dry_run: bool = False

    def command(self, words: tuple[str, ...], last: bool = False) -> list[str]:
        """-> the whole command.

        last   the module starts afterwards; else it waits in its boot loader, as a first start
               formats the file system and must not be broken off
        """
        given = os.environ.get(ENVIRONMENT)
        base = shlex.split(given) if given else [sys.executable, "-m", "esptool"]
        base += ["--chip", self.chip, "--port", self.port, "--baud", str(self.baud)]
        if "--after" not in base:
            base += ["--after", "hard-reset" if last else "no-reset"]
        return [*base, *words]

    def run(self, *words: str, last: bool = False) -> None:
        """One command, its output passed through. ToolError: it failed."""
        command = self.command(words, last)
        if self._only_shown(command):
            return
        sys.stdout.flush()  # ours comes before its own in a pipe too
        if subprocess.run(command).returncode:
            raise ToolError(
                f"{self.port}: esptool {words[0]} failed, its reason is above: {_CURE}"
            )

    def module(self) -> Module | None:
        """Which module is on the port; None in a dry run. ToolError: none, or another chip."""
        command = self.command(("flash-id",))
        if self._only_shown(command):
            return None
        done = subprocess.run(command, capture_output=True, text=True)
        said = done.stdout + done.stderr
        if done.returncode:
            raise ToolError(f"{self.port}: esptool flash-id: {_reason(said)}: {_CURE}")
        mac = re.search(r"MAC:\s+((?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2})", said)
        size = re.search(r"flash size:\s+(\d+)MB", said)
        if mac is None:
            raise ToolError(f"{self.port}: esptool flash-id told no MAC: {_reason(said)}: {_CURE}")
        return Module(re.sub("[:-]", "", mac[1]), int(size[1]) * _MB if size else 0)

    @contextlib.contextmanager
    def untouched(self) -> Iterator[None]:
        """Whatever ends in here has changed nothing: the module is let go on as before."""
        try:
            yield
        except BaseException:
            if not self.dry_run:
                subprocess.run(self.command(("flash-id",), last=True), capture_output=True)
            raise

    def read(self, at: int, size: int, path: Path, last: bool = False) -> bytes:
        """Flash into a file. -> its bytes, none in a dry run."""
        self.run("read-flash", hex(at), hex(size), str(path), last=last)
        if self.dry_run:
            return b""
        data = path.read_bytes()
        if len(data) != size:
            raise ToolError(f"{path}: {len(data)} bytes read, expected {size}: try again")
        return data

    def write(self, pieces: list[tuple[int, Path]], last: bool = False) -> None:
        """Files into flash, in one command; esptool checks each by MD5 of the flash."""
        words = [word for at, path in pieces for word in (hex(at), str(path))]
        # "keep": the bytes are to arrive as they are, so that they can be compared.
        kept = ("--flash-mode", "keep", "--flash-freq", "keep", "--flash-size", "keep")
        self.run("write-flash", *kept, *words, last=last)

    def _only_shown(self, command: list[str]) -> bool:
        if self.dry_run:
            print(shlex.join(command))
        return self.dry_run


_CURE = "hold BOOT while it connects, look at cable and port"


def _reason(said: str) -> str:
    """-> the line of esptool's output that tells most."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    fatal = [line for line in lines if "rror" in line]
    return (fatal or lines or ["it said nothing"])[-1].rstrip(".")
