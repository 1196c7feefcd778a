"""Answers as one HTML file that needs nothing else and prints."""

import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from wattledger import html_page
from wattledger.errors import ToolError
from wattledger.fleet.answer import Answer

_STYLE = "th, td { white-space: nowrap; }\n"


def write(path: Path, title: str, answers: Sequence[Answer]) -> None:
    """In one step. ToolError: it cannot be written."""
    new = path.with_name(path.name + ".tmp")
    try:
        new.write_text(render(title, answers), encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: name a file in a folder of yours") from None


def render(title: str, answers: Sequence[Answer]) -> str:
    """-> HTML"""
    body = "\n".join(_section(answer) for answer in answers)
    return html_page.document(title, f"<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>", _STYLE)


def _section(answer: Answer) -> str:
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in answer.notes)
    tables = "".join(
        f'<div class="wide">{html_page.table(t.columns, t.rows, (), t.caption)}</div>\n'
        for t in answer.tables
        if t.rows
    )
    return f"<section>\n<h2>{escape(answer.title)}</h2>\n{notes}{tables}</section>"
