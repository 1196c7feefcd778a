"""A price schedule in a file, as `wattledger prices import` writes it."""

import json
from collections.abc import Iterable
from pathlib import Path

from meter.errors import MeterError
from meter.price_schedule import Schedule
from wattledger.errors import ToolError


def read(path: Path) -> Schedule:
    """ToolError: not readable, or no schedule."""
    try:
        return Schedule(json.loads(path.read_bytes()))
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable price schedule") from None
    except (ValueError, KeyError, TypeError, MeterError) as error:
        raise ToolError(
            f"{path}: {error!r}: expected what wattledger prices import writes"
        ) from None


def read_all(paths: Iterable[Path], currency: str) -> list[Schedule]:
    """-> in the order of the paths. currency: of the tariffs that they are for.

    ToolError: as read, or prices in another currency
    """
    found = []
    for path in paths:
        schedule = read(path)
        if schedule.currency != currency:
            raise ToolError(
                f"{path}: prices in {schedule.currency}, the tariff is in {currency}: give others"
            )
        found.append(schedule)
    return found
