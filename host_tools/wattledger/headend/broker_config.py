"""What mosquitto is told: mosquitto.conf and acl, of a broker that only speaks TLS to others."""

import ipaddress
import os
import pwd
import socket
from dataclasses import dataclass
from pathlib import Path

from wattledger.errors import ToolError

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Tls:
    """PEM files: ca signs whoever may connect, certificate and key are the broker's own."""

    ca: Path
    certificate: Path
    key: Path


ACL = """\
# A meter is the name in its certificate; it writes what is its own and reads what is for it.
pattern write wl/%u/up/#
pattern read wl/%u/dn/#
"""


def free_port() -> int:
    """-> a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches it. ToolError: it is no address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise ToolError(
            f"broker: listen on {address}: expected an address of this machine,"
            " such as 192.0.2.1, or 0.0.0.0 for all"
        ) from None


def listening(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """-> where to listen: there, and where the head-end itself comes in"""
    own = () if "0.0.0.0" in addresses else (LOOPBACK,)
    return tuple(dict.fromkeys((*own, *addresses)))


def configure(
    folder: Path,
    port: int,
    tls: Tls | None,
    operators: tuple[str, ...] = ("headend",),
    verbose: bool = False,
    addresses: tuple[str, ...] = (LOOPBACK,),
) -> Path:
    """Write mosquitto.conf and acl into `folder`. -> mosquitto.conf.

    tls         None: a broker for anybody on this machine, without rights: for trials
    operators   identities that read and write all below wl/
    verbose     log each packet, and what the rights denied
    addresses   of this machine; the loopback is always among them
    ToolError: no address, or plain text to more than this machine.
    """
    addresses = listening(addresses)
    outward = [address for address in addresses if not is_loopback(address)]
    if tls is None and outward:
        raise ToolError(f"broker: plain text on {outward[0]}: only on {LOOPBACK}: use TLS")
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    data.mkdir(mode=0o700, exist_ok=True)
    lines = _limits(folder, data, verbose)
    lines += ["allow_anonymous true"] if tls is None else _rights(folder, operators)
    for address in addresses:
        lines += [f"listener {port} {address}", *(_tls(tls) if tls else ())]
    path = folder / "mosquitto.conf"
    path.write_text("\n".join(lines) + "\n")
    return path


def _limits(folder: Path, data: Path, verbose: bool) -> list[str]:
    return [
        "max_packet_size 65536",  # nothing in the protocol is longer
        "max_inflight_messages 100",
        "max_queued_messages 100000",
        # Started by root it would become another user, who may not write here: it runs, and
        # keeps nothing.
        f"user {pwd.getpwuid(os.geteuid()).pw_name}",
        "persistence true",
        f"persistence_location {data}/",
        # A kill loses a minute of what was acknowledged. Nothing rests on that: a receipt of the
        # head-end that is gone makes a meter send again. On each change all of it were rewritten.
        "autosave_on_changes false",
        "autosave_interval 60",
        f"log_dest file {folder / 'mosquitto.log'}",
        *(f"log_type {kind}" for kind in ("error", "warning", "notice", "information")),
        *(["log_type all"] if verbose else []),
        "log_timestamp_format %Y-%m-%dT%H:%M:%S",
    ]


def _rights(folder: Path, operators: tuple[str, ...]) -> list[str]:
    acl = folder / "acl"
    rights = [f"\nuser {name}\ntopic readwrite wl/#\n" for name in operators]
    acl.write_text(ACL + "".join(rights))
    acl.chmod(0o600)
    return ["allow_anonymous false", f"acl_file {acl}"]


def _tls(tls: Tls) -> list[str]:
    """-> for the listener above it; mosquitto takes it from no other"""
    return [
        *(f"cafile {tls.ca}", f"certfile {tls.certificate}", f"keyfile {tls.key}"),
        "tls_version tlsv1.2",  # and above
        "require_certificate true",
        "use_identity_as_username true",
        # A second connection under another meter's client id would throw that meter out.
        "use_username_as_clientid true",
    ]
