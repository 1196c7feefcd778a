"""A line to the head-end that runs: a socket in its folder, for whoever may read that folder.

One JSON object a line: {"do", ...} -> {"ok"} or {"error"}.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from wattledger.errors import ToolError
from wattledger.headend.commands import Outcome
from wattledger.headend.head_end import HeadEnd
from wattledger.prices import prices_import
from wattledger.tariffs.tariff_file import compile_file

NAME = "control.sock"
_LINE_BYTES = 1 << 20
_WAIT_S = 600.0
READS = ("info", "registers", "live", "quality", "hello")


@contextlib.asynccontextmanager
async def open_to(head: HeadEnd) -> AsyncIterator[None]:
    """Answer on the socket until the end of the block."""
    path = head.settings.folder / NAME
    path.unlink(missing_ok=True)  # of one that was killed; the store's lock says we are alone

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            line = await reader.readline()
            try:
                told = {"ok": await _do(head, json.loads(line))}
            except (ToolError, ValueError, KeyError, TypeError) as error:
                told = {"error": str(error)}
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
        writer.close()

    before = os.umask(0o077)
    try:
        server = await asyncio.start_unix_server(answer, path, limit=_LINE_BYTES)
    finally:
        os.umask(before)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def ask(folder: Path, do: str, **about: Any) -> Any:
    """-> what the head-end in this folder answers. ToolError: it does not run, or says no."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(_WAIT_S)
        try:
            line.connect(str(folder / NAME))
            line.sendall(json.dumps({"do": do, **about}).encode() + b"\n")
            data = b"".join(iter(lambda: line.recv(1 << 16), b""))
        except OSError as error:
            raise ToolError(
                f"headend: none runs in {folder}: {error.strerror or error}:"
                f" wattledger headend run {folder}"
            ) from None
    told = json.loads(data) if data else {"error": "headend: it stopped while it was asked"}
    if "error" in told:
        raise ToolError(told["error"])
    return told["ok"]


async def _do(head: HeadEnd, asked: dict[str, Any]) -> Any:
    do, commands = asked["do"], head.commands
    if do == "status":
        return head.status()
    group = str(asked["group"])
    if do == "read":
        if asked["what"] not in READS:
            raise ToolError(f"headend: read {asked['what']}: expected {', '.join(READS)}")
        outcomes = await commands.read(group, asked["what"])
    elif do == "clock":
        outcomes = await commands.clock(group)
    elif do == "load-switch":
        outcomes = await commands.load_switch(group, bool(asked["on"]))
    elif do == "tariff":
        tariff = compile_file(Path(asked["file"]))
        outcomes = await commands.tariff(group, tariff, asked["when"])
    elif do == "prices":
        outcomes = await commands.prices(group, prices_import.read_file(Path(asked["file"])))
    else:
        raise ToolError(f"headend: {do}: no such command")
    return {serial: _told(outcome) for serial, outcome in outcomes.items()}


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"problem": outcome.problem} if outcome.problem else {"value": outcome.value}
