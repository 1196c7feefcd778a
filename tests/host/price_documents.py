"""Price documents as others publish them, with invented prices, and what becomes of them."""

import json
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from meter import prices_check
from wattledger.errors import ToolError
from wattledger.prices import prices_import
from wattledger.prices.prices_import import Choices
from wattledger.prices.prices_series import utc


def unix(text):
    return int(datetime.fromisoformat(text).timestamp())


def made(*documents, exports=(), start=None, end=None, events=(), notes=None, **choices):
    """Documents (texts, or what JSON can hold) -> the data of their schedule."""
    chosen, read = Choices(**choices), []
    with tempfile.TemporaryDirectory() as folder:
        for n, document in enumerate((*documents, *exports)):
            file = Path(folder) / f"{n}.txt"
            file.write_text(document if isinstance(document, str) else json.dumps(document))
            read.append(prices_import.read_document(file, chosen))
    imports, sold = read[: len(documents)], read[len(documents) :]
    found = prices_import.schedule(imports, sold, chosen, start, end, events)
    assert notes is None or found.notes == notes
    prices_check.load(found.text)
    return found.data


def refused(*documents, **more):
    """-> the text with which they are refused."""
    with pytest.raises(ToolError) as caught:
        made(*documents, **more)
    return str(caught.value)


def agile(first, *pence, step_s=1800):
    """Half-hours from `first` on, the newest first as they are published."""
    start = unix(first)
    entries = [
        {
            "value_exc_vat": exc,
            "value_inc_vat": round(exc * 1.05, 5),
            "valid_from": utc(start + n * step_s),
            "valid_to": utc(start + (n + 1) * step_s),
            "payment_method": None,
        }
        for n, exc in enumerate(pence)
    ]
    return {"count": len(pence), "next": None, "previous": None, "results": entries[::-1]}


SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
XMLNS = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"


def period(first, last, points, resolution="PT60M"):
    rows = "".join(
        f"<Point><position>{n}</position><price.amount>{price}</price.amount></Point>"
        for n, price in points.items()
    )
    times = f"<start>{first}</start><end>{last}</end>"
    return (
        f"<Period><timeInterval>{times}</timeInterval>"
        f"<resolution>{resolution}</resolution>{rows}</Period>"
    )


def series(*periods, curve="A03", sequence=None, contract="A01", unit="MWH", currency="EUR"):
    order = f"<{SEQUENCE}>{sequence}</{SEQUENCE}>" if sequence else ""
    return (
        f"<TimeSeries><mRID>1</mRID><businessType>A62</businessType>{order}"
        f"<contract_MarketAgreement.type>{contract}</contract_MarketAgreement.type>"
        f"<currency_Unit.name>{currency}</currency_Unit.name>"
        f"<price_Measure_Unit.name>{unit}</price_Measure_Unit.name>"
        f"<curveType>{curve}</curveType>{''.join(periods)}</TimeSeries>"
    )


def publication(*parts):
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return (
        f'{head}<Publication_MarketDocument xmlns="{XMLNS}"><type>A44</type>'
        f"{''.join(parts)}</Publication_MarketDocument>"
    )


def day(first, last, count, **more):
    """A series whose n-th price is n EUR/MWh."""
    return series(period(first, last, {n: f"{n}.00" for n in range(1, count + 1)}), **more)


def adr(values, exports=(), duration="PT1H", **more):
    both = {"units": "KWH", "currency": "USD"}
    intervals = []
    for n, value in enumerate(values):
        payloads = [{"type": "PRICE", "values": [value]}]
        if exports:
            payloads.append({"type": "EXPORT_PRICE", "values": [exports[n]]})
        intervals.append({"id": n, "payloads": payloads})
    return {
        "objectType": "EVENT",
        "programID": "1",
        "eventName": "prices of tomorrow",
        "intervalPeriod": {"start": "2026-07-04T00:00:00-07:00", "duration": duration},
        "payloadDescriptors": [
            {"objectType": "EVENT_PAYLOAD_DESCRIPTOR", "payloadType": kind} | both
            for kind in ("PRICE", "EXPORT_PRICE")
        ],
        "intervals": intervals,
    } | more
