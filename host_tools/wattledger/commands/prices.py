"""wattledger prices"""

from datetime import UTC, datetime
from pathlib import Path

import typer

from meter.civil import Zone
from wattledger import session, show
from wattledger.errors import ToolError
from wattledger.link import Link
from wattledger.prices import prices_import, prices_show, prices_store
from wattledger.prices.prices_import import Choices, PriceFile
from wattledger.reading import TARIFFS
from wattledger.security.ordering import UNSIGNED, Signer
from wattledger.tariffs import zones

app = typer.Typer(
    help="Prices that are known a day ahead, and price events: docs/tariffs.md.",
    no_args_is_help=True,
)
DOCUMENTS = typer.Argument(None, help="Octopus JSON, ENTSO-E XML or OpenADR 3 JSON.")
SCHEDULE = typer.Argument(help="A schedule of `prices import`.", show_default=False)
OUT = typer.Option(..., "--out", help="The schedule, a JSON file.")
EXPORT = typer.Option([], "--export", help="Document with the prices of energy fed in.")
EVENT = typer.Option([], "--event", help="Price event, FROM/TO=RATE, ISO times with a zone.")
FROM = typer.Option(None, "--from", help="Begin here: ISO time with a zone.")
UNTIL = typer.Option(None, "--until", help="End here: ISO time with a zone.")
VAT = typer.Option(None, "--vat", help="Octopus: inc or exc, prices with or without VAT.")
PAYMENT = typer.Option(None, "--payment-method", help="Octopus: where prices depend on it.")
SEQUENCE = typer.Option(None, "--sequence", help="ENTSO-E: which auction, by its number.")
CURRENCY = typer.Option(None, "--currency", help="Of a document that does not say.")
ZONE = typer.Option(None, "--zone", help="Show times of this IANA zone instead of UTC.")
KIND = b'"kind":"prices"'  # as it stands in canonical JSON


@app.command(name="import")
def import_documents(
    documents: list[Path] = DOCUMENTS,
    out: Path = OUT,
    export: list[Path] = EXPORT,
    event: list[str] = EVENT,
    start: str | None = FROM,
    until: str | None = UNTIL,
    vat: str | None = VAT,
    payment_method: str | None = PAYMENT,
    sequence: int | None = SEQUENCE,
    currency: str | None = CURRENCY,
) -> None:
    """Make one price schedule of price documents that follow one another."""
    choices = Choices(vat, payment_method, sequence, currency)
    events = [_event(text) for text in event]
    if documents:
        prices = prices_import.schedule(
            [prices_import.read_document(path, choices) for path in documents],
            [prices_import.read_document(path, choices) for path in export],
            choices,
            None if start is None else _unix("--from", start),
            None if until is None else _unix("--until", until),
            events,
        )
    elif currency is None:
        raise ToolError("prices: events alone: say --currency, that of the tariff")
    else:
        prices = prices_import.only_events(currency, events)
    out.write_bytes(prices.text + b"\n")
    for note in prices.notes:
        print(f"note: {note}")
    print(f"{out}: {_summary(prices)}")


@app.command(name="show")
def show_file(file: Path = SCHEDULE, zone: str | None = ZONE) -> None:
    """Show a price schedule: each step, and the price events."""
    out = session.out()
    local = Zone(zones.posix_rule(zone)) if zone else None
    for part in prices_show.parts(prices_import.read_file(file), local):
        out.print(part)


@app.command()
def push(ctx: typer.Context, file: Path = SCHEDULE) -> None:
    """Copy a price schedule to the meter; it holds from the next profile row on."""
    prices = prices_import.read_file(file)
    with session.meter(ctx) as meter:
        until = run(meter, prices, Signer(session.of(ctx)))
    print(prices.digest)
    print(f"in force from the next row on, until {show.instant(until)}")


def run(meter: Link, prices: PriceFile, signer: Signer = UNSIGNED) -> int:
    """-> Unix second at which the schedule expires. The one that it replaces is removed from
    the meter: they come daily, and a profile row has its price by itself."""
    meter.mkdir(TARIFFS)
    path = f"{TARIFFS}/{prices.digest}.json"
    if meter.hash_file(path) != prices.digest:
        meter.replace(path, prices.text)
    signed = signer.sign(meter, "prices", prices.digest)
    answer = meter.request("prices", digest=prices.digest, **signed)
    prices_store.keep(prices.text)
    for name in meter.names(TARIFFS):
        if not name.startswith(prices.digest) and _replaced(meter, name, answer["before"]):
            meter.remove(f"{TARIFFS}/{name}")
    return int(answer["until"])


def _replaced(meter: Link, name: str, before: str | None) -> bool:
    """Whether a file is the schedule before; when that had expired, every file is looked into."""
    if before is not None:
        return name.startswith(before)
    return KIND in (meter.read(f"{TARIFFS}/{name}") or b"")


def _summary(prices: PriceFile) -> str:
    data = prices.data
    told = []
    if data["import"]:
        values = [prices_show.money(f(data["import"])) for f in (min, max)]
        told.append(f"{len(data['import'])} prices of {data['step_s'] // 60} min")
        told.append(f"{values[0]} to {values[1]} {data['currency']}/kWh")
    if data["events"]:
        told.append(f"{len(data['events'])} price events")
    first = min([data["start"]] if data["import"] else [e[0] for e in data["events"]])
    told.append(f"{show.instant(first)} to {show.instant(prices.end)}")
    return ", ".join(told)


def _event(text: str) -> tuple[int, int, str]:
    times, equals, rate = text.partition("=")
    begin, slash, end = times.partition("/")
    if not equals or not slash or not rate:
        raise ToolError(f"--event {text}: expected FROM/TO=RATE")
    return _unix("--event", begin), _unix("--event", end), rate


def _unix(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ToolError(f"{option} {text}: expected an ISO time such as 2026-10-01T22:00Z")
    return int(moment.astimezone(UTC).timestamp())
