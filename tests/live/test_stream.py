"""The stream of the page, and the thread behind it."""

import http.client
import json

import pytest

from tests.live.conftest import until
from wattledger.errors import ToolError
from wattledger.live import server
from wattledger.live.feed import Feed


class Stream:
    """Server-sent events as a browser reads them."""

    def __init__(self, served):
        self.line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
        self.line.request("GET", "/api/stream")
        self.answer = self.line.getresponse()
        assert self.answer.readline() + self.answer.readline() == b"retry: 1000\n\n"

    def next(self):
        """-> (event, JSON); None: it has ended"""
        event, data = self.answer.readline(), self.answer.readline()
        if not event:
            return None
        assert self.answer.readline() == b"\n"
        assert event.startswith(b"event: ")
        assert data.startswith(b"data: ")
        return event[7:].decode().strip(), json.loads(data[6:])

    def until(self, wanted, condition=lambda value: True):
        while True:
            event, value = self.next()
            if event == wanted and condition(value):
                return value


@pytest.fixture
def stream(served):
    stream = Stream(served)
    yield stream
    stream.line.close()


def test_it_begins_with_all_and_goes_on_with_what_is_new(served, stream, source):
    assert stream.answer.headers["content-type"].startswith("text/event-stream")
    assert stream.answer.headers["content-security-policy"]
    events = [stream.next() for _ in range(2)]
    assert [event for event, _ in events] == ["now", "day"]
    state = served.state()
    assert events[1][1] == state["day"]
    assert events[0][1]["facts"] == state["now"]["facts"]
    source.facts = [("power", "77.0 W")]
    found = stream.until("now", lambda now: now["facts"][0]["text"] == "77.0 W")
    assert len(found["facts"]) == 1
    source.edition += 1
    assert stream.until("day") == state["day"]


def test_silence_is_told_with_its_reason_and_ends(served, stream, source):
    source.silence = "port: the line broke: try again"
    said = stream.until("now", lambda now: now["silence"])
    assert said["silence"].endswith(": port: the line broke: try again")
    assert said["facts"], "the last numbers stay, with their age"
    assert said["age_s"] >= 0
    opened, source.silence = source.opened, ""
    stream.until("now", lambda now: not now["silence"])
    assert source.opened == opened + 1
    stream.until("day")  # read again, for much may have happened


def test_streams_end_with_the_server(served, stream):
    stream.next()
    served.stop()
    while stream.next():
        pass


def test_an_answer_that_is_none_does_not_end_the_thread(served, source):
    for error in (KeyError("live"), ValueError("garbage"), TypeError("None"), OSError(5, "gone")):
        source.error = error
        until(lambda error=error: repr(error)[:8] in served.feed.seen.silence)
        source.error = None
        until(lambda: not served.feed.seen.silence)


def test_who_lags_gets_the_newest_only(source):
    feed = Feed(source.again)
    for n in range(5):
        source.facts = [("power", str(n))]
        feed.poll()
    assert feed.seen.now.facts == (("power", "4"),)
    assert feed.seen.day_number == 1


def test_nothing_there_at_the_start_is_an_error(source):
    source.silence = "no such port"
    with pytest.raises(ToolError, match="no such port"):
        server.run(source.again, "127.0.0.1", 0, print)


def test_a_taken_port_is_an_error(served, source):
    with pytest.raises(ToolError, match=f"port {served.port}: .*: give another --port"):
        server.run(source.again, "127.0.0.1", served.port, print)
