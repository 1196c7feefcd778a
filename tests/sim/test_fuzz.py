"""A slice of the fuzz campaign, and that it finds what is planted."""

import gc
import json

import pytest

from comms import cosem_data, readout
from meter import request
from meter.security import gate, safe, update
from tests.fuzz import campaign, grammar, report, targets
from tests.fuzz.run import Run, replay
from tests.fuzz.shrink import case_of, command, shrink

INPUTS = {"lines": 150, "envelopes": 150, "requests": 100, "orders": 100, "manifests": 300}
INPUTS.update({"vault": 30, "forged": 30, "prices": 30, "tariffs": 50, "journal": 30})


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_slice_of_the_campaign_holds(name):
    inputs = INPUTS.get(name, 60)
    share = (inputs + 0.5) / targets.TARGETS[name][2]
    result = campaign.campaign("slice", share, [name], workers=1)[0]
    assert result.is_good, list(report.failures([result]))
    assert result.inputs == inputs


def test_nothing_of_it_is_left_in_the_folder_for_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def broken(self, data):
        raise ValueError("planted")

    monkeypatch.setattr("tests.fuzz.flash.Parts.feed", broken)
    result = campaign.campaign("left", 0.0021, ["parts"], workers=1)[0]
    assert result.failed
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def failure_of(name, inputs=300):
    """The first one of them."""
    run = Run(name, "planted")
    part = run.begin(0)
    while not run.failed and run.inputs < inputs:
        run.some(part, 1)
    return next(iter(run.failures.values()))


def test_a_failure_is_made_small_and_comes_again(monkeypatch):
    monkeypatch.setattr(update, "is_path", lambda path: path.index("/") > 0)
    failure = failure_of("manifests")
    inputs = shrink("manifests", failure.kind, failure.inputs)
    assert len(inputs) == 1
    assert len(inputs[0]) <= len(failure.inputs[-1])
    case = command("manifests", inputs).partition("=")[2].strip("'")
    assert case_of(case) == ("manifests", inputs)
    assert replay(*case_of(case)).kind == failure.kind
    monkeypatch.undo()
    assert replay("manifests", inputs) is None


def test_every_request_is_in_the_grammar():
    assert {do for do, _ in grammar.GOOD} == set(request._REQUESTS)


def believes_every_tag(monkeypatch):
    monkeypatch.setattr("meter.security.envelope.same", lambda expected, given: True)


def says_why(monkeypatch):
    monkeypatch.setattr(gate, "_REFUSED", json.dumps({"id": 1, "error": "tag"}).encode())


@pytest.mark.parametrize("plant", [believes_every_tag, says_why])
def test_what_is_planted_in_the_gate_is_found(monkeypatch, plant):
    plant(monkeypatch)
    assert failure_of("envelopes")


def believes_every_receipt(patch):
    patch.setattr("meter.security.envelope.same", lambda expected, given: True)


def reads_beyond_the_end(patch):
    patch.setattr(cosem_data.Cursor, "more", lambda self: True)


def never_goes_back_to_rest(patch):
    patch.setattr(readout.Readout, "_rest", lambda self: None)


def takes_what_is_forged(patch):
    patch.setattr(safe, "same", lambda expected, given: True)


@pytest.mark.parametrize(
    ("name", "plant"),
    [
        ("mqtt", believes_every_receipt),
        ("cosem", reads_beyond_the_end),
        ("readout", never_goes_back_to_rest),
        ("profiles", takes_what_is_forged),
    ],
)
def test_what_is_planted_in_an_entrance_is_found(monkeypatch, name, plant):
    plant(monkeypatch)
    assert failure_of(name)


def test_what_alters_registers_is_found(monkeypatch):
    from meter import answers

    def counting(meter, identity, args):
        meter.live.registers[0] += 1
        return {}

    monkeypatch.setattr(answers, "commit", counting)
    assert "registers" in failure_of("requests").text


def test_a_lasting_list_is_seen_as_growth(monkeypatch):
    kept, made = [], targets.make

    def leaking(name):
        target = made(name)
        feed = target.feed
        target.feed = lambda data: (kept.append(bytes(data) * 50), feed(data))[1]
        return target

    monkeypatch.setattr(targets, "make", leaking)
    result = campaign.campaign("leak", 0.3, ["calibrations"], workers=1)[0]
    assert (result.failed, result.is_good) == (0, False)
