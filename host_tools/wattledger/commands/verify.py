"""wattledger verify"""

import typer

from wattledger import session
from wattledger.commands import verdict
from wattledger.commands.info import JSON
from wattledger.security import evidence_keys
from wattledger.verification import evidence, heads
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
    with verdict.judged("verified", as_json):
        said = verify(found)
    store.add(heads.of_rings(found.rings))
    verdict.show(said, "verified", as_json)
