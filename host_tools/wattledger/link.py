"""The road to a meter: mpremote's library, and nothing else of the tool imports it.

mpremote promises no stable library, so all of it that we use stands here. The metering goes on
while the link is open: the raw REPL is entered without a soft reset, always.
"""

import ast
import contextlib
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from wattledger.errors import ToolError

READ_TIMEOUT_S = 2  # of one byte; without it a board that hangs would hang the tool
ENTER_TIMEOUT_S = 8
BOOT_TIMEOUT_S = 30
_PROMPT = b">>> "

# Runs on the device: one line of JSON for a whole folder, for one round trip instead of many.
_HASH_TREE = """
def _wl_tree(folder, found):
    import os, hashlib, binascii
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return found
    buf = bytearray(512)
    view = memoryview(buf)
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            _wl_tree(path, found)
            continue
        h = hashlib.sha256()
        with open(path, "rb") as f:
            n = f.readinto(buf)
            while n:
                h.update(view[:n])
                n = f.readinto(buf)
        found[path] = str(binascii.hexlify(h.digest()), "ascii")
    return found
import json
print(json.dumps(_wl_tree({folder!r}, {{}})))
del _wl_tree
"""


class Link:
    """An open meter. Every failure of the line or of the device is a ToolError.

    transport   of `open_port`, None: the port is opened here. It is closed with the link.
    sealed      whether the meter has no REPL
    proved      whether it is sure that an answer is the meter's, as far as the road allows
    """

    sealed, proved = False, True

    def __init__(self, port: str, transport: SerialTransport | None = None) -> None:
        self.port = port
        self._id = 0
        self._transport = transport or open_port(port)
        try:
            self._enter()
        except ToolError:
            self._transport.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the REPL as it was found, in friendly mode."""
        with contextlib.suppress(TransportError, OSError):
            self._transport.exit_raw_repl()
        with contextlib.suppress(OSError):
            self._transport.close()

    def request(self, do: str, **args: Any) -> Any:
        """One request to meter.service as maker. -> what stands under "ok" of its answer.

        ToolError: the meter refused, with the meter's own text.
        """
        self._id += 1
        line = json.dumps({"id": self._id, "do": do, "args": args}, separators=(",", ":"))
        try:
            printed = self._exec(f"import app\nprint(app.handle('maker', {line.encode()!r}))")
        except _OnDevice as error:
            if "ImportError" in error.last_line and "'app'" in error.last_line:
                raise ToolError(
                    f"{self.port}: no meter software on it: run wattledger deploy"
                ) from None
            raise ToolError(f"{self.port}: {do}: {error.last_line}: deploy again") from None
        answer = json.loads(_printed_bytes(printed))
        if answer.get("id") != self._id:
            raise ToolError(f"{self.port}: an answer to another request: try again")
        if "error" in answer:
            raise ToolError(answer["error"]["text"])
        return answer["ok"]

    def has_software(self) -> bool:
        """Whether `import app` finds anything on the device; it may still fail to run."""
        try:
            self._exec("import app")
        except _OnDevice as error:
            return "'app'" not in error.last_line
        return True

    def probe(self, code: str) -> Any:
        """Run code that prints one line of JSON and changes nothing. -> its value.

        ToolError: what it raised.
        """
        return json.loads(self._exec(code))

    def hash_tree(self, folder: str) -> dict[str, str]:
        """-> {path: SHA-256 in hex} of all files below the folder; {} if there is none."""
        text = self._exec(_HASH_TREE.replace("{folder!r}", repr(folder)).replace("{{}}", "{}"))
        return dict(json.loads(text))

    def hash_file(self, path: str) -> str | None:
        """-> SHA-256 in hex of one file, None if there is no such file."""
        data = self.read(path)
        return None if data is None else hashlib.sha256(data).hexdigest()

    def names(self, folder: str) -> list[str]:
        """-> names in a folder, [] if there is none."""
        with _told(self.port, folder):
            try:
                return sorted(entry.name for entry in self._transport.fs_listdir(folder))
            except FileNotFoundError:
                return []

    def read(self, path: str) -> bytes | None:
        """-> the file's bytes, None if there is no such file."""
        with _told(self.port, path):
            try:
                return bytes(self._transport.fs_readfile(path))
            except FileNotFoundError:
                return None

    def write(self, path: str, data: bytes, progress: Callable[[int], None] | None = None) -> None:
        """Write a whole file. progress is called with the number of bytes of each step."""
        done = 0

        def step(written: int, _size: int) -> None:
            nonlocal done
            if progress:
                progress(written - done)
            done = written

        with _told(self.port, path):
            self._transport.fs_writefile(path, data, progress_callback=step)

    def replace(self, path: str, data: bytes) -> None:
        """Write a file in one step: it holds the old or the new bytes, never a part."""
        self.write(f"{path}.new", data)
        if self.hash_file(f"{path}.new") != hashlib.sha256(data).hexdigest():
            raise ToolError(f"{self.port}: {path}: arrived altered: try again")
        self.rename(f"{path}.new", path)

    def rename(self, old: str, new: str) -> None:
        with _told(self.port, old):
            self._exec(f"import os\nos.rename({old!r}, {new!r})")

    def remove(self, path: str) -> None:
        with _told(self.port, path):
            self._exec(f"import os\nos.remove({path!r})")

    def mkdir(self, path: str) -> None:
        """Make the folder if it is not there."""
        with _told(self.port, path), contextlib.suppress(FileExistsError):
            self._transport.fs_mkdir(path)

    def reset(self) -> str:
        """Restart the device and wait until its boot.py has run. -> what it said."""
        with _told(self.port, "reset"):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
            # Ctrl-C would stop boot.py: first wait for the prompt that follows it.
            said = bytes(self._transport.read_until(1, _PROMPT, timeout=BOOT_TIMEOUT_S))
        self._enter()
        return said.decode("utf-8", "replace")

    def reset_and_close(self) -> None:
        """Restart a device that will have no prompt, and let go of it."""
        with _told(self.port, "reset"):
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
        with contextlib.suppress(OSError):
            self._transport.close()

    def _enter(self) -> None:
        shown = io.StringIO()  # mpremote prints what it could not understand
        try:
            with contextlib.redirect_stdout(shown):
                self._transport.enter_raw_repl(soft_reset=False, timeout_overall=ENTER_TIMEOUT_S)
        except (TransportError, OSError):
            raise ToolError(
                f"{self.port}: no MicroPython prompt: is it a meter, powered, and not sealed?"
            ) from None

    def _exec(self, code: str) -> str:
        with _told(self.port, "meter"):
            return bytes(self._transport.exec(code)).decode()


class _OnDevice(ToolError):
    """An exception on the device."""

    def __init__(self, port: str, where: str, output: str) -> None:
        lines = output.strip().splitlines()
        self.last_line = lines[-1] if lines else "an error without text"
        super().__init__(f"{port}: {where}: {self.last_line}")


def open_port(port: str) -> SerialTransport:
    """Open it as mpremote does, which resets no board. ToolError: it cannot be opened."""
    try:
        return SerialTransport(port, timeout=READ_TIMEOUT_S)
    except TransportError:
        if "://" in port or not os.path.exists(port):
            raise ToolError(f"{port}: no such port: plug the meter in, or give --port") from None
        if not os.access(port, os.R_OK | os.W_OK):
            raise ToolError(f"{port}: no permission: join the group that owns it") from None
        raise ToolError(f"{port}: busy: is another program holding it?") from None


@contextlib.contextmanager
def _told(port: str, where: str) -> Iterator[None]:
    """Turn what mpremote and pyserial raise into one line."""
    try:
        yield
    except TransportExecError as error:
        raise _OnDevice(port, where, error.error_output) from None
    except (TransportError, serial.SerialException, UnicodeDecodeError, SyntaxError) as error:
        raise ToolError(f"{port}: {where}: the line broke: {error}: try again") from None
    except FileExistsError:
        raise
    except OSError as error:
        raise ToolError(f"{port}: {where}: {error.strerror or error}: try again") from None


def _printed_bytes(text: str) -> bytes:
    value = ast.literal_eval(text.strip())
    assert isinstance(value, bytes)
    return value
