"""XML of strangers: no document type, so no entity to expand; bounded in size and depth."""

from pathlib import Path
from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from wattledger.errors import ToolError

SIZE_MAX = 256 << 20  # ten years of quarter hours are about 90 MB
DEPTH_MAX = 32


def read(path: Path) -> Element:
    """-> its root; names are "{namespace}name". ToolError: says what is refused, and why."""
    try:
        if path.stat().st_size > SIZE_MAX:
            raise ToolError(f"{path}: more than {SIZE_MAX >> 20} MB: export it in parts")
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a readable XML file") from None


def parse(text: bytes, where: str) -> Element:
    """As read. where: what errors call the text."""
    reader = _Reader(where)
    try:
        reader.parser.Parse(text, True)
        return reader.builder.close()
    except (expat.ExpatError, UnicodeError, LookupError) as error:
        raise ToolError(f"{where}: not XML: {error}: get it again") from None


class _Reader:
    def __init__(self, where: str) -> None:
        self._where, self._depth = where, 0
        self.builder = TreeBuilder()
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self.builder.data

    def _refuse(self, *_: object) -> NoReturn:
        raise ToolError(f"{self._where}: a document type or entity: refused")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ToolError(f"{self._where}: deeper than {DEPTH_MAX} elements: refused")
        self.builder.start(_full(name), {_full(key): text for key, text in attributes.items()})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.builder.end(_full(name))


def _full(name: str) -> str:
    return "{" + name if "}" in name else name
