"""The price schedules that this host has pushed. A meter keeps the one in force only; to check
older rows of a profile against what was announced, `verify` looks here."""

from pathlib import Path

from meter import prices_check
from wattledger.reading import cache_folder


def folder() -> Path:
    return cache_folder() / "prices"


def keep(text: bytes) -> None:
    """text: canonical bytes of a schedule."""
    folder().mkdir(parents=True, exist_ok=True)
    (folder() / f"{prices_check.digest(text)}.json").write_bytes(text)


def find(start: str) -> bytes | None:
    """-> bytes of the schedule whose digest starts so (hex), None: it is not here, or altered."""
    for path in sorted(folder().glob(f"{start}*.json")):
        text = path.read_bytes()
        if prices_check.digest(text).startswith(start):
            return text
    return None
