"""Which files the store consists of: one small JSON file, replaced in one step.

That step is the commit of everything: what is not named in it does not exist, and is removed.
"""

import contextlib
import fcntl
import json
import os
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from wattledger.errors import ToolError

_NAME, _LOCK, _FORMAT = "manifest.json", "lock", 1


@dataclass(frozen=True, order=True)
class File:
    """kind: "intervals" or "records"; month: YYYY-MM, UTC; level: how often it was merged."""

    kind: str
    month: str
    level: int
    number: int
    rows: int

    @property
    def path(self) -> str:
        """Below the store's folder; "month=" is what Hive-like readers look for."""
        return f"{self.kind}/month={self.month}/{self.level}-{self.number:012d}.parquet"


class Manifest:
    """folder   of the store; it is ours alone until `close`. ToolError: somebody has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = open(folder / _LOCK, "w")  # noqa: SIM115, as it is held
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise ToolError(
                f"store: {folder}: another head-end has it: stop that one, or name another folder"
            ) from None
        try:
            self.files, self._next = read(folder)
            self._sweep()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._lock.close()

    def number(self) -> int:
        """-> one that no file has had."""
        self._next += 1
        return self._next

    def commit(self, add: list[File], drop: list[File]) -> None:
        """From now on, whatever happens, `add` are there and `drop` are not."""
        gone = set(drop)
        files = [file for file in self.files if file not in gone] + add
        data = {
            "format": _FORMAT,
            "next": self._next,
            "files": [list(astuple(file)) for file in sorted(files)],
        }
        write(self.folder / _NAME, json.dumps(data, separators=(",", ":")).encode())
        self.files = files
        for file in drop:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.folder / file.path)

    def _sweep(self) -> None:
        """Remove what a cut left behind, none of which anybody was told to be kept."""
        named = {self.folder / file.path for file in self.files}
        for path in self.folder.glob("*/month=*/*"):
            if path not in named:
                path.unlink()
        missing = sorted(str(path) for path in named if not path.is_file())
        if missing:
            raise ToolError(
                f"store: {missing[0]} is missing, and {len(missing) - 1} more:"
                " restore it from a backup"
            )


def read(folder: Path) -> tuple[list[File], int]:
    """-> (files, highest number). ToolError: the manifest is not ours."""
    path = folder / _NAME
    if not path.exists():
        return [], 0
    try:
        data: dict[str, Any] = json.loads(path.read_bytes())
        if data["format"] != _FORMAT:
            raise ValueError
        return [File(*values) for values in data["files"]], int(data["next"])
    except (ValueError, KeyError, TypeError):
        raise ToolError(f"store: {path}: not a manifest of this version: restore it") from None


def write(path: Path, data: bytes) -> None:
    """In one step, and durable when this returns."""
    new = path.with_name(path.name + ".tmp")
    with open(new, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
