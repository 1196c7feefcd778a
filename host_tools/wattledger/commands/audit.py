"""wattledger audit"""

from pathlib import Path

import typer

from wattledger import session
from wattledger.audit import check, dump
from wattledger.commands import verdict
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.security import derive, evidence_keys
from wattledger.verification import evidence, heads
from wattledger.verification.key_check import Keys

FILE = typer.Argument(
    None,
    help="An image that wattledger backup made, or a folder of rings. Without it, the meter.",
    show_default=False,
)
SERIAL = typer.Option(None, "--serial", help="Of the meter, if FILE does not say.")


def command(
    ctx: typer.Context,
    file: Path | None = FILE,
    serial: str | None = SERIAL,
    as_json: bool = JSON,
) -> None:
    """Check chains, counters and gaps of what a meter has recorded; names the first break."""
    given = serial and derive.serial_of(serial)
    with verdict.judged("audited", as_json):
        if file is None:
            found, keyed = _of_meter(ctx)
        else:
            found, keyed = dump.load(file), None
            found.serial = found.serial or given
        said = check.audit(found, *_keys(ctx, found, keyed))
    if file is None and found.serial:
        heads.store_of(found.serial).add(heads.of_rings(found.rings))
    verdict.show(said, "audited", as_json)


def _of_meter(ctx: typer.Context) -> tuple[dump.Dump, bool]:
    with session.meter(ctx) as meter, session.progress_bar("reading") as bar:
        task = bar.add_task("", total=None)
        read = evidence.collect_rings(
            meter, lambda done, of: bar.update(task, completed=done, total=of)
        )
    serial = read.info["serial"]
    seen = heads.store_of(serial).load() + read.seen
    found = dump.Dump(read.rings, serial, seen=seen, info=read.info)
    return found, bool(read.info["keyed"])


def _keys(ctx: typer.Context, found: dump.Dump, keyed: bool | None) -> tuple[Keys | None, int]:
    """keyed: what the meter says, None: there is nobody to ask, the log of events must tell."""
    if keyed is None:
        keyed = check.is_keyed(found)
    if session.of(ctx).keys is None:
        return evidence_keys.of_meter(None, found.serial, keyed)
    if found.serial is None:
        raise ToolError("audit: whose dump is it? give --serial, for the keys")
    return evidence_keys.of_meter(session.of(ctx).keyring(), found.serial, keyed)
