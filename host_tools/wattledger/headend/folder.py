"""The folder of a head-end: CA, certificates, the broker's configuration, headend.toml."""

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path

from wattledger.errors import ToolError
from wattledger.headend import broker_config, settings
from wattledger.headend.broker_config import LOOPBACK, Tls
from wattledger.headend.certificates import Authority, Pair, host_of
from wattledger.headend.settings import NAME, Settings
from wattledger.security.keyring import Fleet

_TOML = """\
# docs/headend.md
[broker]
start = {start}              # run mosquitto ourselves; false: it is somebody else's
host = "{host}"
port = {port}
listen = {listen}      # addresses of ours that it listens on too, TLS only; 0.0.0.0: all
names = {names}                  # hosts and addresses that meters know it by

[keys]
file = "{keys}"

[store]
folder = "store"

[watch]
interval_s = 900
missing_after = 2           # intervals

# [rules]
# file = "rules.toml"
"""


@dataclass(frozen=True)
class Made:
    """meters: serials that got a certificate now; new: whether there was none of all this;
    broker: whether the broker's certificate is a new one."""

    meters: list[str]
    new: bool
    broker: bool = False


def init(
    folder: Path,
    keys: Path,
    fleet: Fleet,
    host: str | None,
    port: int,
    listen: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
) -> Made:
    """Make it, or add what is missing. What is there stays, but for a broker's certificate that
    lacks one of its names.

    host     of a broker that is somebody else's; None: one of our own on this machine
    listen   addresses of this machine for our broker; names: what meters call it
    ToolError: the folder holds something else, or says otherwise.
    """
    if host is not None and listen:
        raise ToolError("headend: --listen is for a broker of our own: not with --broker")
    hosts(Settings(folder, host=host or LOOPBACK, listen=listen or (LOOPBACK,), names=names))
    path = folder / settings.NAME
    is_new = not path.exists()
    if is_new and folder.exists() and any(folder.iterdir()):
        raise ToolError(f"headend: {folder} is not empty: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if not (folder / "ca/ca.key").exists():
        Authority.new(folder / "ca", f"wattledger fleet {fleet.fingerprint()}")
    if is_new:
        start = "true" if host is None else "false"
        text = _TOML.format(
            start=start,
            host=host or LOOPBACK,
            port=port,
            listen=json.dumps(listen or (LOOPBACK,)),
            names=json.dumps(names),
            keys=keys.resolve(),
        )
        path.write_text(text, "utf-8")
    found = settings.load(folder)
    for option, given, there in (("listen", listen, found.listen), ("names", names, found.names)):
        if given and given != there:
            raise ToolError(f"{path}: has {option} = {json.dumps(there)}: change it there")
    authority = Authority(folder / "ca")
    is_renewed = authority.issue(_pair(folder, "broker", "broker"), "broker", hosts(found))
    authority.issue(_pair(folder, "headend", "headend"), "headend")
    meters = [s for s in sorted(fleet.meters) if authority.issue(_pair(folder, "meters", s), s)]
    broker_config.configure(folder / "broker", found.port, tls_of(found), addresses=found.listen)
    return Made(meters, is_new, is_renewed)


def hosts(found: Settings) -> tuple[str, ...]:
    """-> what the broker's certificate names. ToolError: no names, or none that meters know."""
    reached = [address for address in found.listen if not broker_config.is_loopback(address)]
    wide = [address for address in reached if ipaddress.ip_address(address).is_unspecified]
    if wide and not found.names:
        raise ToolError(
            f"headend: listen on {wide[0]}: which is no name: say what meters call this machine:"
            " --name HOST"
        )
    told = (address for address in found.listen if address not in wide)
    named = tuple(dict.fromkeys((found.host, LOOPBACK, "localhost", *found.names, *told)))
    for name in named:
        host_of(name)
    return named


def reach(found: Settings) -> str:
    """-> who can come to the broker, in one line"""
    where = f"broker {found.host}:{found.port}"
    if not found.start:
        return f"{where}, somebody else's"
    outward = [address for address in found.listen if not broker_config.is_loopback(address)]
    if not outward:
        return f"{where}: for this machine only, no meter outside reaches it: see listen in {NAME}"
    names = ", ".join(found.names or outward)
    return f"{where}; meters come to {names}, by TLS with a certificate only"


def tls_of(found: Settings) -> Tls | None:
    """-> what our own broker is started with"""
    if found.plain:
        return None
    pair = _pair(found.folder, "broker", "broker")
    return Tls(found.at(found.ca), pair.certificate, pair.key)


def meter_tls(found: Settings, serial: str) -> dict[str, str] | None:
    """-> what comms.mqtt_link takes for a simulated meter. ToolError: it has no certificate."""
    if found.plain:
        return None
    pair = _pair(found.folder, "meters", serial)
    if not pair.key.exists():
        raise ToolError(f"{pair.key}: not there: wattledger headend init {found.folder}")
    ca = str(found.at(found.ca))
    return {"ca": ca, "cert": str(pair.certificate), "key": str(pair.key)}


def _pair(folder: Path, kind: str, name: str) -> Pair:
    return Pair(folder / kind / f"{name}.pem", folder / kind / f"{name}.key")
