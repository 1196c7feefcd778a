"""Put new software onto a meter while the old one keeps running.

A device has two slots, /a and /b, and a file /slot that names the one which boots. Files go
into the slot that is not active, each is verified by its hash on the device, and /slot is
flipped last, by a rename. A cut at any byte before that leaves the old software active.
"""

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wattledger.build import MANIFEST, Build, sha256
from wattledger.errors import ToolError
from wattledger.link import Link

SLOT_FILE = "/slot"


@dataclass(frozen=True)
class Plan:
    """slot      "a" or "b": where the software goes, or already is
    current   True: the active slot holds exactly this build
    copy      paths in the slot that differ or are missing
    remove    paths in the slot that are not in the build
    root      paths of files beside the slots that differ
    """

    slot: str
    current: bool
    copy: list[str]
    remove: list[str]
    root: list[str]

    def size(self, build: Build) -> int:
        """-> bytes that will be copied."""
        return sum(len(build.slot[p]) for p in self.copy) + sum(
            len(build.root[p]) for p in self.root
        )


def plan(link: Link, build: Build) -> Plan:
    """Compare the build with what is on the device, by hash."""
    root = [
        name for name, data in build.root.items() if link.hash_file(f"/{name}") != sha256(data)
    ]
    active = active_slot(link)
    if active and _held(link, active) == build.hashes():
        return Plan(active, not root, [], [], root)
    slot = "b" if active == "a" else "a"
    held, wanted = _held(link, slot), build.hashes()
    copy = [path for path, digest in wanted.items() if held.get(path) != digest]
    # An old manifest must not vouch for a half-copied slot: it goes first and comes last.
    if held and MANIFEST in copy and MANIFEST in held:
        remove = [MANIFEST, *(path for path in held if path not in wanted)]
    else:
        remove = [path for path in held if path not in wanted]
    copy.sort(key=lambda path: path == MANIFEST)
    return Plan(slot, False, copy, remove, root)


def install(
    link: Link, build: Build, todo: Plan, progress: Callable[[int], None] | None = None
) -> None:
    """Carry the plan out and flip /slot. The software runs after the next restart."""
    folder = f"/{todo.slot}"
    for path in todo.remove:
        link.remove(f"{folder}/{path}")
    link.mkdir(folder)
    for parent in sorted({path.rpartition("/")[0] for path in todo.copy} - {""}):
        link.mkdir(f"{folder}/{parent}")
    for path in todo.copy:
        link.write(f"{folder}/{path}", build.slot[path], progress)
    held, wanted = _held(link, todo.slot), build.hashes()
    for path in sorted(held.keys() | wanted.keys()):
        if held.get(path) != wanted.get(path):
            raise ToolError(f"{folder}/{path}: arrived altered: the old software stays: try again")
    for path in todo.root:
        link.replace(f"/{path}", build.root[path])
        if progress:
            progress(len(build.root[path]))
    if active_slot(link) != todo.slot:
        link.replace(SLOT_FILE, todo.slot.encode())


def active_slot(link: Link) -> str | None:
    """-> "a", "b", or None on a device without our software.

    A digit behind the letter says that the slot is on trial.
    """
    text = (link.read(SLOT_FILE) or b"").decode("ascii", "replace").strip()
    return text[0] if text[:1] in ("a", "b") and text[1:] in ("", *"0123") else None


def restart(link: Link) -> dict[str, Any]:
    """Commit the registers, restart, wait for the meter. -> its info."""
    if link.has_software():
        # Software that cannot even commit is the more reason to replace it.
        with contextlib.suppress(ToolError):
            link.request("commit")
    link.reset()
    info: dict[str, Any] = link.request("info")
    return info


def prepare_journal(link: Link, info: dict[str, Any], over_foreign: bool) -> bool:
    """Format the journal of a new meter. -> whether it was done.

    ToolError: the partition holds something else, and nobody said to erase it.
    """
    if info["state"] == "ready":
        return False
    if info["state"] == "foreign" and not over_foreign:
        raise ToolError(
            "deploy: the meter partition holds data that is no journal:"
            " save it, or erase it with --format"
        )
    link.request(
        "format", salt=1 + secrets.randbelow(0xFFFFFFFF), foreign=info["state"] == "foreign"
    )
    return True


def _held(link: Link, slot: str) -> dict[str, str]:
    folder = f"/{slot}"
    return {path.removeprefix(f"{folder}/"): h for path, h in link.hash_tree(folder).items()}
