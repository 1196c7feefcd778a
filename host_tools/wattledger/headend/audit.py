"""What the head-end did and why, for whoever asks later: a file of JSON lines, only added to."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wattledger import show

FAILED_TOLD = 3


class Audit:
    """path: None keeps nothing. lines: all of this run; say: called with each in words.

    when   Unix s -> text, for words
    """

    def __init__(
        self,
        path: Path | None,
        now: Callable[[], float] = time.time,
        say: Callable[[str], None] | None = None,
        when: Callable[[int], str] = show.instant,
    ) -> None:
        self._path, self._now, self._say, self._when = path, now, say, when
        self.lines: list[dict[str, Any]] = []

    def note(self, what: str, **about: Any) -> None:
        """Durable when this returns."""
        line = {"utc": int(self._now()), "what": what, **about}
        self.lines.append(line)
        del self.lines[:-1000]
        if self._path is not None:
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
                file.flush()
                os.fsync(file.fileno())
        if self._say:
            self._say(f"{self._when(line['utc'])}  {words(line, self._when)}")


def words(line: dict[str, Any], when: Callable[[int], str]) -> str:
    """-> what a line says, for people"""
    if line["what"] == "rule":
        did = {"raise": "raised", "extend": "goes on", "end": "is over"}[line["decision"]]
        limit = {"raise": f" > {line['above_kw']}", "extend": f" >= {line['below_kw']}", "end": ""}
        load = f"{line['load_mw'] / 1e6:.1f}{limit[line['decision']]} kW"
        span = f"{when(line['start'])} to {when(line['end'])}"
        who = f"{line['group']} ({line['meters']} meters)"
        return f'rule "{line["rule"]}" {did}, {span}: {load} in {who}'
    about = {key: value for key, value in line.items() if key not in ("utc", "what")}
    if line["what"] == "command":
        failed = [f"{serial}: {problem}" for serial, problem in about["failed"].items()]
        more = f", and {len(failed) - FAILED_TOLD} more" if len(failed) > FAILED_TOLD else ""
        not_done = f"; not by {', '.join(failed[:FAILED_TOLD])}{more}" if failed else ""
        return f"{about['command']}: done by {about['done']}{not_done}"
    return f"{line['what']}: " + ", ".join(f"{key} {value}" for key, value in about.items())
