"""Updates: a bundle of software, and its way into a meter's free slot (docs/protocol.md).

The meter verifies the whole before it boots it, on trial: nothing here has to be trusted.
"""

import base64
import json
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meter.security import update
from meter.service import Refused
from wattledger.build import MANIFEST, Build, sha256
from wattledger.errors import ToolError
from wattledger.link import Link

PART = 512  # bytes of a file in one request
ORDER = "order.json"
BACK_S = 60.0  # until new software answers
CONFIRM_S = 120.0  # until a meter that is asked confirms it, which is a minute without fault
_POLL_S = 1.0
_SLOT = "slot/"
_BYTES_MAX = 1 << 20  # more than a slot can be
# What zipfile raises for a file that is none, is damaged, encrypted, or packed in its own way.
_NO_BUNDLE = (zipfile.BadZipFile, OSError, ValueError, RuntimeError, zlib.error)
_STAMP = (2020, 1, 1, 0, 0, 0)  # the same bundle has the same bytes


@dataclass(frozen=True)
class Bundle:
    """files   {path in the slot: bytes}, the manifest among them
    order   what the maker signed, None: nobody did
    """

    files: dict[str, bytes]
    order: dict[str, Any] | None = None

    @property
    def manifest(self) -> dict[str, Any]:
        """ToolError: there is none that a meter would read."""
        if MANIFEST not in self.files:
            raise ToolError("update: no manifest in the bundle: make it again")
        try:
            return dict(update.parse(self.files[MANIFEST]))
        except Refused as refused:
            raise ToolError(f"update: {refused.args[1]}: make the bundle again") from None

    @property
    def digest(self) -> str:
        """-> SHA-256 of the manifest in hex: what an order names."""
        return sha256(self.files[MANIFEST])


def of_build(build: Build, order: dict[str, Any] | None = None) -> Bundle:
    return Bundle(dict(build.slot), order)


def save(bundle: Bundle, path: Path) -> None:
    """Write it as a zip archive."""
    entries = {_SLOT + name: data for name, data in sorted(bundle.files.items())}
    if bundle.order is not None:
        entries[ORDER] = json.dumps(bundle.order).encode()
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries.items():
                archive.writestr(zipfile.ZipInfo(name, _STAMP), data, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: choose another place") from None


def load(path: Path) -> Bundle:
    """ToolError: no bundle, or one whose files are not those of its manifest."""
    files, order, size = {}, None, 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                size += info.file_size
                if size > _BYTES_MAX:
                    raise ToolError(f"{path}: over {_BYTES_MAX} bytes: no bundle")
                if info.filename == ORDER:
                    order = json.loads(archive.read(info))
                elif info.filename.startswith(_SLOT):
                    files[info.filename.removeprefix(_SLOT)] = archive.read(info)
    except _NO_BUNDLE as error:
        raise ToolError(f"{path}: {error}: make it with wattledger update --save") from None
    bundle = Bundle(files, order)
    named = bundle.manifest["files"]
    for name in sorted(named.keys() ^ (files.keys() - {MANIFEST})):
        raise ToolError(f"{path}: {name}: in the manifest or the archive only: make it again")
    for name, digest in named.items():
        if sha256(files[name]) != digest:
            raise ToolError(f"{path}: {name}: not what the manifest says: make it again")
    return bundle


def state(link: Link) -> dict[str, Any]:
    """-> {"version", "trial", "slot", "abi"} of what runs."""
    return dict(link.request("stage", **{"from": 0}))


def stage(link: Link, bundle: Bundle, progress: Callable[[int], None] | None = None) -> int:
    """Bring the free slot to hold exactly the bundle; what a cut left is made use of.

    progress   called with the bytes that have arrived at each step
    -> bytes that were sent; the rest the meter had
    """
    for name in _names(link):
        if name not in bundle.files:
            link.request("stage", path=name, remove=True)
    sent = 0
    for name in sorted(bundle.files, key=lambda path: path == MANIFEST):
        data = bundle.files[name]
        if link.request("stage", path=name, copy=sha256(data))["sha256"] != sha256(data):
            sent += len(data)
            _send(link, name, data, progress)
        elif progress:
            progress(len(data))
    return sent


def apply(link: Link, bundle: Bundle) -> dict[str, Any]:
    """Have it verified and put on trial; the meter restarts. -> {"slot", "version", "legal"}"""
    order = {} if bundle.order is None else {"order": bundle.order}
    return dict(link.request("update", manifest=bundle.digest, **order))


def follow(ask: Callable[[], dict[str, Any]], version: int, wait: bool) -> bool:
    """See a restarted meter run this build, and confirm it: it does so for who asks it only.

    ask    one session and one request: -> `state`. ToolError: nobody answered
    wait   until it is confirmed
    -> whether it is. ToolError: another build runs, or time is up
    """
    try:
        seen = _poll(ask, BACK_S, lambda seen: seen["version"] == version)
    except ToolError as error:
        raise ToolError(
            f"update: no answer since the restart ({error}): reset the meter three times, and it"
            " takes the old software"
        ) from None
    if seen["version"] != version:
        raise ToolError(
            f"update: build {seen['version']} runs, not {version}: it failed and fell back"
        )
    if wait and seen["trial"]:
        seen = _poll(ask, CONFIRM_S, lambda seen: not seen["trial"])
        if seen["version"] != version:
            raise ToolError(f"update: build {version} fell back to {seen['version']}")
        if seen["trial"]:
            raise ToolError(
                f"update: build {version} runs, and is still on trial after {CONFIRM_S:.0f} s:"
                " look for alerts in wattledger info, then ask again after a minute"
            )
    return not seen["trial"]


def _poll(
    ask: Callable[[], dict[str, Any]], timeout_s: float, done: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """-> the last state that was seen, at the latest after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while True:
        time.sleep(_POLL_S)
        try:
            seen = ask()
            if done(seen) or time.monotonic() > deadline:
                return seen
        except ToolError:  # it restarts
            if time.monotonic() > deadline:
                raise


def _send(
    link: Link, name: str, data: bytes, progress: Callable[[int], None] | None = None
) -> None:
    for at in range(0, len(data), PART):
        part = data[at : at + PART]
        link.request("stage", path=name, at=at, data=base64.b64encode(part).decode())
        if progress:
            progress(len(part))
    if link.request("stage", path=name)["sha256"] != sha256(data):
        raise ToolError(f"update: {name}: arrived altered: try again")


def _names(link: Link) -> list[str]:
    found: list[str] = []
    while True:
        answer = link.request("stage", **{"from": len(found)})
        found += answer["names"]
        if len(found) >= answer["of"] or not answer["names"]:
            return found
