"""wattledger bill"""

import sys
from pathlib import Path

import typer

from wattledger import reading, session, show
from wattledger.bills import bill_document, bill_html, bill_text
from wattledger.bills.bill_document import Verdict
from wattledger.commands.info import JSON
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.reading import MeterBill
from wattledger.verification import evidence, heads
from wattledger.verification.evidence import Evidence
from wattledger.verification.replay import Difference
from wattledger.verification.verify import verify

STDOUT = Path("-")
PERIOD = typer.Option(None, "--period", min=1, help="Number; without it the open one.")
HTML = typer.Option(None, "--html", help="Write a printed bill as one HTML file, - for stdout.")
TEXT = typer.Option(None, "--text", help="Write a printed bill as plain text, - for stdout.")
VERIFY = typer.Option(False, "--verify", help="Read all again, check it, and say so on the bill.")


def command(
    ctx: typer.Context,
    period: int | None = PERIOD,
    html: Path | None = HTML,
    text: Path | None = TEXT,
    check: bool = VERIFY,
    as_json: bool = JSON,
) -> None:
    """Read the bill of a billing period; --json gives it with all that it rests on."""
    wants_document = as_json or html is not None or text is not None
    with session.meter(ctx) as meter:
        if not wants_document and not check:
            bill = reading.read_bill(meter, period)
            tariff = reading.tariff_of(meter, bill.digest)
        else:
            found, bill = _collect(meter, period, check)
            tariff = found.tariff(bill.digest)
    verdict = verdict_of(found) if check else Verdict()
    if wants_document:
        document = bill_document.make(bill, found, verdict)
        for path, render in ((html, bill_html.render), (text, bill_text.render)):
            if path is not None:
                _write(path, render(document))
                if not as_json and path != STDOUT:
                    print(f"bill of period {bill.period} to {path}")
        if as_json:
            session.print_json(document)
    else:
        session.out().print(show.bill(bill, tariff))
    if verdict.difference:
        raise Difference(verdict.difference)


def _collect(meter: Link, period: int | None, check: bool) -> tuple[Evidence, MeterBill]:
    """To be checked, everything is read afresh; else only what no cache has."""
    with session.progress_bar("reading") as bar:
        task = bar.add_task("", total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        if not check:
            cache = reading.cache_of(meter.request("info")["serial"])
            return evidence.collect_bill(meter, period, cache, progress)
        found = evidence.collect(meter, progress)
    number = max(found.bills, default=0) if period is None else period
    if number not in found.bills:
        raise ToolError(found.no_bill or f"bill: no period {number}: ask for one that is held")
    return found, found.bills[number]


def verdict_of(found: Evidence) -> Verdict:
    """-> what `verify` says of all that was read; what is new of the chains is noted."""
    store = heads.store_of(found.info["serial"])
    found.seen = store.load() + found.seen
    try:
        said = verify(found)
    except Difference as difference:
        return Verdict("different", [], str(difference))
    store.add(heads.of_rings(found.rings))
    return Verdict("verified", said)


def _write(path: Path, text: str) -> None:
    if path == STDOUT:
        sys.stdout.write(text)
        return
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}: give a file that can be written") from None
