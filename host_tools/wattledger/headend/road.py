"""The road of commands to one meter over the broker: a line down, a line up, one at a time."""

import asyncio
import base64
import binascii
import json
import secrets
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from wattledger.errors import ToolError
from wattledger.headend.intake import ROOT
from wattledger.security import line as lines
from wattledger.security.envelope import MARK
from wattledger.security.keyring import Keyring
from wattledger.security.sealed_link import SealedLink

ANSWER_S = 20.0
_NONCE = slice(14, 30)  # of an envelope


class NoAnswer(ToolError):
    """None came: whether it was done is not known."""


class Publisher(Protocol):
    """What we need of wattledger.headend.server.Server."""

    on_answer: Callable[[str, bytes], None] | None

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> Awaitable[None]: ...


class Road:
    """server   whose loop this is made in; answer_s: how long a meter may take

    Links are used in threads of their own, for they block.
    """

    def __init__(self, server: Publisher, answer_s: float = ANSWER_S) -> None:
        self._server, self._answer_s = server, answer_s
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._waiting: dict[str, tuple[Callable[[bytes], bool], asyncio.Future[bytes]]] = {}
        server.on_answer = self._answered

    def link(self, serial: str, keyring: Keyring) -> SealedLink:
        """-> the meter, as every command of wattledger takes it. To be called in a thread.

        ToolError: it does not answer.
        """
        line = _Line(self, serial)
        told = line.hello()
        if told is None or told.get("serial") != serial:
            raise NoAnswer(f"meter {serial}: no answer in {self._answer_s:g} s: is it online?")
        return _Link(line, told, keyring)

    def ask(self, serial: str, line: bytes, fits: Callable[[bytes], bool]) -> bytes | None:
        """-> the first answer to this line that fits, None: none came in time.

        ToolError: the broker is not there.
        """
        assert threading.get_ident() != self._thread, "the loop would wait for itself"
        asked = self._exchange(serial, line, fits)
        return asyncio.run_coroutine_threadsafe(asked, self._loop).result()

    async def _exchange(
        self, serial: str, line: bytes, fits: Callable[[bytes], bool]
    ) -> bytes | None:
        assert serial not in self._waiting
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[serial] = fits, future
        try:
            await self._server.publish(f"{ROOT}/{serial}/dn/cmd", line)
            async with asyncio.timeout(self._answer_s):
                return await future
        except TimeoutError:
            return None
        finally:
            del self._waiting[serial]

    def _answered(self, serial: str, line: bytes) -> None:
        """Late answers to what was asked before fit nothing, and are dropped."""
        fits, future = self._waiting.get(serial, (None, None))
        if fits is not None and future is not None and not future.done() and fits(line):
            future.set_result(line)


class _Line(lines.Line):
    def __init__(self, road: Road, serial: str) -> None:
        self._road, self._serial = road, serial

    def hello(self) -> dict[str, Any] | None:
        number = secrets.token_hex(4)
        asked = json.dumps({"id": number, "do": "hello", "args": {}}).encode()
        line = self._road.ask(self._serial, asked, lambda line: _id(line) == number)
        told = None if line is None else json.loads(line).get("ok")
        return told if isinstance(told, dict) and lines._is_hello(told) else None

    def ask(self, line: bytes) -> bytes:
        nonce = _nonce(line)

        def fits(answer: bytes) -> bool:
            if answer.startswith(MARK):
                return _nonce(answer) == nonce
            return _id(answer) is None  # refused, in the clear

        answer = self._road.ask(self._serial, line, fits)
        if answer is None:
            raise NoAnswer(f"meter {self._serial}: no answer: it may have been done or not")
        return answer


class _Link(SealedLink):
    def __init__(self, line: _Line, told: dict[str, Any], keyring: Keyring) -> None:
        port = f"meter {told['serial']}"
        super().__init__(port, _Nothing(), told, lambda: keyring)
        self._line = line


class _Nothing:
    """Stands where a serial port would be."""

    timeout = None

    @property
    def serial(self) -> "_Nothing":
        return self

    def close(self) -> None:
        pass


def _id(line: bytes) -> Any:
    """-> the id of an answer in the clear, None: it has none, or is none"""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found.get("id") if isinstance(found, dict) else None


def _nonce(line: bytes) -> bytes:
    """-> that of an envelope, b"" where it is none"""
    if not line.startswith(MARK):
        return b""
    try:
        return base64.b64decode(line[len(MARK) :])[_NONCE]
    except binascii.Error:
        return b""
