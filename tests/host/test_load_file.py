"""Profiles as loads."""

from meter.civil import EPOCH
from wattledger.engine.load import UJ_PER_MWH
from wattledger.load_file import profile_spans
from wattledger.profile import Interval


def interval(start, end, mwh):
    made = dict.fromkeys(Interval.__dataclass_fields__, 0)
    return Interval(**{**made, "start": EPOCH + start, "end": EPOCH + end, "import_mwh": mwh})


def test_a_row_of_no_time_gives_its_energy_to_the_next():
    spans = list(profile_spans([interval(900, 900, 5), interval(900, 1800, 7)]))
    assert [(span.start, span.end, span.imported) for span in spans] == [
        (900, 1800, 12 * UJ_PER_MWH)
    ]
