"""What a sealed meter has in place of a file system: tariff files by their hash, through requests,
and no REPL."""

import base64
import hashlib
from typing import Any

from wattledger.errors import ToolError
from wattledger.link import Link

PART = 512  # bytes of a file in one request
FOLDER = "/cfg"
_SUFFIX = ".json"


class SealedFiles(Link):
    """The part of Link that deals in files; all else that needs a REPL is a ToolError by itself,
    with NoRepl for a transport."""

    def names(self, folder: str) -> list[str]:
        _need_config(self.port, folder, folder)
        found: list[str] = []
        while True:
            answer = self.request("get", **{"from": len(found)})
            found += [name + _SUFFIX for name in answer["names"]]
            if len(found) >= answer["of"] or not answer["names"]:
                return found

    def read(self, path: str) -> bytes | None:
        digest = _digest_of(self.port, path)
        if path.rpartition("/")[2] not in self.names(FOLDER):
            return None
        data = b""
        while True:
            answer = self.request("get", name=digest, **{"from": len(data)})
            part = base64.b64decode(answer["data"])
            data += part
            if len(data) >= answer["size"] or not part:
                return data

    def replace(self, path: str, data: bytes) -> None:
        """Give the meter a file that is named by its own hash; a part of one is never used."""
        digest = _digest_of(self.port, path)
        if hashlib.sha256(data).hexdigest() != digest:
            raise ToolError(f"{self.port}: {path}: not its own hash: only such files are taken")
        at, before = 0, -1
        while at < len(data):
            part = base64.b64encode(data[at : at + PART]).decode()
            answer = self.request("put", name=digest, at=at, size=len(data), data=part)
            at, before = answer["at"], at
            if not 0 <= at <= len(data) or at == before:
                raise ToolError(f"{self.port}: {path}: the meter does not take it: try again")

    def mkdir(self, path: str) -> None:
        _need_config(self.port, path, path)  # the meter makes it itself

    def remove(self, path: str) -> None:
        _digest_of(self.port, path)  # the meter drops old price schedules by itself


class NoRepl:
    """What stands where Link has mpremote's transport."""

    def __init__(self, port: str) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        raise ToolError(
            f"{self._port}: the meter is sealed, and this needs its REPL: wattledger unseal first"
        )


def _need_config(port: str, folder: str, path: str) -> None:
    if folder != FOLDER:
        raise ToolError(f"{port}: {path}: the meter is sealed: wattledger unseal first")


def _digest_of(port: str, path: str) -> str:
    folder, _, name = path.rpartition("/")
    _need_config(port, folder, path)
    digest = name.removesuffix(_SUFFIX)
    if name == digest or len(digest) != 64:
        raise ToolError(f"{port}: {path}: the meter is sealed: wattledger unseal first")
    return digest
