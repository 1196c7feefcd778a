"""The road to a sealed meter: the requests of wattledger.link.Link, each in an envelope.

What the meter says without an envelope is believed by nobody: `hello` gives the first nonce,
and time and counters come from the same request in an envelope. The id of each request is
random and comes back under the tag, so an answer of an earlier session is none.
"""

import contextlib
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, NoReturn

from meter.request import ROLES, is_change, role_of
from wattledger.errors import ToolError
from wattledger.security.envelope import CHANGE, MARK, NONCE_SIZE, READ, Envelopes, Header
from wattledger.security.keyring import Keyring
from wattledger.security.line import Line
from wattledger.security.sealed_files import NoRepl, SealedFiles

EXPIRY_S = 300  # of an envelope on its way
NONCE_S = 50  # the meter forgets it after 60


class SealedLink(SealedFiles):
    """A sealed meter, used as Link is; what needs its REPL is a ToolError.

    port      its name, for messages
    transport   open; closed with this
    told      what `hello` answered
    keyring   called when a key is needed first; None: only what is public is answered
    """

    sealed = True

    def __init__(
        self,
        port: str,
        transport: Any,
        told: dict[str, Any],
        keyring: Callable[[], Keyring] | None,
    ) -> None:
        self.port = port
        self.told = told
        self._opened = transport
        self._transport = NoRepl(port)
        self._line = Line(transport.serial)
        self._load = keyring
        self._keyring: Keyring | None = None
        self._state: dict[str, Any] = {}  # as `told`, but proved
        self._seen_at = 0.0  # monotonic second of _state
        self._nonce, self._nonce_at = b"", 0.0
        self._envelopes: dict[str, Envelopes] = {}

    @property
    def proved(self) -> bool:  # type: ignore[override]
        return self._load is not None

    @property
    def serial(self) -> str:
        return str(self.told["serial"])

    def without_keys(self) -> "SealedLink":
        """-> the same meter over the same port, asked as everybody may."""
        return SealedLink(self.port, self._opened, self.told, None)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._opened.close()

    def request(self, do: str, **args: Any) -> Any:
        """One request in the lowest role that may. -> what stands under "ok" of its answer.

        ToolError: the meter refused, with its own text if it knew us; or no key is there for it.
        """
        number = secrets.token_hex(8)
        line = json.dumps({"id": number, "do": do, "args": args}, separators=(",", ":")).encode()
        needed = role_of(do)
        if self._load is None:
            if needed != "public":
                raise self._not_public(do, needed)
            answer = _answer(self._line.ask(line))
        elif is_change(do, args):
            answer = self._change(needed, line)
        else:
            role, proved = "reader" if needed == "public" else needed, bool(self._nonce)
            answer = self._read(role, line)
            if proved and _is_refused(answer):  # a reset, or a step of its clock, ends a nonce
                self._nonce = b""
                answer = self._read(role, line)
        self._check(answer, number, do)
        if self._load is None:
            return _Public(answer["ok"], self._not_public("that", "reader"))
        return answer["ok"]

    def _read(self, needed: str, line: bytes) -> dict[str, Any]:
        role = self._role(needed)
        self._greet(role)
        header = Header(READ, role, self.serial, self._expiry(), self._nonce)
        self._nonce = b""  # never two lines under one
        return self._exchange(header, line)

    def _change(self, needed: str, line: bytes) -> dict[str, Any]:
        role = self._role(needed)
        self._nonce = b""  # time and counters anew: another session may have raised them
        self._greet(role)
        place = ROLES.index(role) - 1
        counter = self._state["counters"][place] + 1
        nonce = counter.to_bytes(8, "big") + secrets.token_bytes(8)
        header = Header(CHANGE, role, self.serial, self._expiry(), nonce)
        self._nonce = b""  # a new time of the meter ends it
        return self._exchange(header, line)

    def _greet(self, role: str) -> None:
        """See to it that there is a nonce that is fresh, from an envelope."""
        if self._nonce and time.monotonic() - self._nonce_at < NONCE_S:
            return
        told = self._line.hello()
        if told is None:
            raise ToolError(f"{self.port}: it does not answer any more: try again")
        if told.get("serial") != self.serial:
            raise ToolError(f"{self.port}: another meter than before: try again")
        self.told = told
        if not told.get("generation"):
            raise ToolError(
                f"{self.port}: meter {self.serial} has lost its keys and lets nobody in: see"
                " docs/security.md, A lost NVS"
            )
        if told.get("locked_s"):
            raise ToolError(
                f"{self.port}: locked after failed attempts: try again in {told['locked_s']} s"
            )
        number = secrets.token_hex(8)
        hello = json.dumps({"id": number, "do": "hello", "args": {}}).encode()
        header = Header(READ, role, self.serial, told["utc"] + EXPIRY_S, _nonce(told["nonce"]))
        answer = self._exchange(header, hello)
        self._check(answer, number, "hello")
        self._state, self._seen_at = answer["ok"], time.monotonic()

    def _exchange(self, header: Header, line: bytes) -> dict[str, Any]:
        envelopes = self._envelopes_of(header.role)
        sent_at = time.monotonic()
        sealed = self._line.ask(envelopes.seal(header, line))
        if not sealed.startswith(MARK):
            return _answer(sealed)
        answer = _answer(envelopes.open(header, sealed))
        if "nonce" in answer:
            self._nonce, self._nonce_at = _nonce(answer["nonce"]), sent_at
        return answer

    def _expiry(self) -> int:
        gone_s = int(time.monotonic() - self._seen_at)
        return int(self._state["utc"]) + gone_s + EXPIRY_S

    def _role(self, needed: str) -> str:
        if self._keyring is None:
            assert self._load is not None
            self._keyring = self._load()
        return self._keyring.best_role(self.serial, needed)

    def _envelopes_of(self, role: str) -> Envelopes:
        if role not in self._envelopes:
            assert self._keyring is not None
            key = self._keyring.key(self.serial, role, self.told["generation"])
            self._envelopes[role] = Envelopes(key)
        return self._envelopes[role]

    def _check(self, answer: dict[str, Any], number: str, do: str) -> None:
        """ToolError: it is not the answer to this request, or it says no."""
        if _is_refused(answer):
            self._refused(do)
        if answer.get("id") != number:
            raise ToolError(f"{self.port}: an answer to another request: try again")
        if "error" in answer:
            raise ToolError(str(answer["error"]["text"]))

    def _not_public(self, what: str, role: str) -> ToolError:
        return ToolError(
            f"{self.port}: meter {self.serial} is sealed and tells everybody info and registers"
            f" only: for {what} give --keys FILE, a {role}'s or above"
        )

    def _refused(self, do: str) -> NoReturn:
        """The meter tells nobody why; we only know what we have tried."""
        self._nonce = b""
        if self._state:
            raise ToolError(f"{self.port}: {do}: refused: is its clock right? wattledger info")
        raise ToolError(
            f"{self.port}: meter {self.serial} refused these keys: they are another fleet's,"
            " or of another generation"
        )


class _Public(dict[str, Any]):
    """An answer of which only a part is told to everybody."""

    def __init__(self, told: dict[str, Any], why: ToolError) -> None:
        super().__init__(told)
        self._why = why

    def __missing__(self, name: str) -> NoReturn:
        raise self._why


def _answer(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ToolError("meter: an answer that is none: try again")
    return found


def _is_refused(answer: dict[str, Any]) -> bool:
    """Whether it is what the meter says, in the clear, to whom it does not trust."""
    error = answer.get("error")
    return answer.get("id") is None and isinstance(error, dict) and error.get("code") == "refused"


def _nonce(text: str) -> bytes:
    try:
        nonce = bytes.fromhex(text)
    except (ValueError, TypeError):
        nonce = b""
    if len(nonce) != NONCE_SIZE:
        raise ToolError("meter: a hello without a nonce: try again")
    return nonce
