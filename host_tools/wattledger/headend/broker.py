"""A mosquitto of ours that runs: started, watched, stopped."""

import re
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wattledger.errors import ToolError
from wattledger.headend import broker_config
from wattledger.headend.broker_config import LOOPBACK, Tls
from wattledger.headend.mosquitto import Program

START_S = 10.0


@dataclass
class Broker:
    """A mosquitto of ours. It dies with `stop`; what it was told survives in its folder."""

    program: Program
    folder: Path
    port: int
    tls: Tls | None = None
    operators: tuple[str, ...] = ("headend",)
    verbose: bool = False
    addresses: tuple[str, ...] = (LOOPBACK,)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> "Broker":
        self.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.stop()

    @property
    def log(self) -> str:
        """What it has written so far, of all its lives."""
        return self._log_from(0)

    def _log_from(self, at: int) -> str:
        try:
            with open(self.folder / "mosquitto.log", "rb") as file:
                file.seek(at)
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    def start(self) -> None:
        """Return once it listens. ToolError: it does not."""
        configuration = broker_config.configure(
            self.folder, self.port, self.tls, self.operators, self.verbose, self.addresses
        )
        log = self.folder / "mosquitto.log"
        said_before = log.stat().st_size if log.exists() else 0
        with open(self.folder / "mosquitto.err", "wb") as said:
            self.process = subprocess.Popen(
                [self.program.path, "-c", configuration],
                env=self.program.environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            # Not by a connection: whoever has the port would take that.
            if re.search(r"mosquitto version \S+ running", self._log_from(said_before)):
                return
            time.sleep(0.02)
        self.stop()
        errors = (self.folder / "mosquitto.err").read_text(errors="replace")
        said_text = errors + self._log_from(said_before)
        said_lines = [line for line in said_text.splitlines() if line.strip()]
        wrong = [line for line in said_lines if "Error" in line] or said_lines
        last = wrong[-1] if wrong else "it said nothing"
        where = ", ".join(broker_config.listening(self.addresses))
        raise ToolError(
            f"broker: not listening on {where}, port {self.port}: {last}:"
            " is the port taken, and is it an address of this machine?"
        )

    def send(self, number: signal.Signals) -> None:
        """A signal: SIGSTOP freezes it, SIGCONT lets it go on."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        """As its owner would: it saves what it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a frozen one hears nothing but a kill
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
