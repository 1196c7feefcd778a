"""Which format a file has, by its ending; and writing a file whole or not at all."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from meter.civil import Zone
from wattledger import safe_xml
from wattledger.analysis import history as histories
from wattledger.analysis.history import History
from wattledger.errors import ToolError
from wattledger.exchange import espi_read, espi_schema, espi_write, tables
from wattledger.tariffs import zones

UTC = "UTC"
XML, CSV, PARQUET = ".xml", ".csv", ".parquet"


class Read(NamedTuple):
    """breaches: of the schema of its format, if it has one; the numbers are told all the same."""

    history: History
    breaches: list[str]


def zone_of(name: str | None) -> Zone:
    """name: IANA, None: UTC. ToolError: no such zone."""
    return Zone("UTC0" if name in (None, UTC) else zones.posix_rule(name or UTC))


def read(path: Path, zone_name: str | None) -> Read:
    """zone_name   of the local times; of the stamps too in a load file. ToolError."""
    zone, ending = zone_of(zone_name), path.suffix.lower()
    if ending == XML:
        root = safe_xml.read(path)
        return Read(espi_read.history(root, path, zone), list(espi_schema.breaches(root)))
    if ending == PARQUET:
        return Read(tables.read_parquet(path, zone), [])
    return Read(histories.read(path, zone, zone_name), [])


def write(history: History, path: Path) -> None:
    """ToolError: no such format, or the file cannot be written; then it stays as it was."""
    ending = path.suffix.lower()
    if ending == XML:
        whole(path, lambda new: _text(new, espi_write.feed(history)))
    elif ending == PARQUET:
        whole(path, lambda new: tables.write_parquet(history, new))
    elif ending == CSV:
        text = io.StringIO()
        tables.write_profile(history, text)
        whole(path, lambda new: _text(new, text.getvalue()))
    else:
        raise ToolError(f"{path}: ends in {ending or 'nothing'}: give .xml, .csv or .parquet")


def whole(path: Path, write_to: Callable[[Path], None]) -> None:
    """Writes beside it and renames. ToolError: cannot be written."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        write_to(new)
        os.replace(new, path)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a file that can be written") from None
    finally:
        new.unlink(missing_ok=True)


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
