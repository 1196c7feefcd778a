"""A slice of the fuzz campaign in the MicroPython VM: it takes no memory, and alters nothing."""

import pytest

from tests.fuzz import in_vm, report

SHARE = 0.055


def test_a_slice_of_the_campaign_holds():
    results = in_vm.campaign("slice", SHARE)
    assert in_vm.is_good(results), list(report.failures(results))
    assert sum(result.inputs for result in results) >= 300


def test_letters_that_nobody_has_seen_are_not_kept():
    result = in_vm.campaign("slice", 0.5, ["letters"])[0]
    assert (result.failed, result.inputs, result.interned) == (0, 200, 0)


@pytest.mark.parametrize("name", ["leaks", "interns"])
def test_what_stays_is_seen(name):
    result = in_vm.campaign("slice", 1, [name])[0]
    assert (result.failed, result.inputs) == (0, 640)
    assert not in_vm.is_good([result]), (result.growth, result.steady, result.interned)
    assert name == "interns" or result.steady > 0
    assert name == "leaks" or result.interned >= 150
