"""What the head-end did: a line of JSON that stays, and one in words for who watches."""

import json

import pytest

from wattledger.headend.audit import Audit, words

RULE = {
    "what": "rule",
    "rule": "peak",
    "group": "village",
    "load_mw": 45_788_312,
    "above_kw": 37,
    "below_kw": 29,
    "meters": "49 of 50",
    "start": 1800,
    "end": 9000,
}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            {**RULE, "decision": "raise"},
            'rule "peak" raised, @1800 to @9000: 45.8 > 37 kW in village (49 of 50 meters)',
        ),
        (
            {**RULE, "decision": "extend"},
            'rule "peak" goes on, @1800 to @9000: 45.8 >= 29 kW in village (49 of 50 meters)',
        ),
        (
            {**RULE, "decision": "end"},
            'rule "peak" is over, @1800 to @9000: 45.8 kW in village (49 of 50 meters)',
        ),
        ({"what": "command", "command": "clock", "done": 3, "failed": {}}, "clock: done by 3"),
        (
            {"what": "command", "command": "x", "done": 0, "failed": dict.fromkeys("abcde", "no")},
            "x: done by 0; not by a: no, b: no, c: no, and 2 more",
        ),
        ({"utc": 5, "what": "gap", "meter": "f1", "first": 2}, "gap: meter f1, first 2"),
    ],
)
def test_in_words(line, told):
    assert words(line, lambda utc: f"@{utc}") == told


def test_each_is_kept_and_said(tmp_path):
    said = []
    audit = Audit(tmp_path / "a.jsonl", lambda: 86400.5, said.append)
    audit.note("gap", meter="f1")
    audit.note("gap", meter="f2")
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines == audit.lines
    assert lines[1] == {"utc": 86400, "what": "gap", "meter": "f2"}
    assert said[0] == "1970-01-02 00:00:00 UTC  gap: meter f1"
