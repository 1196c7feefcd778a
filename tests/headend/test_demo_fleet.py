"""The demonstration of a fleet keeps its promises, with few meters."""

import asyncio
import io
import time

from rich.console import Console

from wattledger.headend.demo_fleet import FleetDemo


def test_a_day_of_a_small_fleet(program, tmp_path):
    told, began = io.StringIO(), time.monotonic()
    asyncio.run(FleetDemo(tmp_path, 4, Console(file=told, width=160)).run())
    text = told.getvalue()
    assert "404 in the store: each once, none missing" in text
    assert "active on 4 of 4 at 2026-10-07 00:00:00 +02:00" in text
    assert "raised at 2026-10-06" in text
    assert time.monotonic() - began < 120
