"""A person at the reference: is told what to set, and says what it shows."""

from dataclasses import replace
from typing import Any

import typer

from wattledger.calibration.limits import CLASSES, DIRECT, TRANSFORMER
from wattledger.calibration.plan import Point


class Person:
    """pulses   the CF output (LED, S0) is counted against a reference meter, instead of what the
    meter shows; then voltage and current are not calibrated"""

    def __init__(self, pulses: bool) -> None:
        self._pulses = pulses

    def set(self, point: Point) -> Point:
        if point.i == 0:
            told = f"{point.v:g} V on every phase, no current"
        else:
            told = f"{point.v:g} V and {point.i:g} A on every phase{_shift(point.angle)}"
        typer.echo(f"\nSet the reference to {told}.")
        if self._pulses and point.i > 0:
            return self._count(point)
        v = typer.prompt("  volts it shows", default=point.v, type=float)
        i = typer.prompt("  amperes it shows", default=point.i, type=float) if point.i else 0.0
        shift = point.angle
        if point.i and point.angle:
            shift = typer.prompt("  degrees the current lags", default=point.angle, type=float)
        typer.echo(f"  measuring, {point.ticks} s ...")
        return replace(point, v=v, i=i, angle=shift)

    def _count(self, point: Point) -> Point:
        typer.echo("  Count pulses of the meter and Wh of the reference over the same time.")
        pulses = typer.prompt("  pulses", type=float)
        wh = typer.prompt("  Wh of the reference", type=float)
        return replace(point, pulses=pulses, wh=wh)


def ratings(defaults: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """-> what a plan needs to know, asked where it is not in `known`."""
    found = {**defaults, **known}
    asked = (
        ("un_v", "Nominal voltage, V", 230.0, float),
        ("ib_a", "Basic current Ib (In behind transformers), A", 5.0, float),
        ("imax_a", "Largest current Imax, A", 60.0, float),
        ("class", f"Class ({' '.join(CLASSES)})", "1", str),
        ("connection", f"{DIRECT} or {TRANSFORMER}", DIRECT, str),
        ("reference", "Reference: which instrument, of which class, certificate", None, str),
    )
    for name, text, usual, kind in asked:
        if name not in known:
            found[name] = typer.prompt(text, default=found.get(name, usual), type=kind)
    return found


def _shift(angle: float) -> str:
    if not angle:
        return ", power factor 1"
    return f", current {'lagging' if angle > 0 else 'leading'} by {abs(angle):g} degrees"
