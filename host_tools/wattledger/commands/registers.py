"""wattledger registers"""

import typer

from meter import obis
from wattledger import reading, session, show
from wattledger.commands.info import JSON
from wattledger.verification import heads
from wattledger.verification.evidence import NO_TARIFF


def command(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show every register by its OBIS code."""
    with session.meter(ctx) as meter:
        proved = meter.proved
        shown = meter.request("registers")
        info = meter.request("info")
        active = info["tariff"]["active"] if "tariff" in info else None
        tariff = reading.tariff_of(meter, active or NO_TARIFF)
    if not shown["names"] and "tariff" in info:  # too long for one line
        shown["names"] = {obis.of_rate(tariff, i): name for i, name in enumerate(tariff.rates)}
    if proved:
        heads.store_of(info["serial"]).add(heads.of_answer(shown))
    if as_json:
        session.print_json(shown)
    else:
        zone = tariff.calendar.zone if active else None
        session.out().print(show.registers(shown, zone))
