"""wattledger comms: who a meter talks to. Secrets are asked for or come from the environment; a
meter never gives them back."""

import base64
import time
from pathlib import Path
from typing import Any

import typer

from wattledger import session
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.security.der_parts import der_parts
from wattledger.security.secrets_asked import BROKER_PASSWORD, WIFI_PASSWORD, psk, secret

app = typer.Typer(
    help="Who the meter talks to: Wi-Fi, brokers, P1, optical port: docs/home.md.",
    no_args_is_help=True,
)
PROFILES = {"home": "home", "utility": "mqtt"}
_GOOD = ("connected", "on, as")  # how a road begins that works, in `info`
_POLL_S = 1.0
FORGET = typer.Option(False, "--forget", help="Forget what is set.")
WAIT = typer.Option(30, "--wait", min=0, help="Seconds to look whether it works; 0: do not.")
ROLE = typer.Option("public", "--role", help="What a reader on the spot is told: public, reader.")


@app.command()
def wifi(
    ctx: typer.Context,
    ssid: str | None = typer.Option(None, "--ssid", help="Name of the network."),
    ntp: str | None = typer.Option(None, "--ntp", help="Time server, for dates in certificates."),
    forget: bool = FORGET,
    wait_s: int = WAIT,
) -> None:
    """Set the Wi-Fi. The password is asked for, or is in WATTLEDGER_WIFI_PASSWORD."""
    if forget == (ssid is not None):
        raise ToolError("comms wifi: give --ssid NAME or --forget")
    args: dict[str, Any] = {"ssid": ssid}
    if ssid is not None:
        args["password"] = secret(WIFI_PASSWORD, f"Password of {ssid}: ")
        if ntp:
            args["ntp"] = ntp
    with session.meter(ctx) as meter:
        _set(meter, "wifi", args)
        _confirm(meter, ["wifi"], forget, wait_s)


@app.command()
def broker(
    ctx: typer.Context,
    which: str = typer.Argument(..., help="home: the customer's; utility."),
    host: str | None = typer.Option(None, "--host", help="Name or address."),
    port: int | None = typer.Option(None, "--port", min=1, max=65535, help="8883; plain: 1883."),
    tls: str = typer.Option("ca", "--tls", help="ca, psk; none: plain, home only."),
    name: str | None = typer.Option(None, "--name", help="In its certificate, if not the host."),
    user: str | None = typer.Option(
        None, "--user", help="Its password is asked for, or in WATTLEDGER_BROKER_PASSWORD."
    ),
    psk_identity: str | None = typer.Option(
        None, "--psk-identity", help="Of psk; its key in hex as asked for, or WATTLEDGER_PSK_KEY."
    ),
    ca: Path | None = typer.Option(None, "--ca", help="Certificate that signs the broker's."),
    cert: Path | None = typer.Option(None, "--cert", help="The meter's certificate."),
    key: Path | None = typer.Option(None, "--key", help="Its key."),
    live_s: int | None = typer.Option(None, "--live", min=1, help="Seconds between readings."),
    commands: bool = typer.Option(False, "--commands", help="home: it may let a load return."),
    forget: bool = FORGET,
    wait_s: int = WAIT,
) -> None:
    """Set the customer's or the utility's broker. Files are PEM or DER, of ECDSA P-256."""
    if which not in PROFILES:
        raise ToolError(f"comms broker: {which}: expected home or utility")
    if forget == (host is not None):
        raise ToolError("comms broker: give --host NAME or --forget")
    if which == "utility" and tls == "none":
        raise ToolError("comms broker: tls: the utility is never talked to in plain text")
    profile = PROFILES[which]
    parts = {"ca": b"", "cert": b"", "key": b""} if forget else der_parts(ca, cert, key)
    args: dict[str, Any] = {"profile": profile, "host": host}
    if not forget:
        given = {"name": name, "user": user, "live_s": live_s, "psk_identity": psk_identity}
        args |= {field: value for field, value in given.items() if value is not None}
        args |= {"port": port or (1883 if tls == "none" else 8883), "tls": tls}
        if commands:
            args["commands"] = True
        if user is not None:
            args["password"] = secret(BROKER_PASSWORD, f"Password of {user} at {host}: ")
        if psk_identity is not None:
            args["psk_key"] = psk()
    with session.meter(ctx) as meter:
        for part, data in parts.items():
            fields = {"profile": profile, "part": part, "data": base64.b64encode(data).decode()}
            _set(meter, "mqtt", fields)
        _set(meter, "mqtt", args)  # last: with these the meter begins
        _confirm(meter, [profile], forget, wait_s)


@app.command()
def local(
    ctx: typer.Context,
    p1: str | None = typer.Option(None, "--p1", help="UART:TX, such as 2:17."),
    readout: str | None = typer.Option(None, "--readout", help="UART:TX:RX, such as 1:16:34."),
    cosem: bool = typer.Option(False, "--cosem", help="COSEM server on TCP 4059; needs Wi-Fi."),
    role: str = ROLE,
    invert: bool = typer.Option(False, "--invert", help="P1: the UART inverts its line."),
    request: int | None = typer.Option(None, "--request", help="P1: GPIO of Data Request."),
    t1: str = typer.Option("1", "--t1", help="P1: numbers of the import rates in T1."),
    t1_out: str = typer.Option("1", "--t1-out", help="P1: numbers of the export rates in T1."),
    forget: bool = FORGET,
    wait_s: int = WAIT,
) -> None:
    """Set what runs on the spot: all of it at once, what is not named runs no more."""
    args: dict[str, Any] = {}
    if p1 is not None:
        args["p1"] = _numbers("--p1", p1, ("uart", "tx"))
        args["p1"] |= {"invert": True} if invert else {}
        args["p1"] |= {} if request is None else {"request": request}
        args |= {"t1": _rates("--t1", t1), "t1_out": _rates("--t1-out", t1_out)}
    if readout is not None:
        args["readout"] = _numbers("--readout", readout, ("uart", "tx", "rx"))
    if cosem:
        args["cosem"] = {}
    roads: list[str] = [name for name in ("p1", "readout", "cosem") if name in args]
    if forget == bool(roads):
        raise ToolError("comms local: give --p1, --readout or --cosem, or --forget")
    for name in roads:
        args[name]["role"] = role
    with session.meter(ctx) as meter:
        _set(meter, "local", args)
        _confirm(meter, roads, forget, wait_s)


@app.command()
def show(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Show how each road is. What is set cannot be read back."""
    with session.meter(ctx) as meter:
        told = _told(meter)
        is_sealed = meter.sealed
    if as_json:
        session.print_json(told)
        return
    for name, text in told.items():
        print(f"{name:8} {text}")
    if not told:
        print("nothing runs" if is_sealed else "nothing runs: the meter is open: wattledger seal")


def _told(meter: Link) -> dict[str, Any]:
    info = meter.request("info")
    return dict(info["comms"]) if "comms" in info else {}


def _set(meter: Link, do: str, args: dict[str, Any]) -> None:
    text = "".join(value for value in args.values() if isinstance(value, str))
    if not text.isascii():
        raise ToolError(f"comms: {do}: a letter that is not ASCII, which no request has")
    answer = meter.request(do, **args)
    wanted = not (args.get("ssid", "") is None or args.get("host", "") is None)
    if args.get("data") == "" or (do == "local" and not args):
        wanted = False
    if answer["set"] is not wanted:
        raise ToolError(f"comms: {do}: the meter says set: {answer['set']}: try again")


def _confirm(meter: Link, roads: list[str], forget: bool, wait_s: int) -> None:
    """Say what `info` says of the roads that were set, once it says that they work."""
    if forget:
        print("forgotten")
        return
    if not meter.sealed:
        print("set: it runs once the meter is sealed: wattledger seal")
        return
    end = time.monotonic() + wait_s
    while True:
        told = _told(meter) if wait_s else {}
        works = [road for road in roads if str(told.get(road, "")).startswith(_GOOD)]
        if len(works) == len(roads) or time.monotonic() >= end:
            break
        time.sleep(_POLL_S)
    for road in roads:
        print(f"{road:8} set; {told.get(road, 'not running yet: wattledger comms show')}")


def _numbers(option: str, text: str, names: tuple[str, ...]) -> dict[str, Any]:
    parts = text.split(":")
    if len(parts) != len(names) or not all(part.isdecimal() for part in parts):
        raise ToolError(f"comms local: {option} {text}: expected {':'.join(names).upper()}")
    return dict(zip(names, map(int, parts), strict=True))


def _rates(option: str, text: str) -> list[int]:
    parts = text.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 16 for part in parts):
        raise ToolError(f"comms local: {option} {text}: expected rate numbers such as 1,3")
    return [int(part) for part in parts]
