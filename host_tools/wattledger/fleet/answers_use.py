"""How a fleet uses energy, and what it does when it is asked to use less."""

from typing import Any

from wattledger.bills import bill_units
from wattledger.fleet.answer import Answer, Table, day, percent
from wattledger.fleet.answers_grid import instants
from wattledger.fleet.answers_money import left_out
from wattledger.fleet.response import HIGHEST, OF, Response
from wattledger.fleet.shapes import Shapes

_BARS = " ▁▂▃▄▅▆▇█"
kilo = bill_units.kilo


def shapes(found: Shapes) -> Answer:
    rows = [
        (
            *(f"kind {n}", str(len(kind.serials)), kilo(kind.used_mwh)),
            *(_bars(kind.workday), _bars(kind.weekend)),
            f"{int(kind.workday.argmax()):02d}:00",
        )
        for n, kind in enumerate(found.kinds, 1)
    ]
    scores = ", ".join(f"{count}: {score:.3f}" for count, score in found.silhouettes.items())
    return Answer(
        f"{len(found.kinds)} kinds of days",
        [
            f"Silhouette by number of kinds: {scores}.",
            *left_out(found.left_out, "not read at each hour"),
        ],
        [
            Table(
                "Kinds",
                ["", ">meters", ">kWh", "working day, 0 to 24", "weekend", "highest"],
                rows,
            )
        ],
        {
            "silhouettes": {str(count): score for count, score in found.silhouettes.items()},
            "kinds": [
                {
                    "serials": kind.serials,
                    "used_mwh": kind.used_mwh,
                    "workday": kind.workday.tolist(),
                    "weekend": kind.weekend.tolist(),
                }
                for kind in found.kinds
            ],
            "left_out": found.left_out,
        },
    )


def response(found: Response, tariff: Any, groups: dict[str, list[str]]) -> Answer:
    rows, data = [], []
    for name, serials in {**groups, "all": found.serials}.items():
        meters, baseline, actual = found.of_group(serials)
        share = percent(1 - actual / baseline) if baseline else ""
        rows.append((name, str(meters), kilo(baseline), kilo(actual), share))
        data.append(
            {"group": name, "meters": meters, "baseline_mwh": baseline, "actual_mwh": actual}
        )
    columns = ["group", ">meters", ">baseline kWh", ">actual kWh", ">less %"]
    each = zip(found.serials, found.baseline_mwh.tolist(), found.actual_mwh.tolist(), strict=True)
    return Answer(
        f"Response to {instants(found.event, tariff)}",
        [
            f"Baseline: the {HIGHEST} highest of the last {OF} like days,"
            f" {day(found.like_days[-1])} to {day(found.like_days[0])}.",
            *left_out(found.left_out, "not read at each end"),
        ],
        [Table("Groups", columns, rows)],
        {
            "groups": data,
            "like_days": [day(d) for d in found.like_days],
            "meters": [
                {"serial": serial, "baseline_mwh": baseline, "actual_mwh": actual}
                for serial, baseline, actual in each
            ],
            "left_out": found.left_out,
        },
    )


def _bars(shares: Any) -> str:
    most = max(float(shares.max()), 1e-12)
    return "".join(_BARS[round(float(share) / most * (len(_BARS) - 1))] for share in shares)
