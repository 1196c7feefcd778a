"""wattledger verify"""

import typer

from wattledger import session
from wattledger.commands.info import JSON
from wattledger.security import evidence_keys
from wattledger.verification import evidence, heads
from wattledger.verification.replay import Difference
from wattledger.verification.verify import verify


def command(ctx: typer.Context, as_json: bool = JSON) -> None:
    """Read all again and check it: rates = total = profile, and each line of each bill."""
    with session.meter(ctx) as meter, session.progress_bar("reading") as bar:
        task = bar.add_task("", total=None)
        found = evidence.collect(
            meter, lambda done, of: bar.update(task, completed=done, total=of)
        )
    store = heads.store_of(found.info["serial"])
    found.seen = store.load() + found.seen
    keyring = session.of(ctx).keyring() if session.of(ctx).keys else None
    found.keys, found.given = evidence_keys.of_meter(
        keyring, found.info["serial"], found.info["keyed"]
    )
    try:
        said = verify(found)
    except Difference as difference:
        if as_json:
            session.print_json({"verified": False, "difference": str(difference)})
            raise typer.Exit(1) from None
        raise
    store.add(heads.of_rings(found.rings))
    if as_json:
        session.print_json({"verified": True, "checks": said})
        return
    for line in said:
        print(f"ok  {line}")
    print("verified")
