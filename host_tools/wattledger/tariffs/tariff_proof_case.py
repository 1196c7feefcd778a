"""The two sides of a proof: a tariff as the meter runs it, and the words of its file."""

from dataclasses import dataclass
from typing import Any, NoReturn

from wattledger.errors import ToolError
from wattledger.tariffs.tariff_words import Words


@dataclass(frozen=True)
class Case:
    """words: of the file; tariff: meter.tariff.Tariff; data: the compiled form."""

    file: str
    words: Words
    tariff: Any
    data: dict[str, Any]

    def refuse(self, where: str, meter: object, words: object) -> NoReturn:
        raise ToolError(
            f"{self.file}: {where}: the meter would have {meter}, the file says {words}:"
            " do not push it, and report this"
        )
